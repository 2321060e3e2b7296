/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules on ports: X01 to X03. */
#include <stdlib.h>
#include <string.h>

#include "srvplan/lint_view.h"
#include "srvplan/server_profile.h"

enum {
    PORT_COUNT = 65536,
    PORT_HTTPS = 443,
};

static const uint16_t usual_port[LINT_XMPP_KINDS] = {
    [LINT_CLIENT] = 5222,
    [LINT_CLIENT_TLS] = 5223,
    [LINT_SERVER] = 5269,
    [LINT_SERVER_TLS] = 5270,
};

static bool is_direct_tls(enum lint_kind kind)
{
    return kind == LINT_CLIENT_TLS || kind == LINT_SERVER_TLS;
}

/* A console of the node's own product, or one that is known by its port alone. */
static bool is_admin_port(const struct lint *lint, uint32_t node, uint16_t port)
{
    enum server_product product = node == INVENTORY_NONE
                                      ? SERVER_UNKNOWN
                                      : lint->plan->input.layout->inventory->nodes[node].server;
    return server_port_is_admin(port, product) || server_port_is_admin(port, SERVER_UNKNOWN);
}

static bool is_port_of_the_other_kind(enum lint_kind kind, uint16_t port)
{
    bool is_for_tls = port == usual_port[LINT_CLIENT_TLS] || port == usual_port[LINT_SERVER_TLS];
    bool is_for_starttls = port == usual_port[LINT_CLIENT] || port == usual_port[LINT_SERVER];
    return is_direct_tls(kind) ? is_for_starttls : is_for_tls;
}

/* Port 443 passes firewalls, and XEP-0368 wants another record beside it for those who cannot tell
 * by ALPN. */
static bool is_https_beside_another(const struct lint_set *set, uint16_t port)
{
    if (port != PORT_HTTPS || !is_direct_tls(set->kind))
        return false;
    for (uint32_t i = 0; i < set->count; i++)
        if (set->items[i].port != PORT_HTTPS)
            return true;
    return false;
}

static void port_check(struct lint *lint, const struct lint_set *set, const struct lint_srv *srv)
{
    const char *target = name_print(&lint->scratch, srv->target);
    uint16_t port = srv->port;
    if (is_admin_port(lint, srv->node, port))
        lint_find(lint, LINT_X03, &srv->place,
                  "%s sends users to port %u of %s, which is an administration console", set->label,
                  port, target);
    else if (server_port_is_web(port))
        lint_find(lint, LINT_X02, &srv->place, "%s: port %u of %s speaks HTTP, not XMPP",
                  set->label, port, target);
    else if (is_port_of_the_other_kind(set->kind, port) && !set->is_mux)
        lint_find(lint, LINT_X01_TLS, &srv->place, "%s: port %u of %s is for %s", set->label, port,
                  target, is_direct_tls(set->kind) ? "STARTTLS" : "Direct TLS");
    else if (port != usual_port[set->kind] && !set->is_mux && !is_https_beside_another(set, port))
        lint_find(lint, LINT_X01, &srv->place, "%s: port %u of %s is not the usual %u%s",
                  set->label, port, target, usual_port[set->kind],
                  port == PORT_HTTPS && is_direct_tls(set->kind)
                      ? ", and no other record helps those who cannot pass it"
                      : "");
}

/* Each port of a set once, with the first target that has it. */
static void ports_check(struct lint *lint, const struct lint_set *set)
{
    uint64_t seen[PORT_COUNT / 64] = {0};
    for (uint32_t i = 0; i < set->count; i++) {
        const struct lint_srv *srv = &set->items[i];
        uint64_t bit = UINT64_C(1) << srv->port % 64, *word = &seen[srv->port / 64];
        if (srv->host == LINT_NONE || srv->port == 0 || (*word & bit))
            continue;
        *word |= bit;
        port_check(lint, set, srv);
    }
}

/* ---- X01: one port, several services ---- */

struct endpoint {
    const struct lint_srv *srv;
    enum lint_kind kind;
    bool is_mux;
};

static int by_host_and_port(const void *left, const void *right)
{
    const struct endpoint *a = left, *b = right;
    if (a->srv->host != b->srv->host)
        return a->srv->host < b->srv->host ? -1 : 1;
    if (a->srv->port != b->srv->port)
        return a->srv->port < b->srv->port ? -1 : 1;
    return (a->kind > b->kind) - (a->kind < b->kind);
}

