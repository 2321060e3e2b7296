/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two files of an image: found again, position-independent, same bytes twice, and every kind of
 * damage refused with a reason. What the answers say is tested through the responder. */
#include "fixture.h"
#include "zones/rrtype.h"
#include "zones/text.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct fixture fixture;

static void build(void)
{
    fixture_build(&fixture, 7, 100);
}

static void tear_down(void)
{
    fixture_fini(&fixture);
}

static const struct image_name *find(const struct image *image, struct name name)
{
    uint8_t lower[NAME_MAX_BYTES + 8] = {0}, at[NAME_MAX_LABELS];
    size_t labels = 0;
    for (size_t i = 0; i < name.len; i++)
        lower[i] = name_lower_byte(name.wire[i]);
    for (size_t i = 0; lower[i]; i += lower[i] + 1u)
        at[labels++] = (uint8_t)i;
    uint64_t hash = image_hash_start(image->names_header->hash_seed);
    while (labels--)
        hash = image_hash_label(hash, lower + at[labels], lower[at[labels]] + 1u);
    return image_find(image, lower, (unsigned)name.len, hash);
}

START_TEST(every_name_is_found_with_its_zone_and_types)
{
    const struct content_names *names = &fixture.names;
    for (uint32_t z = 0; z < names->zone_count; z++)
        for (uint32_t i = 0; i < names->zones[z].name_count; i++) {
            const struct content_name *name = &names->names[names->zones[z].first_name + i];
            const char *text = text_name_print(&fixture.arena, name->owner);
            const struct image_name *line = find(&fixture.image, name->owner);
            if (name->kind != CONTENT_NAME)
                continue;
            ck_assert_msg(line != NULL, "%s", text);
            ck_assert_msg(line->zone == z && line->labels == name_labels(name->owner), "%s", text);
            ck_assert_msg((line->types == IMAGE_NONE) == (name->types == CONTENT_NONE), "%s", text);
            for (uint32_t t = 0; name->types != CONTENT_NONE && t < names->types[name->types].count;
                 t++) {
                struct content_type entry = names->types[name->types].entries[t];
                ck_assert_msg(image_set_at(&fixture.image, line->types, entry.type) ==
                                  &fixture.image.sets[entry.set],
                              "%s %s", text, rrtype_mnemonic(entry.type));
            }
            ck_assert_ptr_null(image_set_at(&fixture.image, line->types, 65280));
        }
}
END_TEST

START_TEST(what_is_not_there_is_not_found)
{
    static const char *const misses[] = {"example.com.", "xexample.org.", "nope.example.org.", ".",
                                         "_xmpp-client._tcp.host0.example.org."};
    for (size_t i = 0; i < COUNT_OF(misses); i++) {
        struct name name = name_root;
        ck_assert(text_name_parse(&fixture.arena, text_from(misses[i]), &name, NULL));
        ck_assert_msg(find(&fixture.image, name) == NULL, "%s", misses[i]);
    }
}
END_TEST

START_TEST(the_order_section_lists_each_zone_canonically)
{
    const struct image *image = &fixture.image;
    for (uint32_t z = 0; z < image->names_header->zones.count; z++) {
        const struct image_zone *zone = &image->zones[z];
        ck_assert_uint_gt(zone->name_count, 0);
        uint32_t seen = 0;
        for (uint32_t i = 0; i < fixture.names.zones[z].name_count; i++) {
            const struct content_name *name =
                &fixture.names.names[fixture.names.zones[z].first_name + i];
            if (name->kind == CONTENT_NAME)
                ck_assert_ptr_eq(&image->table[image->order[zone->order_first + seen++]],
                                 find(image, name->owner));
        }
        ck_assert_uint_eq(seen, zone->name_count);
    }
}
END_TEST

START_TEST(same_content_gives_the_same_bytes)
{
    struct fixture again;
    fixture_build(&again, 7, 100);
    ck_assert(bytes_equal((struct bytes){fixture.names_file.ptr, fixture.names_file.len},
                          (struct bytes){again.names_file.ptr, again.names_file.len}));
    ck_assert(bytes_equal((struct bytes){fixture.answers_file.ptr, fixture.answers_file.len},
                          (struct bytes){again.answers_file.ptr, again.answers_file.len}));
    fixture_fini(&again);
}
END_TEST

