/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rrtype: record types by name; the list is rrtype.def. */
#pragma once

enum rrtype {
#define RRTYPE(name, number, source) RRTYPE_##name = (number),
#include "zones/rrtype.def"
#undef RRTYPE
};

enum {
    RRCLASS_IN = 1,
    RRCLASS_CH = 3,
    RRCLASS_ANY = 255
};

/* "SRV" for RRTYPE_SRV; NULL for a type that is not in the list. */
static inline const char *rrtype_mnemonic(unsigned type)
{
    switch (type) {
#define RRTYPE(name, number, source)                                                               \
    case number:                                                                                   \
        return #name;
#include "zones/rrtype.def"
#undef RRTYPE
    }
    return (const char *)0;
}
