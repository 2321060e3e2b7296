/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image_dir: DIR/image, where srvpland writes and dnsd reads.
 *
 * Names files are named by their content, so writing one never disturbs an old one. The answers
 * file is staged under a temporary name while the store commits; its rename is the only commit
 * point. Names files that nobody uses any more go when dnsd has left them. */
#pragma once
#include "zones/base/digest.h"
#include "zones/base/error.h"
#include "zones/image_write.h"

struct image_dir {
    int fd;
    const char *path; /* borrowed */
};

/* Opens STATE/image, making it (mode 0755: public data). */
NODISCARD bool image_dir_open(struct image_dir *dir, int state_directory, const char *path,
                              struct error *err);
void image_dir_close(struct image_dir *dir);

/* Writes the names file unless it is there, whole and the same. */
NODISCARD bool image_dir_put_names(const struct image_dir *dir, const struct image_buffer *names,
                                   const struct digest *digest, struct error *err);

/* Writes and fsyncs the answers under a temporary name; then renames them into place. */
NODISCARD bool image_dir_stage_answers(const struct image_dir *dir,
                                       const struct image_buffer *answers, struct error *err);
NODISCARD bool image_dir_publish_answers(const struct image_dir *dir, struct error *err);
void image_dir_discard_staged(const struct image_dir *dir);

/* The generation of the image that lies there; false: there is none, or it cannot be read. */
bool image_dir_generation(const struct image_dir *dir, uint64_t *generation);

/* True when the answers file there has exactly these bytes. */
bool image_dir_has_answers(const struct image_dir *dir, const struct image_buffer *answers);

/* Opens the pair for a handover; both descriptors are the caller's. */
NODISCARD bool image_dir_open_pair(const struct image_dir *dir, const struct digest *names,
                                   int *answers_fd, int *names_fd, struct error *err);

/* Removes every names file but the one of `keep`. */
void image_dir_sweep(const struct image_dir *dir, const struct digest *keep);
