/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/image_write.h"

#include "zones/image.h"
#include "zones/image_write_build.h"

#include <stdlib.h>
#include <string.h>

void image_buffer_fini(struct image_buffer *buffer)
{
    if (buffer) {
        free(buffer->ptr);
        *buffer = (struct image_buffer){0};
    }
}

/* What a buffer of that length has room for: it doubles, so that many small lines cost few copies.
 * A line more than asked for, since readers may look 8 bytes ahead. */
static size_t capacity_of(size_t len)
{
    size_t capacity = 16 * (size_t)IMAGE_LINE_BYTES;
    while (capacity < len + IMAGE_LINE_BYTES)
        capacity *= 2;
    return capacity;
}

uint32_t image_buffer_add(struct image_buffer *buffer, size_t size)
{
    size_t lines = (size + IMAGE_LINE_BYTES - 1) / IMAGE_LINE_BYTES;
    size_t first = buffer->len / IMAGE_LINE_BYTES;
    if (lines > UINT32_MAX - first)
        abort(); /* 256 GiB: input is bounded long before */
    size_t len = buffer->len + lines * IMAGE_LINE_BYTES;
    if (!buffer->ptr || capacity_of(len) > capacity_of(buffer->len)) {
        uint8_t *grown = NULL;
        if (posix_memalign((void **)&grown, IMAGE_LINE_BYTES, capacity_of(len)) != 0)
            abort();
        if (buffer->len)
            memcpy(grown, buffer->ptr, buffer->len);
        free(buffer->ptr);
        buffer->ptr = grown;
    }
    memset(buffer->ptr + buffer->len, 0, len - buffer->len);
    buffer->len = len;
    return (uint32_t)first;
}

void image_buffer_seal(struct image_buffer *buffer, void *header, size_t header_bytes)
{
    uint64_t sum = 0, size = buffer->len;
    memcpy((uint8_t *)header + offsetof(struct image_names_header, file_bytes), &size, sizeof size);
    memcpy(buffer->ptr, header, header_bytes);
    sum = image_checksum(buffer->ptr, header_bytes, 0);
    sum = image_checksum(buffer->ptr + header_bytes, buffer->len - header_bytes, sum);
    memcpy(buffer->ptr + offsetof(struct image_names_header, checksum), &sum, sizeof sum);
}
