/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "load_text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

struct inventory *load_text(const char *members)
{
    struct findings findings = {0};
    char *text = NULL;
    int len = asprintf(&text, "{\"srvplan\": 1, %s}", members);
    ck_assert_int_gt(len, 0);
    struct inventory *inventory =
        inventory_load((struct bytes){(const uint8_t *)text, (size_t)len}, "t", &findings);
    ck_assert_msg(inventory != NULL, "%s: %s", text,
                  findings.count ? findings.items[0].message : "nothing found");
    findings_fini(&findings);
    free(text);
    return inventory;
}
