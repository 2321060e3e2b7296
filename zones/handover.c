/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "zones/base/file.h"

#define PEER "handover socket"

/* Room for the descriptors of one message, aligned as the kernel wants it. */
union control_room {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * HANDOVER_MAX_FDS)];
};

/* … and, with them, for who sent it. */
union incoming_room {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * HANDOVER_MAX_FDS) + CMSG_SPACE(sizeof(struct ucred))];
};

bool handover_send(int socket, const struct handover_message *message, const int *fds, int fd_count,
                   struct error *err)
{
    struct handover_message out = *message;
    union control_room room = {0};
    struct iovec part = {.iov_base = &out, .iov_len = sizeof out};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};

    if (fd_count < 0 || fd_count > HANDOVER_MAX_FDS)
        return error_set(err, ERROR_INVALID, PEER ": %d descriptors, a message carries at most %d",
                         fd_count, HANDOVER_MAX_FDS);
    out.magic = HANDOVER_MAGIC;
    out.version = HANDOVER_VERSION;
    out.text[sizeof out.text - 1] = '\0';
    if (fd_count > 0) {
        packet.msg_control = room.bytes;
        packet.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)fd_count);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&packet);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)fd_count);
        memcpy(CMSG_DATA(rights), fds, sizeof(int) * (size_t)fd_count);
    }
    ssize_t sent;
    do
        sent = sendmsg(socket, &packet, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent == (ssize_t)sizeof out)
        return true;
    if (sent >= 0) /* a packet socket sends all or nothing */
        return error_set(err, ERROR_UNREACHABLE, PEER ": sent %zd bytes of %zu", sent, sizeof out);
    return error_set(err, ERROR_UNREACHABLE, PEER ": the other side takes no message: %s",
                     strerror(errno));
}

/* Takes over whatever descriptors came, so that none leaks if the message is refused. False: there
 * were too many. */
static bool take_descriptors(struct msghdr *packet, struct handover_packet *out)
{
    bool fits = !(packet->msg_flags & MSG_CTRUNC);
    for (struct cmsghdr *at = CMSG_FIRSTHDR(packet); at; at = CMSG_NXTHDR(packet, at)) {
        if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_CREDENTIALS) {
            struct ucred sender;
            memcpy(&sender, CMSG_DATA(at), sizeof sender);
            out->sender = sender.pid;
        }
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(at) + i * sizeof fd, sizeof fd);
            if (out->fd_count < HANDOVER_MAX_FDS) {
                out->fds[out->fd_count++] = fd;
            } else {
                close(fd);
                fits = false;
            }
        }
    }
    return fits;
}

static bool check_packet(const struct msghdr *packet, ssize_t len, bool fits,
                         const struct handover_message *m, struct error *err)
{
    if (len != (ssize_t)sizeof *m || packet->msg_flags & MSG_TRUNC)
        return error_set(err, ERROR_INVALID,
                         PEER ": a message of %zd bytes, expected %zu; start both programs from "
                              "one release",
                         len, sizeof *m);
    if (!fits)
        return error_set(err, ERROR_INVALID, PEER ": more than %d descriptors in a message",
                         HANDOVER_MAX_FDS);
    if (m->magic != HANDOVER_MAGIC)
        return error_set(err, ERROR_INVALID, PEER ": magic %08" PRIx32 ", expected %08x", m->magic,
                         (unsigned)HANDOVER_MAGIC);
    if (m->version != HANDOVER_VERSION)
        return error_set(err, ERROR_INVALID,
                         PEER ": protocol version %u, expected %u; start both programs from one "
                              "release",
                         m->version, (unsigned)HANDOVER_VERSION);
    if (m->kind < HANDOVER_HELLO || m->kind > HANDOVER_ASK)
        return error_set(err, ERROR_INVALID, PEER ": unknown message kind %u", m->kind);
    if (!memchr(m->text, '\0', sizeof m->text))
        return error_set(err, ERROR_INVALID, PEER ": text without end in message kind %u", m->kind);
    return true;
}

enum handover_received handover_receive(int socket, struct handover_packet *packet,
                                        struct error *err)
{
    union incoming_room room;
    struct handover_packet got = {.fds = {-1, -1}};
    struct iovec part = {.iov_base = &got.message, .iov_len = sizeof got.message};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = room.bytes,
                            .msg_controllen = sizeof room.bytes};
    ssize_t len;
    do
        len = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    while (len < 0 && errno == EINTR);
    if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return HANDOVER_LATER;
    if (len < 0) {
        error_set(err, ERROR_UNREACHABLE, PEER ": cannot receive: %s", strerror(errno));
        return HANDOVER_GONE;
    }
    bool fits = take_descriptors(&header, &got);
    if (len == 0 && got.fd_count == 0) {
        error_set(err, ERROR_UNREACHABLE, PEER ": closed by the other side");
        return HANDOVER_GONE;
    }
    if (!check_packet(&header, len, fits, &got.message, err)) {
        handover_packet_close(&got);
        return HANDOVER_GONE;
    }
    *packet = got;
    return HANDOVER_GOT;
}