START_TEST(other_slots_put_into_a_names_file_give_the_file_that_has_them)
{
    struct fixture other;
    struct image_buffer built = {0}, changed = {0};
    struct digest digest, changed_digest;
    struct error err = {0};
    fixture_build(&other, 7, 100);
    ck_assert(image_build_names(&other.names, &changed, &changed_digest, &err));
    struct content_zone *zones =
        arena_array(&other.arena, struct content_zone, other.names.zone_count);
    for (uint32_t i = 0; i < other.names.zone_count; i++) {
        zones[i] = other.names.zones[i];
        zones[i].slot = zones[i].slot + 3;
    }
    other.names.zones = zones;
    other.names.slot_count += 3;
    ck_assert(image_build_names(&other.names, &built, &digest, &err));
    ck_assert(!digest_equal(&digest, &changed_digest));
    image_names_set_slots(&changed, &other.names, &changed_digest);
    ck_assert(digest_equal(&digest, &changed_digest));
    ck_assert(bytes_equal((struct bytes){built.ptr, built.len},
                          (struct bytes){changed.ptr, changed.len}));
    image_buffer_fini(&built);
    image_buffer_fini(&changed);
    fixture_fini(&other);
}
END_TEST

START_TEST(a_change_of_weight_leaves_the_names_file_alone)
{
    struct fixture again;
    fixture_build(&again, 8, 101);
    ck_assert(digest_equal(&fixture.digest, &again.digest));
    ck_assert(!bytes_equal((struct bytes){fixture.answers_file.ptr, fixture.answers_file.len},
                           (struct bytes){again.answers_file.ptr, again.answers_file.len}));
    fixture_fini(&again);
}
END_TEST

/* Opens copies of both files after `flip` was applied to one byte of one of them. */
static bool opens_with(size_t at, bool in_names, uint8_t flip, size_t names_len, size_t answers_len,
                       struct error *err)
{
    struct image_buffer files[2] = {{malloc(fixture.names_file.len), names_len},
                                    {malloc(fixture.answers_file.len), answers_len}};
    struct image image = {0};
    memcpy(files[0].ptr, fixture.names_file.ptr, fixture.names_file.len);
    memcpy(files[1].ptr, fixture.answers_file.ptr, fixture.answers_file.len);
    files[in_names ? 0 : 1].ptr[at] ^= flip;
    int names_fd = fixture_file(&files[0]), answers_fd = fixture_file(&files[1]);
    bool opened = image_open_files(&image, answers_fd, names_fd, err);
    image_close(&image);
    close(names_fd);
    close(answers_fd);
    free(files[0].ptr);
    free(files[1].ptr);
    return opened;
}

START_TEST(a_flipped_bit_anywhere_is_refused)
{
    /* Every byte of the headers, then a sample of the rest: 0 flips nothing and must open. */
    struct error none = {0};
    size_t names = fixture.names_file.len, answers = fixture.answers_file.len;
    ck_assert_msg(opens_with(0, true, 0, names, answers, &none), "%s", none.message);
    for (int in_names = 0; in_names < 2; in_names++) {
        size_t len = in_names ? names : answers;
        for (size_t at = 0; at < len; at += at < 256 ? 3 : len / 60 + 1) {
            struct error err = {0};
            ck_assert_msg(!opens_with(at, in_names, 0x10, names, answers, &err), "%s byte %zu",
                          in_names ? "names" : "answers", at);
            ck_assert_msg(err.message[0], "byte %zu: no reason", at);
        }
    }
}
END_TEST

START_TEST(a_truncated_file_is_refused)
{
    size_t names = fixture.names_file.len, answers = fixture.answers_file.len;
    const struct {
        size_t names, answers;
    } rows[] = {{names - 64, answers}, {names, answers - 64}, {names, answers - 1}, {names, 255},
                {64, answers},         {names / 2, answers},  {names, answers / 2}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct error err = {0};
        ck_assert_msg(!opens_with(0, true, 0, rows[i].names, rows[i].answers, &err), "row %zu", i);
        ck_assert_msg(strstr(err.message, "truncated") || strstr(err.message, "too short"), "%s",
                      err.message);
    }
}
END_TEST

/* -- damage that the checksum does not show -----------------------------------------------------
 */

/* Where a value stands in a file of the fixture. */
static size_t at_zone(size_t field)
{
    return (size_t)fixture.image.names_header->zones.first * IMAGE_LINE_BYTES + field;
}

static size_t at_types(size_t field)
{
    return (size_t)fixture.image.names_header->types.first * IMAGE_LINE_BYTES + field;
}

static size_t at_set(size_t field)
{
    return (size_t)fixture.image.answers_header->sets.first * IMAGE_LINE_BYTES + field;
}

static size_t at_answer(size_t field) /* the first of the SRV set, which has cuts */
{
    uint32_t answer = fixture.image.sets[FIXTURE_SRV].answer_first;
    return (size_t)fixture.image.answers_header->answers.first * IMAGE_LINE_BYTES +
           answer * sizeof(struct image_answer) + field;
}

