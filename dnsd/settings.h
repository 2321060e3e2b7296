/* SPDX-License-Identifier: GPL-3.0-or-later */
/* settings: what the operator chose, as the answering side reads it: flat, of fixed width, the same
 * for all workers, and but for the secrets and the words of the rate limit never changed while they
 * run. */
#pragma once
#include "dnsd/cookie.h"
#include "dnsd/ratelimit.h"
#include <stdint.h>

enum {
    SETTINGS_TEXT_BYTES = 128,     /* with every option an answer without records fits 512 bytes */
    SETTINGS_EDNS_MIN_BYTES = 512, /* RFC 6891 section 6.2.3 */
    SETTINGS_EDNS_DEFAULT_BYTES = 1232, /* DNS flag day 2020: the IPv6 minimum MTU less headers */
    SETTINGS_EDNS_MAX_BYTES = 4096,     /* beyond it fragments are the rule, and often lost */
};

struct settings_text {
    uint8_t length; /* 0: not said to anybody */
    uint8_t bytes[SETTINGS_TEXT_BYTES];
};

struct settings {
    uint16_t edns_size;                 /* the longest datagram that leaves */
    struct settings_text nsid;          /* RFC 5001 */
    struct settings_text chaos_id;      /* id.server, hostname.bind: RFC 4892 */
    struct settings_text chaos_version; /* version.bind, version.server */
    struct cookie_secrets secrets;
    struct ratelimit limit;
};

/* Nothing said, no cookies, the default size. */
extern const struct settings settings_default;
