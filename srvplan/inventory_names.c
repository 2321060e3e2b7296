/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/inventory_names.h"

#include "srvplan/inventory_read.h"
#include "zones/text.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <stdlib.h>
#include <string.h>

enum {
    U_NAME_MAX_BYTES = 1024 /* 253 letters of four bytes; libidn2 refuses what is too long in DNS */
};

static bool is_address(struct text text)
{
    char string[INET6_ADDRSTRLEN] = "";
    uint8_t address[16];
    if (text.len == 0 || text.len >= sizeof string)
        return false;
    memcpy(string, text.ptr, text.len);
    return inet_pton(AF_INET, string, address) == 1 || inet_pton(AF_INET6, string, address) == 1;
}

static bool is_label_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* What is wrong with a label, or NULL. */
static const char *label_mistake(struct text label)
{
    if (label.len == 0)
        return "an empty label (two dots in a row, or one in front)";
    if (label.len > LABEL_MAX_BYTES)
        return "a label of more than 63 characters";
    for (size_t i = 0; i < label.len; i++)
        if (!is_label_byte(label.ptr[i]))
            return "a character other than letters, digits, \"-\", \"_\" and \".\"";
    if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
        return "a label with \"-\" at its begin or end";
    return NULL;
}

static const char *ascii_mistake(struct text text)
{
    if (text.len == 0)
        return "nothing";
    if (text_is(text, "."))
        return "the root";
    size_t len = text.ptr[text.len - 1] == '.' ? text.len - 1 : text.len;
    for (size_t at = 0; at <= len;) {
        size_t end = at;
        while (end < len && text.ptr[end] != '.')
            end++;
        const char *mistake = label_mistake((struct text){text.ptr + at, end - at});
        if (mistake)
            return mistake;
        at = end + 1;
    }
    return NULL;
}

static bool is_ascii(struct text text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.ptr[i] > 0x7f)
            return false;
    return true;
}

/* What libidn2 says, and what that means to somebody who has not read RFC 5891. */
static const struct {
    int code;
    const char *what, *mend;
} idn_rows[] = {
    {IDN2_2HYPHEN, "a label with \"--\" as its third and fourth character",
     "rename it, or write the A-label (\"xn--…\") if that is what it is"},
    {IDN2_HYPHEN_STARTEND, "a label with \"-\" at its begin or end", "rename it"},
    {IDN2_LEADING_COMBINING, "a label that begins with a combining mark",
     "put the letter that it belongs to in front of it"},
    {IDN2_CONTEXTJ, "a joiner where no letters join", "remove the invisible character"},
    {IDN2_CONTEXTO, "a character that stands between certain letters only", "remove it"},
    {IDN2_BIDI,
     "a label that mixes directions of writing, or digits with letters written from "
     "right to left, as RFC 5893 does not allow",
     "use one script in a label"},
    {IDN2_ALABEL_ROUNDTRIP_FAILED, "a character other than letters, digits, \"-\", \"_\" and \".\"",
     "write for example \"bücher.example\""},
    {IDN2_PUNYCODE_BAD_INPUT, "a label with \"xn--\" that is no A-label",
     "write the label in its own letters"},
    {IDN2_PUNYCODE_OVERFLOW, "a label with \"xn--\" that is no A-label",
     "write the label in its own letters"},
    {IDN2_TOO_BIG_LABEL, "a label of more than 63 characters as A-label", "use a shorter one"},
    {IDN2_TOO_BIG_DOMAIN, "more than 255 characters as A-labels", "use a shorter one"},
    {IDN2_UNASSIGNED, "a character that Unicode had not when libidn2 was made", "use another one"},
};

/* The first character that no label may hold, in quotes; NULL: each may, alone. */
static const char *disallowed_find(struct arena *arena, struct text text)
{
    for (size_t at = 0, end; at < text.len; at = end) {
        for (end = at + 1; end < text.len && ((uint8_t)text.ptr[end] & 0xc0) == 0x80;)
            end++;
        const char *character = arena_cstr(arena, (struct text){text.ptr + at, end - at});
        char *converted = NULL;
        int code = (uint8_t)text.ptr[at] < 0x80
                       ? IDN2_OK
                       : idn2_to_ascii_8z(character, &converted, IDN2_NONTRANSITIONAL);
        idn2_free(converted);
        if (code == IDN2_DISALLOWED)
            return arena_printf(arena, "\"%s\", which domain names do not have (IDNA2008)",
                                character);
    }
    return NULL;
}

static bool idn_refuse(struct arena *arena, struct text text, int code,
                       struct name_mistake *mistake)
{
    const char *disallowed = code == IDN2_DISALLOWED ? disallowed_find(arena, text) : NULL;
    mistake->what = disallowed ? disallowed : idn2_strerror(code);
    mistake->mend = disallowed ? "use letters and digits" : "write the A-label (\"xn--…\")";
    for (size_t i = 0; i < COUNT_OF(idn_rows); i++)
        if (idn_rows[i].code == code) {
            mistake->what = idn_rows[i].what;
            mistake->mend = idn_rows[i].mend;
        }
    return false;
}

