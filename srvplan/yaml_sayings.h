/* SPDX-License-Identifier: GPL-3.0-or-later */
/* yaml_sayings: what libyaml says, and what that means to somebody who has not written a parser;
 * for yaml.c. */
#pragma once

struct yaml_saying {
    const char *problem; /* how libyaml's sentence begins */
    const char *context; /* what it was doing; NULL: whatever it was */
    const char *message, *mend;
};

/* The first row that fits, or NULL. */
const struct yaml_saying *yaml_saying_find(const char *problem, const char *context);
