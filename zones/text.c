/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/text.h"

#include "zones/rrtype.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What follows builds from our own validated values, so ldns fails only without memory. */
static void must(bool done)
{
    if (!done)
        abort();
}

static const char *name_mistake(ldns_status status)
{
    switch (status) {
    case LDNS_STATUS_LABEL_OVERFLOW:
        return "a label is longer than 63 octets";
    case LDNS_STATUS_DOMAINNAME_OVERFLOW:
        return "longer than 255 octets";
    case LDNS_STATUS_EMPTY_LABEL:
        return "has an empty label (two dots in a row)";
    case LDNS_STATUS_SYNTAX_BAD_ESCAPE:
        return "has a bad escape: \\DDD is a decimal number up to 255";
    default:
        return ldns_get_errorstr_by_id(status);
    }
}

bool text_name_parse(struct arena *arena, struct text text, struct name *name, struct error *err)
{
    if (text.len == 0)
        return error_set(err, ERROR_INVALID, "empty: a domain name is expected");
    if (text.len > 4 * NAME_MAX_BYTES || memchr(text.ptr, '\0', text.len))
        return error_set(err, ERROR_INVALID, "not a domain name");
    char string[4 * NAME_MAX_BYTES + 1];
    memcpy(string, text.ptr, text.len);
    string[text.len] = '\0';
    ldns_rdf *rdf = NULL;
    ldns_status status = ldns_str2rdf_dname(&rdf, string);
    if (status != LDNS_STATUS_OK)
        return error_set(err, ERROR_INVALID, "not a domain name: %s", name_mistake(status));
    struct name parsed = {ldns_rdf_data(rdf), ldns_rdf_size(rdf)};
    bool fits = parsed.len <= NAME_MAX_BYTES;
    if (fits)
        *name = name_lower(arena, parsed);
    ldns_rdf_deep_free(rdf);
    return fits || error_set(err, ERROR_INVALID, "not a domain name: longer than 255 octets");
}

static ldns_rdf *rdf_of_name(struct name name)
{
    ldns_rdf *rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name.len, name.wire);
    must(rdf);
    return rdf;
}

const char *text_name_print(struct arena *arena, struct name name)
{
    ldns_rdf *rdf = rdf_of_name(name);
    char *string = ldns_rdf2str(rdf);
    must(string);
    const char *copy = arena_cstr(arena, text_from(string));
    free(string);
    ldns_rdf_deep_free(rdf);
    return copy;
}

/* The RDATA of an RR that holds these fields, which it takes. */
static struct bytes rdata_of(struct arena *arena, ldns_rr_type type, ldns_rdf **fields,
                             size_t count)
{
    ldns_rr *rr = ldns_rr_new_frm_type(type);
    must(rr);
    for (size_t i = 0; i < count; i++) {
        must(fields[i]);
        ldns_rdf_deep_free(ldns_rr_set_rdf(rr, fields[i], i));
    }
    ldns_buffer *buffer = ldns_buffer_new(LDNS_MIN_BUFLEN);
    must(buffer && ldns_rr_rdata2buffer_wire(buffer, rr) == LDNS_STATUS_OK);
    struct bytes copy = arena_bytes(arena, ldns_buffer_begin(buffer), ldns_buffer_position(buffer));
    ldns_buffer_free(buffer);
    ldns_rr_free(rr);
    return copy;
}

struct bytes text_rdata_srv(struct arena *arena, uint16_t priority, uint16_t weight, uint16_t port,
                            struct name target)
{
    ldns_rdf *fields[] = {
        ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, priority),
        ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, weight),
        ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, port),
        rdf_of_name(target),
    };
    return rdata_of(arena, LDNS_RR_TYPE_SRV, fields, COUNT_OF(fields));
}

struct bytes text_rdata_address(struct arena *arena, struct bytes address)
{
    bool is_ipv4 = address.len == 4;
    ldns_rdf *fields[] = {ldns_rdf_new_frm_data(is_ipv4 ? LDNS_RDF_TYPE_A : LDNS_RDF_TYPE_AAAA,
                                                address.len, address.ptr)};
    return rdata_of(arena, is_ipv4 ? LDNS_RR_TYPE_A : LDNS_RR_TYPE_AAAA, fields, 1);
}

/* A template name ends with C0 00 where another ends with the root; ldns carries its bytes. */
static ldns_rdf *rdf_of_template(struct bytes name)
{
    ldns_rdf *rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_NONE, name.len, name.ptr);
    must(rdf);
    return rdf;
}

