/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/router.h"

#include "api/handlers/handlers.h"
#include "srvplan/inventory_source.h"

#include <string.h>

/* clang-format off */
const struct route routes[] = {
    {.method = GATE_GET, .path = "/livez", .handle = livez_get},
    {.method = GATE_GET, .path = "/readyz", .handle = readyz_get},
    {.method = GATE_GET, .path = "/healthz", .handle = readyz_get},
    {.method = GATE_GET, .path = "/metrics", .handle = metrics_get},
    {.method = GATE_GET, .path = "/docs/problems/{name}", .handle = problem_page_get},
    {.method = GATE_GET, .path = "/api/v1/version", .handle = version_get},
    {.method = GATE_GET, .path = "/api/v1/openapi.json", .handle = openapi_get},
    {.method = GATE_GET, .path = "/api/v1/status", .role = ROLE_VIEWER,
     .parameters = "index wait", .handle = status_get},
    {.method = GATE_POST, .path = "/api/v1/reload", .role = ROLE_ADMIN,
     .is_change = true, .parameters = "dry_run",
     .handle = reload_post, .finish = reload_finish},
    {.method = GATE_GET, .path = "/api/v1/plan", .role = ROLE_VIEWER, .is_heavy = true,
     .parameters = "at index wait", .handle = plan_get},
    {.method = GATE_GET, .path = "/api/v1/session", .role = ROLE_VIEWER, .handle = session_get},
    {.method = GATE_POST, .path = "/api/v1/session", .takes_body = true, .handle = session_post},
    {.method = GATE_DELETE, .path = "/api/v1/session", .handle = session_delete},
    {.method = GATE_GET, .path = "/api/v1/tokens", .role = ROLE_ADMIN,
     .parameters = "limit after", .handle = tokens_get},
    {.method = GATE_POST, .path = "/api/v1/tokens", .role = ROLE_ADMIN,
     .takes_body = true, .is_change = true, .parameters = "dry_run",
     .handle = tokens_post, .finish = tokens_post_finish},
    {.method = GATE_GET, .path = "/api/v1/tokens/{id}", .role = ROLE_ADMIN, .handle = token_get},
    {.method = GATE_DELETE, .path = "/api/v1/tokens/{id}", .role = ROLE_ADMIN,
     .is_change = true, .parameters = "dry_run",
     .handle = token_delete, .finish = token_delete_finish},
    {.method = GATE_GET, .path = "/api/v1/inventory", .role = ROLE_VIEWER, .is_heavy = true,
     .handle = inventory_get},
    {.method = GATE_PUT, .path = "/api/v1/inventory", .role = ROLE_ADMIN,
     .takes_document = true, .body_max_bytes = INVENTORY_MAX_BYTES, .is_change = true,
     .is_heavy = true, .parameters = "dry_run reason override", .handle = inventory_put},
    {.method = GATE_PATCH, .path = "/api/v1/inventory", .role = ROLE_ADMIN,
     .takes_body = true, .is_change = true, .is_heavy = true,
     .parameters = "dry_run reason override", .handle = inventory_patch},
    {.method = GATE_POST, .path = "/api/v1/inventory/validate", .role = ROLE_VIEWER,
     .takes_document = true, .body_max_bytes = INVENTORY_MAX_BYTES, .is_heavy = true,
     .handle = inventory_validate_post},
    {.method = GATE_POST, .path = "/api/v1/plan", .role = ROLE_VIEWER,
     .takes_body = true, .body_max_bytes = INVENTORY_MAX_BYTES, .is_heavy = true,
     .handle = plan_post},
    {.method = GATE_POST, .path = "/api/v1/apply", .role = ROLE_ADMIN,
     .takes_body = true, .is_change = true, .is_heavy = true, .parameters = "dry_run",
     .handle = apply_post},
    {.method = GATE_POST, .path = "/api/v1/simulate", .role = ROLE_VIEWER, .takes_body = true,
     .is_heavy = true, .handle = simulate_post},
    {.method = GATE_GET, .path = "/api/v1/records", .role = ROLE_VIEWER,
     .is_of_view = true, .parameters = "domain service type limit after index wait",
     .handle = records_get},
    {.method = GATE_GET, .path = "/api/v1/zones", .role = ROLE_VIEWER, .is_of_view = true,
     .parameters = "limit after index wait", .handle = zones_get},
    {.method = GATE_GET, .path = "/api/v1/zones/{zone}", .role = ROLE_VIEWER, .is_of_view = true,
     .parameters = "index wait", .handle = zone_get},
    {.method = GATE_GET, .path = "/api/v1/zones/{zone}/export", .role = ROLE_VIEWER,
     .is_heavy = true, .parameters = "format", .handle = zone_export_get},
    {.method = GATE_GET, .path = "/api/v1/revisions", .role = ROLE_VIEWER,
     .parameters = "limit after", .handle = revisions_get, .finish = revisions_finish},
    {.method = GATE_GET, .path = "/api/v1/revisions/{number}", .role = ROLE_VIEWER,
     .is_heavy = true, .handle = revision_get},
    {.method = GATE_GET, .path = "/api/v1/revisions/{number}/diff", .role = ROLE_VIEWER,
     .is_heavy = true, .parameters = "against", .handle = revision_diff_get},
    {.method = GATE_POST, .path = "/api/v1/revisions/{number}/rollback", .role = ROLE_ADMIN,
     .takes_body = true, .is_body_optional = true, .is_change = true, .is_heavy = true,
     .parameters = "dry_run", .handle = revision_rollback_post},
    {.method = GATE_POST, .path = "/api/v1/backup", .role = ROLE_ADMIN, .takes_body = true,
     .is_body_optional = true, .is_change = true, .parameters = "dry_run", .handle = backup_post,
     .finish = backup_finish},
    {.method = GATE_GET, .path = "/api/v1/audit", .role = ROLE_VIEWER,
     .parameters = "actor object since limit after", .handle = audit_get, .finish = audit_finish},
    {.method = GATE_GET, .path = "/api/v1/audit/verify", .role = ROLE_VIEWER,
     .parameters = "after", .handle = audit_verify_get, .finish = audit_verify_finish},
    {.method = GATE_GET, .path = "/api/v1/domains", .role = ROLE_VIEWER, .is_of_view = true,
     .is_heavy = true, .heavy_with = "limit", /* a thousand of them with all their members */
     .parameters = "limit after index wait", .handle = domains_get},
    {.method = GATE_GET, .path = "/api/v1/domains/{domain}", .role = ROLE_VIEWER,
     .is_of_view = true, .parameters = "index wait", .handle = domain_get},
    {.method = GATE_GET, .path = "/api/v1/services", .role = ROLE_VIEWER, .is_of_view = true,
     .parameters = "limit after index wait", .handle = services_get},
    {.method = GATE_GET, .path = "/api/v1/tiers", .role = ROLE_VIEWER, .is_of_view = true,
     .parameters = "limit after index wait", .handle = tiers_get},
    {.method = GATE_GET, .path = "/api/v1/nodes", .role = ROLE_VIEWER, .is_of_view = true,
     .parameters = "limit after index wait", .handle = nodes_get},
    {.method = GATE_GET, .path = "/api/v1/nodes/{id}", .role = ROLE_VIEWER, .is_heavy = true,
     .heavy_with = "explain", .is_of_view = true,
     .parameters = "explain set clients answer_order index wait", .handle = node_get},
    {.method = GATE_PATCH, .path = "/api/v1/nodes/{id}", .role = ROLE_ADMIN,
     .takes_body = true, .is_change = true, .is_heavy = true,
     .parameters = "dry_run reason override", .handle = node_patch},
    {.method = GATE_PUT, .path = "/api/v1/nodes/{id}/weight", .role = ROLE_OPERATOR,
     .takes_body = true, .is_change = true, .parameters = "dry_run",
     .handle = node_weight_put, .finish = node_weight_finish},
    {.method = GATE_DELETE, .path = "/api/v1/nodes/{id}/weight", .role = ROLE_OPERATOR,
     .is_change = true, .parameters = "dry_run service",
     .handle = node_weight_delete, .finish = node_weight_finish},
    {.method = GATE_GET, .path = "/api/v1/drains", .role = ROLE_VIEWER,
     .parameters = "all limit after index wait", .handle = drains_get},
    {.method = GATE_POST, .path = "/api/v1/drains", .role = ROLE_OPERATOR,
     .takes_body = true, .is_change = true, .parameters = "dry_run",
     .is_remade = true, .handle = drains_post, .finish = drains_post_finish},
    {.method = GATE_GET, .path = "/api/v1/drains/{id}", .role = ROLE_VIEWER,
     .parameters = "index wait", .handle = drain_get},
    {.method = GATE_PATCH, .path = "/api/v1/drains/{id}", .role = ROLE_OPERATOR,
     .takes_body = true, .is_change = true, .parameters = "dry_run",
     .handle = drain_patch, .finish = drain_patch_finish},
    {.method = GATE_DELETE, .path = "/api/v1/drains/{id}", .role = ROLE_OPERATOR,
     .is_change = true, .parameters = "dry_run",
     .handle = drain_delete, .finish = drain_delete_finish},
    {.method = GATE_GET, .path = "/api/v1/events", .role = ROLE_VIEWER,
     .parameters = "kinds last follow", .handle = events_get},
    {.method = GATE_GET, .path = "/api/v1/windows", .role = ROLE_VIEWER, .is_of_view = true,
     .parameters = "limit after index wait", .handle = windows_get},
    {.method = GATE_POST, .path = "/api/v1/windows", .role = ROLE_OPERATOR,
     .takes_body = true, .is_change = true, .parameters = "dry_run",
     .handle = windows_post, .finish = window_finish},
    {.method = GATE_GET, .path = "/api/v1/windows/{id}", .role = ROLE_VIEWER,
     .parameters = "index wait", .handle = window_get},
    {.method = GATE_PUT, .path = "/api/v1/windows/{id}", .role = ROLE_OPERATOR,
     .takes_body = true, .is_change = true, .parameters = "dry_run",
     .handle = window_put, .finish = window_finish},
    {.method = GATE_DELETE, .path = "/api/v1/windows/{id}", .role = ROLE_OPERATOR,
     .is_change = true, .parameters = "dry_run",
     .handle = window_delete, .finish = window_finish},
    {.method = GATE_GET, .path = "/api/v1/windows/{id}/occurrences", .role = ROLE_VIEWER,
     .is_heavy = true, .parameters = "from to limit after", .handle = window_openings_get},
    {.method = GATE_POST, .path = "/api/v1/windows/{id}/skip", .role = ROLE_OPERATOR,
     .takes_body = true, .is_change = true, .parameters = "dry_run",
     .handle = window_skip_post, .finish = window_finish},
    {.method = GATE_POST, .path = "/api/v1/windows/{id}/end", .role = ROLE_OPERATOR,
     .takes_body = true, .is_change = true, .parameters = "dry_run",
     .handle = window_end_post, .finish = window_finish},
    {.method = GATE_GET, .path = "/api/v1/windows.ics", .role = ROLE_VIEWER, .takes_key = true,
     .is_heavy = true, .parameters = "key", .handle = calendar_get},
    {.method = GATE_POST, .path = "/api/v1/windows.ics", .role = ROLE_OPERATOR,
     .takes_body = true, .is_change = true, .parameters = "dry_run",
     .handle = calendar_post, .finish = calendar_post_finish},
};
/* clang-format on */
const size_t route_count = COUNT_OF(routes);