static const struct damage {
    const char *label;
    size_t (*section)(size_t field);
    size_t field;
    bool in_names;
    uint8_t bytes[4];
    size_t count;
} damages[] = {
    {"a set of a zone",
     at_zone,
     offsetof(struct image_zone, negative_set),
     true,
     {0xFE, 0xFF, 0xFF, 0},
     4},
    {"the DS of a zone",
     at_zone,
     offsetof(struct image_zone, ds_set),
     true,
     {0xFE, 0xFF, 0xFF, 0},
     4},
    {"a parent", at_zone, offsetof(struct image_zone, parent), true, {0xFE, 0xFF, 0, 0}, 4},
    {"a number of types", at_types, offsetof(struct image_types, count), true, {0xFF, 0xFF}, 2},
    {"a flag that does not exist", at_types, offsetof(struct image_types, flags), true, {2, 0}, 2},
    {"a cut without a referral",
     at_types,
     2 * sizeof(struct image_types) + offsetof(struct image_types, flags),
     true,
     {1, 0},
     2},
    {"a wildcard", at_types, offsetof(struct image_types, wildcard), true, {0xFE, 0xFF, 0, 0}, 4},
    {"a set at a name",
     at_types,
     offsetof(struct image_types, entry[0].set),
     true,
     {0xFE, 0xFF, 0xFF, 0},
     4},
    {"a flag of a set", at_set, offsetof(struct image_set, flags), false, {2, 0}, 2},
    {"what a set shows",
     at_set,
     offsetof(struct image_set, shown),
     false,
     {0xFE, 0xFF, 0xFF, 0},
     4},
    {"an answer of a set",
     at_set,
     offsetof(struct image_set, answer_first),
     false,
     {0xFE, 0xFF, 0xFF, 0},
     4},
    {"a patch place", at_answer, offsetof(struct image_answer, patch[0]), false, {0xFF, 0x7F}, 2},
    {"a number of patches", at_answer, offsetof(struct image_answer, body_patches), false, {81}, 1},
    {"a cut", at_answer, offsetof(struct image_answer, cut[0]), false, {0xFF, 0xFF}, 2},
    {"a number of cuts", at_answer, offsetof(struct image_answer, cut_count), false, {17}, 1},
    {"a required part",
     at_answer,
     offsetof(struct image_answer, required_length),
     false,
     {0xFF, 0x7F},
     2},
};

/* The checksum, which is made anew over the damage. */
static void reseal(struct image_buffer *file, size_t header_bytes)
{
    uint64_t sum = 0;
    uint8_t *at = file->ptr + offsetof(struct image_names_header, checksum);
    memset(at, 0, sizeof sum);
    sum = image_checksum(file->ptr, header_bytes, 0);
    sum = image_checksum(file->ptr + header_bytes, file->len - header_bytes, sum);
    memcpy(at, &sum, sizeof sum);
}

START_TEST(an_index_that_points_outside_is_refused_whatever_the_checksum_says)
{
    const struct damage *damage = &damages[_i];
    struct image_buffer files[2] = {{malloc(fixture.names_file.len), fixture.names_file.len},
                                    {malloc(fixture.answers_file.len), fixture.answers_file.len}};
    struct image image = {0};
    memcpy(files[0].ptr, fixture.names_file.ptr, files[0].len);
    memcpy(files[1].ptr, fixture.answers_file.ptr, files[1].len);
    for (int is_damaged = 0; is_damaged < 2; is_damaged++) {
        struct error err = {0};
        struct image_buffer *file = &files[damage->in_names ? 0 : 1];
        if (is_damaged)
            memcpy(file->ptr + damage->section(damage->field), damage->bytes, damage->count);
        reseal(file, damage->in_names ? sizeof(struct image_names_header)
                                      : sizeof(struct image_answers_header));
        int names_fd = fixture_file(&files[0]), answers_fd = fixture_file(&files[1]);
        ck_assert_msg(image_open_files(&image, answers_fd, names_fd, &err) == !is_damaged, "%s: %s",
                      damage->label, is_damaged ? "opened" : err.message);
        ck_assert_msg(!is_damaged || strstr(err.message, "damaged"), "%s: %s", damage->label,
                      err.message);
        image_close(&image);
        close(names_fd);
        close(answers_fd);
    }
    free(files[0].ptr);
    free(files[1].ptr);
}
END_TEST

START_TEST(answers_of_another_names_file_are_refused)
{
    struct fixture other;
    struct image_buffer changed = {0};
    struct digest digest;
    struct image image = {0};
    struct error err = {0};
    fixture_build(&other, 7, 100);
    other.names.names = NULL; /* no names at all */
    other.names.name_count = 0;
    struct content_zone *zones =
        arena_array(&other.arena, struct content_zone, other.names.zone_count);
    for (uint32_t i = 0; i < other.names.zone_count; i++) {
        zones[i] = other.names.zones[i];
        zones[i].first_name = zones[i].name_count = 0;
    }
    other.names.zones = zones;
    ck_assert(image_build_names(&other.names, &changed, &digest, &err));
    int names_fd = fixture_file(&changed), answers_fd = fixture_file(&fixture.answers_file);
    ck_assert(!image_open_files(&image, answers_fd, names_fd, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "another names file"));
    close(names_fd);
    close(answers_fd);
    image_buffer_fini(&changed);
    fixture_fini(&other);
}
END_TEST