struct bytes text_rdata_ns(struct arena *arena, struct bytes template_name)
{
    ldns_rdf *fields[] = {rdf_of_template(template_name)};
    return rdata_of(arena, LDNS_RR_TYPE_NS, fields, 1);
}

struct bytes text_rdata_soa(struct arena *arena, struct bytes mname, struct bytes rname,
                            const struct soa_numbers *numbers)
{
    ldns_rdf *fields[] = {
        rdf_of_template(mname),
        rdf_of_template(rname),
        ldns_native2rdf_int32(LDNS_RDF_TYPE_INT32, numbers->serial),
        ldns_native2rdf_int32(LDNS_RDF_TYPE_PERIOD, numbers->refresh_s),
        ldns_native2rdf_int32(LDNS_RDF_TYPE_PERIOD, numbers->retry_s),
        ldns_native2rdf_int32(LDNS_RDF_TYPE_PERIOD, numbers->expire_s),
        ldns_native2rdf_int32(LDNS_RDF_TYPE_PERIOD, numbers->minimum_s),
    };
    return rdata_of(arena, LDNS_RR_TYPE_SOA, fields, COUNT_OF(fields));
}

const char *text_type_print(struct arena *arena, uint16_t type)
{
    char *string = ldns_rr_type2str((ldns_rr_type)type);
    must(string);
    const char *copy = arena_cstr(arena, text_from(string));
    free(string);
    return copy;
}

bool text_type_parse(struct text text, uint16_t *type)
{
    char string[16] = "";
    uint64_t number;
    if (text.len == 0 || text.len >= sizeof string || memchr(text.ptr, '\0', text.len))
        return false;
    memcpy(string, text.ptr, text.len);
    if (strncasecmp(string, "TYPE", 4) == 0) { /* ldns takes what is no number as 0 */
        if (!text_to_u64((struct text){text.ptr + 4, text.len - 4}, 1, UINT16_MAX, &number))
            return false;
        *type = (uint16_t)number;
        return true;
    }
    ldns_rr_type found = ldns_get_rr_type_by_name(string);
    if (found == 0)
        return false;
    *type = (uint16_t)found;
    return true;
}

/* The RR with this RDATA at the root, or NULL when it is not RDATA of that type. */
static ldns_rr *rr_of(uint16_t type, struct bytes rdata)
{
    enum {
        HEAD_BYTES = 11 /* root, type, class, TTL, length */
    };
    size_t size = HEAD_BYTES + rdata.len, at = 0;
    uint8_t *wire = malloc(size);
    must(wire && rdata.len <= UINT16_MAX);
    struct writer w = writer_over(wire, size);
    write_u8(&w, 0);
    write_u16(&w, type);
    write_u16(&w, RRCLASS_IN);
    write_u32(&w, 0);
    write_u16(&w, (uint16_t)rdata.len);
    write_bytes(&w, rdata.ptr, rdata.len);
    ldns_rr *rr = NULL;
    ldns_status status = ldns_wire2rr(&rr, wire, size, &at, LDNS_SECTION_ANSWER);
    free(wire);
    if (status == LDNS_STATUS_OK && at == size)
        return rr;
    if (status == LDNS_STATUS_OK)
        ldns_rr_free(rr);
    return NULL;
}

/* "\# 3 000102": RDATA of any type (RFC 3597 section 5). */
static const char *rdata_print_generic(struct arena *arena, struct bytes rdata)
{
    const size_t room = 2 * rdata.len + 16;
    char *text = arena_alloc(arena, room), *at = text;
    at += snprintf(text, room, "\\# %zu%s", rdata.len, rdata.len ? " " : "");
    for (size_t i = 0; i < rdata.len; i++)
        at += sprintf(at, "%02x", rdata.ptr[i]);
    return text;
}

const char *text_rdata_print(struct arena *arena, uint16_t type, struct bytes rdata)
{
    ldns_rr *rr = rr_of(type, rdata);
    char *line = rr ? ldns_rr2str_fmt(ldns_output_format_nocomments, rr) : NULL;
    ldns_rr_free(rr);
    const char *at = line;
    for (int tabs = 0; at && tabs < 4; tabs++) { /* behind owner, TTL, class and type */
        at = strchr(at, '\t');
        at = at ? at + 1 : NULL;
    }
    const char *copy = NULL;
    if (at)
        copy = arena_cstr(arena, (struct text){at, strcspn(at, "\n")});
    free(line);
    return copy ? copy : rdata_print_generic(arena, rdata);
}
