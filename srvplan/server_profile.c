/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/server_profile.h"

static const struct {
    enum server_product product;
    const char *service;
    uint16_t port;
} service_ports[] = {
#define PORT(product, service, port) {product, service, port},
#include "srvplan/server_profiles.def"
};

static const uint16_t web_ports[] = {
#define WEB_PORT(product, port) port,
#include "srvplan/server_profiles.def"
};

static const struct {
    enum server_product product;
    uint16_t port;
    bool is_telling;
} admin_ports[] = {
#define ADMIN_PORT(product, port, is_telling) {product, port, is_telling},
#include "srvplan/server_profiles.def"
};

uint16_t server_profile_port(enum server_product product, struct text service)
{
    for (size_t i = 0; i < COUNT_OF(service_ports); i++)
        if (service_ports[i].product == product && text_is(service, service_ports[i].service))
            return service_ports[i].port;
    return 0;
}

bool server_port_is_admin(uint16_t port, enum server_product product)
{
    for (size_t i = 0; i < COUNT_OF(admin_ports); i++)
        if (admin_ports[i].port == port &&
            (product == SERVER_UNKNOWN ? admin_ports[i].is_telling
                                       : admin_ports[i].product == product))
            return true;
    return false;
}

bool server_port_is_web(uint16_t port)
{
    for (size_t i = 0; i < COUNT_OF(web_ports); i++)
        if (web_ports[i] == port)
            return true;
    return false;
}
