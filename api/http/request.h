/* SPDX-License-Identifier: GPL-3.0-or-later */
/* request: one request as the handlers see it, and the response that they make. No HTTP library
 * here: what came was judged by gate.h and taken apart by router, what goes out is written by
 * http.
 *
 * A read fills the response from `view`. A change fills `job` and leaves the response empty; http
 * submits the job and calls the route's `finish` with its result. A heavy route's handler runs in
 * a workshop and does both itself. The first problem wins: a
 * response with a status is not overwritten, but mistakes of a body add up. */
#pragma once
#include "api/auth/auth.h"
#include "api/view/events.h"
#include "api/http/gate.h"
#include "api/http/problem.h"
#include "api/world/world.h"
#include "srvplan/document.h"

enum {
    REQUEST_PARAMETERS_MAX = 32,
    REQUEST_VARIABLES_MAX = 2,
    REQUEST_PAGE_DEFAULT = 100,
    REQUEST_PAGE_MAX = 1000,
    RESPONSE_ETAG_SIZE = 40,
    RESPONSE_TIMING_SIZE = 128,
    REQUEST_WAIT_DEFAULT_S = 5 * 60, /* as Consul's blocking queries */
    REQUEST_WAIT_MAX_S = 10 * 60,
    REQUEST_MISTAKES_MAX = 100, /* a body of 50,000 unknown members does not get 50,000 lines */
};

struct route;
struct http_counts;
struct plan_shelf;

struct response {
    unsigned status;       /* 0: nothing yet */
    json_t *json;          /* owned; NULL: `page`, or no body */
    const char *page;      /* text, lives on; used without json */
    const char *page_type; /* NULL: text/plain */
    char *document;        /* a long text, heap, owned; instead of `page` */
    bool is_problem;
    bool is_replay;                    /* of the answer that the same Idempotency-Key had before */
    char etag[RESPONSE_ETAG_SIZE];     /* with its quotes; "": none */
    char *location, *allow, *link;     /* in the arena of the request; NULL: none */
    char *cookie;                      /* Set-Cookie, likewise */
    uint32_t retry_after_s;            /* 0: none */
    char timing[RESPONSE_TIMING_SIZE]; /* where the time of a change went; "": none */
    uint64_t index;                    /* of the view it was read from; 0: of none */
    bool is_stream;                    /* 200, and then events for ever */
    struct events_wish stream;
};

/* A long poll: answer when the view is another than `index`, or after wait_ms. */
struct request_wait {
    bool is_given;
    uint64_t index;
    uint32_t wait_ms;
};

struct request_parameter {
    struct text key, value; /* decoded */
};

/* How it came, for those who let in and out (handlers/session.c). */
struct request_way {
    struct auth *auth;
    bool is_tls;
    bool has_origin, is_of_our_page; /* our own, or none */
    bool has_csrf_header;            /* a page of ours sent it: others cannot set it */
    struct text credential;          /* the token that came in a header; ptr NULL: none */
    struct text cookie;              /* the session's secret that came; ptr NULL: none */
    char source[AUTH_SOURCE_SIZE];
};

struct request {
    struct arena arena;
    const struct route *route;
    struct request_way way;
    enum gate_method method;
    struct text path;                             /* raw */
    struct text variables[REQUEST_VARIABLES_MAX]; /* of {…} in the route, decoded */
    struct request_parameter parameters[REQUEST_PARAMETERS_MAX];
    size_t parameter_count;
    struct text if_match, if_none_match; /* raw; ptr NULL: did not come */
    struct text last_event_id;           /* likewise */
    struct text accept;                  /* likewise */
    struct request_wait wait;
    struct auth_identity identity;
    json_t *body;         /* an object; NULL: the route takes none */
    struct text document; /* the body of a route that takes a document, as it came */
    enum document_format document_format;
    const struct world_view *view; /* as of the start; a reference of the request's own */
    int64_t now_ms;                /* when it is handled; in `finish`, when its job was done */
    struct world_request job;
    const struct http_counts *counts; /* for /metrics */
    char *secret;                     /* of a token or a URL that is made; wiped when it was told */
    /* Only where the route is heavy: its handler waits for the world (world/ask.h). */
    struct world *world;
    struct plan_shelf *shelf;
    struct world_spent spent; /* by the change that it made */
};

void response_fini(struct response *response);

/* Makes the response that problem, with a detail for a person, unless it has a status already. */
void response_problem(struct response *response, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Adds a mistake of the body: 422, all in one answer. `suggestion` may be NULL. */
void response_mistake(struct response *response, const char *pointer, const char *code,
                      const char *detail, const char *suggestion);

/* 200 with the JSON, whose reference it takes. */
void response_take(struct response *response, unsigned status, json_t *json);

void response_set_etag(struct response *response, const char *prefix, uint64_t version);

/* A tag of what the JSON says, for views that are computed and have no version of their own. */
void response_set_etag_of(struct response *response, const char *prefix, const json_t *json);

/* Turns a 200 into 304 when If-None-Match holds the response's ETag. */
void response_check_none_match(const struct request *request, struct response *response);

/* Splits and decodes the query; unknown and doubled keys are a problem. `known`: one space
 * between. */
void request_parse_query(struct request *request, struct text query, const char *known,
                         struct response *response);

/* Empty with ptr NULL when it did not come. */
struct text request_parameter_find(const struct request *request, const char *key);

/* "true", "false" or absent (false). */
bool request_flag(const struct request *request, const char *key, struct response *response);

/* index=N and wait=D, of routes that have them: a long poll. `wait` may be as long as 10 minutes
 * and gets a sixteenth of chance, so that those who began together do not come back together. */
bool request_can_wait(const struct request *request);
void request_read_wait(struct request *request, struct response *response);

/* limit=1…1000, default 100. */
uint32_t request_limit(const struct request *request, struct response *response);

/* Reads If-Match into the job: absent is 428, '*' matches, "PREFIX<number>" is the version. False:
 * a tag of another form, which cannot be the current one, so the caller answers "stale"; or the
 * response has its problem. */
NODISCARD bool request_read_if_match(struct request *request, const char *prefix,
                                     struct response *response);

/* Takes the view that is current by now; for a heavy handler that begins anew. */
void request_renew_view(struct request *request);

/* 412 with the current ETag. */
void response_stale(struct response *response, const char *prefix, uint64_t version);

/* {"items": […], "next": …} as the response; a next page also as Link (RFC 8288). `items` is
 * taken. `next` NULL: this is the last page. */
void response_take_list(struct request *request, struct response *response, json_t *items,
                        const char *next);
