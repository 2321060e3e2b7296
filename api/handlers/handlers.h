/* SPDX-License-Identifier: GPL-3.0-or-later */
/* handlers: one function a route; http/router.c has the table, http/request.h what they get and
 * make.
 *
 * A handler checks what the router cannot know and either answers from the view, or leaves a job
 * for the world, whose result the route's _finish turns into the answer. */
#pragma once
#include "api/view/json_view.h"
#include "api/http/request.h"

void livez_get(struct request *request, struct response *response);
void readyz_get(struct request *request, struct response *response);
void metrics_get(struct request *request, struct response *response);
void problem_page_get(struct request *request, struct response *response);
void version_get(struct request *request, struct response *response);
void openapi_get(struct request *request, struct response *response);
void status_get(struct request *request, struct response *response);
void reload_post(struct request *request, struct response *response);
void reload_finish(struct request *request, const struct world_result *result,
                   struct response *response);
void plan_get(struct request *request, struct response *response);
void plan_post(struct request *request, struct response *response);
void apply_post(struct request *request, struct response *response);
void records_get(struct request *request, struct response *response);
void domains_get(struct request *request, struct response *response);
void domain_get(struct request *request, struct response *response);
void services_get(struct request *request, struct response *response);
void tiers_get(struct request *request, struct response *response);
void zones_get(struct request *request, struct response *response);
void zone_get(struct request *request, struct response *response);
void zone_export_get(struct request *request, struct response *response);
void simulate_post(struct request *request, struct response *response);

/* Heavy ones: inventory.c. */
void inventory_get(struct request *request, struct response *response);
void inventory_put(struct request *request, struct response *response);
void inventory_patch(struct request *request, struct response *response);
void inventory_validate_post(struct request *request, struct response *response);
void node_patch(struct request *request, struct response *response);

void revisions_get(struct request *request, struct response *response);
void revisions_finish(struct request *request, const struct world_result *result,
                      struct response *response);
void revision_get(struct request *request, struct response *response);
void revision_diff_get(struct request *request, struct response *response);
void revision_rollback_post(struct request *request, struct response *response);

void backup_post(struct request *request, struct response *response);
void backup_finish(struct request *request, const struct world_result *result,
                   struct response *response);

void audit_get(struct request *request, struct response *response);
void audit_finish(struct request *request, const struct world_result *result,
                  struct response *response);
void audit_verify_get(struct request *request, struct response *response);
void audit_verify_finish(struct request *request, const struct world_result *result,
                         struct response *response);

void nodes_get(struct request *request, struct response *response);
void node_get(struct request *request, struct response *response);
void node_weight_put(struct request *request, struct response *response);
/* The body of a weight with its node beside it: wishes.c. */
void node_weight_wish(struct request *request, struct response *response);
void node_weight_delete(struct request *request, struct response *response);
void node_weight_finish(struct request *request, const struct world_result *result,
                        struct response *response);

void drains_get(struct request *request, struct response *response);
void drains_post(struct request *request, struct response *response);
void drains_post_finish(struct request *request, const struct world_result *result,
                        struct response *response);
/* Whether the drains of a result are as far as they go; else there is more to come: 202. */
bool handlers_are_withdrawn(const struct world_result *result);
void drain_get(struct request *request, struct response *response);
void drain_patch(struct request *request, struct response *response);
void drain_patch_finish(struct request *request, const struct world_result *result,
                        struct response *response);
void drain_delete(struct request *request, struct response *response);
void drain_delete_finish(struct request *request, const struct world_result *result,
                         struct response *response);

void session_get(struct request *request, struct response *response);
void session_post(struct request *request, struct response *response);
void session_delete(struct request *request, struct response *response);

void tokens_get(struct request *request, struct response *response);
void tokens_post(struct request *request, struct response *response);
void tokens_post_finish(struct request *request, const struct world_result *result,
                        struct response *response);
void token_get(struct request *request, struct response *response);
void token_delete(struct request *request, struct response *response);
void token_delete_finish(struct request *request, const struct world_result *result,
                         struct response *response);

void events_get(struct request *request, struct response *response);

void calendar_get(struct request *request, struct response *response);
void calendar_post(struct request *request, struct response *response);
void calendar_post_finish(struct request *request, const struct world_result *result,
                          struct response *response);
void windows_get(struct request *request, struct response *response);
void windows_post(struct request *request, struct response *response);
void window_get(struct request *request, struct response *response);
void window_put(struct request *request, struct response *response);
void window_delete(struct request *request, struct response *response);
void window_openings_get(struct request *request, struct response *response);
void window_skip_post(struct request *request, struct response *response);
void window_end_post(struct request *request, struct response *response);
void window_finish(struct request *request, const struct world_result *result,
                   struct response *response);

/* outcome.c: what all changes have in common. */

/* The view that the request began with, and its plan. */
struct json_scene handlers_scene(const struct request *request);

/* The scene of an outcome: the view after the job; for a dry run the plan that it would make. */
struct json_scene handlers_scene_after(const struct request *request,
                                       const struct world_result *result);

/* A domain name as people write it, U-labels too. False: the response has its problem, which names
 * the query parameter; NULL: it stands in the path. */
NODISCARD bool handlers_read_name(struct request *request, struct text text, const char *parameter,
                                  struct name *name, struct response *response);

/* 201 or 200, 202, 200 by the outcome. `made`: what success is when it was served at once. */
unsigned handlers_status(const struct world_result *result, unsigned made);

/* Turns WORLD_FAILED into its problem. `etag_prefix`: of the thing's ETag, for 412. True: it did.
 */
NODISCARD bool handlers_failed(const struct world_result *result, const char *etag_prefix,
                               struct response *response);

/* Adds "plan", what would change, to the body of a dry run. */
void handlers_add_plan(const struct world_result *result, json_t *body);
