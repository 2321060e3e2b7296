/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libFuzzer over query_answer: fuzz_query corpus_query/ -max_len=700. The first byte of the input
 * chooses what is around the packet, the rest is the packet:
 *
 *     bit 0 over a stream · bits 1, 2 source of 0, 4, 16 bytes · bits 3, 4 longest datagram ·
 *     bit 5 two secrets instead of none · bit 6 its cookie becomes one of ours (nobody guesses one)
 * · bit 7 beyond a rate limit, so that the answer is an empty one
 */
#include <stdlib.h>
#include <string.h>
#include "decode.h"
#include "dnsd/query.h"
#include "dnsd/ratelimit_table.h"
#include "fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fixture fixture;
static uint32_t turns[FIXTURE_SETS];
static struct query_state state;
static struct ratelimit limit;
static struct settings settings = {
    .nsid = {8, "somebody"}, .chaos_id = {4, "here"}, .chaos_version = {3, "new"}};

static void set_up(uint8_t choice)
{
    static const uint16_t sizes[] = {SETTINGS_EDNS_DEFAULT_BYTES, SETTINGS_EDNS_MIN_BYTES, 700,
                                     SETTINGS_EDNS_MAX_BYTES};
    static const struct cookie_secret secrets[] = {{"fedcba987654321"}, {"0123456789abcde"}};
    if (!state.decide.image) {
        fixture_build(&fixture, 1, 100);
        state.decide =
            (struct decide_state){.image = &fixture.image, .turns = turns, .settings = &settings};
        limit = (struct ratelimit){.per_second = 1, .slip = 1};
        if (!ratelimit_open(&limit, NULL))
            abort();
        settings.limit = limit;
    }
    settings.limit.words = choice & 0x80 ? limit.words : NULL;
    settings.edns_size = sizes[choice >> 3 & 3];
    cookie_secrets_store(&settings.secrets, secrets, choice & 0x20 ? 2 : 0);
}

/* Answers a copy once, to put the cookie that we make where the packet has one. */
static void mint_cookie(const struct query *query)
{
    uint8_t *copy = malloc(IMAGE_STREAM_MAX_BYTES);
    struct query first = *query;
    first.bytes = memcpy(copy, query->bytes, query->length);
    size_t len = query_answer(&first, &state);
    const struct question *question = &state.work.question;
    if (len > QUESTION_HEADER_BYTES && question->options & QUESTION_COOKIE &&
        question->cookie_length == COOKIE_BYTES)
        memcpy(query->bytes + question->cookie_at, question->cookie, COOKIE_BYTES);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t source[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1};
    if (size == 0 || size > 4096)
        return 0;
    set_up(data[0]);
    enum transport transport = data[0] & 1 ? TRANSPORT_STREAM : TRANSPORT_DATAGRAM;
    size_t most = transport == TRANSPORT_STREAM ? IMAGE_STREAM_MAX_BYTES : settings.edns_size;
    size_t room = most > size ? most : size;
    uint8_t *buffer = malloc(room); /* a sanitizer watches its end */
    memcpy(buffer, data + 1, size - 1);
    struct query query = {.bytes = buffer,
                          .length = size - 1,
                          .source = source,
                          .source_length = data[0] & 4   ? 16
                                           : data[0] & 2 ? 4
                                                         : 0,
                          .transport = transport,
                          .now_ms = 1800000000000};
    if (data[0] & 0x40)
        mint_cookie(&query);
    uint64_t slipped = state.unread.counter[STATISTIC_SLIPPED];
    size_t len = query_answer(&query, &state);
    /* No longer than the query, but for a server's cookie. */
    if (state.unread.counter[STATISTIC_SLIPPED] > slipped && len > query.length + 16)
        abort();
    if (len) {
        struct decoded *decoded = decode(buffer, len);
        bool is_good = size > 12 && !(data[3] & 0x80) && len <= most && !decoded->mistake &&
                       (decoded->has_opt || transport == TRANSPORT_STREAM || len <= 512);
        decoded_free(decoded);
        if (!is_good)
            abort();
    }
    free(buffer);
    return 0;
}
