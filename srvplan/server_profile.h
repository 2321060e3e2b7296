/* SPDX-License-Identifier: GPL-3.0-or-later */
/* server_profile: which ports the server products use by default, and which must never be
 * published. The table is server_profiles.def. */
#pragma once
#include "srvplan/inventory.h"

enum {
    SERVER_PRODUCT_COUNT = SERVER_OTHER + 1
};

/* Where the product listens for a service, by the service's id. 0: nowhere by default, or the
 * product is not known. */
uint16_t server_profile_port(enum server_product product, struct text service);

/* Whether administration is behind the port. When the product is not known, ports that stand for
 * nothing else count, of every product. */
bool server_port_is_admin(uint16_t port, enum server_product product);

/* Whether web servers listen there, of any product: no client finds BOSH or WebSocket by SRV. */
bool server_port_is_web(uint16_t port);
