/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/text.h"

#include "zones/rrtype.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

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

/* The fields of RDATA by type: numbers of 16 or 32 bits, names, addresses. */
enum field {
    FIELD_END,
    FIELD_U16 = LDNS_RDF_TYPE_INT16,
    FIELD_U32 = LDNS_RDF_TYPE_INT32,
    FIELD_NAME = LDNS_RDF_TYPE_DNAME,
    FIELD_A = LDNS_RDF_TYPE_A,
    FIELD_AAAA = LDNS_RDF_TYPE_AAAA,
};

static const enum field *fields_of(uint16_t type)
{
    static const enum field srv[] = {FIELD_U16, FIELD_U16, FIELD_U16, FIELD_NAME, FIELD_END};
    static const enum field soa[] = {FIELD_NAME, FIELD_NAME, FIELD_U32, FIELD_U32,
                                     FIELD_U32,  FIELD_U32,  FIELD_U32, FIELD_END};
    static const enum field ns[] = {FIELD_NAME, FIELD_END};
    static const enum field a[] = {FIELD_A, FIELD_END}, aaaa[] = {FIELD_AAAA, FIELD_END};
    static const enum field none[] = {FIELD_END};
    switch (type) {
    case RRTYPE_SRV:
        return srv;
    case RRTYPE_SOA:
        return soa;
    case RRTYPE_NS:
        return ns;
    case RRTYPE_A:
        return a;
    case RRTYPE_AAAA:
        return aaaa;
    default:
        return none;
    }
}

static size_t field_bytes(enum field field, const struct reader *r)
{
    size_t len = 0;
    switch (field) {
    case FIELD_U16:
        return 2;
    case FIELD_U32:
    case FIELD_A:
        return 4;
    case FIELD_AAAA:
        return 16;
    case FIELD_NAME:
        while (len < reader_left(r) && r->next[len] != 0)
            len += r->next[len] + 1u;
        return len + 1;
    case FIELD_END:
        break;
    }
    return 0;
}

const char *text_rdata_print(struct arena *arena, uint16_t type, struct bytes rdata)
{
    struct reader r = reader_over(rdata);
    ldns_buffer *buffer = ldns_buffer_new(LDNS_MIN_BUFLEN);
    must(buffer);
    for (const enum field *field = fields_of(type); *field != FIELD_END; field++) {
        struct bytes part = read_bytes(&r, field_bytes(*field, &r));
        must(reader_ok(&r));
        ldns_rdf *rdf = ldns_rdf_new_frm_data((ldns_rdf_type)*field, part.len, part.ptr);
        must(rdf && (field == fields_of(type) || ldns_buffer_printf(buffer, " ") > 0));
        must(ldns_rdf2buffer_str(buffer, rdf) == LDNS_STATUS_OK);
        ldns_rdf_deep_free(rdf);
    }
    struct text text = {(const char *)ldns_buffer_begin(buffer), ldns_buffer_position(buffer)};
    const char *copy = arena_cstr(arena, text);
    ldns_buffer_free(buffer);
    return copy;
}
