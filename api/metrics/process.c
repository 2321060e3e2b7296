/* SPDX-License-Identifier: GPL-3.0-or-later */
/* This process, by the names that every client library of Prometheus gives. */
#include "api/metrics/parts.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t descriptors_open(void)
{
    uint64_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return 0;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count > 3 ? count - 3 : 0; /* ".", ".." and our own */
}

static uint64_t resident_bytes(void)
{
    unsigned long long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void put(struct page *page, const char *name, const char *type, const char *help,
                double value)
{
    page_put(page, "# HELP process_%s %s\n# TYPE process_%s %s\nprocess_%s %.17g\n", name, help,
             name, type, name, value);
}

void metrics_put_process(struct page *page)
{
    struct rusage usage = {0};
    struct rlimit files = {0};
    getrusage(RUSAGE_SELF, &usage);
    getrlimit(RLIMIT_NOFILE, &files);
    double cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    put(page, "cpu_seconds_total", "counter", "Processor time of srvpland.", cpu_s);
    put(page, "resident_memory_bytes", "gauge", "Memory of srvpland.", (double)resident_bytes());
    put(page, "open_fds", "gauge", "Descriptors that srvpland has open.",
        (double)descriptors_open());
    put(page, "max_fds", "gauge", "Descriptors that it may have open.", (double)files.rlim_cur);
}
