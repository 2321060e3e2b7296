/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "responder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "zones/base/file.h"
#include "zones/image.h"

#define STAGED "answers.img.new"
#define CONTROL "dnsd.sock"
#define RATE_LIMIT "1000000" /* at work, and never reached */

enum {
    HELLO_MS = 30000,
};

_Noreturn static void fail(const char *what)
{
    fprintf(stderr, "responder: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static void must(bool ok, const struct error *err)
{
    if (ok)
        return;
    fprintf(stderr, "responder: %s\n", err->message);
    exit(EXIT_FAILURE);
}

int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void bind_cpu(int cpu)
{
    cpu_set_t set;
    if (cpu < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        fail("cannot bind to a CPU");
}

/* -- files --------------------------------------------------------------------------------------
 */

static void write_file(int directory, const char *name, const struct image_buffer *buffer)
{
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    for (size_t at = 0; fd >= 0 && at < buffer->len;) {
        ssize_t written = write(fd, buffer->ptr + at, buffer->len - at);
        if (written <= 0)
            fail(name);
        at += (size_t)written;
    }
    if (fd < 0)
        fail(name);
    close(fd);
}

void responder_stage(struct responder *responder, uint32_t generation, enum pool_fault fault)
{
    struct image_buffer answers = {0};
    pool_answers(responder->pool, generation, fault, &answers);
    unlinkat(responder->directory_fd, STAGED, 0); /* a new file, never the mapped one */
    write_file(responder->directory_fd, STAGED, &answers);
    image_buffer_fini(&answers);
}

static void publish(const struct responder *responder)
{
    if (renameat(responder->directory_fd, STAGED, responder->directory_fd, IMAGE_ANSWERS_FILE) != 0)
        fail("cannot publish");
}

static void make_directory(struct responder *responder, const char *where)
{
    char name[IMAGE_FILE_NAME_SIZE];
    snprintf(responder->directory, sizeof responder->directory, "%.40s/change-XXXXXX", where);
    if (!mkdtemp(responder->directory) || chmod(responder->directory, 0755) != 0)
        fail(responder->directory);
    responder->directory_fd = open(responder->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    image_names_file(responder->pool->digest.byte, name);
    write_file(responder->directory_fd, name, &responder->pool->names_file);
    responder->names_fd = openat(responder->directory_fd, name, O_RDONLY | O_CLOEXEC);
    responder_stage(responder, 1, POOL_WHOLE);
    publish(responder);
}

/* -- the process --------------------------------------------------------------------------------
 */

static void listen_control(struct responder *responder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/" CONTROL, responder->directory);
    responder->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (responder->listener < 0 ||
        bind(responder->listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(responder->listener, 1) != 0)
        fail("cannot listen");
}

uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        fail("no free port");
    close(fd);
    return ntohs(address.sin_port);
}

static void become(const struct responder *responder, const struct responder_options *options)
{
    char socket[128], workers[16], listens[32];
    snprintf(socket, sizeof socket, "%s/" CONTROL, responder->directory);
    snprintf(workers, sizeof workers, "%u", options->workers);
    snprintf(listens, sizeof listens, "127.0.0.1:%u", responder->port);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bind_cpu(options->cpu);
    if (!getenv("SRVPLAN_SHOW_LOG")) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDERR_FILENO);
        dup2(null, STDOUT_FILENO);
    }
    execl(options->program, options->program, "--image", responder->directory, "--control", socket,
          "--listen", listens, "--workers", workers, "--rate-limit", RATE_LIMIT, (char *)NULL);
    _exit(127);
}

static void accept_hello(struct responder *responder)
{
    struct pollfd watched = {.fd = responder->listener, .events = POLLIN};
    struct handover_packet packet;
    struct error err = {0};
    if (poll(&watched, 1, HELLO_MS) != 1)
        fail("the responder does not connect");
    responder->socket = accept4(responder->listener, NULL, NULL, SOCK_CLOEXEC);
    if (responder->socket < 0)
        fail("accept");
    must(handover_receive(responder->socket, &packet, &err) == HANDOVER_GOT, &err);
    handover_packet_close(&packet);
    responder->generation = (uint32_t)packet.message.generation;
    fcntl(responder->socket, F_SETFL, O_NONBLOCK);
}

void responder_start(struct responder *responder, const struct pool *pool,
                     const struct responder_options *options)
{
    *responder = (struct responder){.pool = pool, .answers_fd = -1};
    make_directory(responder, options->where);
    listen_control(responder);
    responder->port = free_port();
    responder->pid = fork();
    if (responder->pid < 0)
        fail("fork");
    if (responder->pid == 0)
        become(responder, options);
    accept_hello(responder);
}

void responder_stop(struct responder *responder)
{
    char command[96];
    kill(responder->pid, SIGTERM);
    int status = 0;
    waitpid(responder->pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "responder: ended with status %#x\n", (unsigned)status);
        exit(EXIT_FAILURE);
    }
    fd_close(&responder->socket);
    fd_close(&responder->listener);
    fd_close(&responder->names_fd);
    fd_close(&responder->answers_fd);
    fd_close(&responder->directory_fd);
    snprintf(command, sizeof command, "rm -r '%s'", responder->directory);
    if (system(command) != 0)
        fail(command);
}

/* -- generations --------------------------------------------------------------------------------
 */

void responder_load(struct responder *responder, uint32_t generation)
{
    struct handover_message load = {.kind = HANDOVER_LOAD, .generation = generation};
    struct error err = {0};
    publish(responder);
    int fds[2] = {openat(responder->directory_fd, IMAGE_ANSWERS_FILE, O_RDONLY | O_CLOEXEC),
                  responder->names_fd};
    must(handover_send(responder->socket, &load, fds, 2, &err), &err);
    fd_close(&fds[0]);
}

/* Takes one message; false: there is none. */
static bool take_message(struct responder *responder)
{
    struct handover_packet packet;
    struct error err = {0};
    switch (handover_receive(responder->socket, &packet, &err)) {
    case HANDOVER_LATER:
        return false;
    case HANDOVER_GONE:
        must(false, &err);
        break;
    case HANDOVER_GOT:
        break;
    }
    if (packet.message.kind == HANDOVER_SERVED)
        responder->generation = (uint32_t)packet.message.generation;
    else if (packet.message.kind == HANDOVER_RETIRED)
        responder->retired++;
    else {
        fprintf(stderr, "responder: message of kind %u: %s\n", packet.message.kind,
                packet.message.text);
        exit(EXIT_FAILURE);
    }
    handover_packet_close(&packet);
    return true;
}

bool responder_is_served(struct responder *responder, uint32_t generation, int wait_ms)
{
    struct pollfd watched = {.fd = responder->socket, .events = POLLIN};
    while (responder->generation != generation) {
        if (take_message(responder))
            continue;
        if (wait_ms == 0 || poll(&watched, 1, wait_ms) == 0)
            return false;
    }
    return true;
}