void handover_packet_close(struct handover_packet *packet)
{
    if (!packet)
        return;
    for (int i = 0; i < packet->fd_count; i++)
        fd_close(&packet->fds[i]);
    packet->fd_count = 0;
}

/* -- last-served memory --------------------------------------------------------------------- */

enum {
    SERVED_MAGIC = 0x44565253, /* "SRVD" */
    SERVED_LINE = 64,
    SERVED_PER_LINE = SERVED_LINE / sizeof(uint32_t),
    /* More rows or sets than any image or machine has: products stay far from 2^64. */
    SERVED_MAX = 1 << 24,
};

_Static_assert(sizeof(struct served_header) == SERVED_LINE, "a row starts on a line of its own");

static uint32_t served_stride(uint32_t sets)
{
    return (sets + (uint32_t)SERVED_PER_LINE - 1) / (uint32_t)SERVED_PER_LINE *
           (uint32_t)SERVED_PER_LINE;
}

static size_t served_size(uint32_t workers, uint32_t stride)
{
    return sizeof(struct served_header) + (size_t)workers * stride * sizeof(uint32_t);
}

bool served_memory_make(struct served_memory *memory, int *fd, uint64_t generation,
                        uint32_t workers, uint32_t sets, struct error *err)
{
    static const char thing[] = "last-served memory";
    static const char mend[] = "free some memory, or raise the limit of the service";
    if (workers > SERVED_MAX || sets > SERVED_MAX)
        return error_set(err, ERROR_INVALID, "%s: %" PRIu32 " workers and %" PRIu32 " sets", thing,
                         workers, sets);
    uint32_t stride = served_stride(sets);
    size_t len = served_size(workers, stride);
    void *at = MAP_FAILED;
    int made = memfd_create("srvplan-served", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (made < 0)
        return error_system(err, thing, mend, "cannot make it");
    if (ftruncate(made, (off_t)len) != 0)
        goto failed;
    at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, made, 0);
    if (at == MAP_FAILED)
        goto failed;
    /* The reader maps it too: it must not shrink under its feet. */
    if (fcntl(made, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        goto failed;
    struct served_header *header = at;
    *header = (struct served_header){.magic = SERVED_MAGIC,
                                     .workers = workers,
                                     .sets = sets,
                                     .stride = stride,
                                     .generation = generation};
    *memory = (struct served_memory){.header = header, .len = len};
    *fd = made;
    return true;
failed:
    error_system(err, thing, mend, "cannot make it");
    if (at != MAP_FAILED)
        munmap(at, len);
    fd_close(&made);
    return false;
}

static bool served_check(const struct served_header *header, size_t len, struct error *err)
{
    if (header->magic != SERVED_MAGIC)
        return error_set(err, ERROR_INVALID,
                         "last-served memory: magic %08" PRIx32 ", expected %08x", header->magic,
                         (unsigned)SERVED_MAGIC);
    if (header->workers > SERVED_MAX || header->sets > SERVED_MAX ||
        header->stride != served_stride(header->sets) ||
        len != served_size(header->workers, header->stride))
        return error_set(err, ERROR_INVALID,
                         "last-served memory: %zu bytes do not fit %" PRIu32 " workers and %" PRIu32
                         " sets",
                         len, header->workers, header->sets);
    return true;
}

bool served_memory_open(struct served_memory *memory, int fd, struct error *err)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return error_system(err, "last-served memory", NULL, "cannot read its size");
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK))
        return error_set(err, ERROR_INVALID, "last-served memory: its size is not sealed");
    if (status.st_size < (off_t)sizeof(struct served_header))
        return error_set(err, ERROR_INVALID, "last-served memory: only %lld bytes",
                         (long long)status.st_size);
    size_t len = (size_t)status.st_size;
    void *at = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return error_system(err, "last-served memory", "free some memory", "cannot map it");
    if (!served_check(at, len, err)) {
        munmap(at, len);
        return false;
    }
    *memory = (struct served_memory){.header = at, .len = len};
    return true;
}

void served_memory_close(struct served_memory *memory)
{
    if (!memory || !memory->header)
        return;
    munmap(memory->header, memory->len);
    *memory = (struct served_memory){0};
}

uint32_t *served_memory_row(const struct served_memory *memory, uint32_t worker)
{
    uint32_t *rows = (uint32_t *)(void *)(memory->header + 1);
    return rows + (size_t)worker * memory->header->stride;
}

uint32_t served_memory_latest(const struct served_memory *memory, uint32_t set)
{
    /* The writer is another process and could change the header after it was checked. */
    const struct served_header header = *memory->header;
    uint32_t latest = 0;
    if (set >= header.sets || !served_check(&header, memory->len, NULL))
        return 0;
    const uint32_t *column = served_memory_row(memory, 0) + set;
    for (uint32_t worker = 0; worker < header.workers; worker++, column += header.stride) {
        uint32_t at = __atomic_load_n(column, __ATOMIC_RELAXED);
        if (at > latest)
            latest = at;
    }
    return latest;
}
