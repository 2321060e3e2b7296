/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In the sandbox opening, executing, making sockets and tracing fail, in every thread, and so does
 * the rest of what an intruder would like; the porter's sandbox is as tight but for its errands. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "dnsd/porter.h"
#include "dnsd/sandbox.h"
#include "zones/base/bytes.h"

enum {
    THREADS = 3,
    WORKED = 0,
};

/* -- what is tried: errno, or WORKED ------------------------------------------------------------
 */

static int result_of(long result)
{
    return result < 0 ? errno : WORKED;
}

static int try_open(void)
{
    return result_of(open("/etc/passwd", O_RDONLY));
}

static int try_open_by_name(void)
{
    return result_of(syscall(SYS_open, "/etc/passwd", O_RDONLY));
}

static int try_openat2(void)
{
    struct {
        uint64_t flags, mode, resolve;
    } how = {0};
    return result_of(syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", &how, sizeof how));
}

static int try_create(void)
{
    return result_of(creat("/tmp/srvplan-made-in-sandbox", 0600));
}

static int try_exec(void)
{
    return result_of(execl("/bin/true", "true", (char *)NULL));
}

static int try_execveat(void)
{
    char *const arguments[] = {(char[]){"true"}, NULL};
    return result_of(syscall(SYS_execveat, AT_FDCWD, "/bin/true", arguments, NULL, 0));
}

static int try_socket(void)
{
    return result_of(socket(AF_INET, SOCK_DGRAM, 0));
}

static int try_socket_v6(void)
{
    return result_of(socket(AF_INET6, SOCK_STREAM, 0));
}

static int try_socket_unix(void)
{
    return result_of(socket(AF_UNIX, SOCK_SEQPACKET, 0));
}

static int try_socket_netlink(void)
{
    return result_of(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int try_socketpair(void)
{
    int pair[2];
    return result_of(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static int try_connect(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(1)};
    return result_of(connect(STDERR_FILENO, (struct sockaddr *)&address, sizeof address));
}

static int try_bind(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    return result_of(bind(STDERR_FILENO, (struct sockaddr *)&address, sizeof address));
}

static int try_ptrace(void)
{
    return result_of(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int try_ptrace_me(void)
{
    return result_of(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int try_read_memory(void)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {&byte, 1};
    return result_of(process_vm_readv(getpid(), &here, 1, &there, 1, 0));
}

static int try_fork(void)
{
    long child = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0)
        _exit(0);
    return result_of(child);
}

static int try_kill_others(void)
{
    return result_of(kill(getpid() + 1000000, 0)) == EPERM &&
                   result_of(syscall(SYS_tgkill, getpid() + 1, getpid() + 1, 0)) == EPERM
               ? EPERM
               : WORKED;
}

static int try_executable_memory(void)
{
    void *at =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? errno : WORKED;
}

static int try_make_executable(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? errno : result_of(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

static int try_become_root(void)
{
    return result_of(syscall(SYS_setresuid, 0, 0, 0));
}

static int try_mount(void)
{
    return result_of(mount("none", "/tmp", "tmpfs", 0, NULL));
}

static int try_remove(void)
{
    return result_of(unlink("/tmp/srvplan-not-there"));
}

static int try_bpf(void)
{
    return result_of(syscall(SYS_bpf, 0, NULL, 0));
}

static int try_io_uring(void)
{
    char parameters[256] = {0};
    return result_of(syscall(SYS_io_uring_setup, 1, parameters));
}

static int try_userfaultfd(void)
{
    return result_of(syscall(SYS_userfaultfd, 0));
}

static int try_duplicate(void)
{
    return result_of(fcntl(STDERR_FILENO, F_DUPFD, 100));
}

static const struct attempt {
    const char *label;
    int (*try)(void);
    bool for_porter_too;
} attempts[] = {
    {"open", try_open, true}, /* the porter: outside of its directory */
    {"open, the old call", try_open_by_name, true},
    {"openat2", try_openat2, true},
    {"creat", try_create, true},
    {"execve", try_exec, true},
    {"execveat", try_execveat, true},
    {"socket(AF_INET)", try_socket, true},
    {"socket(AF_INET6)", try_socket_v6, true},
    {"socket(AF_UNIX)", try_socket_unix, false},
    {"socket(AF_NETLINK)", try_socket_netlink, true},
    {"socketpair", try_socketpair, true},
    {"connect", try_connect, false},
    {"bind", try_bind, true},
    {"ptrace(ATTACH)", try_ptrace, true},
    {"ptrace(TRACEME)", try_ptrace_me, true},
    {"process_vm_readv", try_read_memory, true},
    {"fork", try_fork, true},
    {"kill others", try_kill_others, true},
    {"mmap(PROT_EXEC)", try_executable_memory, true},
    {"mprotect(PROT_EXEC)", try_make_executable, true},
    {"setresuid", try_become_root, true},
    {"mount", try_mount, true},
    {"unlink", try_remove, true},
    {"bpf", try_bpf, true},
    {"io_uring", try_io_uring, true},
    {"userfaultfd", try_userfaultfd, true},
    {"fcntl(F_DUPFD)", try_duplicate, true},
};

/* -- trying: in threads of a child that enters the sandbox --------------------------------------
 */

struct report {
    int entered; /* 0, or what went wrong */
    int result[THREADS][COUNT_OF(attempts)];
    char message[sizeof(struct error)];
};

static struct {
    struct report *report;
    enum sandbox_role role;
    pthread_barrier_t go;
} shared;

static void try_all(int thread)
{
    for (size_t i = 0; i < COUNT_OF(attempts); i++)
        if (shared.role == SANDBOX_ANSWERS || attempts[i].for_porter_too)
            shared.report->result[thread][i] = attempts[i].try();
        else
            shared.report->result[thread][i] = EPERM;
}

static void *thread_run(void *argument)
{
    pthread_barrier_wait(&shared.go);
    try_all((int)(intptr_t)argument);
    return NULL;
}

/* The last thread is the one that closes the sandbox; the others were there before. */
static _Noreturn void be_child(int readable)
{
    pthread_t threads[THREADS - 1];
    struct sandbox_user user;
    struct error err = {0};
    int others = shared.role == SANDBOX_ANSWERS ? THREADS - 1 : 0;
    shared.report->entered = 1;
    pthread_barrier_init(&shared.go, NULL, (unsigned)others + 1);
    if (!sandbox_find_user(NULL, &user, &err) || !sandbox_drop(&user, readable, &err))
        goto failed;
    for (intptr_t i = 0; i < others; i++)
        if (pthread_create(&threads[i], NULL, thread_run, (void *)i) != 0)
            goto failed;
    if (!sandbox_close(shared.role, &err))
        goto failed;
    if (others) /* who is alone may not even wake the others */
        pthread_barrier_wait(&shared.go);
    try_all(THREADS - 1);
    for (int i = 0; i < others; i++)
        pthread_join(threads[i], NULL);
    shared.report->entered = 0;
failed:
    snprintf(shared.report->message, sizeof shared.report->message, "%s", err.message);
    _exit(0);
}

static struct report *enter(enum sandbox_role role, int readable)
{
    shared.role = role;
    shared.report = mmap(NULL, sizeof *shared.report, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(shared.report != MAP_FAILED);
    int status = 0;
    pid_t child = fork();
    ck_assert(child >= 0);
    if (child == 0)
        be_child(readable);
    ck_assert(waitpid(child, &status, 0) == child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %#x",
                  status);
    ck_assert_msg(shared.report->entered == 0, "%s", shared.report->message);
    return shared.report;
}

START_TEST(what_an_intruder_would_like_fails_in_every_thread)
{
    const struct report *report = enter(SANDBOX_ANSWERS, -1);
    for (int thread = 0; thread < THREADS; thread++)
        for (size_t i = 0; i < COUNT_OF(attempts); i++)
            ck_assert_msg(
                report->result[thread][i] == EPERM, "thread %d, %s: %s", thread, attempts[i].label,
                report->result[thread][i] ? strerror(report->result[thread][i]) : "it worked");
}
END_TEST

START_TEST(outside_of_the_sandbox_it_works)
{
    /* Else the other tests would show nothing. */
    ck_assert_int_eq(try_open(), WORKED);
    ck_assert_int_eq(try_openat2(), WORKED);
    ck_assert_int_eq(try_socket(), WORKED);
    ck_assert_int_eq(try_socket_unix(), WORKED);
    ck_assert_int_eq(try_fork(), WORKED);
    ck_assert_int_eq(try_executable_memory(), WORKED);
    ck_assert_int_eq(try_make_executable(), WORKED);
    ck_assert_int_eq(try_ptrace_me(), WORKED);
    ck_assert_int_eq(try_duplicate(), WORKED);
    try_exec();
    ck_abort_msg("exec came back");
}
END_TEST

START_TEST(the_porter_can_do_its_errands_and_no_more)
{
    const struct report *report = enter(SANDBOX_PORTER, -1);
    const int *result = report->result[THREADS - 1];
    for (size_t i = 0; i < COUNT_OF(attempts); i++) {
        bool by_landlock = attempts[i].try == try_open || attempts[i].try == try_create;
        if (by_landlock && result[i] != EACCES && result[i] != EPERM)
            printf("no Landlock here: the porter can open what its user can\n");
        else
            ck_assert_msg(result[i] == EPERM || by_landlock, "%s: %s", attempts[i].label,
                          result[i] ? strerror(result[i]) : "it worked");
    }
}
END_TEST

/* -- what the porter brings ---------------------------------------------------------------------
 */

static char directory[] = "/tmp/srvplan-porter-XXXXXX";

START_TEST(the_porter_says_what_it_cannot_open)
{
    struct porter porter = {.socket = -1};
    struct error err = {0};
    char control[sizeof directory + 16];
    int answers_fd = -1, names_fd = -1;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(control, sizeof control, "%s/socket", directory);
    int fd = open(directory, O_PATH | O_DIRECTORY);
    struct porter_places places = {.control = control, .directory = fd, .is_sandboxed = true};
    ck_assert(sandbox_find_owner(control, &places.user, &err));
    ck_assert_msg(porter_start(&porter, &places, &err), "%s", err.message);

    ck_assert_int_eq(porter_connect(&porter, &err), -1);
    ck_assert_int_eq(err.system_errno, ENOENT);
    err = (struct error){0};
    ck_assert(!porter_open_image(&porter, &answers_fd, &names_fd, &err));
    ck_assert_int_eq(err.system_errno, ENOENT);
    ck_assert_int_eq(answers_fd, -1);
    ck_assert_int_eq(porter_connect(&porter, &err), -1); /* it goes on */
    porter_stop(&porter);
    err = (struct error){0};
    ck_assert_int_eq(porter_connect(&porter, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.message, "restart"));
    rmdir(directory);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sandbox");
    TCase *tcase = tcase_create("sandbox");
    tcase_add_test(tcase, what_an_intruder_would_like_fails_in_every_thread);
    tcase_add_exit_test(tcase, outside_of_the_sandbox_it_works, 0); /* by what it executes */
    tcase_add_test(tcase, the_porter_can_do_its_errands_and_no_more);
    tcase_add_test(tcase, the_porter_says_what_it_cannot_open);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