bool inventory_name_to_ascii(struct arena *arena, struct text text, struct text *ascii,
                             struct name_mistake *mistake)
{
    mistake->mend = "write for example \"xmpp1.example.org\"";
    *ascii = text;
    if (!is_ascii(text)) {
        char *converted = NULL;
        if (text.len > U_NAME_MAX_BYTES)
            return idn_refuse(arena, text, IDN2_TOO_BIG_DOMAIN, mistake);
        int code = idn2_to_ascii_8z(arena_cstr(arena, text), &converted,
                                    IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
        if (code == IDN2_OK)
            *ascii = arena_text(arena, text_from(converted));
        else
            idn_refuse(arena, text, code, mistake);
        idn2_free(converted);
        if (code == IDN2_MALLOC)
            abort();
        if (code != IDN2_OK)
            return false;
    }
    mistake->what = ascii_mistake(*ascii);
    return mistake->what == NULL;
}

bool name_read(struct load *load, const struct place *place, struct text text, struct name *name)
{
    struct error err = {0};
    struct text ascii;
    struct name_mistake mistake;
    if (is_address(text)) { /* named reads 192.0.2.11 as a name below the zone */
        mistake_add(&load->mistakes, place, "host-is-address",
                    "write a host name; addresses go into \"addresses\"",
                    "expected a domain name, found the address %s",
                    mistakes_quote(&load->mistakes, text));
        return false;
    }
    if (!inventory_name_to_ascii(&load->scratch, text, &ascii, &mistake)) {
        mistake_add(&load->mistakes, place, "bad-name", mistake.mend,
                    "expected a domain name, found %s in %s", mistake.what,
                    mistakes_quote(&load->mistakes, text));
        return false;
    }
    if (!text_name_parse(load->arena, ascii, name, &err)) {
        mistake_add(&load->mistakes, place, "bad-name", "write a shorter one",
                    "expected a domain name, found %s: %s", mistakes_quote(&load->mistakes, text),
                    err.message);
        return false;
    }
    return true;
}

void read_name(struct load *load, const struct place *place, json_t *value,
               const struct key_row *row, void *field)
{
    (void)row;
    if (json_is_string(value))
        (void)name_read(load, place, json_text(value), field);
    else
        expected(load, place, "a domain name in quotes", value);
}

static int ipv4_order(const void *a, const void *b)
{
    return memcmp(a, b, 4);
}

static int ipv6_order(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

/* Addresses while they are read: an array for each family, with room for all. */
struct address_room {
    uint8_t (*ipv4)[4];
    uint8_t (*ipv6)[16];
    uint32_t ipv4_count, ipv6_count;
};

/* Adds an address unless it is there already; returns whether it was new. */
static bool address_add(uint8_t *all, uint32_t *count, const uint8_t *address, size_t size)
{
    for (uint32_t i = 0; i < *count; i++)
        if (memcmp(all + i * size, address, size) == 0)
            return false;
    memcpy(all + *count * size, address, size);
    ++*count;
    return true;
}

static void address_read(struct load *load, const struct place *place, const json_t *value,
                         struct address_room *room)
{
    uint8_t address[16];
    bool is_new = true;
    if (!json_is_string(value)) {
        expected(load, place, "an IPv4 or IPv6 address in quotes", value);
        return;
    }
    if (inet_pton(AF_INET, json_string_value(value), address) == 1)
        is_new = address_add(*room->ipv4, &room->ipv4_count, address, sizeof *room->ipv4);
    else if (inet_pton(AF_INET6, json_string_value(value), address) == 1)
        is_new = address_add(*room->ipv6, &room->ipv6_count, address, sizeof *room->ipv6);
    else
        mistake_add(&load->mistakes, place, "bad-address",
                    "write it like \"192.0.2.11\" or \"2001:db8::11\", without port or prefix",
                    "expected an IPv4 or IPv6 address, found %s",
                    mistakes_quote(&load->mistakes, json_text(value)));
    if (!is_new)
        mistake_add(&load->mistakes, place, "duplicate-item", "remove one of them",
                    "expected each address once, found %s again",
                    mistakes_quote(&load->mistakes, json_text(value)));
}

void read_addresses(struct load *load, const struct place *place, json_t *value,
                    const struct key_row *row, void *field)
{
    struct address_list *list = field;
    if (!list_expected(load, place, value, (size_t)row->min))
        return;
    size_t count = json_array_size(value);
    enum {
        ADDRESSES_MAX = 64
    }; /* more make an RRset that no UDP answer holds */
    if (count > ADDRESSES_MAX) {
        mistake_add(&load->mistakes, place, "too-many-addresses", "give each host its own node",
                    "expected at most %d addresses, found %zu", ADDRESSES_MAX, count);
        return;
    }
    struct address_room room = {
        .ipv4 = arena_alloc_array(load->arena, count, sizeof *room.ipv4),
        .ipv6 = arena_alloc_array(load->arena, count, sizeof *room.ipv6),
    };
    for (size_t i = 0; i < count; i++) {
        struct place item = place_item(place, i);
        address_read(load, &item, json_array_get(value, i), &room);
    }
    if (room.ipv4_count > 1)
        qsort(room.ipv4, room.ipv4_count, sizeof *room.ipv4, ipv4_order);
    if (room.ipv6_count > 1)
        qsort(room.ipv6, room.ipv6_count, sizeof *room.ipv6, ipv6_order);
    *list = (struct address_list){(const uint8_t(*)[4])room.ipv4, room.ipv4_count,
                                  (const uint8_t(*)[16])room.ipv6, room.ipv6_count};
}