/* The services that meet at one host and port: endpoints[0..count). */
static void endpoint_check(struct lint *lint, const struct lint_domain *domain,
                           const struct endpoint *endpoints, uint32_t count)
{
    bool has[LINT_XMPP_KINDS] = {0}, is_mux = false;
    const struct lint_srv *srv = endpoints[count - 1].srv;
    for (uint32_t i = 0; i < count; i++) {
        has[endpoints[i].kind] = true;
        is_mux |= endpoints[i].is_mux;
    }
    if (is_mux)
        return;
    const char *target = name_print(&lint->scratch, srv->target);
    if ((has[LINT_CLIENT] && has[LINT_CLIENT_TLS]) || (has[LINT_SERVER] && has[LINT_SERVER_TLS]))
        lint_find(lint, LINT_X01_SAME, &srv->place,
                  "%s: port %u of %s is to be STARTTLS and Direct TLS at once", domain->label,
                  srv->port, target);
    else if ((has[LINT_CLIENT] || has[LINT_CLIENT_TLS]) &&
             (has[LINT_SERVER] || has[LINT_SERVER_TLS]))
        lint_find(lint, LINT_X01_ALPN, &srv->place,
                  "%s: port %u of %s is for clients and for servers", domain->label, srv->port,
                  target);
}

static void endpoints_check(struct lint *lint, const struct lint_domain *domain)
{
    struct arena arena = {0};
    uint32_t most = 0, count = 0;
    for (int kind = 0; kind < LINT_XMPP_KINDS; kind++) {
        const struct lint_set *set = lint_set_of(lint, domain, (enum lint_kind)kind);
        most += set ? set->count : 0;
    }
    struct endpoint *endpoints = arena_array(&arena, struct endpoint, most);
    for (int kind = 0; kind < LINT_XMPP_KINDS; kind++) {
        const struct lint_set *set = lint_set_of(lint, domain, (enum lint_kind)kind);
        for (uint32_t i = 0; set && i < set->count; i++)
            if (set->items[i].host != LINT_NONE)
                endpoints[count++] =
                    (struct endpoint){&set->items[i], (enum lint_kind)kind, set->is_mux};
    }
    if (count)
        qsort(endpoints, count, sizeof *endpoints, by_host_and_port);
    for (uint32_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && endpoints[end].srv->host == endpoints[i].srv->host &&
                          endpoints[end].srv->port == endpoints[i].srv->port;
             end++)
            ;
        endpoint_check(lint, domain, &endpoints[i], end - i);
    }
    arena_fini(&arena);
}

/* ---- X03: elsewhere ---- */

/* Of services that are not XMPP's, only a node whose product is known tells. */
static void consoles_check(struct lint *lint, const struct lint_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct lint_srv *srv = &set->items[i];
        if (srv->node == INVENTORY_NONE)
            continue;
        const struct inventory_node *node = &lint->plan->input.layout->inventory->nodes[srv->node];
        if (node->server != SERVER_UNKNOWN && server_port_is_admin(srv->port, node->server))
            lint_find(lint, LINT_X03, &srv->place,
                      "%s publishes port %u of node %.*s, which is the administration console",
                      set->label, srv->port, (int)node->id.len, node->id.ptr);
    }
}

/* The port of "https://host:port/path"; 0: none is written. */
static uint16_t url_port(struct text url)
{
    const char *start = memmem(url.ptr, url.len, "://", 3);
    if (!start)
        return 0;
    struct text rest = {start + 3, url.len - (size_t)(start + 3 - url.ptr)};
    const char *path = memchr(rest.ptr, '/', rest.len);
    rest.len = path ? (size_t)(path - rest.ptr) : rest.len;
    const char *colon = memrchr(rest.ptr, ':', rest.len); /* an IPv6 address ends with "]" */
    uint64_t port;
    struct text digits = {colon ? colon + 1 : "",
                          colon ? rest.len - (size_t)(colon + 1 - rest.ptr) : 0};
    return text_to_u64(digits, 1, UINT16_MAX, &port) ? (uint16_t)port : 0;
}

static void url_check(struct lint *lint, const struct inventory_domain *domain, const char *key,
                      struct text url)
{
    uint16_t port = url_port(url);
    if (!server_port_is_admin(port, SERVER_UNKNOWN))
        return;
    const char *name = name_print(&lint->scratch, domain->name);
    const struct lint_place place = {.pointer = arena_printf(&lint->scratch, "/domains/%.*s/web/%s",
                                                             (int)strlen(name) - 1, name, key)};
    lint_find(lint, LINT_X03, &place,
              "%s announces port %u, which is an administration console, as %s", name, port, key);
}

static void urls_check(struct lint *lint, const struct inventory *inventory)
{
    for (uint32_t i = 0; i < inventory->domain_count; i++) {
        const struct inventory_domain *domain = &inventory->domains[i];
        if (domain->bosh.len)
            url_check(lint, domain, "bosh", domain->bosh);
        if (domain->websocket.len)
            url_check(lint, domain, "websocket", domain->websocket);
    }
}

void lint_ports(struct lint *lint)
{
    for (uint32_t i = 0; i < lint->set_count; i++)
        (lint->sets[i].kind == LINT_OTHER ? consoles_check : ports_check)(lint, &lint->sets[i]);
    if (lint->plan)
        urls_check(lint, lint->plan->input.layout->inventory);
    for (uint32_t i = 0; i < lint->domain_count; i++)
        endpoints_check(lint, &lint->domains[i]);
}
