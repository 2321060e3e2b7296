/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "srvplan/command/event_stream.h"

static char told[4096];

static void tell(void *context, const char *kind, struct text data)
{
    (void)context;
    ck_assert_int_eq(data.ptr[data.len], '\0');
    size_t len = strlen(told);
    snprintf(told + len, sizeof told - len, "[%s|%.*s]", kind, (int)data.len, data.ptr);
}

static const struct {
    const char *label, *bytes;
    const char *told, *id;
} streams[] = {
    {"an event", "id: 7.1\nevent: drain\ndata: {}\n\n", "[drain|{}]", "7.1"},
    {"without spaces", "id:7.1\nevent:drain\ndata:{}\n\n", "[drain|{}]", "7.1"},
    {"only one space goes", "data:  x\n\n", "[message| x]", ""},
    {"CR LF", "id: 1\r\nevent: a\r\ndata: b\r\n\r\n", "[a|b]", "1"},
    {"a comment, and a field of none of ours", ": \n\nretry: 2000\nfoo: bar\ndata: x\n\n",
     "[message|x]", ""},
    {"a comment inside", "event: a\n: no\ndata: x\n\n", "[a|x]", ""},
    {"two lines of data", "data: x\ndata: y\n\n", "[message|x\ny]", ""},
    {"an event without data is none", "event: a\nid: 3\n\ndata: x\n\n", "[message|x]", "3"},
    {"the kind does not last, the id does", "id: 5\nevent: a\ndata: x\n\ndata: y\n\n",
     "[a|x][message|y]", "5"},
    {"what has not ended has not happened", "data: x\n\nevent: b\ndata: y\n", "[message|x]", ""},
    {"a field without a colon", "data\n\ndata: x\n\n", "[message|x]", ""},
    {"bytes of a stranger", "\xff\xfe: x\ndata: \xc3\n\n", "[message|\xc3]", ""},
    {"an id too long for us is no id",
     "id: 0123456789012345678901234567890123456789012345678901234567890123456789\ndata: x\n\n",
     "[message|x]", ""},
};

START_TEST(bytes_become_events_however_they_are_cut)
{
    size_t len = strlen(streams[_i].bytes);
    for (size_t piece = 1; piece <= len; piece++) {
        struct event_stream stream = {.on_event = tell};
        told[0] = '\0';
        for (size_t at = 0; at < len; at += piece)
            event_stream_feed(&stream, (struct text){streams[_i].bytes + at,
                                                     piece < len - at ? piece : len - at});
        ck_assert_msg(strcmp(told, streams[_i].told) == 0, "%s, by %zu: %s", streams[_i].label,
                      piece, told);
        ck_assert_msg(strcmp(stream.id, streams[_i].id) == 0, "%s, by %zu: %s", streams[_i].label,
                      piece, stream.id);
        event_stream_fini(&stream);
    }
}
END_TEST

static const struct {
    const char *label, *line;
} floods[] = {
    {"one line without end", "x"},
    {"data without end", "data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"},
};

START_TEST(an_event_too_long_is_left_out_and_costs_no_more)
{
    struct event_stream stream = {.on_event = tell};
    told[0] = '\0';
    for (size_t sent = 0; sent < 4 * EVENT_STREAM_MAX_BYTES; sent += strlen(floods[_i].line))
        event_stream_feed(&stream, text_from(floods[_i].line));
    ck_assert_msg(stream.line_room + stream.data_room <= 5 * EVENT_STREAM_MAX_BYTES, "%s: %zu",
                  floods[_i].label, stream.line_room + stream.data_room);
    event_stream_feed(&stream, text_from("\n\nevent: a\ndata: b\n\n"));
    ck_assert_msg(strcmp(told, "[a|b]") == 0, "%s: %s", floods[_i].label, told);
    event_stream_fini(&stream);
}
END_TEST

START_TEST(another_connection_begins_anew_behind_the_same_id)
{
    struct event_stream stream = {.on_event = tell};
    told[0] = '\0';
    event_stream_feed(&stream, text_from("id: 1\ndata: x\n\nid: 2\nevent: a\ndata: half"));
    event_stream_restart(&stream);
    ck_assert_str_eq(stream.id, "1"); /* the second never came whole */
    event_stream_feed(&stream, text_from("data: y\n\n"));
    ck_assert_str_eq(told, "[message|x][message|y]");
    event_stream_fini(&stream);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("event_stream");
    TCase *tcase = tcase_create("event_stream");
    tcase_add_loop_test(tcase, bytes_become_events_however_they_are_cut, 0, (int)COUNT_OF(streams));
    tcase_add_loop_test(tcase, an_event_too_long_is_left_out_and_costs_no_more, 0,
                        (int)COUNT_OF(floods));
    tcase_add_test(tcase, another_connection_begins_anew_behind_the_same_id);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
