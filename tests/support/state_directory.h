/* SPDX-License-Identifier: GPL-3.0-or-later */
/* state_directory: a state directory of a world under test, gone with all that the world made. */
#pragma once

/* Removes its files, those of image/ and both directories; closes the descriptor. */
void state_directory_remove(int directory, const char *path);
