/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/ask.h"

#include <pthread.h>
#include <stdlib.h>

struct question {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct world_result *result;
};

/* On the world's thread. */
static void take_answer(void *context, struct world_result *result)
{
    struct question *question = context;
    pthread_mutex_lock(&question->lock);
    question->result = result;
    pthread_cond_signal(&question->answered);
    pthread_mutex_unlock(&question->lock);
}

struct world_result *world_ask(struct world *world, const struct world_request *request)
{
    struct question question = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                .answered = PTHREAD_COND_INITIALIZER};
    struct error err = {0};
    if (world_submit(world, request, take_answer, &question, &err)) {
        pthread_mutex_lock(&question.lock);
        while (!question.result)
            pthread_cond_wait(&question.answered, &question.lock);
        pthread_mutex_unlock(&question.lock);
    } else {
        question.result = calloc(1, sizeof *question.result);
        if (!question.result)
            abort();
        question.result->problem = "unavailable";
        question.result->error = err;
    }
    pthread_mutex_destroy(&question.lock);
    pthread_cond_destroy(&question.answered);
    return question.result;
}
