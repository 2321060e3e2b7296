/* SPDX-License-Identifier: GPL-3.0-or-later */
/* weight_value: the VALUE of `srvplan weight` as the API takes it. */
#pragma once
#include <jansson.h>

#include "zones/base/error.h"

/* "30" gives 30; "50%", "+10", "-10" stay text. NULL with *err (ERROR_USAGE) for anything else:
 * weights are 0..65535, percentages 0..1000. A new reference. */
NODISCARD json_t *weight_value_parse(const char *text, struct error *err);
