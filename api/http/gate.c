/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/gate.h"

#include <arpa/inet.h>
#include <string.h>

static const char *const methods[GATE_METHODS] = {
    [GATE_GET] = "GET",         [GATE_HEAD] = "HEAD",   [GATE_POST] = "POST",
    [GATE_PUT] = "PUT",         [GATE_PATCH] = "PATCH", [GATE_DELETE] = "DELETE",
    [GATE_OPTIONS] = "OPTIONS",
};

/* Fields that decide something here: two of them would let two readers decide differently. */
static const char *const single_fields[] = {
    "host",     "content-length", "authorization",  "x-api-key",    "content-type",
    "if-match", "if-none-match",  "last-event-id",  "x-request-id", "expect",
    "cookie",   "origin",         "x-srvplan-csrf",
};

const char *gate_method_print(enum gate_method method)
{
    return methods[method];
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool gate_text_is(struct text text, const char *expected)
{
    size_t i = 0;
    for (; i < text.len && expected[i]; i++) {
        if (lower(text.ptr[i]) != expected[i])
            return false;
    }
    return i == text.len && !expected[i];
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

/* RFC 9110 section 5.6.2 */
static bool is_token(struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = lower(text.ptr[i]);
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_letter && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return text.len > 0;
}

bool gate_percent_decode(struct text text, char *out, size_t *len)
{
    size_t used = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text.ptr[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (is_control(c))
            return false;
        out[used++] = c;
    }
    *len = used;
    return true;
}

/* Why the segment cannot stand in a path of ours; NULL: it can. */
static const char *segment_fault(struct text segment)
{
    char decoded[GATE_TARGET_MAX_BYTES];
    size_t len = 0;
    if (!gate_percent_decode(segment, decoded, &len))
        return "the path holds a percent sign without two digits, or a control byte";
    if (memchr(decoded, '/', len) || memchr(decoded, '\\', len))
        return "the path holds an encoded slash, or a backslash";
    struct text plain = {decoded, len};
    if (text_is(plain, ".") || text_is(plain, ".."))
        return "the path holds a '.' or '..' segment";
    return NULL;
}

static const char *path_fault(struct text path)
{
    if (path.len == 0 || path.ptr[0] != '/')
        return "the request target must be a path that starts with '/'";
    for (size_t at = 1; at <= path.len;) {
        const char *slash = memchr(path.ptr + at, '/', path.len - at);
        size_t end = slash ? (size_t)(slash - path.ptr) : path.len;
        const char *fault = segment_fault((struct text){path.ptr + at, end - at});
        if (fault)
            return fault;
        at = end + 1;
    }
    return NULL;
}

static const char *target_parse(struct text target, struct gate_head *head)
{
    if (target.len > GATE_TARGET_MAX_BYTES)
        return "the request target is longer than 2048 bytes";
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];
        if (c <= 0x20 || c >= 0x7f || c == '#' || c == '\\')
            return "the request target holds a byte that is not allowed there";
    }
    const char *question = memchr(target.ptr, '?', target.len);
    size_t path_len = question ? (size_t)(question - target.ptr) : target.len;
    head->path = (struct text){target.ptr, path_len};
    if (question)
        head->query = (struct text){question + 1, target.len - path_len - 1};
    const char *fault = path_fault(head->path);
    if (fault)
        return fault;
    char decoded[GATE_TARGET_MAX_BYTES];
    size_t len = 0;
    if (!gate_percent_decode(head->query, decoded, &len))
        return "the query holds a percent sign without two digits, or a control byte";
    return NULL;
}

static const char *request_line_parse(struct text line, struct gate_head *head)
{
    const char *space = memchr(line.ptr, ' ', line.len);
    if (!space)
        return "the request line must be: METHOD /path HTTP/1.1";
    struct text method = {line.ptr, (size_t)(space - line.ptr)};
    struct text rest = {space + 1, line.len - method.len - 1};
    head->method = GATE_METHODS;
    for (size_t i = 0; i < GATE_METHODS; i++) {
        if (text_is(method, methods[i]))
            head->method = (enum gate_method)i;
    }
    if (head->method == GATE_METHODS)
        return "the method is none that this server knows";
    space = memchr(rest.ptr, ' ', rest.len);
    if (!space)
        return "the request line must be: METHOD /path HTTP/1.1";
    struct text target = {rest.ptr, (size_t)(space - rest.ptr)};
    struct text version = {space + 1, rest.len - target.len - 1};
    if (!text_is(version, "HTTP/1.1") && !text_is(version, "HTTP/1.0"))
        return "the version must be HTTP/1.1 or HTTP/1.0, after one space";
    return target_parse(target, head);
}

