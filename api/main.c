/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvpland: the control plane. Starts the world (store, plan, image, dnsd), then the API, says that
 * it is ready, and waits for signals: SIGHUP reads settings and inventory again, SIGTERM and SIGINT
 * end API, world and dnsd, in that order. */
#include "api/auth/auth.h"
#include "api/http/http.h"
#include "api/options.h"
#include "api/store/restore.h"
#include "api/tls/context.h"
#include "api/view/view_events.h"
#include "zones/base/clock.h"
#include "zones/base/file.h"
#include "zones/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    EXIT_USAGE = 64,
    OTHER_DESCRIPTORS = 128, /* store, images, dnsd, connections that are turned away */
};

struct server {
    int argc;
    char **argv;
    struct options options; /* as started; live ones as of the last reload */
    char state_path[PATH_MAX], inventory_path[PATH_MAX], dnsd_path[PATH_MAX], socket_path[PATH_MAX],
        backup_path[PATH_MAX];
    int state_directory;
    bool has_socket_group;
    gid_t socket_group;
    struct auth *auth;
    struct events *events;
    struct world *world;
    struct http *http;
};

/* Makes the state directory: others may pass through to the image, and see no list. */
static bool open_state(struct server *server, struct error *err)
{
    const char *path = server->options.state;
    bool is_new = mkdir(path, 0711) == 0;
    if (!is_new && errno != EEXIST)
        return error_system(err, path, "make its parent directory, or name another with --state",
                            "cannot make the state directory");
    server->state_directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (is_new && server->state_directory >= 0)
        fchmod(server->state_directory, 0711); /* whatever the umask is */
    if (server->state_directory < 0 || !realpath(path, server->state_path))
        return error_system(err, path, "look at its rights", "cannot open the state directory");
    return true;
}

/* An inventory that is not there now may be there later: its path stays what it is. */
static void find_inventory(struct server *server)
{
    if (realpath(server->options.inventory, server->inventory_path))
        return;
    snprintf(server->inventory_path, sizeof server->inventory_path, "%s",
             server->options.inventory);
}

/* srvplan-dnsd: as told, or beside us. */
static void find_dnsd(struct server *server)
{
    char own[PATH_MAX] = "";
    if (server->options.dnsd) {
        snprintf(server->dnsd_path, sizeof server->dnsd_path, "%s", server->options.dnsd);
        return;
    }
    ssize_t len = readlink("/proc/self/exe", own, sizeof own - 1);
    char *slash = len > 0 ? strrchr(own, '/') : NULL;
    if (slash)
        slash[1] = '\0';
    if (snprintf(server->dnsd_path, sizeof server->dnsd_path, "%ssrvplan-dnsd", own) >=
        (int)sizeof server->dnsd_path)
        server->dnsd_path[0] = '\0';
}

/* The signals that we wait for, blocked in every thread. */
static sigset_t block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit then looks like a full disk */
    return set;
}

static void print_findings(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        fprintf(stderr, "%s:%u:%u: %s: %s; %s\n", finding->file, finding->line, finding->column,
                finding_severity_print(finding->severity), finding->message, finding->mend);
    }
}

/* The certificate and what belongs to it; *tls is NULL where there is none. */
static bool load_tls(const struct options *options, struct tls_context **tls, struct error *err)
{
    struct tls_files files = {.certificate = options->tls_cert,
                              .key = options->tls_key,
                              .client_ca = options->tls_client_ca,
                              .clients = options->tls_clients};
    *tls = NULL;
    if (!files.certificate != !files.key)
        return error_set(err, ERROR_USAGE, "--tls-cert and --tls-key come together; give %s, too",
                         files.key ? "--tls-cert" : "--tls-key");
    if (!files.certificate && (files.client_ca || files.clients[0]))
        return error_set(err, ERROR_USAGE,
                         "client certificates come by TLS; give --tls-cert and --tls-key, too");
    if (!files.certificate)
        return true;
    *tls = tls_context_load(&files, err);
    if (!*tls)
        return false;
    if (tls_context_expires_at_ms(*tls) <= clock_realtime_ms())
        log_warning("the certificate has expired; clients will refuse it",
                    log_string("file", files.certificate));
    return true;
}

/* The group of --socket-group, by name or number. */
static bool find_group(const char *name, bool *has_group, gid_t *group, struct error *err)
{
    uint64_t number = 0;
    char buffer[4096];
    struct group entry, *found = NULL;
    *has_group = name != NULL;
    if (!name)
        return true;
    if (text_to_u64(text_from(name), 0, UINT32_MAX - 1, &number)) {
        *group = (gid_t)number;
        return true;
    }
    int failed = getgrnam_r(name, &entry, buffer, sizeof buffer, &found);
    if (!found && failed != ERANGE)
        return error_set(err, ERROR_USAGE,
                         "--socket-group %s: this machine has no such group; groupadd makes one",
                         name);
    if (!found) /* too many members for the buffer: its number does without them */
        return error_set(err, ERROR_USAGE,
                         "--socket-group %s: the group is too large; give its "
                         "number",
                         name);
    *group = found->gr_gid;
    return true;
}

