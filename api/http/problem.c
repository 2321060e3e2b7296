/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/problem.h"

#include <stdlib.h>
#include <string.h>

/* clang-format off */
const struct problem_kind problem_kinds[] = {
    {"malformed", 400, 0, "The request cannot be read",
     "The head of the request breaks the rules of HTTP/1.1 (RFC 9112), or its body is not JSON. "
     "The detail says what and, for a body, the line and column. Servers that guess what a "
     "doubtful request meant can be made to run another one, so this server does not guess. "
     "Send the request again, well-formed."},
    {"unknown-parameter", 400, 0, "The URL has a query parameter that is not known here",
     "A query parameter is unknown to this resource, came twice, or has a value that it cannot "
     "have. Nothing was done: a mistyped dry_run must not become a change. srvplan-api(7) lists "
     "the parameters of every resource."},
    {"unauthenticated", 401, 0, "Who are you?",
     "Send the token in the header 'Authorization: Bearer svp_...'. It lies in admin.token in "
     "the state directory of srvpland, readable by the user that srvpland runs as. On the UNIX "
     "socket no token is needed: the kernel says who you are."},
    {"forbidden", 403, 0, "You may not do this",
     "The server knows who you are, and your role does not allow this. On the UNIX socket root "
     "and the user that srvpland runs as are let in. Ask somebody whose role does."},
    {"foreign-page", 403, 0, "The request does not come from a page of this server",
     "A browser sends cookies and certificates with every request, also with those of pages that "
     "have nothing to do with this server. So with them Origin must be our own page, and with a "
     "session a request that changes something must have the header X-Srvplan-CSRF and Origin, "
     "which only our page can set. A program sends a token instead: 'Authorization: Bearer "
     "svp_...'."},
    {"not-found", 404, 0, "There is no such thing",
     "The path names nothing that exists now. Drains that ended are kept for a week. GET "
     "/api/v1/drains?all=true lists them, GET /api/v1/nodes the nodes."},
    {"unknown-node", 404, 0, "There is no such node",
     "The inventory in force has no node of this id. GET /api/v1/nodes lists them. If the node "
     "was added to the inventory file, reload srvpland (SIGHUP) first."},
    {"unknown-plan", 404, 0, "There is no such plan",
     "Plans that POST /api/v1/plan made are kept for an hour, a bounded number of them, and not over "
     "a restart of srvpland. Plan again, look at it, and apply that one."},
    {"method-not-allowed", 405, 0, "This resource does not do that",
     "The header Allow of the answer lists the methods that it takes."},
    {"guard", 409, 0, "A guard refuses the change",
     "The change would break a guard of the policy: too few nodes or sites in a set, too many "
     "drains at once, an assertion that no longer holds. 'guard' and 'guards' give the numbers and "
     "say what would make it pass; 'blocking' lists the drains that stand in the way. "
     "When 'overridable' is true, send \"override\": {\"guard\": true, \"reason\": \"why\"} "
     "with the request to do it all the same; the override is recorded. An empty set is never "
     "published: undrain another node first."},
    {"capacity-guard", 409, 0, "Drain would leave too little capacity",
     "Of the capacity that the first tier of a set declares, less would be left than the policy "
     "asks for in min_capacity, now or after one further failure. 'guard' has the numbers as parts "
     "of 1, 'blocking' the drains that stand in the way. End one of them first, add capacity, or, "
     "since 'overridable' is true, send \"override\": {\"guard\": true, \"reason\": \"why\"}."},
    {"conflict", 409, 0, "The state of the thing forbids this",
     "The request is right, and the state of the thing stands in its way. The detail says how; "
     "look at the thing, then decide anew."},
    {"already-drained", 409, 0, "The node is drained already",
     "There is an active drain of this node. GET /api/v1/drains shows it; DELETE it to take the "
     "node back."},
    {"already-closed", 409, 0, "The drain is closed already",
     "The drain was ended, or its time was over; the node is back since then. A closed drain "
     "does not change any more. GET /api/v1/drains shows the active ones."},
    {"answer-lost", 409, 0, "It was done, and what was answered is lost",
     "A request with this Idempotency-Key was stored, and srvpland ended before its answer was. It "
     "is not done a second time. 'revision' and 'objects' say what it made: look there."},
    {"revision-forgotten", 410, 0, "The revision is not kept any more",
     "It was published once, and is older than those that the store keeps. The setting "
     "keep-revisions says how many that are; GET /api/v1/revisions lists them. The audit still "
     "has who made it and why. A copy of the store from back then has it, too."},
    {"stale", 412, 0, "The thing has changed since you read it",
     "The ETag in If-Match is no longer the current one; 'etag' is. Read the thing again, and "
     "decide anew."},
    {"too-large", 413, 0, "The body is too large",
     "A body may have 1 MiB, 32 levels and 50,000 values; an inventory that is put, validated or "
     "planned 32 MiB, 32 levels and 2,000,000 values."},
    {"not-json-type", 415, 0, "The body must be JSON",
     "Send the header 'Content-Type: application/json'. An inventory may also be "
     "application/jsonc (with comments) or application/yaml, a patch "
     "application/merge-patch+json."},
    {"invalid", 422, 0, "The request has mistakes",
     "The body is JSON, and what it says is wrong. 'errors' lists every mistake with its JSON "
     "pointer (RFC 6901), what was expected, and where it helps a suggestion. Nothing was done."},
    {"key-reused", 422, 0, "The Idempotency-Key stands for another request",
     "Within the last 24 hours the same actor sent this Idempotency-Key with another path or body. "
     "A key stands for one request: make a new one for a new request, and send the old one only to "
     "repeat the old request byte for byte. Nothing was done."},
    {"unsupported", 422, 0, "This version does not do that yet",
     "The request is understood, and this version of srvplan does not act on it. Nothing was "
     "done."},
    {"precondition-required", 428, 0, "If-Match is required",
     "Send If-Match with the ETag of the thing as you read it, so that you change what you saw; "
     "'*' changes it as it is now."},
    {"too-many-attempts", 429, 60, "Too many wrong tokens",
     "This address sent too many wrong tokens within a minute, and is not heard for a while. "
     "Retry-After says how long."},
    {"internal", 500, 0, "srvpland has a defect",
     "This should not happen. The log of srvpland has more; please report it."},
    {"unavailable", 503, 2, "Not now",
     "srvpland cannot do this at the moment: too many connections or changes wait, it is "
     "starting or stopping, or its store is broken. The detail says which. dnsd goes on "
     "answering. Try again after the seconds in Retry-After."},
    {"clock-untrusted", 503, 60, "The clock of the server is not right",
     "The clock is before the instant of the last revision: it was set back, or not set since the "
     "machine started. What is served stays, and nothing begins or ends by time. A change that "
     "would end by this clock ('for', 'expires_in') is refused, because nobody could say when that "
     "is; one without an end is done. Set the clock right (chronyc makestep, timedatectl); status "
     "shows under 'clock' what is believed of it."},
    {"no-space", 503, 10, "The disk is full",
     "The change could not be stored, and nothing was done. Reading and DNS go on, and a drain "
     "can still be ended. Make room in the state directory of srvpland."},
};
/* clang-format on */
const size_t problem_kind_count = COUNT_OF(problem_kinds);

