/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/decide.h"

#include "dnsd/chaos.h"
#include "dnsd/edns.h"
#include "zones/image.h"
#include "zones/rrtype.h"

enum {
    PLAIN_DATAGRAM_BYTES = 512, /* RFC 1035 section 2.3.4 */
    SOA_EXPIRE_AT = 12,         /* from the serial: RFC 1035 section 3.3.13 */
    FETCHED_LINES = 8,          /* of an answer: its head, and three targets with addresses */
    TSIG_TAIL_BYTES = 8,        /* no MAC: its length, original id, error, length of other data */
};

/* Where a question leads. */
struct place {
    const struct image_name *name; /* the name itself or its nearest ancestor; NULL: none */
    uint64_t hash;                 /* of that name */
    bool is_exact;
};

uint32_t decide_limit(const struct question *question, enum transport transport,
                      const struct settings *settings)
{
    if (transport == TRANSPORT_STREAM)
        return IMAGE_STREAM_MAX_BYTES;
    if (!question->has_edns || question->edns_size < PLAIN_DATAGRAM_BYTES)
        return PLAIN_DATAGRAM_BYTES;
    return question->edns_size < settings->edns_size ? question->edns_size : settings->edns_size;
}

/* Hashes of the suffixes of up to `depth` labels. */
static void hash_suffixes(const struct question *question, uint32_t depth, uint64_t seed,
                          uint64_t *hash)
{
    hash[0] = image_hash_start(seed);
    for (uint32_t labels = 1; labels <= depth; labels++) {
        uint32_t at = question->label_at[question->labels - labels];
        uint32_t end = question->label_at[question->labels - labels + 1];
        hash[labels] = image_hash_label(hash[labels - 1], question->lower + at, end - at);
    }
}

/* Of the whole name, as hash_suffixes has it. */
static uint64_t hash_name(const struct question *question, uint64_t seed)
{
    uint64_t hash = image_hash_start(seed);
    uint32_t end = question->length - 1u;
    for (uint32_t labels = 1; labels <= QUESTION_LABELS && labels <= question->labels; labels++) {
        uint32_t at = question->label_at[question->labels - labels];
        hash = image_hash_label(hash, question->lower + at, end - at);
        end = at;
    }
    return hash;
}

void decide_begin(struct question *question, const struct decide_state *state)
{
    const struct image *image = state->image;
    if (!image || question->is_bare || question->class != RRCLASS_IN ||
        question->labels > image->names_header->max_labels)
        return;
    question->hash = hash_name(question, image->names_header->hash_seed);
    question->look_up = QUESTION_HASHED;
    image_prefetch(image, question->hash);
}

void decide_find(struct question *question, const struct decide_state *state)
{
    const struct image *image = state->image;
    if (question->look_up != QUESTION_HASHED)
        return;
    const struct image_name *name =
        image_find(image, question->lower, question->length, question->hash);
    question->look_up = QUESTION_FOUND;
    question->name = IMAGE_NONE;
    if (!name)
        return;
    question->name = (uint32_t)(name - image->table);
    if (name->types != IMAGE_NONE)
        __builtin_prefetch(&image->types[name->types]);
}

/* A bet on what decide will find, nothing more: the turn may be another by then. */
void decide_fetch(const struct question *question, const struct decide_state *state)
{
    const struct image *image = state->image;
    if (question->look_up != QUESTION_FOUND || question->name == IMAGE_NONE)
        return;
    const struct image_set *set =
        image_set_at(image, image->table[question->name].types, question->type);
    if (!set || set->answer_count == 0)
        return;
    uint32_t order = state->turns[set - image->sets];
    if (order >= set->answer_count)
        order = 0;
    const uint8_t *answer = (const uint8_t *)&image->answers[set->answer_first + order];
    for (unsigned i = 0; i < FETCHED_LINES; i++)
        __builtin_prefetch(answer + i * (unsigned)IMAGE_LINE_BYTES);
}

static struct place find_place(const struct question *question, struct decide_state *state)
{
    const struct image_names_header *header = state->image->names_header;
    uint32_t labels = question->labels;
    uint32_t depth = labels < header->max_labels ? labels : header->max_labels;
    if (depth > QUESTION_LABELS) /* cannot be; says so to a verifier */
        depth = QUESTION_LABELS;
    if (question->look_up == QUESTION_FOUND) {
        if (question->name != IMAGE_NONE)
            return (struct place){.name = &state->image->table[question->name],
                                  .hash = question->hash,
                                  .is_exact = true};
        if (depth == 0)
            return (struct place){0};
        if (depth == labels)
            depth--;
    }

