/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zonefile_rdata: the data of one record, from the words of a zone file to wire form; for
 * zonefile_read.c alone. ldns parses; what it lets pass and should not is refused here. */
#pragma once
#include "zones/name.h"

struct token {
    struct text text; /* a quoted one with its quotes */
    uint32_t line, column;
};

struct zonefile_tokens {
    const struct token *items;
    size_t count;
    const struct token *type; /* the word before them */
};

struct zonefile_rdata_fault {
    const struct token *token;
    char message[224];
    const char *mend;
};

NODISCARD bool zonefile_rdata(struct arena *arena, uint16_t type,
                              const struct zonefile_tokens *tokens, struct name origin,
                              struct bytes *rdata, struct zonefile_rdata_fault *fault);
