/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

static void remove_files(int directory)
{
    DIR *list = fdopendir(dup(directory));
    for (struct dirent *entry; (entry = readdir(list));)
        if (entry->d_name[0] != '.')
            unlinkat(directory, entry->d_name, 0);
    closedir(list);
}

void state_directory_remove(int directory, const char *path)
{
    int image = openat(directory, "image", O_RDONLY | O_DIRECTORY);
    remove_files(image);
    close(image);
    unlinkat(directory, "image", AT_REMOVEDIR);
    remove_files(directory);
    close(directory);
    rmdir(path);
}
