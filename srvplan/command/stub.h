/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stub: a small stub resolver, to look at what live DNS says. It sends DNS queries and nothing
 * else.
 *
 * Made so that neither a stranger off the path nor a broken server fools it or holds it up:
 * - every query has a random id, a socket of its own with a port that the kernel draws at random,
 *   connected to the server, so that other sources are not heard; the letters of the name have a
 *   random case that the answer must repeat (draft-vixie-dnsext-dns0x20-00);
 * - an answer with another id or question is dropped, as if it had not come; too many of them mean
 *   that somebody guesses, and the question goes over TCP, as it does when an answer is truncated,
 *   broken, or repeats the question in another case;
 * - EDNS announces 1232 bytes; a server that does not know EDNS is asked without it;
 * - each try has a time limit, each server STUB_ROUNDS tries, and the caller may set a deadline
 *   for all questions together. A server that was silent is asked last from then on. */
#pragma once
#include <sys/socket.h>

#include "srvplan/command/answer.h"

enum {
    STUB_SERVERS_MAX = 3, /* as many as resolv.conf(5) takes */
    STUB_ROUNDS = 2,
    STUB_TIMEOUT_MS = 2000,   /* of the first try; the second waits twice as long */
    STUB_NEAR_MISSES_MAX = 8, /* wrong answers to one query before TCP: one of the server's own may
                                 be late, eight are no accident */
    STUB_UDP_BYTES = 1232,
    STUB_ALIASES_MAX = 8, /* CNAMEs in a row that are followed, as many as resolvers do */
    STUB_SERVER_TEXT_SIZE = 64,
};

struct stub_server {
    struct sockaddr_storage address;
    socklen_t length;
    char text[STUB_SERVER_TEXT_SIZE]; /* "192.0.2.1:53", "[2001:db8::1]:53" */
    bool was_silent;
};

struct stub {
    struct stub_server servers[STUB_SERVERS_MAX];
    uint32_t server_count;
    uint32_t timeout_ms;
    int64_t deadline_at_ms; /* of clock_monotonic_ms, for all questions; 0: none */
    bool is_iterative;      /* RD off: for asking an authority */
    bool wants_signatures;  /* DO on (RFC 3225) */
    uint32_t query_count;   /* sent so far, for -v and tests */
};

/* A stub that asks `server` ("ADDR", "ADDR:PORT", "[ADDR]:PORT"), or, when it is NULL, the servers
 * of /etc/resolv.conf. ERROR_USAGE: no address; ERROR_NOT_FOUND: no server to ask. Nothing needs to
 * be closed. */
NODISCARD bool stub_init(struct stub *stub, const char *server, struct error *err);

/* The same for the servers of a file in the format of resolv.conf(5). */
NODISCARD bool stub_init_file(struct stub *stub, const char *path, struct error *err);

/* One that asks the authority at `address` (4 or 16 bytes) without recursion. */
void stub_init_authority(struct stub *stub, struct bytes address, uint16_t port);

uint16_t stub_server_port(const struct stub_server *server);

/* Asks until a server gives NOERROR or NXDOMAIN. The answer lives in the arena. Otherwise
 * ERROR_UNREACHABLE says what each server did (silent, refused, broken). */
NODISCARD bool stub_ask(struct stub *stub, struct arena *arena, struct name name, uint16_t type,
                        struct answer *answer, struct error *err);

/* What a name has of one type, behind its aliases. */
struct lookup {
    struct name name;      /* where the records stand: what was asked, or the end of the aliases */
    uint32_t alias_count;  /* CNAMEs on the way */
    bool exists;           /* false: NXDOMAIN */
    bool is_authenticated; /* the resolver validated all of it (AD) */
    bool is_authoritative; /* from an authority (AA): TTLs are whole */
    const struct answer_record *records; /* of the type asked; same TTL or not, as they came */
    uint32_t count;
    const struct answer_record *aliases;    /* the CNAMEs, in order */
    const struct answer_record *signatures; /* RRSIGs that cover the type (wants_signatures) */
    uint32_t signature_count;
};

/* Asks and follows aliases, STUB_ALIASES_MAX of them at most. No record is no failure: count is 0.
 * ERROR_INVALID: the aliases loop or are too many; ERROR_UNREACHABLE as stub_ask. */
NODISCARD bool stub_look_up(struct stub *stub, struct arena *arena, struct name name, uint16_t type,
                            struct lookup *lookup, struct error *err);
