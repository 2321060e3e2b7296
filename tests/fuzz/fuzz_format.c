/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libFuzzer on the canonical form: what is JSONC has one, and that is its own. The form itself sees
 * to it that nothing is lost, and calls it a defect where something would be.
 * Corpus: tests/inventory/valid and tests/inventory/invalid. */
#include "srvplan/jsonc_format.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise that was broken: abort, so that the fuzzer keeps the input. */
static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char schema_text[] =
        "{\"properties\": {\"srvplan\": true, \"nodes\": {\"additionalProperties\": "
        "{\"properties\": "
        "{\"host\": {}, \"addresses\": {}}}}, \"defaults\": {\"properties\": {\"ttl\": {}}}}}";
    struct arena arena = {0};
    struct text once = {0}, twice = {0};
    struct jsonc_fault fault = {0};
    json_t *schema = json_loads(schema_text, 0, NULL);
    if (jsonc_format((struct bytes){data, size}, schema, &arena, &once, &fault)) {
        must(jsonc_format((struct bytes){(const uint8_t *)once.ptr, once.len}, schema, &arena,
                          &twice, &fault));
        must(text_equal(once, twice));
    } else {
        must(strcmp(fault.code, "defect") != 0 && fault.message[0] && fault.mend[0]);
    }
    json_decref(schema);
    arena_fini(&arena);
    return 0;
}
