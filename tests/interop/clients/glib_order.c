/* SPDX-License-Identifier: GPL-3.0-or-later */
/* glib_order SEED: reads answers, a line each, "PRIORITY:WEIGHT:PORT:HOST …", and prints the hosts
 * in the order in which GLib's resolver would give them to Dino or Gajim. */
#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>

static GList *read_answer(char *line)
{
    GList *targets = NULL;
    char **words = g_strsplit(g_strstrip(line), " ", 0);
    for (char **word = words; *word; word++) {
        char **part = g_strsplit(*word, ":", 4);
        targets = g_list_append(targets,
                                g_srv_target_new(part[3], (guint16)atoi(part[2]),
                                                 (guint16)atoi(part[0]), (guint16)atoi(part[1])));
        g_strfreev(part);
    }
    g_strfreev(words);
    return targets;
}

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t size = 0;
    g_random_set_seed(argc > 1 ? (guint32)atoi(argv[1]) : 0);
    while (getline(&line, &size, stdin) > 0) {
        GList *targets = g_srv_target_list_sort(read_answer(line));
        for (GList *at = targets; at; at = at->next)
            printf("%s%s", at == targets ? "" : " ", g_srv_target_get_hostname(at->data));
        putchar('\n');
        g_resolver_free_targets(targets);
    }
    free(line);
    return 0;
}
