/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "zones/base/bytes.h"

enum {
    NOBODY = 65534
};

static const char mend[] = "run it where the kernel allows that; --no-sandbox is for debugging";

/* -- who to be ----------------------------------------------------------------------------------
 */

bool sandbox_find_user(const char *name, struct sandbox_user *user, struct error *err)
{
    *user = (struct sandbox_user){.uid = geteuid(), .gid = getegid()};
    if (!name && geteuid() != 0)
        return true;
    errno = 0;
    const struct passwd *found = getpwnam(name ? name : "nobody");
    if (!found && name)
        return error_set(err, ERROR_USAGE, "--user: there is no user \"%.60s\"; make it first",
                         name);
    user->uid = found ? found->pw_uid : NOBODY;
    user->gid = found ? found->pw_gid : NOBODY;
    user->is_other = geteuid() == 0;
    if (!user->is_other && user->uid != geteuid())
        return error_set(err, ERROR_USAGE, "--user: only root can become %.60s; leave it out",
                         name);
    return true;
}

bool sandbox_find_owner(const char *path, struct sandbox_user *user, struct error *err)
{
    char directory[4096];
    struct stat status;
    const char *slash = strrchr(path, '/');
    *user = (struct sandbox_user){.uid = geteuid(), .gid = getegid()};
    if (geteuid() != 0)
        return true;
    snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    if (stat(directory, &status) != 0)
        return error_system(err, directory, "make the directory of the socket first",
                            "cannot see who owns it");
    user->uid = status.st_uid;
    user->gid = status.st_gid;
    user->is_other = true;
    return true;
}

/* -- step one -----------------------------------------------------------------------------------
 */

/* Not allowed to drop the bounding set: then there is nothing in it that we could get. */
static void drop_bounding_set(void)
{
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0;
         capability++)
        (void)!prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

/* Where a service manager forbids capset(2), there must be none to drop. */
static bool drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0}, left[COUNT_OF(none)];
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
        syscall(SYS_capset, &header, none) == 0)
        return true;
    int why = errno;
    bool has_none = syscall(SYS_capget, &header, left) == 0 && memcmp(left, none, sizeof none) == 0;
    errno = why;
    return has_none;
}

static bool become(const struct sandbox_user *user)
{
    return !user->is_other ||
           (setgroups(0, NULL) == 0 && setresgid(user->gid, user->gid, user->gid) == 0 &&
            setresuid(user->uid, user->uid, user->uid) == 0);
}

/* All that the kernel can forbid of files, but for reading below `readable`. Kernels without
 * Landlock are fine, and so are older ones, which know less of it. */
static bool forbid_files(int readable)
{
    static const uint64_t first = LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1, refer = 1 << 13,
                          truncate_file = 1 << 14, ioctl_device = 1 << 15;
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1)
        return true;
    struct landlock_ruleset_attr rules = {.handled_access_fs = first | (version >= 2 ? refer : 0) |
                                                               (version >= 3 ? truncate_file : 0) |
                                                               (version >= 5 ? ioctl_device : 0)};
    int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules.handled_access_fs, 0);
    if (fd < 0)
        return false;
    struct landlock_path_beneath_attr below = {.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
                                               .parent_fd = readable};
    bool done = (readable < 0 ||
                 syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &below, 0) == 0) &&
                syscall(SYS_landlock_restrict_self, fd, 0) == 0;
    close(fd);
    return done;
}

