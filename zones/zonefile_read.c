/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/zonefile_read.h"

#include "zones/rrtype.h"
#include "zones/text.h"
#include "zones/zonefile_rdata.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    TTL_MAX_S = 0x7fffffff, /* RFC 2181 section 8 */
    TOKENS_MAX = 8192,      /* of one entry; 64 KiB of RDATA has no use for more */
    MESSAGE_SIZE = 256,
};

struct reading {
    struct arena *arena;
    struct text text;
    struct name origin;
    uint32_t ttl_s;
    bool knows_ttl; /* there was a $TTL */
    uint32_t guessed_line;
    struct name owner; /* of the record before; len 0: there was none */

    size_t at, line_start; /* in the text */
    uint32_t line;

    /* The entry at hand: a record or a directive. */
    struct token *tokens;
    size_t count, capacity;
    bool begins_blank; /* the owner is left out */

    struct zonefile_record *records;
    size_t record_count, record_capacity;
    struct zonefile_fault *faults;
    size_t fault_count, fault_capacity;
};

/* ---- faults ---- */

static uint32_t column_of(const struct reading *r, size_t line_start, size_t at)
{
    uint32_t column = 1;
    for (size_t i = line_start; i < at; i++)
        column += ((uint8_t)r->text.ptr[i] & 0xc0) != 0x80; /* not those that go on a character */
    return column;
}

static bool fault(struct reading *r, const struct token *where, const char *code, const char *mend,
                  const char *format, ...) PRINTF_LIKE(5, 6);

/* Returns false. */
static bool fault(struct reading *r, const struct token *where, const char *code, const char *mend,
                  const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list args;
    if (r->fault_count == ZONEFILE_MAX_FAULTS)
        return false;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    text_end_whole(message);
    r->faults =
        arena_grow(r->arena, r->faults, &r->fault_capacity, r->fault_count + 1, sizeof *r->faults);
    r->faults[r->fault_count++] = (struct zonefile_fault){
        .code = code,
        .line = where->line,
        .column = where->column,
        .message = arena_cstr(r->arena, text_from(message)),
        .mend = arena_cstr(r->arena, text_from(mend)),
    };
    return false;
}

/* A token for a message: its beginning, and no more of it than any reader of messages can hold. */
static struct text shown(const struct token *token)
{
    size_t len = 0;
    while (len < token->text.len && len < 60 && (uint8_t)token->text.ptr[len] < 0x80)
        len++;
    return (struct text){token->text.ptr, len};
}

/* ---- tokens ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static bool ends_token(char c)
{
    return is_blank(c) || c == '\n' || c == ';' || c == '(' || c == ')';
}

static struct token token_here(const struct reading *r, size_t len)
{
    return (struct token){.text = {r->text.ptr + r->at, len},
                          .line = r->line,
                          .column = column_of(r, r->line_start, r->at)};
}

/* The end of the quoted part that begins at `at`; 0: the line ends before. */
static size_t quote_end(struct text text, size_t at)
{
    for (at++; at < text.len && text.ptr[at] != '\n'; at++) {
        if (text.ptr[at] == '\\' && at + 1 < text.len && text.ptr[at + 1] != '\n')
            at++;
        else if (text.ptr[at] == '"')
            return at + 1;
    }
    return 0;
}

/* Reads one token; false: a quote is not closed, and the rest of the line is skipped. */
static bool token_read(struct reading *r)
{
    struct text text = r->text;
    size_t end = r->at;
    bool is_quoted = text.ptr[end] == '"';
    do {
        if (text.ptr[end] == '"') {
            size_t after = quote_end(text, end);
            if (after == 0) {
                struct token here = token_here(r, 1);
                while (r->at < text.len && text.ptr[r->at] != '\n')
                    r->at++;
                return fault(r, &here, "record-syntax", "end the string with a double quote",
                             "expected a string that ends on its line, found no closing quote");
            }
            end = after;
        } else {
            end += text.ptr[end] == '\\' && end + 1 < text.len && text.ptr[end + 1] != '\n' ? 2 : 1;
        }
    } while (!is_quoted && end < text.len && !ends_token(text.ptr[end]));
    struct token token = token_here(r, end - r->at);
    r->tokens = arena_grow(r->arena, r->tokens, &r->capacity, r->count + 1, sizeof *r->tokens);
    r->tokens[r->count++] = token;
    r->at = end;
    return true;
}

static void next_line(struct reading *r)
{
    r->at++;
    r->line++;
    r->line_start = r->at;
}

static void comment_skip(struct reading *r)
{
    while (r->at < r->text.len && r->text.ptr[r->at] != '\n')
        r->at++;
}

/* The tokens up to the end of the line, or of the parentheses that are open there. False: there is
 * a fault in them, which is reported; the entry is over all the same. */
