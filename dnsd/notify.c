/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "zones/base/bytes.h"
#include "zones/base/file.h"

/* Half of WATCHDOG_USEC is when we say something, if it is meant for us. */
static int64_t read_watchdog(void)
{
    const char *us_text = getenv("WATCHDOG_USEC"), *pid_text = getenv("WATCHDOG_PID");
    uint64_t us, pid;
    if (!us_text || !text_to_u64(text_from(us_text), 1, INT64_MAX, &us))
        return 0;
    if (pid_text &&
        (!text_to_u64(text_from(pid_text), 1, INT32_MAX, &pid) || pid != (uint64_t)getpid()))
        return 0;
    return us < 2000 ? 1 : (int64_t)(us / 1000);
}

/* A path, or '@' and the name of an abstract socket. */
static bool connect_to(struct notify *notify, const char *path, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || len >= sizeof address.sun_path)
        return error_set(err, ERROR_USAGE, "NOTIFY_SOCKET: \"%.110s\" is no path of a UNIX socket",
                         path);
    memcpy(address.sun_path, path, len);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (notify->fd < 0 || connect(notify->fd, (const struct sockaddr *)&address,
                                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0)
        return error_system(err, path, "unset NOTIFY_SOCKET", "cannot reach the service manager");
    return true;
}

bool notify_open(struct notify *notify, struct error *err)
{
    const char *path = getenv("NOTIFY_SOCKET");
    *notify = (struct notify){.fd = -1};
    if (!path)
        return true;
    if (!connect_to(notify, path, err))
        return false;
    notify->watchdog_ms = read_watchdog();
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return true;
}

void notify_close(struct notify *notify)
{
    fd_close(&notify->fd);
}

void notify_say(const struct notify *notify, const char *format, ...)
{
    char text[512];
    va_list arguments;
    if (notify->fd < 0)
        return;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (len <= 0)
        return;
    size_t size = (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    (void)!send(notify->fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void notify_watchdog(struct notify *notify, int64_t now_ms)
{
    if (notify->watchdog_ms == 0 || now_ms - notify->said_at_ms < notify->watchdog_ms / 2)
        return;
    notify->said_at_ms = now_ms;
    notify_say(notify, "WATCHDOG=1");
}