bool sandbox_drop(const struct sandbox_user *user, int readable, struct error *err)
{
    const struct rlimit none = {0};
    drop_bounding_set();
    if (!become(user))
        return error_system(err, "sandbox", "start it as the user that it is to run as",
                            "cannot become another user");
    if (!drop_capabilities())
        return error_system(err, "sandbox", mend, "cannot drop capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        setrlimit(RLIMIT_CORE, &none) != 0)
        return error_system(err, "sandbox", mend, "cannot give up privileges");
    return forbid_files(readable) ||
           error_system(err, "sandbox", mend, "cannot give up files (Landlock)");
}

/* -- step two -----------------------------------------------------------------------------------
 */

/* A call that is allowed, if these of its arguments, masked, have these values. */
struct rule {
    int call;
    unsigned conditions;
    struct scmp_arg_cmp condition[2];
};

/* clang-format off */
#define IS(n, mask, value) {(n), SCMP_CMP_MASKED_EQ, (mask), (value)}
#define CALL(name) {.call = SCMP_SYS(name)}
#define CALL_IF(name, n, value) \
    {.call = SCMP_SYS(name), .conditions = 1, .condition = {IS(n, UINT32_MAX, value)}}
#define CALL_WITHOUT(name, n, flag) \
    {.call = SCMP_SYS(name), .conditions = 1, .condition = {IS(n, flag, 0)}}
#define SETSOCKOPT(level, option) \
    {.call = SCMP_SYS(setsockopt), .conditions = 2, \
     .condition = {IS(1, UINT32_MAX, level), IS(2, UINT32_MAX, option)}}

static const struct rule answers[] = {
    /* every batch */
    CALL(recvmmsg), CALL(sendmmsg), CALL(clock_gettime), CALL(futex),
    /* TCP */
    CALL(epoll_wait), CALL(epoll_pwait), CALL(epoll_ctl), CALL(accept4), CALL(recvfrom),
    CALL(sendto), CALL(shutdown), CALL(close), CALL_IF(ioctl, 1, SIOCOUTQ), CALL(getsockopt),
    SETSOCKOPT(IPPROTO_TCP, TCP_NODELAY), SETSOCKOPT(SOL_SOCKET, SO_LINGER),
    SETSOCKOPT(SOL_SOCKET, SO_SNDBUF), SETSOCKOPT(SOL_SOCKET, SO_RCVBUF),
    /* control, the service manager, signals, the log */
    CALL(poll), CALL(ppoll), CALL(recvmsg), CALL(sendmsg), CALL(read), CALL(write), CALL(writev),
    CALL(pread64), CALL(getpid), CALL(gettid), CALL(nanosleep), CALL(clock_nanosleep),
    CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(restart_syscall), CALL(sched_yield),
    CALL(gettimeofday),
    /* an image and its last-served memory */
    CALL_WITHOUT(mmap, 2, PROT_EXEC), CALL_WITHOUT(mprotect, 2, PROT_EXEC), CALL(munmap),
    CALL(madvise), CALL(brk), CALL(mremap), CALL(memfd_create), CALL(ftruncate),
    CALL(fstat), CALL_IF(newfstatat, 3, AT_EMPTY_PATH),
    CALL_IF(fcntl, 1, F_ADD_SEALS), CALL_IF(fcntl, 1, F_GET_SEALS),
    /* the end */
    CALL(exit), CALL(exit_group), CALL(getrandom),
    /* the start of a thread, which may come after that of the sandbox */
    CALL(set_robust_list), CALL(rseq), CALL_IF(setpriority, 0, PRIO_PROCESS),
};

static const struct rule porters[] = {
    CALL(recvmsg), CALL(sendmsg), CALL(close), CALL_IF(socket, 0, AF_UNIX), CALL(connect),
    CALL(openat), CALL(pread64), CALL(fstat), CALL_IF(newfstatat, 3, AT_EMPTY_PATH),
    CALL(rt_sigreturn), CALL(restart_syscall), CALL(exit_group), CALL(write), CALL(writev),
};

#if SRVPLAN_INSTRUMENTED /* sanitizers, coverage */
static const struct rule instruments[] = {
    CALL(sigaltstack), CALL(prctl), CALL(sched_getaffinity), CALL(getrusage), CALL(getppid),
    CALL(rt_sigaction), CALL(mincore), CALL(readlink), CALL(brk), CALL(munmap), CALL(madvise),
    CALL(futex), CALL(clock_gettime), CALL(gettid), CALL(getpid), CALL(exit), CALL(sched_yield),
    CALL(rt_sigprocmask), CALL(msync), CALL(lseek),
    CALL_WITHOUT(mmap, 2, PROT_EXEC), CALL_WITHOUT(mprotect, 2, PROT_EXEC),
};
#else
static const struct rule instruments[] = {CALL(exit_group)};
#endif
/* clang-format on */

/* 0, or a negative errno. */
static int add_rules(scmp_filter_ctx filter, const struct rule *rules, size_t count)
{
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        const struct rule *rule = &rules[i];
        result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule->call, rule->conditions,
                                        rule->condition);
        if (result == -EDOM) /* this machine has not got such a call */
            result = 0;
    }
    return result;
}

/* A thread may signal another of ours, and nobody else. */
static int add_own_signals(scmp_filter_ctx filter)
{
    struct scmp_arg_cmp ours = {
        .arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)getpid(), .datum_b = 0};
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &ours);
}

#if SRVPLAN_INSTRUMENTED
static bool is_closed;
int __lsan_is_turned_off(void);

/* LeakSanitizer asks this at the end. */
int __lsan_is_turned_off(void)
{
    return is_closed;
}
#else
static bool is_closed;
#endif

bool sandbox_close(enum sandbox_role role, struct error *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    const struct rule *rules = role == SANDBOX_ANSWERS ? answers : porters;
    size_t count = role == SANDBOX_ANSWERS ? COUNT_OF(answers) : COUNT_OF(porters);
    int result = filter ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;
    if (result == 0)
        result = add_rules(filter, rules, count);
    if (result == 0)
        result = add_rules(filter, instruments, COUNT_OF(instruments));
    if (result == 0)
        result = add_own_signals(filter);
    if (result == 0)
        result = seccomp_load(filter);
    if (filter)
        seccomp_release(filter);
    is_closed = result == 0;
    errno = -result;
    return is_closed || error_system(err, "sandbox", mend, "cannot restrict system calls");
}
