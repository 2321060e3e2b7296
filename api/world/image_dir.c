/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/image_dir.h"

#include "zones/base/file.h"
#include "zones/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGED_FILE "answers.img.new"

/* Not 0600: dnsd may run as another user, and what it serves is public. */
enum {
    IMAGE_MODE = 0644
};

bool image_dir_open(struct image_dir *dir, int state_directory, const char *path, struct error *err)
{
    if (mkdirat(state_directory, "image", 0755) != 0 && errno != EEXIST)
        return error_system(err, path, "look at the rights of the state directory",
                            "cannot make image/");
    int fd = openat(state_directory, "image", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_system(err, path, "look at the rights of the state directory",
                            "cannot open image/");
    fchmod(fd, 0755); /* whatever the umask is; dnsd may be another user */
    *dir = (struct image_dir){.fd = fd, .path = path};
    return true;
}

void image_dir_close(struct image_dir *dir)
{
    fd_close(&dir->fd);
}

/* True when the file of that name has exactly these bytes. */
static bool has_bytes(const struct image_dir *dir, const char *name, struct bytes bytes)
{
    struct mapping file = {0};
    struct error ignored = {0};
    int fd = openat(dir->fd, name, O_RDONLY | O_CLOEXEC);
    bool same = fd >= 0 && mapping_open(&file, fd, name, &ignored) &&
                bytes_equal((struct bytes){file.ptr, file.len}, bytes);
    mapping_close(&file);
    fd_close(&fd);
    return same;
}

static struct bytes bytes_of(const struct image_buffer *buffer)
{
    return (struct bytes){buffer->ptr, buffer->len};
}

bool image_dir_put_names(const struct image_dir *dir, const struct image_buffer *names,
                         const struct digest *digest, struct error *err)
{
    char name[IMAGE_FILE_NAME_SIZE];
    struct bytes bytes = bytes_of(names);
    image_names_file(digest->byte, name);
    if (has_bytes(dir, name, bytes))
        return true;
    if (file_stage(dir->fd, "names.img.new", &bytes, 1, IMAGE_MODE, err) &&
        file_publish(dir->fd, "names.img.new", name, err))
        return true;
    return error_within(err, "%s/image", dir->path);
}

bool image_dir_stage_answers(const struct image_dir *dir, const struct image_buffer *answers,
                             struct error *err)
{
    struct bytes bytes = bytes_of(answers);
    return file_stage(dir->fd, STAGED_FILE, &bytes, 1, IMAGE_MODE, err) ||
           error_within(err, "%s/image", dir->path);
}

bool image_dir_publish_answers(const struct image_dir *dir, struct error *err)
{
    return file_publish(dir->fd, STAGED_FILE, IMAGE_ANSWERS_FILE, err) ||
           error_within(err, "%s/image", dir->path);
}

void image_dir_discard_staged(const struct image_dir *dir)
{
    unlinkat(dir->fd, STAGED_FILE, 0);
}

bool image_dir_generation(const struct image_dir *dir, uint64_t *generation)
{
    struct image image = {0};
    struct error ignored = {0};
    if (!image_open(&image, dir->fd, dir->path, &ignored))
        return false;
    *generation = image.answers_header->generation;
    image_close(&image);
    return true;
}

bool image_dir_has_answers(const struct image_dir *dir, const struct image_buffer *answers)
{
    return has_bytes(dir, IMAGE_ANSWERS_FILE, bytes_of(answers));
}

bool image_dir_open_pair(const struct image_dir *dir, const struct digest *names, int *answers_fd,
                         int *names_fd, struct error *err)
{
    char name[IMAGE_FILE_NAME_SIZE];
    image_names_file(names->byte, name);
    *names_fd = openat(dir->fd, name, O_RDONLY | O_CLOEXEC);
    *answers_fd = openat(dir->fd, IMAGE_ANSWERS_FILE, O_RDONLY | O_CLOEXEC);
    if (*names_fd >= 0 && *answers_fd >= 0)
        return true;
    error_system(err, dir->path, NULL, "cannot open the image for dnsd");
    fd_close(names_fd);
    fd_close(answers_fd);
    return false;
}

void image_dir_sweep(const struct image_dir *dir, const struct digest *keep)
{
    char kept[IMAGE_FILE_NAME_SIZE];
    image_names_file(keep->byte, kept);
    int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (!list) {
        fd_close(&fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(list));)
        if (strncmp(entry->d_name, "names-", 6) == 0 && strcmp(entry->d_name, kept) != 0)
            unlinkat(dir->fd, entry->d_name, 0);
    closedir(list);
}
