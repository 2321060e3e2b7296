/* SPDX-License-Identifier: GPL-3.0-or-later */
/* proposal: a change of the inventory on its way from a handler to the world and back.
 *
 * All of them go the same way: the new inventory is studied over the current view, guards are asked
 * early, a dry run ends there; else the world makes the change, and asks the guards again. When the
 * world moved on meanwhile, all of it is done once more. Handlers say what the new inventory is,
 * and what the answer shows. Heavy routes only. */
#pragma once
#include "api/handlers/handlers.h"
#include "api/handlers/wishes.h"
#include "api/world/study.h"
#include "api/world/inventory.h"

struct proposal;

/* Where kinds of changes differ. */
struct proposal_kind {
    const char *etag_prefix;
    bool is_stored; /* the document was in force once: its mistakes are not the client's */
    const char *pointer_prefix; /* of findings, cut off: the body is that part; NULL: the whole */
    /* Fills document, format and change, by request->view. False: the response says why not. */
    bool (*make)(struct proposal *proposal);
    /* With the study done, before the world is asked; NULL: nothing to check. */
    bool (*check)(struct proposal *proposal);
    /* The body, and on a change that was made the ETag. NULL: that of proposal_json. */
    json_t *(*show)(struct proposal *proposal);
};

struct proposal {
    struct request *request;
    struct response *response;
    const struct proposal_kind *kind;
    const void *context; /* the handler's */
    struct study study;
    struct text document; /* ptr NULL: the inventory stays */
    enum document_format format;
    const struct wishes *wishes; /* overlays that come with it; NULL: none */
    int64_t at_ms;               /* 0: now */
    struct world_inventory_change change;
    const struct world_result *result; /* NULL: a dry run */
};

/* request->job has its actor, If-Match and override by then. */
void proposal_carry_out(struct request *request, struct response *response,
                        const struct proposal_kind *kind, const void *context);

/* The same, with the inventory's ETag when it was made. */
json_t *proposal_show_inventory(struct proposal *proposal);

/* {"revision", "served_at", "inventory", "summary", "warnings"} */
json_t *proposal_json(struct proposal *proposal);

/* Reads, plans and compares with the plan in force. False: the response says why not. */
NODISCARD bool proposal_study(struct proposal *proposal);

/* If-Match, and the query's reason and override, into the job; `version` is the current one. */
NODISCARD bool proposal_read_head(struct request *request, const char *prefix, uint64_t version,
                                  struct response *response);

/* A look at the document without a tree, which bounds what reading it costs. */
NODISCARD bool proposal_scan(struct text document, enum document_format format,
                             struct response *response);

/* 422 with the errors among the findings. `pointer_prefix` as of a kind. */
void proposal_refuse(const struct findings *findings, const char *pointer_prefix,
                     struct response *response);
