/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_numbers: numbers of a simulation as people read them, the same in tables and pictures. */
#pragma once
#include "srvplan/audience.h"

const char *number_percent(double ratio, struct arena *arena);        /* "62.5 %" */
const char *number_share(struct rational share, struct arena *arena); /* the same, exactly */
const char *number_part(uint32_t part_ppb, struct arena *arena);      /* "45 %", "0.5 %" */
const char *number_load(double load, struct arena *arena);            /* "1.53x" */
const char *number_duration(double duration_s, struct arena *arena);  /* "5 m 30 s" */
const char *number_seconds(double duration_s, struct arena *arena);   /* "0.13 s", "15 s" */
const char *number_count(double count, struct arena *arena);          /* "12 500" */

/* "Dino"; of a model its id; "all others". */
const char *client_name(const struct audience_part *who, struct arena *arena);
