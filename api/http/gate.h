/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gate: judges the head of an HTTP/1 request, byte by byte, before any library sees it.
 *
 * Debian's libmicrohttpd 0.9.75 lets through what others read otherwise: Content-Length beside
 * Transfer-Encoding, two Content-Lengths (a smuggled request ran), two Hosts, a bare LF or CR, a
 * NUL that cuts a header, %00 that cuts a path. So the head is parsed here, by the letter of RFC
 * 9112, and what this parser made of it is what the handlers use; the library only counts the
 * body's bytes and writes the answer. Whatever is not clearly right is refused, with a reason:
 *
 *   line      METHOD SP target SP HTTP/1.0|1.1 CRLF; a method of our list; no leading empty line
 *   target    /path[?query], at most 2,048 bytes of visible ASCII, no '#' and no backslash; every
 *             percent sign with two digits; no segment "." or ".." (also as %2e), no %2f, %5c,
 *             nor a control byte in any spelling
 *   fields    name ":" value CRLF, at most 64; names are tokens; no control bytes but HTAB in
 *             values; no folding (RFC 9112 section 5.2)
 *   Host      exactly one, in the allow-list of the listener: a page of a stranger whose name was
 *             made to resolve to us (DNS rebinding) carries its own name there
 *   framing   no Transfer-Encoding; at most one Content-Length, digits only (RFC 9112 section 6.3)
 *   once      Authorization, X-API-Key, Cookie, Origin, X-Srvplan-CSRF, Content-Type, If-Match,
 * If-None-Match, Last-Event-ID, X-Request-Id, Expect come at most once; Expect is 100-continue
 *
 * Pure: no I/O, no allocation; the slices of a parsed head borrow the bytes given. */
#pragma once
#include "zones/base/bytes.h"

enum {
    GATE_HEAD_MAX_BYTES = 8 * 1024, /* the library has 32 KiB a connection, for this and buffers */
    GATE_TARGET_MAX_BYTES = 2048,
    GATE_FIELDS_MAX = 64,
};

enum gate_verdict {
    GATE_INCOMPLETE, /* fine so far, the empty line has not come yet */
    GATE_PASS,
    GATE_REFUSE,
};

enum gate_method {
    GATE_GET,
    GATE_HEAD,
    GATE_POST,
    GATE_PUT,
    GATE_PATCH,
    GATE_DELETE,
    GATE_OPTIONS,
    GATE_METHODS,
};
const char *gate_method_print(enum gate_method method);

struct gate_field {
    struct text name, value; /* value without white space around it */
};

struct gate_head {
    size_t len; /* bytes of the head, with its empty line */
    enum gate_method method;
    struct text path;  /* raw, as sent */
    struct text query; /* raw, without '?'; empty: none */
    bool has_content_length;
    uint64_t content_length;
    bool expects_continue;
    struct gate_field fields[GATE_FIELDS_MAX];
    size_t field_count;
};

/* Which Host fields are right at a listener. */
struct gate_hosts {
    bool is_any;              /* the UNIX socket: a single one, whatever it says */
    bool takes_addresses;     /* any numeric address: nobody can make one resolve to us */
    const struct text *names; /* lower-case, without port: "localhost", "[::1]", "*.example.org" */
    size_t name_count;
    uint16_t port; /* may stand behind a name */
};

/* Judges what has come so far. GATE_PASS fills *head; GATE_REFUSE sets *reason, a fixed sentence
 * for the sender; GATE_INCOMPLETE is never given for more than GATE_HEAD_MAX_BYTES. */
enum gate_verdict gate_judge(struct bytes came, const struct gate_hosts *hosts,
                             struct gate_head *head, const char **reason);

/* The value of a field by its lower-case name; empty text with ptr NULL when it did not come. */
struct text gate_field_find(const struct gate_head *head, const char *name);

/* True when the field name or value `text` is `lower` but for the case of ASCII letters. */
bool gate_text_is(struct text text, const char *lower);

/* Decodes %XX of one path segment or query value into `out` (room for text.len bytes). False: a
 * percent sign without two hexadecimal digits, or a control byte. */
NODISCARD bool gate_percent_decode(struct text text, char *out, size_t *len);
