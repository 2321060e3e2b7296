/* SPDX-License-Identifier: GPL-3.0-or-later */
/* base: what one inventory makes, shared by all revisions on it: the model, its layout, the names
 * of the image with their serial slots, and where it came from. Counted by reference.
 *
 * A slot is a serial that zones share while they hold the same sets and have the same serial.
 * Slots are given out when the inventory changes; what a drain moves is the serial of those slots
 * whose sets it changed. */
#pragma once
#include "api/store/store.h"
#include "srvplan/inventory_source.h"
#include "srvplan/plan.h"
#include "zones/image_write.h"

struct base {
    unsigned refs; /* atomic */
    struct arena arena;
    struct inventory *inventory;
    struct layout *layout;
    struct store_inventory source;
    struct digest text_digest;  /* of the source's text */
    struct content_names names; /* the layout's, with slots of ours */
    uint32_t *slot_zone;        /* a zone of each slot: all its zones hold the same sets */
    struct digest names_digest;
    struct image_buffer names_image; /* until it is written; then empty */
};

struct base *base_ref(struct base *base);
void base_unref(struct base *base); /* NULL is fine */

/* Loads the inventory and lays it out for zones. The findings get all that is wrong; NULL then.
 * Slots are not given out yet. `source` is copied, its text too. `files` are what the text was made
 * of, so that findings name them; NULL: there is the text alone. */
NODISCARD struct base *base_load(const struct store_inventory *source,
                                 struct inventory_source *files, struct findings *findings);

/* Serials by zone of `base`, before slots are given out: `previous` is what each zone had (0: it is
 * new), `is_changed` whether its content changed. Gives out the slots; *serials (heap, by slot) are
 * the new ones. */
void base_assign_slots(struct base *base, const uint32_t *previous, const bool *is_changed,
                       int64_t at_ms, uint32_t **serials);

/* Gives out the slots as the store has them; false when its rows do not fit the layout. */
NODISCARD bool base_restore_slots(struct base *base, const struct store_state *state,
                                  uint32_t **serials);

/* Builds the names image. Before the slots are given out, too, by whoever has the time: giving them
 * out then only puts them into it. */
NODISCARD bool base_build_names(struct base *base, struct error *err);

/* A digest of what zone `zone` holds under `content`: equal when a secondary would see no change.
 */
struct digest base_zone_digest(const struct base *base, const struct content_sets *content,
                               const struct digest *set_digests, uint32_t zone);

/* Digests of all sets of `content`, heap. */
struct digest *base_set_digests(const struct content_sets *content);

/* The scheme and floor by which a zone's serial moves. */
const struct inventory_soa *base_soa(const struct base *base, uint32_t zone);
