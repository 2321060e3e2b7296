/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/keeper_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "dnsd/zone_compile.h"
#include "zones/base/file.h"

enum {
    FIRST = 3, /* SD_LISTEN_FDS_START */
    MAX_GIVEN = OPTIONS_MAX_THREADS + OPTIONS_MAX_ADDRESSES + 2,
    EXIT_CANNOT_START = 127,
    /* A million names take 6 s and 1 GB: beyond these a compiler is lost, not busy. */
    COMPILE_CPU_SECONDS = 600,
};
#define COMPILE_BYTES (16ull << 30)

/* -- images -------------------------------------------------------------------------------------
 */

bool keeper_image_make(struct keeper_image *image, uint64_t generation, struct error *err)
{
    image->generation = generation;
    image->answers_fd = memfd_create("srvplan-answers", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    image->names_fd = memfd_create("srvplan-names", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    image->versions_fd = memfd_create("srvplan-versions", MFD_CLOEXEC);
    if (image->answers_fd >= 0 && image->names_fd >= 0 && image->versions_fd >= 0)
        return true;
    error_system(err, "image", NULL, "cannot make a file in memory");
    keeper_image_close(image);
    return false;
}

bool keeper_image_seal(const struct keeper_image *image, struct error *err)
{
    const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    return (fcntl(image->answers_fd, F_ADD_SEALS, seals) == 0 &&
            fcntl(image->names_fd, F_ADD_SEALS, seals) == 0) ||
           error_system(err, "image", NULL, "cannot seal it");
}

void keeper_image_close(struct keeper_image *image)
{
    fd_close(&image->answers_fd);
    fd_close(&image->names_fd);
    fd_close(&image->versions_fd);
}

/* -- children -----------------------------------------------------------------------------------
 */

void keeper_server_follow(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* cannot fail with a valid signal */
}

/* What a child is before it is what it will be: no signal of ours is blocked, and it ends when the
 * keeper does. */
static void become_child(pid_t keeper)
{
    sigset_t none;
    sigemptyset(&none);
    keeper_server_follow();
    if (getppid() != keeper || sigprocmask(SIG_SETMASK, &none, NULL) != 0)
        _exit(EXIT_CANNOT_START);
}

/* Beyond what is mapped now, which under a sanitizer is terabytes. */
static void limit_compiler(void)
{
    struct rlimit cpu = {COMPILE_CPU_SECONDS, COMPILE_CPU_SECONDS};
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%llu", &pages) == 1) {
        rlim_t bytes = (rlim_t)(pages * (unsigned long long)sysconf(_SC_PAGESIZE) + COMPILE_BYTES);
        struct rlimit memory = {bytes, bytes};
        (void)!setrlimit(RLIMIT_AS, &memory);
    }
    if (file)
        fclose(file);
    (void)!setrlimit(RLIMIT_CPU, &cpu);
}

pid_t keeper_compile(const struct options *options, const struct keeper_image *image,
                     const struct keeper_image *earlier, struct error *err)
{
    pid_t keeper = getpid(), pid = fork();
    if (pid < 0)
        error_system(err, "compiler", NULL, "cannot start it");
    if (pid != 0)
        return pid;
    become_child(keeper);
    limit_compiler();
    struct error why = {0};
    const struct zone_compile_files files = {
        .answers_fd = image->answers_fd,
        .names_fd = image->names_fd,
        .versions_fd = image->versions_fd,
        .earlier_fd = earlier->versions_fd,
    };
    enum zone_compiled done = zone_compile(options, image->generation, &files, &why);
    if (done == ZONE_COMPILE_FAILED)
        fprintf(stderr, "srvplan-dnsd: %s\n", why.message);
    _exit(done == ZONE_COMPILED ? KEEPER_CHILD_DONE : KEEPER_CHILD_REFUSED);
}

static bool set_number(const char *name, long long value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", value);
    return setenv(name, text, 1) == 0;
}

/* The descriptors of a server, in a row, and their names. */
struct given {
    int fds[MAX_GIVEN];
    int count;
    char names[MAX_GIVEN * 8]; /* "answers:" is the longest */
};

static void give(struct given *given, int fd, const char *name)
{
    given->fds[given->count++] = fd;
    strcat(strcat(given->names, given->count > 1 ? ":" : ""), name);
}

/* Moves them all to FIRST and up, out of each other's way. */
static bool place(struct given *given)
{
    for (int i = 0; i < given->count; i++)
        if ((given->fds[i] = fcntl(given->fds[i], F_DUPFD_CLOEXEC, FIRST + given->count)) < 0)
            return false;
    for (int i = 0; i < given->count; i++)
        if (dup2(given->fds[i], FIRST + i) < 0)
            return false;
    return true;
}

static void become_server(const struct keeper_server *server)
{
    static struct given given;
    for (uint32_t i = 0; i < server->sockets->datagram_count; i++)
        give(&given, server->sockets->datagrams[i].fd, "dns");
    for (uint32_t i = 0; i < server->sockets->listener_count; i++)
        give(&given, server->sockets->listeners[i].fd, "dns");
    give(&given, server->image->answers_fd, "answers");
    give(&given, server->image->names_fd, "names");
    if (place(&given) && set_number("LISTEN_PID", getpid()) &&
        set_number("LISTEN_FDS", given.count) && setenv("LISTEN_FDNAMES", given.names, 1) == 0 &&
        setenv("NOTIFY_SOCKET", server->notify, 1) == 0 && unsetenv("WATCHDOG_PID") == 0 &&
        (server->watchdog_ms ? set_number("WATCHDOG_USEC", server->watchdog_ms * 1000)
                             : unsetenv("WATCHDOG_USEC") == 0))
        execv("/proc/self/exe", server->argv);
    fprintf(stderr, "srvplan-dnsd: cannot start the server: %s\n", strerror(errno));
}

pid_t keeper_serve(const struct keeper_server *server, struct error *err)
{
    pid_t keeper = getpid(), pid = fork();
    if (pid < 0)
        error_system(err, "server", NULL, "cannot start it");
    if (pid != 0)
        return pid;
    become_child(keeper);
    become_server(server);
    _exit(EXIT_CANNOT_START);
}
