/* SPDX-License-Identifier: GPL-3.0-or-later */
/* count_allocations: to be preloaded; counts what a program asks of its allocator and of the kernel
 * for memory.
 *
 * The counters are 64-bit words in the file that the environment names (ALLOCATIONS_FILE), mapped
 * at the start, so that they can be read from outside at any time and a sandbox does not matter:
 * allocations (malloc, calloc, realloc, the aligned ones), frees, and maps (mmap, munmap, mremap,
 * brk, sbrk). What the C library does inside itself is part of the call that made it do so. Works
 * before an address sanitizer's allocator, too (ASAN_OPTIONS=verify_asan_link_order=0). */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum counter {
    ALLOCATIONS,
    FREES,
    MAPS,
    COUNTERS,
};

static _Atomic uint64_t before_start[COUNTERS];
static _Atomic uint64_t *counters = before_start;

/* Whoever asks before our constructor has run (the loader, a sanitizer, other libraries' own) gets
 * these, which are never given back: until then nothing outside this file can be called. */
static _Alignas(16) char first_bytes[1 << 20];
static size_t first_used;

static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
    void *(*aligned_alloc)(size_t, size_t);
    void *(*memalign)(size_t, size_t);
    int (*posix_memalign)(void **, size_t, size_t);
    int (*brk)(void *);
    void *(*sbrk)(intptr_t);
} next;

static void count(enum counter which)
{
    atomic_fetch_add_explicit(&counters[which], 1, memory_order_relaxed);
}

static void *take_first_bytes(size_t size)
{
    size_t at = (first_used + 15) & ~(size_t)15;
    if (size > sizeof first_bytes - at)
        abort();
    first_used = at + size;
    return first_bytes + at;
}

static int is_first(const void *memory)
{
    return (const char *)memory >= first_bytes &&
           (const char *)memory < first_bytes + sizeof first_bytes;
}

void *malloc(size_t size)
{
    count(ALLOCATIONS);
    return next.malloc ? next.malloc(size) : take_first_bytes(size);
}

void *calloc(size_t elements, size_t size)
{
    count(ALLOCATIONS);
    return next.calloc ? next.calloc(elements, size) : take_first_bytes(elements * size);
}

void *realloc(void *memory, size_t size)
{
    if (next.realloc && !is_first(memory)) {
        count(ALLOCATIONS);
        return next.realloc(memory, size);
    }
    char *moved = malloc(size);
    const char *old = memory;
    size_t left = old ? (size_t)(first_bytes + sizeof first_bytes - old) : 0;
    for (size_t i = 0; moved && i < size && i < left; i++)
        moved[i] = old[i];
    return moved;
}

void free(void *memory)
{
    count(FREES);
    if (next.free && !is_first(memory))
        next.free(memory);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count(ALLOCATIONS);
    return next.aligned_alloc(alignment, size);
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size)
{
    count(ALLOCATIONS);
    return next.memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    count(ALLOCATIONS);
    return next.posix_memalign(memory, alignment, size);
}

void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
    count(MAPS);
    return (void *)syscall(SYS_mmap, at, length, protection, flags, fd, offset);
}

int munmap(void *at, size_t length)
{
    count(MAPS);
    return (int)syscall(SYS_munmap, at, length);
}

void *mremap(void *at, size_t old_length, size_t length, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    void *to = flags & MREMAP_FIXED ? va_arg(more, void *) : NULL;
    va_end(more);
    count(MAPS);
    return (void *)syscall(SYS_mremap, at, old_length, length, flags, to);
}

int brk(void *end)
{
    count(MAPS);
    return next.brk(end);
}

void *sbrk(intptr_t more)
{
    count(MAPS);
    return next.sbrk(more);
}

/* A pointer to the function that would have been called without us. */
static void find_next(void *pointer, const char *function)
{
    void *found = dlsym(RTLD_NEXT, function);
    memcpy(pointer, &found, sizeof found);
}

__attribute__((constructor)) static void start(void)
{
    find_next(&next.free, "free"); /* so that what the next one gives can be given back */
    find_next(&next.calloc, "calloc");
    find_next(&next.realloc, "realloc");
    find_next(&next.aligned_alloc, "aligned_alloc");
    find_next(&next.memalign, "memalign");
    find_next(&next.posix_memalign, "posix_memalign");
    find_next(&next.brk, "brk");
    find_next(&next.sbrk, "sbrk");
    find_next(&next.malloc, "malloc");
    const char *path = getenv("ALLOCATIONS_FILE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof before_start, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED)
        abort();
    counters = mapped;
    /* Those before it, so that whoever reads sees that counting works. */
    for (int i = 0; i < COUNTERS; i++)
        counters[i] += before_start[i];
}
