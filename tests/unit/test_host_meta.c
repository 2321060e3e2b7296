/* SPDX-License-Identifier: GPL-3.0-or-later */
/* host-meta files: what is read of them, what is refused, and that no mutation breaks the reader.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "srvplan/host_meta.h"

static struct arena arena;

static const struct {
    const char *label, *text;
    const char *mistake; /* NULL: it is fine */
    const char *links;   /* "rel href line; …" */
} files[] = {
    {"an XRD",
     "<?xml version='1.0'?>\n<XRD xmlns='x'>\n<Link rel='urn:xmpp:alt-connections:xbosh'\n "
     "href='https://a/b'/>\n<Link href=\"wss://a\" rel=\"urn:xmpp:alt-connections:websocket\"/>"
     "</XRD>",
     NULL, "xbosh https://a/b 3; websocket wss://a 5; "},
    {"with a prefix of its namespace",
     "<hm:XRD><hm:Link rel='urn:xmpp:alt-connections:xbosh' href='x'/></hm:XRD>", NULL,
     "xbosh x 1; "},
    {"comments, declarations and other links are passed over",
     "<!DOCTYPE x><XRD><!-- <Link rel='urn:xmpp:alt-connections:xbosh' href='no'/> -->"
     "<Link rel='other' href='no'/></XRD>",
     NULL, ""},
    {"attributes without quotes end a tag", "<XRD><Link rel=x href='no'/></XRD>", NULL, ""},
    {"no XRD", "<html><body/></html>", "no <XRD>", NULL},
    {"a tag that is not closed", "<", "no <XRD>", NULL},
    {"JSON",
     "{\"links\": [{\"rel\": \"urn:xmpp:alt-connections:tls\", \"port\": 5223},\n"
     "{\"rel\": \"urn:xmpp:alt-connections:websocket\", \"href\": \"wss://a\"}]}",
     NULL, "tls  1; websocket wss://a 2; "},
    {"JSON without links", "{}", NULL, ""},
    {"links that are none", "{\"links\": [1, null, [], {\"rel\": 5}]}", NULL, ""},
    {"links that are no list", "{\"links\": \"x\"}", NULL, ""},
    {"no JSON", "{\"links\": [}", "no JSON", NULL},
    {"a key twice", "{\"links\": [], \"links\": []}", "no JSON", NULL},
    {"nothing", "", "no JSON", NULL},
    {"very deep", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "no JSON", NULL},
};

static struct bytes bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

START_TEST(a_file_is_read_or_refused_with_a_reason)
{
    struct host_meta meta;
    struct error err = {0};
    const char *links = "";
    bool ok = host_meta_parse(&arena, bytes_of(files[_i].text), "f", &meta, &err);
    ck_assert_msg(ok == !files[_i].mistake, "%s: %s", files[_i].label, err.message);
    if (!ok) {
        ck_assert_msg(strstr(err.message, files[_i].mistake), "%s: %s", files[_i].label,
                      err.message);
        return;
    }
    for (uint32_t i = 0; i < meta.link_count; i++)
        links = arena_printf(&arena, "%s%s %s %u; ", links, meta.links[i].rel, meta.links[i].href,
                             meta.links[i].line);
    ck_assert_msg(strcmp(links, files[_i].links) == 0, "%s: %s", files[_i].label, links);
}
END_TEST

START_TEST(numbers_and_addresses_of_xep_0487_are_read)
{
    struct host_meta meta;
    struct error err = {0};
    ck_assert(host_meta_parse(
        &arena,
        bytes_of(
            "{\"xmpp\": {\"ttl\": 300}, \"links\": [{\"rel\": \"urn:xmpp:alt-connections:tls\","
            "\"priority\": 10, \"weight\": 5, \"port\": 443, \"ips\": [\"192.0.2.1\", \"x\", "
            "\"2001:db8::1\"]}, {\"rel\": \"urn:xmpp:alt-connections:tls\", \"priority\": 10, "
            "\"weight\": 70000, \"port\": -1}]}"),
        "f", &meta, &err));
    ck_assert(meta.is_json && meta.has_ttl && meta.ttl_s == 300);
    ck_assert(meta.links[0].has_numbers && meta.links[0].priority == 10);
    ck_assert_uint_eq(meta.links[0].weight, 5);
    ck_assert_uint_eq(meta.links[0].port, 443);
    ck_assert_uint_eq(meta.links[0].address_count, 2);
    ck_assert_uint_eq(meta.links[0].addresses[0].len, 4);
    ck_assert_uint_eq(meta.links[0].addresses[1].len, 16);
    ck_assert(!meta.links[1].has_numbers && meta.links[1].port == 0);
}
END_TEST

START_TEST(no_mutation_breaks_the_reader)
{
    const char *rerun = getenv("SRVPLAN_SEED");
    uint64_t seed = rerun ? strtoull(rerun, NULL, 0) : 0x5eed;
    printf("rerun: SRVPLAN_SEED=0x%llx\n", (unsigned long long)seed);
    for (int round = 0; round < 20000; round++) {
        const char *text = files[(size_t)round % COUNT_OF(files)].text;
        size_t len = strlen(text);
        uint8_t *exact = malloc(len ? len : 1); /* a sanitizer watches its end */
        struct arena scratch = {0};
        struct host_meta meta;
        memcpy(exact, text, len);
        for (int i = 0; i < 3 && len > 0; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            exact[(seed >> 33) % len] = "<>/='\"!-{}[],: \n\\ux0\xff"[(seed >> 45) % 22];
        }
        bool ok = host_meta_parse(&scratch, (struct bytes){exact, len}, "f", &meta, NULL);
        ck_assert(!ok || meta.link_count <= len);
        arena_fini(&scratch);
        free(exact);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host_meta");
    TCase *tcase = tcase_create("host_meta");
    tcase_add_loop_test(tcase, a_file_is_read_or_refused_with_a_reason, 0, COUNT_OF(files));
    tcase_add_test(tcase, numbers_and_addresses_of_xep_0487_are_read);
    tcase_add_test(tcase, no_mutation_breaks_the_reader);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    arena_fini(&arena);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
