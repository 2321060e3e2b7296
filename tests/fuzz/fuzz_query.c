/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libFuzzer over query_answer: fuzz_query corpus_query/ -max_len=700. The first bit of the input
 * chooses the transport; the rest is the packet. */
#include <stdlib.h>
#include <string.h>
#include "decode.h"
#include "dnsd/query.h"
#include "fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fixture fixture;
    static uint32_t turns[FIXTURE_SETS];
    static struct query_state state;
    if (!state.decide.image) {
        fixture_build(&fixture, 1, 100);
        state.decide = (struct decide_state){.image = &fixture.image, .turns = turns};
    }
    if (size == 0 || size > 4096)
        return 0;
    enum transport transport = data[0] & 1 ? TRANSPORT_STREAM : TRANSPORT_DATAGRAM;
    size_t limit = transport == TRANSPORT_STREAM ? IMAGE_STREAM_MAX_BYTES : IMAGE_UDP_MAX_BYTES;
    size_t room = limit > size ? limit : size;
    uint8_t *buffer = malloc(room); /* a sanitizer watches its end */
    memcpy(buffer, data + 1, size - 1);
    struct query query = {.bytes = buffer, .length = size - 1, .transport = transport};
    size_t len = query_answer(&query, &state);
    if (len) {
        struct decoded *decoded = decode(buffer, len);
        bool is_good = size > 12 && !(data[3] & 0x80) && len <= limit && !decoded->mistake &&
                       (decoded->has_opt || transport == TRANSPORT_STREAM || len <= 512);
        decoded_free(decoded);
        if (!is_good)
            abort();
    }
    free(buffer);
    return 0;
}
