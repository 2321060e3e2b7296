/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/workshop.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct task {
    workshop_task *run;
    void *context;
};

struct workshop {
    pthread_t thread;
    pthread_mutex_t lock; /* what follows */
    pthread_cond_t changed;
    struct task *tasks; /* the oldest first */
    size_t count, room;
    bool is_closing;
};

static void *run(void *context)
{
    struct workshop *workshop = context;
    for (;;) {
        pthread_mutex_lock(&workshop->lock);
        while (workshop->count == 0 && !workshop->is_closing)
            pthread_cond_wait(&workshop->changed, &workshop->lock);
        if (workshop->count == 0) {
            pthread_mutex_unlock(&workshop->lock);
            return NULL;
        }
        struct task task = workshop->tasks[0];
        workshop->count--;
        memmove(workshop->tasks, workshop->tasks + 1, workshop->count * sizeof task);
        pthread_mutex_unlock(&workshop->lock);
        task.run(task.context);
        /* What a large inventory took is given back, before the next one comes. */
        malloc_trim(0);
    }
}

struct workshop *workshop_start(size_t room)
{
    struct workshop *workshop = calloc(1, sizeof *workshop);
    if (!workshop)
        abort();
    workshop->tasks = calloc(room, sizeof *workshop->tasks);
    workshop->room = room;
    pthread_mutex_init(&workshop->lock, NULL);
    pthread_cond_init(&workshop->changed, NULL);
    if (!workshop->tasks || pthread_create(&workshop->thread, NULL, run, workshop) != 0)
        abort();
    return workshop;
}

bool workshop_add(struct workshop *workshop, workshop_task *task, void *context)
{
    pthread_mutex_lock(&workshop->lock);
    bool is_taken = !workshop->is_closing && workshop->count < workshop->room;
    if (is_taken) {
        workshop->tasks[workshop->count++] = (struct task){task, context};
        pthread_cond_signal(&workshop->changed);
    }
    pthread_mutex_unlock(&workshop->lock);
    return is_taken;
}

void workshop_stop(struct workshop *workshop)
{
    if (!workshop)
        return;
    pthread_mutex_lock(&workshop->lock);
    workshop->is_closing = true;
    pthread_cond_signal(&workshop->changed);
    pthread_mutex_unlock(&workshop->lock);
    pthread_join(workshop->thread, NULL);
    pthread_mutex_destroy(&workshop->lock);
    pthread_cond_destroy(&workshop->changed);
    free(workshop->tasks);
    free(workshop);
}