/* The group is that of the start: the socket's file is made for it. */
static struct auth_settings auth_settings_of(const struct server *server,
                                             const struct options *options)
{
    return (struct auth_settings){.failures = options->login_failures,
                                  .pause_s = options->login_pause_s,
                                  .session_s = options->session_s,
                                  .session_idle_s = options->session_idle_s,
                                  .has_group = server->has_socket_group,
                                  .socket_group = server->socket_group,
                                  .socket_role = (enum role)options->socket_role};
}

/* What a reload changes at once. Takes the reference. */
static void apply_live(struct server *server, const struct options *again, struct tls_context *tls)
{
    struct auth_settings settings = auth_settings_of(server, again);
    if (server->auth)
        auth_set(server->auth, &settings);
    if (tls && server->http)
        http_set_tls(server->http, tls);
    else
        tls_context_unref(tls);
}

/* See world/start.h. The first mistake goes to *err; `srvpland --config-check` shows all. */
static bool reload_settings(void *context, bool is_dry_run, char pending[static WORLD_PENDING_SIZE],
                            struct error *err)
{
    struct server *server = context;
    struct options again = {0};
    struct findings findings = {0};
    bool done = options_parse(&again, server->argc, server->argv, &findings, err) == OPTIONS_SERVE;
    if (!done && findings.count) {
        const struct finding *finding = &findings.items[0];
        error_set(err, ERROR_INVALID, "%s:%u:%u: %s; %s", finding->file, finding->line,
                  finding->column, finding->message, finding->mend);
    }
    struct tls_context *tls = NULL;
    done = done && load_tls(&again, &tls, err);
    if (done) {
        const char *names = options_pending(&server->options, &again, &again.arena);
        if (!server->options.tls_cert != !again.tls_cert) /* a listener speaks TLS, or does not */
            names =
                arena_printf(&again.arena, "%s%stls-cert", names ? names : "", names ? ", " : "");
        snprintf(pending, WORLD_PENDING_SIZE, "%s", names ? names : "");
        if (names && !is_dry_run)
            log_warning("settings wait for a restart", log_string("settings", names));
    }
    if (done && !is_dry_run)
        apply_live(server, &again, tls);
    else
        tls_context_unref(tls);
    findings_fini(&findings);
    options_fini(&again);
    return done;
}

static bool start_http(struct server *server, struct tls_context *tls, struct error *err)
{
    const struct options *options = &server->options;
    struct http_options http = {
        .address = options->api,
        .socket_path = server->socket_path,
        .has_socket_group = server->has_socket_group,
        .socket_group = server->socket_group,
        .tls = tls,
        .hosts = options->api_hosts,
        .is_insecure = options->is_insecure,
        .limits = {.connections = options->max_connections,
                   .per_address = options->max_connections_per_address,
                   .waiting = options->max_waiting,
                   .head_ms = options->request_timeout_s * 1000,
                   .request_ms = options->request_timeout_s * 1000},
        .events = server->events,
    };
    struct auth_settings settings = auth_settings_of(server, options);
    auth_set(server->auth, &settings);
    if (options->api && faccessat(server->state_directory, ".", W_OK, AT_EACCESS) != 0 &&
        errno == EROFS) {
        /* The world says so to all who ask; they cannot ask over a socket there. */
        log_warning("no UNIX socket: the state directory is read-only",
                    log_string("state", server->state_path));
        http.socket_path = NULL;
    }
    server->http = http_start(&http, server->world, server->auth, err);
    return server->http != NULL;
}

/* So many connections need as many descriptors; what is allowed beyond the usual is for asking. */
static void allow_descriptors(uint64_t connections)
{
    struct rlimit limit;
    uint64_t wanted = connections + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    (void)!setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < wanted)
        log_warning("fewer connections than wanted: raise the limit of open files",
                    log_number("wanted", (int64_t)wanted),
                    log_number("possible", (int64_t)limit.rlim_cur));
}

static bool start(struct server *server, struct error *err)
{
    struct options *options = &server->options;
    allow_descriptors(options->max_connections);
    server->events = events_new((uint64_t)clock_realtime_ms());
    if (!open_state(server, err))
        return false;
    find_inventory(server);
    find_dnsd(server);
    if (snprintf(server->socket_path, sizeof server->socket_path, "%s/api.sock",
                 server->state_path) >= (int)sizeof server->socket_path)
        return error_set(err, ERROR_USAGE, "%s: the path is too long", server->state_path);
    if (options->backup)
        snprintf(server->backup_path, sizeof server->backup_path, "%s", options->backup);
    else if (snprintf(server->backup_path, sizeof server->backup_path, "%s/backup",
                      server->state_path) >= (int)sizeof server->backup_path)
        return error_set(err, ERROR_USAGE, "%s: the path is too long", server->state_path);
    struct world_options world = {
        .state_directory = server->state_directory,
        .state_path = server->state_path,
        .inventory_path = server->inventory_path,
        .backup_path = server->backup_path,
        .revisions_kept = options->revisions_kept,
        .choice = (enum world_choice)options->choice,
        .reload_settings = reload_settings,
        .reload_context = server,
        .dnsd = {.state_directory = server->state_directory,
                 .state_path = server->state_path,
                 .program = server->dnsd_path,
                 .addresses = options->dns,
                 .workers = options->workers,
                 .rate_limit = options->rate_limit},
        .on_view = view_events_publish,
        .on_view_context = server->events,
    };
    struct tls_context *tls = NULL;
    /* The world comes first: its lock on the store keeps a second srvpland from the rest. */
    bool done =
        load_tls(options, &tls, err) &&
        find_group(options->socket_group, &server->has_socket_group, &server->socket_group, err) &&
        (server->world = world_start(&world, err)) &&
        (server->auth = auth_open(server->state_directory, err)) && start_http(server, tls, err);
    tls_context_unref(tls);
    return done;
}

