/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What forecasts are made from: which clients there are, how long sessions last, and how resolvers
 * treat TTLs. None of it decides a published record. */
#include "srvplan/audience.h"
#include "srvplan/inventory_read.h"

/* The names, for a mend. */
static const char *clients_print(struct load *load)
{
    const char *list = "write one of", *name;
    if (!hints_wanted(load))
        return "see srvplan-inventory(5) for the names";
    for (size_t i = 0; (name = audience_name_at(i)); i++)
        list = arena_printf(&load->mistakes.arena, "%s%s %s", list, i ? "," : "", name);
    return list;
}

static void client_check(struct load *load, const struct place *place, struct text id)
{
    struct text nearest = text_from("");
    if (audience_name_is_known(id))
        return;
    if (hints_wanted(load))
        nearest = audience_name_nearest(id);
    const char *mend = nearest.len ? arena_printf(&load->mistakes.arena, "did you mean \"%.*s\"?",
                                                  (int)nearest.len, nearest.ptr)
                                   : clients_print(load);
    mistake_add(&load->mistakes, place, "unknown-client", mend,
                "expected a client program or algorithm that srvplan knows, found %s",
                mistakes_quote(&load->mistakes, id));
}

/* An audience describes users and servers, and the parts of each make a whole. */
static void sum_check(struct load *load, const struct place *place,
                      const struct inventory_audience *audience, enum client_role role,
                      const char *whose)
{
    uint64_t sum_ppb = audience_declared_ppb(audience, role);
    if (sum_ppb > RATIO_ONE)
        mistake_add(&load->mistakes, place, "bad-sum",
                    "make the parts smaller; what is missing to 100 % counts as plackett-luce",
                    "expected parts of %s that sum to at most 100 %%, found %s", whose,
                    ratio_print(load, sum_ppb));
}

void read_audience(struct load *load, const struct place *place, json_t *value,
                   const struct key_row *row, void *field)
{
    static const struct key_row part_row = {0};
    struct inventory_audience *audience = field;
    const char *key;
    json_t *part;
    (void)row;
    if (!json_is_object(value)) {
        expected_as(load, place, "an object from clients to their parts",
                    "write for example { \"conversations\": \"45%\" }", value);
        return;
    }
    struct inventory_audience_part *parts =
        arena_array(load->arena, struct inventory_audience_part, json_object_size(value));
    *audience = (struct inventory_audience){.parts = parts};
    json_object_foreach(value, key, part)
    {
        struct place at_key = place_key(place, key), at_value = place_value(place, key);
        struct optional ratio = {0};
        client_check(load, &at_key, text_from(key));
        read_ratio(load, &at_value, part, &part_row, &ratio);
        parts[audience->count++] = (struct inventory_audience_part){
            arena_text(load->arena, text_from(key)), (uint32_t)ratio.value};
    }
    sum_check(load, place, audience, CLIENT_OF_USERS, "programs of users");
    sum_check(load, place, audience, CLIENT_OF_SERVERS, "servers");
}

/* ---- sessions ---- */

enum {
    LOGIN_RATE_MAX = 1000000, /* a second: no node comes near, and thousandths fit 32 bits */
};

static void read_login_rate(struct load *load, const struct place *place, json_t *value,
                            const struct key_row *row, void *field)
{
    struct optional *milli = field;
    double rate = json_number_value(value);
    (void)row;
    if (!json_is_number(value))
        expected_as(load, place, "a number of logins a second", "write for example 50", value);
    else if (rate >= 0.001 && rate <= LOGIN_RATE_MAX)
        *milli = (struct optional){true, (int64_t)(rate * 1000 + 0.5)};
    else
        mistake_add(&load->mistakes, place, "out-of-range",
                    "write how many new logins a second the node bears, for example 50",
                    "expected a number from 0.001 to %d, found %s", LOGIN_RATE_MAX,
                    describe(load, value));
}

void read_sessions(struct load *load, const struct place *place, json_t *value,
                   const struct key_row *row, void *field)
{
    static const struct key_row rows[] = {
        {.key = "mean_life",
         .read = read_duration,
         .field = offsetof(struct session_settings, mean_life_s),
         .min = 1},
        {.key = "login_rate_limit",
         .read = read_login_rate,
         .field = offsetof(struct session_settings, login_rate_milli)},
        {0},
    };
    (void)row;
    object_read(load, place, value, rows, field);
}

struct inventory_sessions sessions_over(struct inventory_sessions usual,
                                        const struct session_settings *own)
{
    if (own->mean_life_s.given)
        usual.mean_life_s = (uint32_t)own->mean_life_s.value;
    if (own->login_rate_milli.given)
        usual.login_rate_limit_milli = (uint32_t)own->login_rate_milli.value;
    return usual;
}

/* ---- resolvers ---- */

struct resolver_settings {
    struct optional share, min_ttl_s, max_ttl_s;
};

static void resolver_read(struct load *load, const struct place *place, json_t *value,
                          struct inventory_resolver_class *resolver)
{
    static const struct key_row rows[] = {
        {"share", read_ratio, offsetof(struct resolver_settings, share), 1, 0, NULL, "\"91%\""},
        {.key = "min_ttl",
         .read = read_duration,
         .field = offsetof(struct resolver_settings, min_ttl_s)},
        {.key = "max_ttl",
         .read = read_duration,
         .field = offsetof(struct resolver_settings, max_ttl_s),
         .min = 1},
        {0},
    };
    struct resolver_settings settings = {0};
    object_read(load, place, value, rows, &settings);
    resolver->share_ppb = (uint32_t)settings.share.value;
    resolver->min_ttl_s = (uint32_t)settings.min_ttl_s.value;
    resolver->max_ttl_s = (uint32_t)settings.max_ttl_s.value;
    if (settings.max_ttl_s.given && settings.min_ttl_s.value > settings.max_ttl_s.value)
        mistake_add(&load->mistakes, place, "min-above-max", "exchange the two",
                    "expected a min_ttl of at most max_ttl, found %us and %us", resolver->min_ttl_s,
                    resolver->max_ttl_s);
}

void read_resolvers(struct load *load, const struct place *place, json_t *value,
                    const struct key_row *row, void *field)
{
    struct resolver_list *list = field;
    enum {
        RESOLVERS_MAX = 100
    }; /* a forecast adds them up at every instant */
    size_t errors = load->mistakes.errors;
    uint64_t sum_ppb = 0;
    (void)row;
    if (!list_expected(load, place, value, 1))
        return;
    size_t count = json_array_size(value);
    if (count > RESOLVERS_MAX) {
        mistake_add(&load->mistakes, place, "too-many-resolvers", "join those that are alike",
                    "expected at most %d kinds of resolvers, found %zu", RESOLVERS_MAX, count);
        return;
    }
    struct inventory_resolver_class *items =
        arena_array(load->arena, struct inventory_resolver_class, count);
    for (size_t i = 0; i < count; i++) {
        struct place item = place_item(place, i);
        resolver_read(load, &item, json_array_get(value, i), &items[i]);
        sum_ppb += items[i].share_ppb;
    }
    *list = (struct resolver_list){items, (uint32_t)count};
    if (load->mistakes.errors == errors && sum_ppb != RATIO_ONE)
        mistake_add(&load->mistakes, place, "bad-sum",
                    "change the shares, or add a class for the rest, without min_ttl and max_ttl",
                    "expected shares that sum to 100 %%, found %s", ratio_print(load, sum_ppb));
}
