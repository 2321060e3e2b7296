/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan schema: the JSON Schema of inventories, for editors and other programs. */
#include "srvplan/command/schema.h"

#include "srvplan/command/context.h"

int command_schema(const struct context *context)
{
    /* It is JSON in every form of output; what could not be written output_finish tells. */
    (void)!fwrite(inventory_schema, 1, inventory_schema_bytes, context->output.out);
    return EXIT_FINE;
}