const struct problem_kind *problem_find(struct text name)
{
    for (size_t i = 0; i < problem_kind_count; i++) {
        if (text_is(name, problem_kinds[i].name))
            return &problem_kinds[i];
    }
    return NULL;
}

static const char *name_of_error(enum error_kind kind)
{
    switch (kind) {
    case ERROR_INVALID:
        return "invalid";
    case ERROR_NO_SPACE:
        return "no-space";
    case ERROR_GUARD:
        return "guard";
    case ERROR_CONFLICT:
        return "conflict";
    case ERROR_NOT_FOUND:
        return "not-found";
    case ERROR_DENIED:
        return "forbidden";
    case ERROR_UNSUPPORTED:
        return "unsupported";
    case ERROR_SYSTEM:
    case ERROR_UNREACHABLE:
    case ERROR_UNAVAILABLE:
    case ERROR_UNKNOWN_OUTCOME:
        return "unavailable";
    case ERROR_NONE:
    case ERROR_USAGE:
        break;
    }
    return "internal";
}

const struct problem_kind *problem_of_error(enum error_kind kind)
{
    return problem_find(text_from(name_of_error(kind)));
}

json_t *problem_string(struct text text)
{
    json_t *string = json_stringn(text.ptr ? text.ptr : "", text.len);
    if (string)
        return string;
    char *ascii = malloc(text.len);
    if (!ascii)
        abort(); /* as everywhere on the control side: the supervisor starts us again */
    for (size_t i = 0; i < text.len; i++)
        ascii[i] = text.ptr[i] & 0x80 ? '?' : text.ptr[i];
    string = json_stringn(ascii, text.len);
    free(ascii);
    return string;
}

json_t *problem_json(const struct problem_kind *kind, const char *detail)
{
    json_t *json = json_object();
    json_object_set_new(json, "type", json_sprintf(PROBLEM_TYPE_PREFIX "%s", kind->name));
    json_object_set_new(json, "title", json_string(kind->title));
    json_object_set_new(json, "status", json_integer(kind->status));
    json_object_set_new(json, "detail", problem_string(text_from(detail)));
    return json;
}