    hash_suffixes(question, depth, header->hash_seed, state->suffix_hash);
    for (uint32_t i = 0; i <= depth; i++) {
        uint32_t suffix = depth - i;
        uint32_t at = question->label_at[labels - suffix];
        const struct image_name *name = image_find(
            state->image, question->lower + at, question->length - at, state->suffix_hash[suffix]);
        if (name)
            return (struct place){
                .name = name, .hash = state->suffix_hash[suffix], .is_exact = suffix == labels};
    }
    return (struct place){0};
}

/* The set that answers `type` where these types are; NULL: none. */
static const struct image_set *find_set(const struct image *image, uint32_t types, uint16_t type)
{
    if (type != RRTYPE_ANY)
        return image_set_at(image, types, type);
    if (types == IMAGE_NONE || image->types[types].count == 0)
        return (const struct image_set *)0;
    const struct image_type *first = &image->types[types].entry[0];
    if (first->type == IMAGE_OTHER_TYPES) /* ANY asks for the alias, not for what it leads to */
        return image_set_at(image, types, RRTYPE_CNAME);
    return &image->sets[first->set]; /* RFC 8482 section 4.1: one RRset is enough */
}

/* One of the orders of a set, in turn. */
static uint32_t take_turn(const struct image_set *set, uint32_t *turn)
{
    uint32_t order = *turn < set->answer_count ? *turn : 0;
    *turn = order + 1;
    return set->answer_first + order;
}

/* How much of the body fits into `room`. */
static void fit_body(const struct image_answer *answer, uint32_t room, struct verdict *verdict)
{
    if (answer->required_length > answer->body_length || answer->required_length > room) {
        verdict->flags |= DNS_TC; /* RFC 2181 section 9: only then; and then nothing of it */
        return;
    }
    verdict->body = VERDICT_BODY;
    verdict->ancount = answer->ancount;
    verdict->nscount = answer->nscount;
    if (answer->body_length <= room) {
        verdict->length = answer->body_length;
        verdict->arcount = answer->arcount;
        return;
    }
    verdict->length = answer->required_length;
    verdict->arcount = answer->required_arcount;
    for (uint32_t i = 0; i < IMAGE_MAX_CUTS && i < answer->cut_count; i++) {
        if (answer->cut[i].length > room)
            break;
        if (answer->cut[i].length < answer->required_length)
            continue;
        verdict->length = answer->cut[i].length;
        verdict->arcount = answer->cut[i].arcount;
    }
}

static const struct image_long *long_of(const struct image *image,
                                        const struct image_answer *answer)
{
    const uint8_t *at = image->longs + (uint64_t)answer->long_line * IMAGE_LINE_BYTES;
    return (const struct image_long *)(const void *)at;
}

/* The whole of an answer that only a stream can carry. False: there is none that fits. */
static bool fit_long(const struct image *image, const struct image_answer *answer, uint32_t room,
                     struct verdict *verdict)
{
    if (answer->long_line == IMAGE_NONE)
        return false;
    const struct image_long *whole = long_of(image, answer);
    if (whole->length > room)
        return false;
    verdict->body = VERDICT_LONG;
    verdict->length = (uint16_t)whole->length;
    verdict->ancount = whole->ancount;
    verdict->nscount = whole->nscount;
    verdict->arcount = whole->arcount;
    return true;
}

/* RFC 7314 section 3: how long a secondary may keep this version; said with the SOA when asked. */
static void plan_expire(const struct question *question, const struct image_answer *answer,
                        struct verdict *verdict)
{
    uint32_t at = answer->serial_at + (uint32_t)SOA_EXPIRE_AT;
    if (!(question->options & QUESTION_EXPIRE) || question->type != RRTYPE_SOA ||
        answer->ancount == 0 || answer->serial_at == IMAGE_NO_PLACE ||
        at + 4 > answer->body_length || at + 4 > IMAGE_BODY_BYTES)
        return;
    verdict->options |= QUESTION_EXPIRE;
    verdict->opt_length += EDNS_EXPIRE_BYTES;
    verdict->expire_s = (uint32_t)answer->body[at] << 24 | (uint32_t)answer->body[at + 1] << 16 |
                        (uint32_t)answer->body[at + 2] << 8 | answer->body[at + 3];
}

/* Answers with a set, as far as it fits into `room`. The zone is looked at only where the answer
 * points to its apex or shows its serial: with many zones its line is not in the cache. */
