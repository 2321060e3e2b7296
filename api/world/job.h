/* SPDX-License-Identifier: GPL-3.0-or-later */
/* job: what the files of the world's jobs share; nobody else includes it. world/job.c has
 * what every change does, world/drains.c the drains, world/windows.c the windows, world/jobs.c the
 * rest and the choice. */
#pragma once
#include "api/world/internal.h"

void job_fail(struct world_result *result, const char *problem, enum error_kind kind,
              const char *message);

/* A change that begins: the rows as they are, to be changed. */
struct candidate job_begin(const struct world *world, const struct world_request *request,
                           struct text cause);
struct store_audit job_audit(const struct world_request *request, int64_t at_ms, const char *action,
                             struct text object, struct text detail);

/* Guards, then publishing; or only the plan, for a dry run. Takes the candidate. */
void job_conclude(struct world *world, const struct world_request *request,
                  struct candidate *candidate, struct world_result *result);

/* A change without a plan or revision (a token): committed with its audit lines, or, for a dry run,
 * not at all. False: result says why. */
NODISCARD bool job_commit(struct world *world, const struct world_request *request,
                          struct store_change *change, struct world_result *result);

struct text job_join_words(struct arena *arena, const struct text *words, uint32_t count);

/* What a request names must be there; false: the result says what is not. */
bool job_check_services(const struct world *world, const struct world_request *request,
                        struct world_result *result, uint32_t *count);
bool job_check_nodes(const struct world *world, const struct world_request *request,
                     struct world_result *result);

/* When what a request asks for ends; 0: it does not. */
int64_t job_end_of(const struct world_request *request, int64_t at_ms);
bool job_check_until(const struct world *world, const struct world_request *request,
                     struct world_result *result);

void job_window_put(struct world *world, const struct world_request *request,
                    struct world_result *result);
void job_window_remove(struct world *world, const struct world_request *request,
                       struct world_result *result);
void job_window_skip(struct world *world, const struct world_request *request,
                     struct world_result *result);
void job_window_end(struct world *world, const struct world_request *request,
                    struct world_result *result);
void job_calendar_key(struct world *world, const struct world_request *request,
                      struct world_result *result);
struct text job_make_drain_id(struct arena *arena, int64_t at_ms);
bool job_check_not_drained(const struct world *world, const struct world_request *request,
                           struct text services, struct world_result *result);

/* What the form makes of a planned weight must be a weight. */
bool job_check_weight_fits(const struct world *world, const struct world_request *request,
                           struct world_result *result);

void job_drain_add(struct world *world, const struct world_request *request,
                   struct world_result *result);
void job_inventory(struct world *world, const struct world_request *request,
                   struct world_result *result);
/* The drain of a request that changes it; NULL: the result says why not. */
const struct store_drain *job_find_drain(const struct world *world,
                                         const struct world_request *request,
                                         struct world_result *result);
void job_drain_change(struct world *world, const struct world_request *request,
                      struct world_result *result);
void job_drain_end(struct world *world, const struct world_request *request,
                   struct world_result *result);
