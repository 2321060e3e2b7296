/* SPDX-License-Identifier: GPL-3.0-or-later */
/* attributes: what the compiler checks for us, under names that say why. */
#pragma once

#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