static struct text trimmed(struct text text)
{
    while (text.len && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static const char *field_parse(struct text line, struct gate_head *head)
{
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
        return "a header field is folded over two lines";
    const char *colon = memchr(line.ptr, ':', line.len);
    if (!colon)
        return "a header line has no colon";
    struct text name = {line.ptr, (size_t)(colon - line.ptr)};
    if (!is_token(name))
        return "a header name is no token (RFC 9110 section 5.6.2)";
    struct text value = trimmed((struct text){colon + 1, line.len - name.len - 1});
    for (size_t i = 0; i < value.len; i++) {
        if (is_control(value.ptr[i]) && value.ptr[i] != '\t')
            return "a header value holds a control byte";
    }
    if (head->field_count == GATE_FIELDS_MAX)
        return "there are more than 64 header fields";
    head->fields[head->field_count++] = (struct gate_field){name, value};
    return NULL;
}

struct text gate_field_find(const struct gate_head *head, const char *name)
{
    for (size_t i = 0; i < head->field_count; i++) {
        if (gate_text_is(head->fields[i].name, name))
            return head->fields[i].value;
    }
    return (struct text){0};
}

static size_t field_occurrences(const struct gate_head *head, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < head->field_count; i++)
        count += gate_text_is(head->fields[i].name, name);
    return count;
}

/* Name and port of a Host field; false: neither of the forms. A port that is not there is `port`.
 */
static bool host_split(struct text host, uint16_t port, struct text *name, uint64_t *number)
{
    const char *end = host.len && host.ptr[0] == '[' ? memchr(host.ptr, ']', host.len) : NULL;
    size_t from = end ? (size_t)(end - host.ptr) + 1 : 0;
    const char *colon = memchr(host.ptr + from, ':', host.len - from);
    size_t len = colon ? (size_t)(colon - host.ptr) : host.len;
    *name = (struct text){host.ptr, len};
    *number = port;
    if (end && len != from)
        return false;
    return !colon ||
           text_to_u64((struct text){colon + 1, host.len - len - 1}, 1, UINT16_MAX, number);
}

static bool is_address(struct text name)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    bool is_bracketed = name.len > 2 && name.ptr[0] == '[';
    if (is_bracketed)
        name = (struct text){name.ptr + 1, name.len - 2};
    if (name.len >= sizeof text)
        return false;
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    return inet_pton(is_bracketed ? AF_INET6 : AF_INET, text, &address) == 1;
}

/* "*." stands for one label (RFC 9525 section 6.3). */
static bool name_matches(struct text name, struct text allowed)
{
    if (text_starts_with(allowed, "*.")) {
        const char *dot = memchr(name.ptr, '.', name.len);
        if (!dot || dot == name.ptr)
            return false;
        name = (struct text){dot, name.len - (size_t)(dot - name.ptr)};
        allowed = (struct text){allowed.ptr + 1, allowed.len - 1};
    }
    bool is_same = name.len == allowed.len;
    for (size_t i = 0; i < name.len && is_same; i++)
        is_same = lower(name.ptr[i]) == allowed.ptr[i];
    return is_same;
}

static bool host_is_allowed(struct text host, const struct gate_hosts *hosts)
{
    struct text name;
    uint64_t port;
    if (hosts->is_any)
        return true;
    if (!host_split(host, hosts->port, &name, &port) || port != hosts->port)
        return false;
    for (size_t i = 0; i < hosts->name_count; i++) {
        if (name_matches(name, hosts->names[i]))
            return true;
    }
    return hosts->takes_addresses && is_address(name);
}

static const char *fields_fault(struct gate_head *head, const struct gate_hosts *hosts)
{
    if (field_occurrences(head, "host") == 0)
        return "the Host header is missing";
    for (size_t i = 0; i < COUNT_OF(single_fields); i++) {
        if (field_occurrences(head, single_fields[i]) > 1)
            return "a header that may come once came twice";
    }
    if (!host_is_allowed(gate_field_find(head, "host"), hosts))
        return "the Host header names another server; use the address that this one listens on";
    if (field_occurrences(head, "transfer-encoding"))
        return "Transfer-Encoding is not taken; send a Content-Length";
    struct text length = gate_field_find(head, "content-length");
    head->has_content_length = length.ptr != NULL;
    if (length.ptr && !text_to_u64(length, 0, INT64_MAX, &head->content_length))
        return "Content-Length must be one number in digits";
    struct text expect = gate_field_find(head, "expect");
    head->expects_continue = expect.ptr != NULL;
    if (expect.ptr && !gate_text_is(expect, "100-continue"))
        return "Expect can only be 100-continue";
    return NULL;
}

/* How far the bytes go in whole lines: finds the empty line, and every byte that must not come
 * before it, so that a head that can never become right is refused at once. */
static enum gate_verdict head_find(struct bytes came, size_t *head_len, const char **reason)
{
    for (size_t i = 0; i < came.len && i < GATE_HEAD_MAX_BYTES; i++) {
        char c = (char)came.ptr[i];
        if (c == '\n') {
            if (i == 0 || came.ptr[i - 1] != '\r') {
                *reason = "a line ends with a bare LF; lines end with CR LF";
                return GATE_REFUSE;
            }
            if (i >= 3 && came.ptr[i - 2] == '\n') {
                *head_len = i + 1;
                return GATE_PASS;
            }
        } else if (i > 0 && came.ptr[i - 1] == '\r') {
            *reason = "a CR stands alone; lines end with CR LF";
            return GATE_REFUSE;
        } else if (is_control(c) && c != '\r' && c != '\t') {
            *reason = "the head holds a control byte";
            return GATE_REFUSE;
        }
    }
    if (came.len < GATE_HEAD_MAX_BYTES)
        return GATE_INCOMPLETE;
    *reason = "the head of the request is longer than 8 KiB";
    return GATE_REFUSE;
}

enum gate_verdict gate_judge(struct bytes came, const struct gate_hosts *hosts,
                             struct gate_head *head, const char **reason)
{
    memset(head, 0, sizeof *head);
    if (came.len >= 2 && came.ptr[0] == '\r' && came.ptr[1] == '\n') {
        *reason = "an empty line stands before the request line";
        return GATE_REFUSE;
    }
    enum gate_verdict verdict = head_find(came, &head->len, reason);
    if (verdict != GATE_PASS)
        return verdict;
    const char *line = (const char *)came.ptr, *end = line + head->len - 2;
    *reason = NULL;
    for (bool is_first = true; line < end && !*reason; is_first = false) {
        const char *cr = memchr(line, '\r', (size_t)(end - line));
        struct text text = {line, (size_t)(cr - line)};
        *reason = is_first ? request_line_parse(text, head) : field_parse(text, head);
        line = cr + 2;
    }
    if (!*reason)
        *reason = fields_fault(head, hosts);
    return *reason ? GATE_REFUSE : GATE_PASS;
}