static void answer_set(const struct question *question, enum transport transport,
                       struct decide_state *state, const struct image_zone *zone,
                       struct verdict *verdict)
{
    const struct image *image = state->image;
    const struct image_set *set = &image->sets[verdict->set];

    if (set->flags & IMAGE_SET_NXDOMAIN)
        verdict->rcode = DNS_NXDOMAIN;
    verdict->shown = set->shown;
    verdict->answer = take_turn(set, &state->turns[verdict->set]);
    const struct image_answer *answer = &image->answers[verdict->answer];
    plan_expire(question, answer, verdict);
    uint32_t room =
        decide_limit(question, transport, state->settings) - question->end - verdict->opt_length;
    if (room <= IMAGE_BODY_BYTES || !fit_long(image, answer, room, verdict))
        fit_body(answer, room, verdict);
    bool is_long = verdict->body == VERDICT_LONG;
    uint16_t rendered_for = is_long ? long_of(image, answer)->rendered_for : answer->rendered_for;
    verdict->body_delta = (uint16_t)(question->length - rendered_for);
    if (is_long || answer->apex_patches)
        verdict->apex_delta = (uint16_t)(question->length - zone->apex_length);
    if (is_long || answer->serial_at != IMAGE_NO_PLACE)
        verdict->serial = image->slots[zone->slot];
    if (verdict->body != VERDICT_EMPTY)
        return;
    verdict->set = IMAGE_NONE; /* TC shows nothing of the set */
    if (verdict->options & QUESTION_EXPIRE) {
        verdict->options &= (uint8_t)~QUESTION_EXPIRE;
        verdict->opt_length -= EDNS_EXPIRE_BYTES;
    }
}

/* The number of a set that has an answer, or else `instead`. */
static uint32_t set_or(const struct image *image, const struct image_set *set, uint32_t instead)
{
    return set && set->answer_count ? (uint32_t)(set - image->sets) : instead;
}

/* What a client has to vary to be counted anew: not names that do not exist, nor types that have no
 * data, nor those of one set. */
static uint64_t thing_of(const struct image *image, const struct place *place,
                         const struct image_zone *zone, const struct verdict *verdict)
{
    if (verdict->rcode == DNS_NXDOMAIN)
        return (uint64_t)(zone - image->zones);
    return (place->hash ^ verdict->set) * IMAGE_HASH_MULTIPLIER;
}

/* The name is delegated to others, or below one that is: all we know is who to ask (RFC 1034
 * section 4.3.2, step 3b). */
static void decide_referral(const struct question *question, enum transport transport,
                            struct decide_state *state, const struct image_name *cut,
                            struct verdict *verdict)
{
    const struct image *image = state->image;

    verdict->set = set_or(image, image_set_at(image, cut->types, RRTYPE_NS), IMAGE_NONE);
    if (verdict->set == IMAGE_NONE) /* never: image_open has looked */
        return;
    answer_set(question, transport, state, &image->zones[cut->zone], verdict);
    verdict->apex_delta = (uint16_t)(question->length - cut->length); /* its apex is the cut */
}

/* RFC 1034 section 4.3.2, RFC 4592 section 3.3.1: the name, or else the wildcard right below its
 * closest ancestor. Where the name is that of an alias, its types have what it leads to. */
static void decide_in_zone(const struct question *question, enum transport transport,
                           struct decide_state *state, const struct place *place,
                           struct verdict *verdict)
{
    const struct image *image = state->image;
    const struct image_zone *zone = &image->zones[place->name->zone];
    const struct image_set *set = (const struct image_set *)0;
    const uint32_t at = place->name->types;

    if (at != IMAGE_NONE && image->types[at].flags & IMAGE_TYPES_CUT &&
        !(place->is_exact && question->type == RRTYPE_DS)) {
        verdict->thing = place->hash;
        decide_referral(question, transport, state, place->name, verdict);
        return;
    }
    verdict->flags = DNS_AA;
    if (!place->is_exact) {
        uint32_t wildcard = at != IMAGE_NONE ? image->types[at].wildcard : IMAGE_NONE;
        set = find_set(image, wildcard, question->type);
        verdict->rcode = wildcard == IMAGE_NONE ? DNS_NXDOMAIN : DNS_NOERROR;
    } else if (question->type == RRTYPE_DS && question->labels == zone->apex_labels &&
               zone->parent != IMAGE_NONE) {
        /* RFC 4035 section 3.1.4.1: the parent side of the cut speaks for DS. */
        set = zone->ds_set != IMAGE_NONE ? &image->sets[zone->ds_set] : set;
        zone = &image->zones[zone->parent];
    } else {
        set = find_set(image, at, question->type);
    }
    verdict->set = set_or(image, set, IMAGE_NONE);
    if (verdict->set == IMAGE_NONE)
        verdict->set = zone->negative_set;
    verdict->thing = thing_of(image, place, zone, verdict);
    answer_set(question, transport, state, zone, verdict);
}

