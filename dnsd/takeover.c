/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/takeover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "zones/base/file.h"
#include "zones/base/log.h"

enum {
    MAGIC = 0x4B415453, /* "STAK" */
    VERSION = 1,
    MAX_FDS = 200, /* a message; the kernel takes 253 */
    WAIT_S = 5,    /* for the old one's answer */
    TRIES = 20,
    TRY_MS = 100, /* one that is ending holds the listener for some seconds, and then is gone */
};

enum kind {
    TAKEOVER_ASK = 1,
    TAKEOVER_GIVE,
    TAKEOVER_READY,
};

/* One packet, of this size. */
struct message {
    uint32_t magic;
    uint16_t version, kind;
    uint32_t pid;
    uint32_t is_last;      /* GIVE: no more sockets follow */
    uint32_t has_manager;  /* … the second descriptor is the manager's */
    uint32_t secret_count; /* … 0: keep to your file */
    int64_t watchdog_ms;
    uint64_t secrets[COOKIE_SECRETS][2]; /* as in struct cookie_secrets */
};

struct packet {
    struct message message;
    int fds[MAX_FDS];
    int fd_count;
};

union rights {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS)];
};

static bool send_packet(int fd, const struct packet *packet)
{
    union rights rights = {0};
    struct message out = packet->message;
    struct iovec part = {.iov_base = &out, .iov_len = sizeof out};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    size_t size = sizeof(int) * (size_t)packet->fd_count;
    out.magic = MAGIC;
    out.version = VERSION;
    out.pid = (uint32_t)getpid();
    if (size > 0) {
        header.msg_control = rights.bytes;
        header.msg_controllen = CMSG_SPACE(size);
        struct cmsghdr *at = CMSG_FIRSTHDR(&header);
        at->cmsg_level = SOL_SOCKET;
        at->cmsg_type = SCM_RIGHTS;
        at->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(at), packet->fds, size);
    }
    bool sent = sendmsg(fd, &header, MSG_NOSIGNAL) == (ssize_t)sizeof out;
    explicit_bzero(&out, sizeof out);
    return sent;
}

static void close_all(struct packet *packet)
{
    while (packet->fd_count > 0)
        fd_close(&packet->fds[--packet->fd_count]);
}

