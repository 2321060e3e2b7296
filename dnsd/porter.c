/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/porter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "zones/base/file.h"
#include "zones/image.h"

enum {
    MAX_FDS = 2,
    WAIT_S = 2, /* for an answer: the disk may be slow */
    START_WAITS = 5,
    SOCKET_FD = 3, /* in the child; all others are closed */
    DIRECTORY_FD = 4,
};

enum errand {
    ERRAND_CONNECT = 1,
    ERRAND_IMAGE,
};

struct request {
    uint32_t serial, errand;
};

struct reply {
    uint32_t serial;
    int32_t error; /* errno; 0: the descriptors are there */
};

union rights {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS)];
};

/* -- the child ----------------------------------------------------------------------------------
 */

static int connect_control(const char *path, int *fds)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    fds[0] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fds[0] < 0 || connect(fds[0], (const struct sockaddr *)&address, sizeof address) != 0)
        return errno;
    return 0;
}

static int open_image(int directory, int *fds)
{
    struct image_answers_header header;
    char names[IMAGE_FILE_NAME_SIZE];
    fds[0] = openat(directory, IMAGE_ANSWERS_FILE, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
    if (fds[0] < 0)
        return errno;
    /* Is it no image, then its reader says so; two descriptors are due. */
    memset(&header, 0, sizeof header);
    if (pread(fds[0], &header, sizeof header, 0) < 0)
        return errno;
    fds[1] = openat(directory, image_names_file(header.names_digest, names),
                    O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
    return fds[1] < 0 ? errno : 0;
}

static bool send_reply(const struct reply *reply, const int *fds)
{
    union rights rights = {0};
    struct reply out = *reply;
    struct iovec part = {.iov_base = &out, .iov_len = sizeof out};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
    size_t count = fds[0] < 0 ? 0 : fds[1] < 0 ? 1 : 2;
    if (reply->error == 0 && count > 0) {
        packet.msg_control = rights.bytes;
        packet.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&packet);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
    }
    return sendmsg(SOCKET_FD, &packet, MSG_NOSIGNAL) == (ssize_t)sizeof out;
}

static bool run_errand(const struct porter_places *places)
{
    struct request request;
    int fds[MAX_FDS] = {-1, -1};
    struct iovec part = {.iov_base = &request, .iov_len = sizeof request};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t got = recvmsg(SOCKET_FD, &packet, 0);
    if (got < 0 && errno == EINTR)
        return true;
    if (got != (ssize_t)sizeof request)
        return false; /* its end is ours */
    struct reply reply = {.serial = request.serial, .error = EINVAL};
    if (request.errand == ERRAND_CONNECT && places->control)
        reply.error = connect_control(places->control, fds);
    else if (request.errand == ERRAND_IMAGE && places->directory >= 0)
        reply.error = open_image(DIRECTORY_FD, fds);
    bool sent = send_reply(&reply, fds);
    fd_close(&fds[0]);
    fd_close(&fds[1]);
    return sent;
}

/* Only the socket, the directory and stderr stay; low numbers first, so that one call does. */
static bool keep_descriptors(int socket, int directory)
{
    int kept_socket = fcntl(socket, F_DUPFD_CLOEXEC, DIRECTORY_FD + 1);
    int kept_directory = directory < 0 ? -1 : fcntl(directory, F_DUPFD_CLOEXEC, DIRECTORY_FD + 1);
    if (dup2(kept_socket, SOCKET_FD) < 0 ||
        (kept_directory >= 0 && dup2(kept_directory, DIRECTORY_FD) < 0))
        return false;
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    return close_range(directory < 0 ? DIRECTORY_FD : DIRECTORY_FD + 1, ~0U, 0) == 0;
}

static _Noreturn void be_porter(int socket, const struct porter_places *places)
{
    struct error err = {0};
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL); /* what ends us ends it */
    (void)!prctl(PR_SET_NAME, "dnsd-porter", 0, 0, 0);
    if (!keep_descriptors(socket, places->directory) ||
        (places->is_sandboxed &&
         (!sandbox_drop(&places->user, places->directory < 0 ? -1 : DIRECTORY_FD, &err) ||
          !sandbox_close(SANDBOX_PORTER, &err)))) {
        dprintf(STDERR_FILENO, "srvplan-dnsd: porter: %s\n", err.message);
        _exit(EXIT_FAILURE);
    }
    (void)!send_reply(&(struct reply){.serial = 0}, (const int[MAX_FDS]){-1, -1}); /* ready */
    while (run_errand(places))
        continue;
    _exit(EXIT_SUCCESS);
}

