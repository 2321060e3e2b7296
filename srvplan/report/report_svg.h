/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_svg: a simulation as a picture: a bar for each kind of client beside the ideal, and how
 * caches forget a record that was withdrawn. */
#pragma once
#include "srvplan/simulation.h"

#include <stdio.h>

void report_simulation_svg(FILE *out, const struct simulation *simulation);