static bool entry_read(struct reading *r)
{
    bool is_good = true;
    struct token opened = {0};
    uint32_t depth = 0;
    r->count = 0;
    r->begins_blank = is_blank(r->text.ptr[r->at]);
    while (r->at < r->text.len) {
        char c = r->text.ptr[r->at];
        if (c == '\n') {
            next_line(r);
            if (depth == 0)
                return is_good;
        } else if (is_blank(c)) {
            r->at++;
        } else if (c == ';') {
            comment_skip(r);
        } else if (c == '(') {
            if (depth++ == 0)
                opened = token_here(r, 1);
            r->at++;
        } else if (c == ')') {
            struct token here = token_here(r, 1);
            r->at++;
            if (depth == 0)
                is_good = fault(r, &here, "record-syntax", "remove it, or open it with \"(\"",
                                "expected no \")\" where nothing is open, found one");
            else
                depth--;
        } else if (r->count == TOKENS_MAX) {
            struct token here = token_here(r, 1);
            r->at = r->text.len;
            return fault(r, &here, "record-syntax", "is there a \")\" missing further up?",
                         "expected at most %d words in a record, found more", TOKENS_MAX);
        } else {
            is_good = token_read(r) && is_good;
        }
    }
    if (depth > 0)
        return fault(r, &opened, "record-syntax", "close it with \")\"",
                     "expected \")\" after this \"(\", found the end of the text");
    return is_good;
}

/* ---- owner, TTL, class, type ---- */

/* Ends with a dot that is no part of a label, as that of "a\\." is. */
static bool is_absolute(struct text text)
{
    size_t escapes = 0, end = text.len - 1;
    while (escapes < end && text.ptr[end - 1 - escapes] == '\\')
        escapes++;
    return text.ptr[end] == '.' && escapes % 2 == 0;
}

static bool name_read(struct reading *r, const struct token *token, struct name *name)
{
    struct error err = {0};
    struct text text = token->text;
    struct name relative;
    if (text_is(text, "@")) {
        *name = r->origin;
        return true;
    }
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.ptr[i] > 0x7f)
            return fault(r, token, "record-owner", "write it as an A-label (\"xn--…\")",
                         "expected a name in ASCII, found other letters");
    if (!text_name_parse(r->arena, text, &relative, &err))
        return fault(r, token, "record-owner",
                     "write a name such as \"www\" or \"www.example.org.\"", "\"%.*s\": %s",
                     (int)shown(token).len, text.ptr, err.message);
    if (is_absolute(text)) {
        *name = relative;
        return true;
    }
    struct bytes labels = {relative.wire, relative.len - 1};
    if (!name_join(r->arena, labels, r->origin, name))
        return fault(r, token, "record-owner", "use a shorter one",
                     "expected a name of at most 255 octets, found more with the origin behind it");
    return true;
}

/* "3600", "1h30m": digits with a unit each, or alone. False: it is none. */
static bool ttl_parse(struct text text, uint32_t *ttl_s)
{
    static const struct {
        char unit;
        uint32_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    uint64_t sum = 0, number = 0;
    bool has_digits = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        uint32_t seconds = 0;
        if (c >= '0' && c <= '9') {
            number = number * 10 + (uint64_t)(c - '0');
            has_digits = true;
        } else {
            for (size_t k = 0; k < COUNT_OF(units); k++)
                if ((c | 0x20) == units[k].unit)
                    seconds = units[k].seconds;
            if (seconds == 0 || !has_digits)
                return false;
            sum += number * seconds;
            number = 0;
            has_digits = false;
        }
        if (number > TTL_MAX_S || sum > TTL_MAX_S)
            return false;
    }
    *ttl_s = (uint32_t)(sum + number);
    return sum + number <= TTL_MAX_S;
}

static bool ttl_read(struct reading *r, const struct token *token, uint32_t *ttl_s)
{
    return ttl_parse(token->text, ttl_s) ||
           fault(r, token, "record-ttl", "write seconds, or for example \"1h30m\"",
                 "expected a TTL from 0 to %d seconds, found \"%.*s\"", TTL_MAX_S,
                 (int)shown(token).len, token->text.ptr);
}

static bool is_word(const struct token *token, const char *word)
{
    return token->text.len == strlen(word) &&
           strncasecmp(token->text.ptr, word, token->text.len) == 0;
}

static bool class_read(struct reading *r, const struct token *token, bool *is_class)
{
    *is_class = is_word(token, "IN") || is_word(token, "CLASS1");
    if (is_word(token, "CH") || is_word(token, "HS") || is_word(token, "CS"))
        return fault(r, token, "record-class", "write IN, or leave it out",
                     "expected the class IN, found %.*s", (int)token->text.len, token->text.ptr);
    return true;
}

/* RFC 6895 section 3.1: what stands for a question or for the message itself is in no zone. */
static bool is_data_type(uint16_t type)
{
    return type != RRTYPE_OPT && !(type >= 128 && type <= 255);
}

static bool type_read(struct reading *r, const struct token *token, uint16_t *type)
{
    if (text_type_parse(token->text, type) && is_data_type(*type))
        return true;
    return fault(r, token, "record-unknown-type",
                 "write owner, TTL, class, type and data in this order; a type without a name is "
                 "written as TYPE65280 (RFC 3597)",
                 "expected the type of a record, found \"%.*s\"", (int)shown(token).len,
                 token->text.ptr);
}

