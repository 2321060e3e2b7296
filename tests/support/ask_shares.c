/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ask_shares: answers questions about shares, a line each, for tests in other languages.
 *
 *   question   ASK MODEL MERGE ORDER TARGET…      ASK: first, dead, positions, orders
 *   TARGET     PRIORITY:WEIGHT:PORT:HOST:T|D:up|down
 *   answer     fractions, or "error: MESSAGE"; after "orders" the MESSAGE is empty and the answer
 *              is the order in which a client with one order only tries the targets
 *
 * It ends with its input. */
#include "srvplan/shares.h"
#include "zones/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TARGETS_MAX = 512
};

struct asked {
    struct arena arena;
    struct share_question question;
    struct share_target targets[TARGETS_MAX];
};

static void fail(const char *what, const char *text)
{
    fprintf(stderr, "ask_shares: %s: %s\n", what, text);
    exit(EXIT_FAILURE);
}

static void read_target(struct asked *asked, char *text)
{
    unsigned priority, weight, port;
    char host[256], service, state[8];
    struct error err = {0};
    if (asked->question.count == TARGETS_MAX || sscanf(text, "%u:%u:%u:%255[^:]:%c:%7s", &priority,
                                                       &weight, &port, host, &service, state) != 6)
        fail("not a target", text);
    struct share_target *target = &asked->targets[asked->question.count++];
    *target = (struct share_target){.priority = (uint16_t)priority,
                                    .weight = (uint16_t)weight,
                                    .port = (uint16_t)port,
                                    .is_direct_tls = service == 'D',
                                    .is_down = strcmp(state, "down") == 0};
    if (!text_name_parse(&asked->arena, text_from(host), &target->host, &err))
        fail(text, err.message);
}

static void print_row(struct asked *asked, const struct rational *row, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i ? " " : "", rational_print(row[i], &asked->arena));
    putchar('\n');
}

/* The targets in the order of their positions, each of which must be certain. */
static void print_order(const struct rational *positions, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++)
        for (uint32_t i = 0; i < count; i++)
            if (!rational_is_zero(positions[(size_t)i * count + k]))
                printf("%s%u", k ? " " : "", i);
    putchar('\n');
}

static void answer(struct asked *asked, const char *ask)
{
    struct error err = {0};
    uint32_t count = asked->question.count;
    struct rational *row = arena_array(&asked->arena, struct rational, (size_t)count * count + 1);
    bool done = false;
    if (strcmp(ask, "first") == 0)
        done = shares_first_choice(&asked->question, &asked->arena, row, &err);
    else if (strcmp(ask, "dead") == 0)
        done = shares_dead_tried(&asked->question, &asked->arena, row, &err);
    else
        done = shares_positions(&asked->question, &asked->arena, row, &err);
    if (!done)
        printf("error: %s\n", err.message);
    else if (strcmp(ask, "first") == 0)
        print_row(asked, row, count);
    else if (strcmp(ask, "dead") == 0)
        print_row(asked, row, 1);
    else if (strcmp(ask, "positions") == 0)
        print_row(asked, row, (size_t)count * count);
    else
        print_order(row, count);
    fflush(stdout);
}

static void read_question(struct asked *asked, char *line)
{
    char *rest = NULL;
    const char *ask = strtok_r(line, " \n", &rest);
    const char *model = strtok_r(NULL, " \n", &rest);
    const char *merge = strtok_r(NULL, " \n", &rest);
    const char *order = strtok_r(NULL, " \n", &rest);
    if (!order)
        fail("not a question", line);
    asked->question = (struct share_question){
        .model = client_model_find(text_from(model)),
        .order = strcmp(order, "fixed") == 0 ? SHARE_ORDER_FIXED : SHARE_ORDER_WEIGHTED,
        .targets = asked->targets,
    };
    if (!asked->question.model || !share_merge_parse(text_from(merge), &asked->question.merge))
        fail("no such model or merge", model);
    for (char *target; (target = strtok_r(NULL, " \n", &rest));)
        read_target(asked, target);
    answer(asked, ask);
}

int main(void)
{
    static struct asked asked;
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        read_question(&asked, line);
        arena_fini(&asked.arena);
    }
    free(line);
    return 0;
}
