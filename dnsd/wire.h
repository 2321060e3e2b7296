/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wire: numbers into an answer, most significant byte first (RFC 1035 section 2.3.2). Who stores
 * has made sure of the room. */
#pragma once
#include <stdint.h>

static inline void wire_store_u16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void wire_store_u32(uint8_t *at, uint32_t value)
{
    wire_store_u16(at, value >> 16);
    wire_store_u16(at + 2, value);
}