static void say_ready(const struct server *server)
{
    const struct world_view *view = world_view_ref(server->world);
    log_info("ready", log_string("api", http_address(server->http)),
             log_text("dns", view->dnsd.addresses), log_number("revision", (int64_t)view->revision),
             log_string("served", view->dnsd.is_in_step ? "yes" : "not yet"));
    world_view_unref(view);
}

static void stop(struct server *server, enum dnsd_ending ending)
{
    http_stop(server->http);
    world_stop(server->world, ending);
    events_free(server->events);
    auth_close(server->auth);
    fd_close(&server->state_directory);
}

static void wait_for_the_end(const struct server *server, const sigset_t *signals)
{
    for (;;) {
        int number = 0;
        if (sigwait(signals, &number) != 0)
            continue;
        if (number != SIGHUP) {
            log_info("ending", log_number("signal", number));
            return;
        }
        world_request_reload(server->world);
    }
}

/* The command line and the file. Less than 0: go on. */
static int read_settings(struct server *server)
{
    struct error err = {0};
    struct findings findings = {0};
    enum options_action action =
        options_parse(&server->options, server->argc, server->argv, &findings, &err);
    print_findings(&findings);
    findings_fini(&findings);
    switch (action) {
    case OPTIONS_SERVE:
        if (!server->options.is_check)
            return -1;
        printf("%s: fine\n", server->options.config ? server->options.config : "no file");
        return EXIT_SUCCESS;
    case OPTIONS_STOP_FINE:
        return EXIT_SUCCESS;
    case OPTIONS_STOP_USAGE:
        fprintf(stderr, "srvpland: %s; try --help\n", err.message);
        return EXIT_USAGE;
    case OPTIONS_STOP_FAILED:
        if (err.kind != ERROR_NONE)
            fprintf(stderr, "srvpland: %s\n", err.message);
        return EXIT_FAILURE;
    }
    return EXIT_FAILURE;
}

/* The user who asks, for the history. */
static struct text user_name(char name[static AUTH_ACTOR_SIZE])
{
    const struct passwd *user = getpwuid(getuid());
    if (user)
        snprintf(name, AUTH_ACTOR_SIZE, "%s", user->pw_name);
    else
        snprintf(name, AUTH_ACTOR_SIZE, "uid %u", (unsigned)getuid());
    return text_from(name);
}

static void print_restored(const struct server *server, const struct store_restored *restored)
{
    printf("%s/srvplan.db: revision %llu of the copy is revision %llu now\n", server->state_path,
           (unsigned long long)restored->copied_revision, (unsigned long long)restored->revision);
    if (restored->kept[0])
        printf("the store that was there is kept as %s/%s%s\n", server->state_path, restored->kept,
               restored->was_readable ? "" : "; it could not be read");
    if (restored->is_audit_broken)
        printf("the audit in the copy was altered; `srvplan audit-log verify` says where\n");
}

static int restore(struct server *server)
{
    char name[AUTH_ACTOR_SIZE];
    struct error err = {0};
    struct store_restored restored;
    umask(077);
    bool done = open_state(server, &err);
    struct store_restore what = {.directory = server->state_directory,
                                 .path = server->state_path,
                                 .file = server->options.restore,
                                 .actor = user_name(name),
                                 .source = text_from("srvpland --restore"),
                                 .now_ms = clock_realtime_ms()};
    done = done && store_restore(&what, &restored, &err);
    if (done)
        print_restored(server, &restored);
    else
        fprintf(stderr, "srvpland: %s\n", err.message);
    fd_close(&server->state_directory);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int serve(struct server *server)
{
    struct error err = {0};
    umask(077);
    sigset_t signals = block_signals();
    bool started = start(server, &err);
    if (started) {
        say_ready(server);
        wait_for_the_end(server, &signals);
    } else {
        fprintf(stderr, "srvpland: %s\n", err.message);
    }
    stop(server, started ? DNSD_END : DNSD_LEAVE_ADOPTED);
    return started ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct server *server = calloc(1, sizeof *server);
    if (!server)
        return EXIT_FAILURE;
    server->argc = argc;
    server->argv = argv;
    server->state_directory = -1;
    json_object_seed(0);
    int code = read_settings(server);
    if (code < 0)
        code = server->options.restore ? restore(server) : serve(server);
    options_fini(&server->options);
    free(server);
    return code;
}
