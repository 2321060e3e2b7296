/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image_write: content → the two files of an image (image_layout.h).
 *
 * image_build_* make the bytes in heap memory; who publishes them (the store's commit stands
 * between staging and renaming) does so with zones/base/file.h. Same content, same bytes. */
#pragma once
#include "zones/base/digest.h"
#include "zones/base/error.h"
#include "zones/content.h"

struct image_buffer {
    uint8_t *ptr; /* heap, 64-byte aligned; give to image_buffer_fini */
    size_t len;
};
void image_buffer_fini(struct image_buffer *buffer);

/* Builds the names file. *digest is its identity. ERROR_INVALID: two names are equal in a way that
 * answers cannot keep apart. */
NODISCARD bool image_build_names(const struct content_names *names, struct image_buffer *buffer,
                                 struct digest *digest, struct error *err);

/* Puts other slots into a names file that was built of the same names: what comes out is what
 * image_build_names makes of them, for the price of its digest. */
void image_names_set_slots(struct image_buffer *buffer, const struct content_names *names,
                           struct digest *digest);

/* Builds the answers file of `generation` that belongs to the names file `names_digest`. serials
 * has one entry a slot. ERROR_INVALID: a set does not fit 64 KiB even without additional data. */
NODISCARD bool image_build_answers(const struct content_sets *sets, const uint32_t *serials,
                                   uint32_t slot_count, const struct digest *names_digest,
                                   uint64_t generation, struct image_buffer *buffer,
                                   struct error *err);
