/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image_write_build: what the two halves of image_write share, a file under construction: lines are
 * appended at its end. Nobody else includes it. */
#pragma once
#include "zones/image_layout.h"
#include "zones/image_write.h"

/* Adds `size` zeroed bytes, rounded up to lines; returns their line. */
uint32_t image_buffer_add(struct image_buffer *buffer, size_t size);

static inline void *image_buffer_at(const struct image_buffer *buffer, uint32_t line)
{
    return buffer->ptr + (size_t)line * IMAGE_LINE_BYTES;
}

/* Puts size, checksum and, for names, the digest into the header at the start of the file. */
void image_buffer_seal(struct image_buffer *buffer, void *header, size_t header_bytes);