/* Reads "[TTL] [class] type" or "[class] [TTL] type" from token *at on. */
static bool head_read(struct reading *r, size_t *at, struct zonefile_record *record)
{
    bool has_ttl = false, has_class = false;
    for (; *at < r->count; ++*at) {
        const struct token *token = &r->tokens[*at];
        bool is_class = false;
        if (!class_read(r, token, &is_class))
            return false;
        if (is_class && !has_class) {
            has_class = true;
        } else if (!has_ttl && token->text.ptr[0] >= '0' && token->text.ptr[0] <= '9') {
            has_ttl = true;
            if (!ttl_read(r, token, &record->ttl_s))
                return false;
        } else {
            ++*at;
            if (!has_ttl && !r->knows_ttl && r->guessed_line == 0)
                r->guessed_line = token->line;
            return type_read(r, token, &record->type);
        }
    }
    return fault(r, &r->tokens[0], "record-syntax",
                 "write owner, TTL, class, type and data, as \"www 300 IN A 192.0.2.80\"",
                 "expected the type of a record, found the end of the line");
}

/* ---- entries ---- */

static void record_read(struct reading *r)
{
    size_t at = 0;
    struct zonefile_record record = {
        .ttl_s = r->ttl_s, .line = r->tokens[0].line, .column = r->tokens[0].column};
    if (!r->begins_blank) {
        struct name owner;
        bool is_named = name_read(r, &r->tokens[at++], &owner);
        r->owner = is_named ? owner : r->origin; /* what follows without an owner is not to blame */
        if (!is_named)
            return;
    } else if (r->owner.len == 0) {
        fault(r, &r->tokens[0], "record-owner",
              "begin the line with a name, or with \"@\" for the zone itself",
              "expected an owner, found a line that begins with a space, and no record before it");
        return;
    }
    record.owner = r->owner;
    if (!head_read(r, &at, &record))
        return;
    struct zonefile_rdata_fault wrong;
    const struct zonefile_tokens data = {r->tokens + at, r->count - at, &r->tokens[at - 1]};
    if (!zonefile_rdata(r->arena, record.type, &data, r->origin, &record.rdata, &wrong)) {
        fault(r, wrong.token, "record-syntax", wrong.mend, "%s", wrong.message);
        return;
    }
    r->records = arena_grow(r->arena, r->records, &r->record_capacity, r->record_count + 1,
                            sizeof *r->records);
    r->records[r->record_count++] = record;
}

static void directive_read(struct reading *r)
{
    const struct token *name = &r->tokens[0];
    const struct token *value = r->count > 1 ? &r->tokens[1] : NULL;
    if (is_word(name, "$INCLUDE") || is_word(name, "$GENERATE")) {
        fault(r, name, "record-include", "write the lines that it stands for in its place",
              "expected records, found %.*s, which is not read here", (int)name->text.len,
              name->text.ptr);
    } else if (!is_word(name, "$ORIGIN") && !is_word(name, "$TTL")) {
        fault(r, name, "record-syntax", "remove the line",
              "expected $ORIGIN or $TTL, found \"%.*s\"", (int)shown(name).len, name->text.ptr);
    } else if (r->count != 2) {
        fault(r, value ? &r->tokens[2] : name, "record-syntax",
              "write for example \"$ORIGIN example.org.\" or \"$TTL 300\"",
              "expected one value behind %.*s, found %zu", (int)name->text.len, name->text.ptr,
              r->count - 1);
    } else if (is_word(name, "$ORIGIN")) {
        (void)name_read(r, value, &r->origin);
    } else {
        r->knows_ttl = ttl_read(r, value, &r->ttl_s) || r->knows_ttl;
    }
}

/* Text that no message could quote, and that ldns could not hold. */
static bool text_check(struct reading *r)
{
    for (size_t at = 0; at < r->text.len; at++) {
        uint8_t c = (uint8_t)r->text.ptr[at];
        if (c == '\n') {
            r->line++;
            r->line_start = at + 1;
        }
        if (c == 0 || c == 0x7f || (c < ' ' && !is_blank((char)c) && c != '\n')) {
            struct token here = {.line = r->line, .column = column_of(r, r->line_start, at)};
            return fault(r, &here, "record-syntax", "save the file as text",
                         "expected text, found the control character 0x%02X", c);
        }
    }
    return true;
}

struct zonefile_reading zonefile_read(struct arena *arena, struct text text,
                                      const struct zonefile_terms *terms)
{
    struct reading r = {
        .arena = arena, .text = text, .origin = terms->origin, .ttl_s = terms->ttl_s, .line = 1};
    if (text_check(&r)) {
        r.line = 1;
        r.line_start = text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
        r.at = r.line_start; /* editors do not show a byte order mark */
        while (r.at < text.len) {
            if (!entry_read(&r) || r.count == 0)
                continue;
            if (r.tokens[0].text.ptr[0] == '$' && !r.begins_blank)
                directive_read(&r);
            else
                record_read(&r);
        }
    }
    return (struct zonefile_reading){.records = r.records,
                                     .record_count = (uint32_t)r.record_count,
                                     .faults = r.faults,
                                     .fault_count = (uint32_t)r.fault_count,
                                     .guessed_line = r.guessed_line};
}