/* -- the parent ---------------------------------------------------------------------------------
 */

void porter_stop(struct porter *porter)
{
    fd_close(&porter->socket);
}

static int take_rights(struct msghdr *packet, int fds[MAX_FDS])
{
    int count = 0;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(packet); at; at = CMSG_NXTHDR(packet, at)) {
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
            continue;
        count = (int)((at->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(at), sizeof(int) * (size_t)count); /* there is no room for more */
    }
    return count;
}

/* Waits for the answer to the last request; an answer that came too late is let go. */
static bool receive(const struct porter *porter, int fds[MAX_FDS], int wanted)
{
    for (;;) {
        union rights rights;
        struct reply reply;
        struct iovec part = {.iov_base = &reply, .iov_len = sizeof reply};
        struct msghdr packet = {.msg_iov = &part,
                                .msg_iovlen = 1,
                                .msg_control = rights.bytes,
                                .msg_controllen = sizeof rights.bytes};
        fds[0] = fds[1] = -1;
        ssize_t got = recvmsg(porter->socket, &packet, MSG_CMSG_CLOEXEC);
        if (got < 0 && errno == EINTR)
            continue;
        if (got != (ssize_t)sizeof reply) {
            errno = got < 0 ? errno : EPIPE; /* it is gone */
            return false;
        }
        int count = take_rights(&packet, fds);
        if (reply.serial == porter->serial && reply.error == 0 && count == wanted)
            return true;
        fd_close(&fds[0]);
        fd_close(&fds[1]);
        if (reply.serial != porter->serial)
            continue;
        errno = reply.error ? reply.error : EPROTO;
        return false;
    }
}

bool porter_start(struct porter *porter, const struct porter_places *places, struct error *err)
{
    int pair[2], fds[MAX_FDS];
    const struct timeval patience = {.tv_sec = WAIT_S};
    porter->socket = -1;
    if (!places->control && places->directory < 0)
        return true;
    if (signal(SIGCHLD, SIG_IGN) == SIG_ERR || /* nobody waits for it */
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return error_system(err, "porter", NULL, "cannot make a socket");
    if (setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
        return error_system(err, "porter", NULL, "cannot set up a socket");
    pid_t child = fork();
    if (child == 0) {
        close(pair[0]);
        be_porter(pair[1], places);
    }
    fd_close(&pair[1]);
    if (child < 0) {
        fd_close(&pair[0]);
        return error_system(err, "porter", "allow it one more process", "cannot start it");
    }
    porter->socket = pair[0];
    porter->serial = 0;
    for (int i = 0; i < START_WAITS; i++)
        if (receive(porter, fds, 0))
            return true;
        else if (errno != EAGAIN)
            break;
    return error_system(err, "porter", "look at what it said above", "it did not start");
}

static bool ask(struct porter *porter, enum errand errand, int fds[MAX_FDS], int wanted)
{
    struct request request = {.serial = ++porter->serial, .errand = errand};
    if (porter->socket < 0) {
        errno = EPIPE;
        return false;
    }
    return send(porter->socket, &request, sizeof request, MSG_NOSIGNAL | MSG_DONTWAIT) ==
               (ssize_t)sizeof request &&
           receive(porter, fds, wanted);
}

static bool say_failed(struct error *err, const char *thing, const char *what)
{
    if (errno == EPIPE)
        return error_set(err, ERROR_UNREACHABLE,
                         "%s: the process that opens it for us has ended; restart srvplan-dnsd",
                         thing);
    return error_system(err, thing, NULL, what);
}

int porter_connect(struct porter *porter, struct error *err)
{
    int fds[MAX_FDS];
    if (ask(porter, ERRAND_CONNECT, fds, 1))
        return fds[0];
    say_failed(err, "control socket", "cannot connect");
    return -1;
}

bool porter_open_image(struct porter *porter, int *answers_fd, int *names_fd, struct error *err)
{
    int fds[MAX_FDS];
    if (!ask(porter, ERRAND_IMAGE, fds, 2))
        return say_failed(err, "image", "cannot open it");
    *answers_fd = fds[0];
    *names_fd = fds[1];
    return true;
}