/* Takes one segment from *path, which starts with '/'. */
static struct text segment_next(struct text *path)
{
    const char *start = path->ptr + 1;
    const char *slash = memchr(start, '/', path->len - 1);
    size_t len = slash ? (size_t)(slash - start) : path->len - 1;
    path->ptr += len + 1;
    path->len -= len + 1;
    return (struct text){start, len};
}

static struct text segment_decode(struct arena *arena, struct text raw)
{
    char *out = arena_alloc(arena, raw.len + 1);
    size_t len = 0;
    if (!gate_percent_decode(raw, out, &len))
        len = 0; /* cannot be: the gate has decoded it */
    return (struct text){out, len};
}

/* True when the path is the route's; fills variables[]. */
static bool path_matches(const char *pattern, struct text path, struct request *request)
{
    struct text expected = text_from(pattern);
    size_t variable = 0;
    while (expected.len && path.len) {
        struct text want = segment_next(&expected), raw = segment_next(&path);
        struct text segment = segment_decode(&request->arena, raw);
        if (text_starts_with(want, "{")) {
            if (segment.len == 0 || variable == REQUEST_VARIABLES_MAX)
                return false;
            request->variables[variable++] = segment;
        } else if (!text_equal(want, segment)) {
            return false;
        }
    }
    return expected.len == 0 && path.len == 0;
}

bool router_match(struct request *request, const struct gate_head *head, struct response *response)
{
    request->method = head->method;
    request->path = head->path;
    enum gate_method wanted = head->method == GATE_HEAD ? GATE_GET : head->method;
    char *allow = NULL;
    for (size_t i = 0; i < route_count; i++) {
        const struct route *route = &routes[i];
        if (!path_matches(route->path, head->path, request))
            continue;
        if (route->method == wanted) {
            request->route = route;
            return true;
        }
        const char *method = route->method == GATE_GET ? "GET, HEAD" : /* they come together */
                                 gate_method_print(route->method);
        allow =
            arena_printf(&request->arena, "%s%s%s", allow ? allow : "", allow ? ", " : "", method);
    }
    if (!allow) {
        response_problem(response, "not-found", "nothing is at %.*s",
                         (int)(head->path.len < 200 ? head->path.len : 200), head->path.ptr);
        return false;
    }
    response_problem(response, "method-not-allowed", "%s is not among: %s",
                     gate_method_print(head->method), allow);
    response->allow = allow;
    return false;
}
