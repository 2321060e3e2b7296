/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/zonefile_rdata.h"

#include "zones/rrtype.h"
#include "zones/text.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* ldns cuts lines that are longer than a message (65,535) without a word. */
    LINE_MAX_CHARACTERS = 60000
};

/* What data look like, for the mend. `hex_from`: the words from there on are hexadecimal digits,
 * which ldns pads when one is missing. `numbers`: how many octets each of the first words has,
 * which ldns takes modulo when a number is larger. */
static const struct {
    uint16_t type;
    uint8_t hex_from; /* 0: none */
    const char *numbers;
    const char *example;
} rows[] = {
    {LDNS_RR_TYPE_A, 0, "", "192.0.2.80"},
    {LDNS_RR_TYPE_NS, 0, "", "ns1.example.org."},
    {LDNS_RR_TYPE_CNAME, 0, "", "www.example.org."},
    {LDNS_RR_TYPE_MX, 0, "2", "10 mail.example.org."},
    {LDNS_RR_TYPE_TXT, 0, "", "\"v=spf1 -all\", in strings of at most 255 octets"},
    {LDNS_RR_TYPE_AAAA, 0, "", "2001:db8::80"},
    {LDNS_RR_TYPE_SRV, 0, "222", "10 100 5222 xmpp1.example.org."},
    {LDNS_RR_TYPE_DS, 3, "211", "20326 8 2 E06D44B8…"},
    {LDNS_RR_TYPE_SSHFP, 2, "11", "4 2 123456789abcdef6…"},
    {LDNS_RR_TYPE_TLSA, 3, "111", "3 1 1 0C72AC70…"},
    {LDNS_RR_TYPE_SMIMEA, 3, "111", "3 1 1 0C72AC70…"},
    {LDNS_RR_TYPE_CAA, 0, "1", "0 issue \"letsencrypt.org\""},
    {RRTYPE_SVCB, 0, "2", "1 svc.example.org. alpn=h2"},
    {RRTYPE_HTTPS, 0, "2", "1 . alpn=h2"},
};

static bool refuse(struct arena *arena, uint16_t type, const struct zonefile_tokens *tokens,
                   const char *why, struct zonefile_rdata_fault *fault)
{
    const char *mnemonic = text_type_print(arena, type);
    fault->token = tokens->count ? &tokens->items[0] : tokens->type;
    fault->mend = "see RFC 3597 for data in hexadecimal: \\# LENGTH DIGITS";
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].type == type)
            fault->mend = arena_printf(arena, "write it like %s %s", mnemonic, rows[i].example);
    snprintf(fault->message, sizeof fault->message, "expected the data of type %s: %s", mnemonic,
             why);
    return false;
}

/* An odd count of hexadecimal digits would lose half an octet without a word. */
static bool has_odd_hex(uint16_t type, const struct zonefile_tokens *tokens)
{
    size_t from = 0, digits = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].type == type)
            from = rows[i].hex_from;
    if (from == 0 || (tokens->count && text_is(tokens->items[0].text, "\\#")))
        return false;
    for (size_t i = from; i < tokens->count; i++)
        digits += tokens->items[i].text.len;
    return digits % 2 != 0;
}

/* "70000" where 16 bits are: a word that is no number is for ldns to judge. */
static bool has_wide_number(uint16_t type, const struct zonefile_tokens *tokens)
{
    const char *numbers = "";
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].type == type)
            numbers = rows[i].numbers;
    for (size_t i = 0; numbers[i] && i < tokens->count; i++) {
        uint64_t number, most = numbers[i] == '1' ? UINT8_MAX : UINT16_MAX;
        struct text word = tokens->items[i].text;
        size_t digits = 0;
        while (digits < word.len && word.ptr[digits] >= '0' && word.ptr[digits] <= '9')
            digits++;
        if (digits == word.len && !text_to_u64(word, 0, most, &number))
            return true;
    }
    return false;
}

/* ". 0 IN TYPE WORD WORD …": what ldns reads. */
static char *line_of(const char *mnemonic, const struct zonefile_tokens *tokens)
{
    size_t size = strlen(mnemonic) + 16;
    for (size_t i = 0; i < tokens->count; i++)
        size += tokens->items[i].text.len + 1;
    char *line = malloc(size), *at = line;
    if (!line)
        abort();
    at += sprintf(at, ". 0 IN %s", mnemonic);
    for (size_t i = 0; i < tokens->count; i++) {
        *at++ = ' ';
        memcpy(at, tokens->items[i].text.ptr, tokens->items[i].text.len);
        at += tokens->items[i].text.len;
    }
    *at = '\0';
    return line;
}

static const char *reason(ldns_status status)
{
    switch (status) {
    case LDNS_STATUS_SYNTAX_SUPERFLUOUS_TEXT_ERR:
        return "there is more behind it than belongs there";
    case LDNS_STATUS_SYNTAX_MISSING_VALUE_ERR:
    case LDNS_STATUS_SYNTAX_EMPTY:
        return "something is missing at its end";
    case LDNS_STATUS_SYNTAX_RDATA_ERR:
        return "a part of it is not what it should be";
    case LDNS_STATUS_LABEL_OVERFLOW:
        return "a label is longer than 63 octets";
    case LDNS_STATUS_DOMAINNAME_OVERFLOW:
        return "a name is longer than 255 octets";
    default:
        return ldns_get_errorstr_by_id(status);
    }
}

/* The wire form, names in lower case. */
static struct bytes wire_of(struct arena *arena, ldns_rr *rr)
{
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++)
        if (ldns_rdf_get_type(ldns_rr_rdf(rr, i)) == LDNS_RDF_TYPE_DNAME)
            ldns_dname2canonical(ldns_rr_rdf(rr, i));
    ldns_buffer *buffer = ldns_buffer_new(LDNS_MIN_BUFLEN);
    if (!buffer)
        abort();
    if (ldns_rr_rdata2buffer_wire(buffer, rr) != LDNS_STATUS_OK)
        abort(); /* only for want of memory */
    struct bytes copy = arena_bytes(arena, ldns_buffer_begin(buffer), ldns_buffer_position(buffer));
    ldns_buffer_free(buffer);
    return copy;
}

bool zonefile_rdata(struct arena *arena, uint16_t type, const struct zonefile_tokens *tokens,
                    struct name origin, struct bytes *rdata, struct zonefile_rdata_fault *fault)
{
    if (tokens->count == 0)
        return refuse(arena, type, tokens, "it has none", fault);
    if (has_odd_hex(type, tokens))
        return refuse(arena, type, tokens, "a hexadecimal digit is missing", fault);
    if (has_wide_number(type, tokens))
        return refuse(arena, type, tokens, "a number is too large", fault);
    char *line = line_of(text_type_print(arena, type), tokens);
    if (strlen(line) > LINE_MAX_CHARACTERS) {
        free(line);
        return refuse(arena, type, tokens, "it is longer than 60,000 characters", fault);
    }
    ldns_rdf *dname = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, origin.len, origin.wire);
    ldns_rr *rr = NULL;
    if (!dname)
        abort();
    ldns_status status = ldns_rr_new_frm_str(&rr, line, 0, dname, NULL);
    bool done = status == LDNS_STATUS_OK;
    if (done)
        *rdata = wire_of(arena, rr);
    else
        refuse(arena, type, tokens, reason(status), fault);
    ldns_rr_free(rr);
    ldns_rdf_deep_free(dname);
    free(line);
    return done;
}
