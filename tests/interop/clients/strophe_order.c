/* SPDX-License-Identifier: GPL-3.0-or-later */
/* strophe_order: reads DNS answers in hexadecimal, a line each, and prints the hosts in the order
 * in which libstrophe (Profanity) tries them. Its resolver is not in its public header: this is the
 * interface of the 0.12 archive. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>

enum {
    ANSWER_MAX = 65535
};

struct resolver_srv_rr {
    unsigned short priority, weight, port;
    char target[256];
    struct resolver_srv_rr *next;
};

int resolver_srv_lookup_buf(xmpp_ctx_t *context, const unsigned char *buf, size_t len,
                            struct resolver_srv_rr **list);
void resolver_srv_free(xmpp_ctx_t *context, struct resolver_srv_rr *list);

static size_t read_hex(const char *line, unsigned char *answer)
{
    size_t len = 0;
    unsigned byte;
    for (; len < ANSWER_MAX && sscanf(line + 2 * len, "%2x", &byte) == 1; len++)
        answer[len] = (unsigned char)byte;
    return len;
}

int main(void)
{
    static unsigned char answer[ANSWER_MAX];
    char *line = NULL;
    size_t size = 0;
    xmpp_ctx_t *context = xmpp_ctx_new(NULL, NULL);
    while (getline(&line, &size, stdin) > 0) {
        struct resolver_srv_rr *list = NULL;
        resolver_srv_lookup_buf(context, answer, read_hex(line, answer), &list);
        for (const struct resolver_srv_rr *at = list; at; at = at->next)
            printf("%s%s", at == list ? "" : " ", at->target);
        putchar('\n');
        resolver_srv_free(context, list);
    }
    xmpp_ctx_free(context);
    free(line);
    return 0;
}
