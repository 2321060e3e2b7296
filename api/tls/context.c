/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/tls/context.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* TLS 1.2; the ciphers of 1.3 are all of this kind. */
static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

struct client_row {
    char name[TLS_NAME_SIZE];
    enum role role;
};

struct tls_context {
    unsigned refs; /* atomic */
    SSL_CTX *ssl;
    struct arena arena;
    struct text *names;
    size_t name_count, name_capacity;
    struct client_row clients[TLS_CLIENTS_MAX];
    size_t client_count;
    int64_t expires_at_ms;
};

/* What OpenSSL says last, in its words. */
static bool fail(struct error *err, const char *file, const char *what, const char *mend)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    error_set(err, ERROR_INVALID, "%s: %s: %s; %s", file, what, reason ? reason : "no reason given",
              mend);
    ERR_clear_error();
    return false;
}

/* A key with a passphrase would have us ask on a terminal that nobody sees. */
static int no_passphrase(char *buffer, int size, int is_writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)is_writing;
    (void)context;
    return 0;
}

static SSL_CTX *new_ssl(void)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    if (!ssl)
        abort();
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ssl, 0);
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
    if (SSL_CTX_set_cipher_list(ssl, ciphers) != 1)
        abort(); /* our own list */
    return ssl;
}

static bool check_key_mode(const char *file, struct error *err)
{
    struct stat info;
    if (stat(file, &info) != 0)
        return error_system(err, file, "name the key's file with --tls-key", "cannot look at");
    if (info.st_mode & 007)
        return error_set(err, ERROR_INVALID,
                         "%s: mode %04o lets everybody read the key, so it may be known; make a "
                         "new key and certificate (if nobody has read it, chmod o= keeps it)",
                         file, info.st_mode & 07777);
    return true;
}

static bool load_pair(struct tls_context *context, const struct tls_files *files, struct error *err)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context->ssl, files->certificate) != 1)
        return fail(err, files->certificate, "holds no certificate in PEM that can be used",
                    "name a file of the certificate and its chain with --tls-cert");
    if (!check_key_mode(files->key, err))
        return false;
    /* It compares the key with the certificate, too. */
    if (SSL_CTX_use_PrivateKey_file(context->ssl, files->key, SSL_FILETYPE_PEM) == 1)
        return true;
    int reason = ERR_GET_REASON(ERR_peek_last_error());
    if (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH)
        return fail(err, files->key, "is not the certificate's key",
                    "take the key that the certificate was made with");
    return fail(err, files->key, "holds no key that can be used",
                "it must be in PEM, without a passphrase");
}

static void add_name(struct tls_context *context, const char *name, size_t len)
{
    context->names = arena_grow(&context->arena, context->names, &context->name_capacity,
                                context->name_count + 1, sizeof *context->names);
    char *copy = arena_cstr(&context->arena, (struct text){name, len});
    for (char *c = copy; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
    context->names[context->name_count++] = text_from(copy);
}

static void add_address(struct tls_context *context, const ASN1_OCTET_STRING *address)
{
    char text[INET6_ADDRSTRLEN], bracketed[INET6_ADDRSTRLEN + 2];
    const unsigned char *bytes = ASN1_STRING_get0_data(address);
    int len = ASN1_STRING_length(address);
    if (len == 4 && inet_ntop(AF_INET, bytes, text, sizeof text))
        add_name(context, text, strlen(text));
    if (len != 16 || !inet_ntop(AF_INET6, bytes, text, sizeof text))
        return;
    snprintf(bracketed, sizeof bracketed, "[%s]", text);
    add_name(context, bracketed, strlen(bracketed));
}

/* A text of a certificate; ptr NULL when it is none that can be shown and compared: control bytes
 * and NULs end names for one reader and not for another. */
static struct text plain_text(const ASN1_STRING *string)
{
    struct text text = {(const char *)ASN1_STRING_get0_data(string),
                        (size_t)ASN1_STRING_length(string)};
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] > '~')
            return (struct text){0};
    return text.len ? text : (struct text){0};
}

static void read_names(struct tls_context *context)
{
    const X509 *certificate = SSL_CTX_get0_certificate(context->ssl);
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        struct text text = name->type == GEN_DNS ? plain_text(name->d.dNSName) : (struct text){0};
        if (text.ptr)
            add_name(context, text.ptr, text.len);
        else if (name->type == GEN_IPADD)
            add_address(context, name->d.iPAddress);
    }
    GENERAL_NAMES_free(names);
    struct tm end;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1)
        context->expires_at_ms = (int64_t)timegm(&end) * 1000;
}

static bool load_client_row(struct tls_context *context, const char *row, struct error *err)
{
    const char *equals = strrchr(row, '='); /* a name may be a URI with one of its own */
    struct client_row *client = &context->clients[context->client_count];
    size_t len = equals ? (size_t)(equals - row) : 0;
    if (!equals || len == 0 || len >= sizeof client->name ||
        !role_parse(text_from(equals + 1), &client->role))
        return error_set(err, ERROR_INVALID,
                         "tls-client '%.100s': expected NAME=ROLE, as ops@example.org=operator; a "
                         "name of a certificate, at most 63 bytes, and viewer, operator or admin",
                         row);
    if (context->client_count + 1 == TLS_CLIENTS_MAX)
        return error_set(err, ERROR_INVALID, "tls-client: at most %d rows", TLS_CLIENTS_MAX - 1);
    memcpy(client->name, row, len);
    client->name[len] = '\0';
    context->client_count++;
    return true;
}

