/* SPDX-License-Identifier: GPL-3.0-or-later */
/* make_image DIR GENERATION WEIGHT: writes the fixture's image to a directory, for tests of the
 * program. */
#include "fixture.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "zones/base/file.h"

static void put(int directory, const char *name, const struct image_buffer *buffer)
{
    const struct bytes part = {buffer->ptr, buffer->len};
    struct error err = {0};
    if (!file_stage(directory, "staged", &part, 1, 0644, &err) ||
        !file_publish(directory, "staged", name, &err)) {
        fprintf(stderr, "make_image: %s\n", err.message);
        exit(EXIT_FAILURE);
    }
}

int main(int argc, char **argv)
{
    static struct fixture fixture;
    char name[IMAGE_FILE_NAME_SIZE];
    int directory = argc == 4 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (directory < 0) {
        fputs("usage: make_image DIR GENERATION WEIGHT\n", stderr);
        return 64;
    }
    fixture_build(&fixture, strtoull(argv[2], NULL, 10), (uint16_t)strtoul(argv[3], NULL, 10));
    put(directory, image_names_file(fixture.digest.byte, name), &fixture.names_file);
    put(directory, IMAGE_ANSWERS_FILE, &fixture.answers_file);
    fixture_fini(&fixture);
    close(directory);
    return 0;
}