START_TEST(the_next_generation_shares_the_names_and_each_may_close_first)
{
    for (int first_to_close = 0; first_to_close < 2; first_to_close++) {
        struct fixture next;
        struct image images[2] = {0};
        struct error err = {0};
        fixture_build(&next, 8, 101);
        int names_fd = fixture_file(&next.names_file),
            answers_fd = fixture_file(&next.answers_file);
        ck_assert(image_open_files(&images[0], answers_fd, names_fd, &err));
        ck_assert(image_open_next(&images[1], &images[0], answers_fd, -1, &err));
        ck_assert_ptr_eq(images[0].table, images[1].table);
        image_close(&images[first_to_close]);
        ck_assert_uint_gt(images[!first_to_close].names_header->names, 0);
        image_close(&images[!first_to_close]);
        close(names_fd);
        close(answers_fd);
        fixture_fini(&next);
    }
}
END_TEST

START_TEST(a_directory_without_an_image_says_what_to_do)
{
    char path[] = "/tmp/srvplan-image-XXXXXX";
    struct image image = {0};
    struct error err = {0};
    ck_assert_ptr_nonnull(mkdtemp(path));
    int directory = open(path, O_RDONLY | O_DIRECTORY);
    ck_assert(!image_open(&image, directory, path, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "answers.img"));
    ck_assert_ptr_nonnull(strstr(err.message, "let srvpland publish once"));
    close(directory);
    rmdir(path);
}
END_TEST

START_TEST(ten_thousand_names_stay_within_24_probes)
{
    enum {
        COUNT = 10000
    };
    struct arena arena = {0};
    struct content_name *names = arena_array(&arena, struct content_name, COUNT + 1);
    struct name apex = name_root;
    ck_assert(text_name_parse(&arena, text_from("example.org"), &apex, NULL));
    names[0] = (struct content_name){.owner = apex, .types = CONTENT_NONE};
    for (int i = 0; i < COUNT; i++) {
        char text[64];
        snprintf(text, sizeof text, "n%05d.example.org", i);
        ck_assert(text_name_parse(&arena, text_from(text), &names[i + 1].owner, NULL));
        names[i + 1].types = CONTENT_NONE;
    }
    struct content_zone zone = {.apex = apex, .name_count = COUNT + 1, .parent = CONTENT_NONE};
    struct content_names all = {.zones = &zone,
                                .zone_count = 1,
                                .names = names,
                                .name_count = COUNT + 1,
                                .set_count = 1,
                                .slot_count = 1};
    struct image_buffer buffer = {0};
    struct digest digest;
    struct error err = {0};
    ck_assert_msg(image_build_names(&all, &buffer, &digest, &err), "%s", err.message);
    const struct image_names_header *header = (const void *)buffer.ptr;
    ck_assert_uint_eq(header->names, COUNT + 1);
    ck_assert_uint_le(header->max_probes, IMAGE_MAX_PROBES);
    ck_assert_uint_le(header->names * 100, header->table.count * 60);
    image_buffer_fini(&buffer);
    arena_fini(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("image");
    TCase *tcase = tcase_create("image");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, build, tear_down);
    tcase_add_test(tcase, every_name_is_found_with_its_zone_and_types);
    tcase_add_test(tcase, what_is_not_there_is_not_found);
    tcase_add_test(tcase, the_order_section_lists_each_zone_canonically);
    tcase_add_test(tcase, same_content_gives_the_same_bytes);
    tcase_add_test(tcase, other_slots_put_into_a_names_file_give_the_file_that_has_them);
    tcase_add_test(tcase, a_change_of_weight_leaves_the_names_file_alone);
    tcase_add_test(tcase, a_flipped_bit_anywhere_is_refused);
    tcase_add_test(tcase, a_truncated_file_is_refused);
    tcase_add_loop_test(tcase, an_index_that_points_outside_is_refused_whatever_the_checksum_says,
                        0, COUNT_OF(damages));
    tcase_add_test(tcase, answers_of_another_names_file_are_refused);
    tcase_add_test(tcase, the_next_generation_shares_the_names_and_each_may_close_first);
    tcase_add_test(tcase, a_directory_without_an_image_says_what_to_do);
    tcase_add_test(tcase, ten_thousand_names_stay_within_24_probes);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
