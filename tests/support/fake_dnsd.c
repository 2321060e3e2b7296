/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake_dnsd.h"

#include "api/world/dnsd_link.h"
#include "zones/base/clock.h"
#include "zones/image.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct dnsd_link {
    dnsd_event_callback *callback;
    void *context;
    uint64_t generation;
};

struct fake_dnsd fake_dnsd;

static int64_t now_ms(void)
{
    return fake_dnsd.now_ms ? fake_dnsd.now_ms() : clock_realtime_ms();
}

static void say(struct dnsd_link *link, enum dnsd_event_kind kind, uint64_t generation, int fd)
{
    struct dnsd_event event = {
        .kind = kind, .generation = generation, .pid = 4711, .memory_fd = fd, .at_ms = now_ms()};
    snprintf(event.text, sizeof event.text, "%s", kind == DNSD_REFUSED ? "no" : "");
    link->callback(link->context, &event);
}

static int memory(uint64_t generation)
{
    struct served_memory made = {0};
    struct error err = {0};
    int fd = -1;
    ck_assert(served_memory_make(&made, &fd, generation, 1, fake_dnsd.set_count, &err));
    for (uint32_t i = 0; fake_dnsd.is_asked && i < fake_dnsd.set_count; i++)
        served_memory_row(&made, 0)[i] = (uint32_t)((now_ms() + 999) / 1000);
    served_memory_close(&fake_dnsd.memory);
    fake_dnsd.memory = made;
    return fd;
}

struct dnsd_link *dnsd_link_start(const struct dnsd_link_options *options,
                                  dnsd_event_callback *callback, void *context, struct error *err)
{
    struct image image = {0};
    char path[256];
    (void)err;
    struct dnsd_link *link = calloc(1, sizeof *link);
    *link = (struct dnsd_link){.callback = callback, .context = context};
    snprintf(path, sizeof path, "%s/image", options->state_path);
    int directory = open(path, O_RDONLY | O_DIRECTORY);
    if (fake_dnsd.generation == 0 && image_open(&image, directory, path, NULL))
        fake_dnsd.generation = image.answers_header->generation;
    if (image.sets)
        fake_dnsd.set_count = image.answers_header->sets.count;
    image_close(&image);
    close(directory);
    say(link, DNSD_HELLO, fake_dnsd.generation,
        fake_dnsd.generation ? memory(fake_dnsd.generation) : -1);
    return link;
}

bool dnsd_link_load(struct dnsd_link *link, uint64_t generation, int answers_fd, int names_fd,
                    struct error *err)
{
    struct image image = {0};
    if (fake_dnsd.is_away)
        return error_set(err, ERROR_UNREACHABLE, "away");
    ck_assert_msg(image_open_files(&image, answers_fd, names_fd, err), "%s", err->message);
    ck_assert_uint_eq(image.answers_header->generation, generation);
    fake_dnsd.set_count = image.answers_header->sets.count;
    image_close(&image);
    if (fake_dnsd.refuses) {
        say(link, DNSD_REFUSED, generation, -1);
        return true;
    }
    uint64_t old = fake_dnsd.generation;
    fake_dnsd.generation = generation;
    say(link, DNSD_SERVED, generation, memory(generation));
    if (old)
        say(link, DNSD_RETIRED, old, -1);
    return true;
}

void dnsd_link_stop(struct dnsd_link *link, enum dnsd_ending ending)
{
    (void)ending;
    served_memory_close(&fake_dnsd.memory);
    free(link);
}