/* False: the other side is gone (errno 0) or is none of ours. */
static bool receive_packet(int fd, struct packet *packet)
{
    union rights rights;
    struct iovec part = {.iov_base = &packet->message, .iov_len = sizeof packet->message};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = rights.bytes,
                            .msg_controllen = sizeof rights.bytes};
    ssize_t got;
    packet->fd_count = 0;
    do
        got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0) {
        errno = got == 0 ? 0 : errno;
        return false;
    }
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&header); at; at = CMSG_NXTHDR(&header, at))
        if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_RIGHTS) {
            packet->fd_count = (int)((at->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(packet->fds, CMSG_DATA(at), sizeof(int) * (size_t)packet->fd_count);
        }
    if (got == (ssize_t)sizeof packet->message && packet->message.magic == MAGIC &&
        packet->message.version == VERSION && !(header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
        return true;
    close_all(packet);
    errno = EPROTO;
    return false;
}

/* -- the new one --------------------------------------------------------------------------------
 */

/* A connection; -1 and errno ENOENT or ECONNREFUSED: nobody is there. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = WAIT_S};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
        connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int why = errno;
    fd_close(&fd);
    errno = why;
    return -1;
}

static void store_secrets(struct cookie_secrets *secrets, const struct message *message)
{
    for (uint32_t i = 0; i < COOKIE_SECRETS; i++)
        for (uint32_t j = 0; j < 2; j++)
            atomic_store(&secrets->word[i][j], message->secrets[i][j]);
    atomic_store(&secrets->count, message->secret_count);
}

/* The first message: what is not a socket to answer on. Leaves only those in the packet. */
static bool take_place(struct takeover *takeover, struct packet *packet,
                       const struct options *options, struct cookie_secrets *secrets,
                       struct notify *notify)
{
    const struct message *message = &packet->message;
    int others = message->has_manager ? 2 : 1;
    if (packet->fd_count < others || message->secret_count > COOKIE_SECRETS)
        return false;
    takeover->listener = packet->fds[0];
    if (message->has_manager && notify->fd < 0) {
        notify->fd = packet->fds[1];
        notify->watchdog_ms = message->watchdog_ms;
    } else if (message->has_manager) {
        fd_close(&packet->fds[1]);
    }
    if (message->secret_count > 0 && !options->cookie_secrets)
        store_secrets(secrets, message);
    packet->fd_count -= others;
    memmove(packet->fds, packet->fds + others, sizeof(int) * (size_t)packet->fd_count);
    return true;
}

/* Takes what comes over takeover->predecessor. False with an errno: it is not there any more. */
static bool receive_gift(struct takeover *takeover, struct sockets *sockets,
                         struct options *options, struct notify *notify, struct error *err)
{
    const struct packet ask = {.message.kind = TAKEOVER_ASK};
    struct packet packet;
    if (!send_packet(takeover->predecessor, &ask))
        return false;
    do {
        if (!receive_packet(takeover->predecessor, &packet))
            return false;
        bool is_first = takeover->listener < 0;
        if (packet.message.kind != TAKEOVER_GIVE ||
            (is_first &&
             !take_place(takeover, &packet, options, &options->settings.secrets, notify))) {
            close_all(&packet);
            return error_set(err, ERROR_INVALID,
                             "%s: who listens there does not speak our "
                             "language; stop it, and start this one",
                             takeover->path);
        }
        while (packet.fd_count > 0)
            if (!sockets_take(sockets, options, packet.fds[--packet.fd_count], err)) {
                close_all(&packet);
                return false;
            }
    } while (!packet.message.is_last);
    explicit_bzero(packet.message.secrets, sizeof packet.message.secrets);
    return true;
}

bool takeover_ask(struct takeover *takeover, struct sockets *sockets, struct options *options,
                  struct notify *notify, struct error *err)
{
    const struct timespec pause = {.tv_nsec = TRY_MS * 1000000L};
    uint32_t wished = options->address_count;
    for (int i = 0; takeover->path && i < TRIES; i++) {
        takeover->predecessor = connect_to(takeover->path);
        if (takeover->predecessor < 0 && (errno == ENOENT || errno == ECONNREFUSED))
            return true;
        if (takeover->predecessor < 0)
            return error_system(err, takeover->path, "start as root or as the same user",
                                "cannot ask the running server for its place");
        if (receive_gift(takeover, sockets, options, notify, err)) {
            if (wished > 0)
                sockets_keep(sockets, options, wished);
            return true;
        }
        if (err->kind != ERROR_NONE || takeover->listener >= 0)
            break;
        fd_close(&takeover->predecessor); /* it is ending: soon nobody listens there */
        nanosleep(&pause, NULL);
    }
    return !takeover->path ||
           error_set(err, ERROR_UNAVAILABLE,
                     "%s: the running server does not give its place away; look whether it hangs, "
                     "or whether you may ask it (root, or the user that started it)",
                     takeover->path);
}

bool takeover_listen(struct takeover *takeover, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    if (!takeover->path || takeover->listener >= 0)
        return true;
    if (lstat(takeover->path, &status) == 0 && S_ISSOCK(status.st_mode))
        (void)!unlink(takeover->path); /* of one that is gone: nobody listened */
    snprintf(address.sun_path, sizeof address.sun_path, "%s", takeover->path);
    takeover->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0177);
    bool done = takeover->listener >= 0 &&
                bind(takeover->listener, (const struct sockaddr *)&address, sizeof address) == 0 &&
                listen(takeover->listener, 1) == 0;
    int why = errno;
    umask(before);
    errno = why;
    return done || error_system(err, takeover->path, "give a path in a directory of our own",
                                "cannot listen for who takes over");
}

void takeover_say_ready(struct takeover *takeover)
{
    const struct packet ready = {.message.kind = TAKEOVER_READY};
    if (takeover->predecessor < 0)
        return;
    if (!send_packet(takeover->predecessor, &ready))
        log_warning("the server that we took over from is gone already");
    fd_close(&takeover->predecessor);
}

void takeover_close(struct takeover *takeover)
{
    fd_close(&takeover->listener);
    fd_close(&takeover->successor);
    fd_close(&takeover->predecessor);
}

/* -- the old one --------------------------------------------------------------------------------
 */

void takeover_accept(struct takeover *takeover)
{
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    int fd = accept4(takeover->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
        (peer.uid != 0 && peer.uid != takeover->owner)) {
        log_warning("a stranger wants to take over, refused", log_number("uid", peer.uid));
        fd_close(&fd);
        return;
    }
    fd_close(&takeover->successor); /* the later one wins */
    takeover->successor = fd;
}

static void load_secrets(const struct cookie_secrets *secrets, struct message *message)
{
    message->secret_count = atomic_load(&secrets->count);
    for (uint32_t i = 0; i < COOKIE_SECRETS; i++)
        for (uint32_t j = 0; j < 2; j++)
            message->secrets[i][j] = atomic_load(&secrets->word[i][j]);
}

static bool give(const struct takeover *takeover, const struct takeover_gift *gift)
{
    struct packet packet = {.message.kind = TAKEOVER_GIVE};
    struct message *message = &packet.message;
    uint32_t at = 0;
    packet.fds[packet.fd_count++] = takeover->listener;
    if (gift->notify->fd >= 0) {
        packet.fds[packet.fd_count++] = gift->notify->fd;
        message->has_manager = 1;
        message->watchdog_ms = gift->notify->watchdog_ms;
    }
    if (gift->secrets)
        load_secrets(gift->secrets, message);
    bool sent = true;
    while (sent && !message->is_last) {
        while (packet.fd_count < MAX_FDS && at < gift->count)
            packet.fds[packet.fd_count++] = gift->sockets[at++];
        message->is_last = at == gift->count;
        sent = send_packet(takeover->successor, &packet);
        packet.fd_count = 0;
    }
    explicit_bzero(message->secrets, sizeof message->secrets);
    return sent;
}

bool takeover_receive(struct takeover *takeover, const struct takeover_gift *gift, pid_t *pid)
{
    struct packet packet;
    if (!receive_packet(takeover->successor, &packet)) {
        if (errno == EAGAIN)
            return false;
        log_warning("who wanted to take over has failed, going on");
    } else if (packet.message.kind == TAKEOVER_ASK && give(takeover, gift)) {
        close_all(&packet);
        log_info("sockets given to who takes over", log_number("pid", (int64_t)packet.message.pid));
        return false;
    } else if (packet.message.kind == TAKEOVER_READY) {
        *pid = (pid_t)packet.message.pid;
        close_all(&packet);
        return true;
    } else {
        close_all(&packet);
        log_warning("sockets cannot be given away, going on");
    }
    fd_close(&takeover->successor);
    return false;
}