static bool load_clients(struct tls_context *context, const struct tls_files *files,
                         struct error *err)
{
    for (const char *const *row = files->clients; row && *row; row++)
        if (!load_client_row(context, *row, err))
            return false;
    if (!files->client_ca)
        return context->client_count == 0 ||
               error_set(err, ERROR_INVALID,
                         "tls-client: without tls-client-ca nobody is asked for a certificate; "
                         "name the file of the authority that signs them");
    STACK_OF(X509_NAME) *authorities = SSL_load_client_CA_file(files->client_ca);
    if (!authorities || SSL_CTX_load_verify_file(context->ssl, files->client_ca) != 1) {
        sk_X509_NAME_pop_free(authorities, X509_NAME_free);
        return fail(err, files->client_ca, "holds no certificate of an authority",
                    "name a file in PEM with --tls-client-ca");
    }
    SSL_CTX_set_client_CA_list(context->ssl, authorities); /* which it takes */
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    return true;
}

struct tls_context *tls_context_load(const struct tls_files *files, struct error *err)
{
    struct tls_context *context = calloc(1, sizeof *context);
    if (!context)
        abort();
    context->refs = 1;
    context->ssl = new_ssl();
    if (load_pair(context, files, err) && load_clients(context, files, err)) {
        read_names(context);
        return context;
    }
    tls_context_unref(context);
    return NULL;
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
    __atomic_add_fetch(&context->refs, 1, __ATOMIC_RELAXED);
    return context;
}

void tls_context_unref(struct tls_context *context)
{
    if (!context || __atomic_sub_fetch(&context->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    SSL_CTX_free(context->ssl);
    arena_fini(&context->arena);
    free(context);
}

const struct text *tls_context_names(const struct tls_context *context, size_t *count)
{
    *count = context->name_count;
    return context->names;
}

int64_t tls_context_expires_at_ms(const struct tls_context *context)
{
    return context->expires_at_ms;
}

struct ssl_st *tls_context_accept(const struct tls_context *context, int fd)
{
    SSL *ssl = SSL_new(context->ssl);
    if (!ssl || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_accept_state(ssl);
    return ssl;
}

/* ---- who the client is ---- */

enum name_case {
    NAME_EXACT,
    NAME_ANY_CASE, /* of DNS: RFC 4343 */
};

static const struct client_row *find_row(const struct tls_context *context, struct text name,
                                         enum name_case how)
{
    for (size_t i = 0; i < context->client_count; i++) {
        const struct client_row *row = &context->clients[i];
        bool is_same = text_is(name, row->name);
        if (how == NAME_ANY_CASE)
            is_same =
                name.len == strlen(row->name) && strncasecmp(name.ptr, row->name, name.len) == 0;
        if (is_same)
            return row;
    }
    return NULL;
}

static struct text name_text(const GENERAL_NAME *name)
{
    switch (name->type) {
    case GEN_DNS:
        return plain_text(name->d.dNSName);
    case GEN_EMAIL:
        return plain_text(name->d.rfc822Name);
    case GEN_URI:
        return plain_text(name->d.uniformResourceIdentifier);
    default:
        return (struct text){0};
    }
}

/* The row of a name of the subjectAltName; *has_names: there was one at all. */
static const struct client_row *row_of_names(const struct tls_context *context,
                                             const X509 *certificate, bool *has_names)
{
    const struct client_row *row = NULL;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !row; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        struct text text = name_text(name);
        *has_names = *has_names || text.ptr;
        if (text.ptr)
            row = find_row(context, text, name->type == GEN_DNS ? NAME_ANY_CASE : NAME_EXACT);
    }
    GENERAL_NAMES_free(names);
    return row;
}

static const struct client_row *row_of_subject(const struct tls_context *context,
                                               const X509 *certificate)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    /* One common name, or it is not clear which. */
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
        return NULL;
    struct text text = plain_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    return text.ptr ? find_row(context, text, NAME_EXACT) : NULL;
}

void tls_context_identify(const struct tls_context *context, struct ssl_st *ssl,
                          struct tls_peer *peer)
{
    X509 *certificate = SSL_get1_peer_certificate(ssl);
    if (!certificate)
        return;
    bool has_names = false;
    const struct client_row *row = NULL;
    if (SSL_get_verify_result(ssl) == X509_V_OK)
        row = row_of_names(context, certificate, &has_names);
    if (!row && !has_names && SSL_get_verify_result(ssl) == X509_V_OK)
        row = row_of_subject(context, certificate);
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (row && X509_digest(certificate, EVP_sha256(), digest, NULL) == 1) {
        char mark[TLS_MARK_SIZE];
        snprintf(mark, sizeof mark, "%02x%02x", digest[0], digest[1]);
        tls_peer_name(peer, row->role, row->name, mark);
    }
    X509_free(certificate);
}