/* We have no keys: RFC 8945 section 5.2.1, "the server MUST … return … BADKEY", unsigned. Where the
 * record does not fit, the client may ask again over TCP. */
static void decide_tsig(const struct question *question, enum transport transport,
                        const struct settings *settings, struct verdict *verdict)
{
    uint32_t limit = decide_limit(question, transport, settings);
    verdict->rcode = DNS_NOTAUTH;
    verdict->tsig_length = (uint16_t)(question->tsig.mac_at - question->tsig.at + TSIG_TAIL_BYTES);
    if ((uint32_t)question->end + verdict->opt_length + verdict->tsig_length > limit)
        edns_plan_least(verdict);
    if ((uint32_t)question->end + verdict->opt_length + verdict->tsig_length <= limit)
        return;
    verdict->tsig_length = 0;
    verdict->flags = DNS_TC;
}

static void refuse(enum dns_rcode rcode, enum edns_error error, struct verdict *verdict)
{
    verdict->rcode = (uint16_t)rcode;
    edns_plan_error(error, verdict);
}

/* Other classes than IN hold nothing but the words of CH. */
static void decide_other_class(const struct question *question, const struct settings *settings,
                               struct verdict *verdict)
{
    const struct settings_text *text = (const struct settings_text *)0;
    if (question->class == RRCLASS_CH)
        text = chaos_find(question, settings);
    if (!text) {
        refuse(DNS_REFUSED, EDNS_NOT_AUTHORITATIVE, verdict);
        return;
    }
    verdict->flags = DNS_AA;
    verdict->ancount = 1;
    verdict->body = text == &settings->chaos_id ? VERDICT_ID : VERDICT_VERSION;
}

static void decide_in_class(const struct question *question, enum transport transport,
                            struct decide_state *state, struct verdict *verdict)
{
    if (question->type == RRTYPE_AXFR || question->type == RRTYPE_IXFR) {
        refuse(DNS_REFUSED, EDNS_PROHIBITED, verdict);
        return;
    }
    if (!state->image) {
        refuse(DNS_SERVFAIL, EDNS_NOT_READY, verdict);
        return;
    }
    struct place place = find_place(question, state);
    if (place.name)
        decide_in_zone(question, transport, state, &place, verdict);
    else
        refuse(DNS_REFUSED, EDNS_NOT_AUTHORITATIVE, verdict);
}

void decide(const struct question *question, enum transport transport, struct decide_state *state,
            struct verdict *verdict)
{
    *verdict = (struct verdict){.set = IMAGE_NONE, .answer = IMAGE_NONE, .error = EDNS_NO_ERROR};
    verdict->idle_ms = state->stream_idle_ms ? state->stream_idle_ms : (uint32_t)STREAM_IDLE_MS;
    edns_plan(question, transport, state->settings, verdict);
    if (question->has_edns && question->edns_version != 0) {
        verdict->rcode = DNS_BADVERS; /* RFC 6891 section 6.1.3 */
    } else if (question->tsig.at) {
        decide_tsig(question, transport, state->settings, verdict);
    } else if (question->is_bare) {
        return; /* the cookie is all it asked for */
    } else if (question->class != RRCLASS_IN) {
        decide_other_class(question, state->settings, verdict);
    } else {
        decide_in_class(question, transport, state, verdict);
    }
}

void decide_to_truncate(struct decide_state *state, struct verdict *verdict)
{
    if (verdict->set != IMAGE_NONE) { /* others of its batch may have taken theirs since */
        uint32_t *turn = &state->turns[verdict->set];
        *turn = (*turn ? *turn : state->image->sets[verdict->set].answer_count) - 1;
    }
    uint8_t cookie = verdict->options & QUESTION_COOKIE;
    verdict->set = IMAGE_NONE;
    verdict->body = VERDICT_EMPTY;
    verdict->flags |= DNS_TC;
    verdict->ancount = verdict->nscount = verdict->arcount = 0;
    verdict->length = verdict->tsig_length = 0;
    edns_plan_least(verdict);
    if (!cookie)
        return;
    verdict->options = QUESTION_COOKIE;
    verdict->opt_length += EDNS_COOKIE_BYTES;
}
