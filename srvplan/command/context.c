/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/context.h"

#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "srvplan/report/report_yaml.h"

/* NO_COLOR (no-color.org) and CLICOLOR_FORCE count when set and not empty; the first wins. */
static bool colors_wanted(const char *choice, FILE *stream)
{
    const char *no_color = getenv("NO_COLOR");
    const char *force = getenv("CLICOLOR_FORCE");
    const char *term = getenv("TERM");
    if (strcmp(choice, "auto") != 0)
        return strcmp(choice, "always") == 0;
    if (no_color && no_color[0])
        return false;
    if (force && force[0] && strcmp(force, "0") != 0)
        return true;
    return isatty(fileno(stream)) && term && strcmp(term, "dumb") != 0;
}

struct output output_for(const struct invocation *invocation)
{
    const char *color = invocation_value(invocation, OPTION_COLOR, "auto");
    enum output_format format = invocation_format(invocation);
    return (struct output){
        .out = stdout,
        .err = stderr,
        .is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        .colors_out = colors_wanted(color, stdout),
        .colors_err = colors_wanted(color, stderr),
        .is_quiet = invocation_has(invocation, OPTION_QUIET),
        .is_verbose = invocation_has(invocation, OPTION_VERBOSE),
        .format = format,
        .is_json = format == OUTPUT_JSON || format == OUTPUT_YAML,
    };
}

/* Bidirectional controls reorder what a reader sees ("Trojan Source", CVE-2021-42574). */
static bool is_bidi_control(wchar_t c)
{
    return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e ||
           c == 0x200f;
}

const char *output_text(const struct output *output, const char *text, struct arena *arena)
{
    size_t len = strlen(text);
    char *clean = arena_array(arena, char, len + 1);
    size_t written = 0;
    mbstate_t state = {0};
    for (size_t at = 0; at < len;) {
        wchar_t c = 0;
        size_t size = output->is_utf8 ? mbrtowc(&c, text + at, len - at, &state) : 1;
        bool is_broken = size == 0 || size > len - at;
        if (!output->is_utf8)
            c = (unsigned char)text[at] < 0x7f ? text[at] : 0;
        if (is_broken) {
            memset(&state, 0, sizeof state);
            size = 1;
        }
        bool is_shown = !is_broken && (output->is_utf8 ? iswprint((wint_t)c) : c >= ' ');
        if (is_shown && !is_bidi_control(c)) {
            memcpy(clean + written, text + at, size);
            written += size;
        } else {
            clean[written++] = '?';
        }
        at += size;
    }
    return clean;
}

void output_say(const struct output *output, const char *format, ...)
{
    if (output->is_quiet)
        return;
    va_list args;
    va_start(args, format);
    vfprintf(output->err, format, args);
    va_end(args);
    fputc('\n', output->err);
}

void output_complain(const struct output *output, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs(output->colors_err ? "\033[1;31msrvplan:\033[0m " : "srvplan: ", output->err);
    vfprintf(output->err, format, args);
    va_end(args);
    fputc('\n', output->err);
}

int output_fail(const struct output *output, const struct error *err)
{
    struct arena arena = {0};
    output_complain(output, "%s", output_text(output, err->message, &arena));
    arena_fini(&arena);
    return (int)error_exit_code(err->kind);
}

/* Errors of a stream are sticky, their errno is not: ask the pipe itself whether anybody reads. */
static bool is_closed_pipe(FILE *stream)
{
    struct pollfd ready = {.fd = fileno(stream), .events = POLLOUT};
    return poll(&ready, 1, 0) == 1 && (ready.revents & POLLERR);
}

int output_finish(const struct output *output, int code)
{
    errno = 0;
    bool failed = fflush(output->out) != 0;
    int saved = errno;
    if (!failed && !ferror(output->out))
        return code;
    /* Who closed the pipe knows; a full disk must be told. */
    if (saved != EPIPE && !is_closed_pipe(output->out))
        output_complain(output, "stdout: cannot write: %s; the output is not whole",
                        saved ? strerror(saved) : "an earlier write failed");
    return code == EXIT_FINE || code == EXIT_DIFFERENT ? EXIT_FAILED : code;
}

void output_tree(const struct output *output, const json_t *document)
{
    if (output->format == OUTPUT_YAML) {
        report_yaml(output->out, document);
        return;
    }
    json_dumpf(document, output->out, JSON_INDENT(2));
    fputc('\n', output->out);
}

void output_reply(const struct output *output, const json_t *document, const char *text)
{
    if (output->format == OUTPUT_YAML)
        report_yaml(output->out, document);
    else
        fprintf(output->out, "%s\n", text);
}

const char *duration_print(int64_t duration_s, struct arena *arena)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};

    if (duration_s < 0)
        duration_s = 0;
    for (size_t i = 0; i + 1 < COUNT_OF(units); i++) {
        int64_t whole = duration_s / units[i].seconds;
        int64_t rest = duration_s % units[i].seconds / units[i + 1].seconds;
        if (whole == 0)
            continue;
        return rest ? arena_printf(arena, "%lld%s %lld%s", (long long)whole, units[i].name,
                                   (long long)rest, units[i + 1].name)
                    : arena_printf(arena, "%lld%s", (long long)whole, units[i].name);
    }
    return arena_printf(arena, "%llds", (long long)duration_s);
}
