/* large.c -- S77, SEMANTICS 3.1: values that are larger than one message: arguments and replies uploaded in chunks,
 * results read in chunks, answers that are too large. */
#include "base/text.h"
#include "core/event.h"
#include "kit.h"

static char ticket[128];

JP_PIPE(length, p, .takes = "string x", .gives = "int64")
{
    return jp_return(p, (int64_t)strlen(jp_string(p, "x")));
}

JP_PIPE(same, p, .takes = "any x", .gives = "any")
{
    return jp_return(p, jp_arg(p, "x"));
}

/* `size` bytes; every 1000th is a quote, followed by a letter of two bytes. */
static char *text_of(size_t size)
{
    char *s = malloc(size + 1);
    memset(s, 'x', size);
    for (size_t i = 0; i + 2 < size; i += 1000) {
        s[i] = '"';
        memcpy(s + i + 1, "\xc3\xa9", 2);
    }
    s[size] = '\0';
    return s;
}

JP_PIPE(big, p, .takes = "int64 size", .gives = "string")
{
    char *text = text_of((size_t)jp_int64(p, "size"));
    jp_end end = jp_return(p, (const char *)text);
    free(text);
    return end;
}

JP_PIPE(question, p, .gives = "any", .async = true)
{
    snprintf(ticket, sizeof ticket, "%s", jp_ticket(p));
    return jp_wait(p);
}

JP_PIPE(many_big, p, .takes = "int64 count", .gives = "any")
{
    for (int64_t i = 0; i < jp_int64(p, "count"); i++)
        (void)jp_yield(p, big, 2000);
    return jp_done(p);
}

JP_PIPE(grumbles, p, .gives = "any")
{
    char text[1900];
    memset(text, 'g', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    return jp_abort(p, "%s", text);
}

JP_PIPE(count_all, p, .takes = "list texts", .gives = "int64")
{
    return jp_return(p, (int64_t)jp_count(p, "texts"));
}

JP_PIPE(three_big, p)
{
    jp_list *texts = jp_list_new(p);
    for (int i = 0; i < 3; i++)
        jp_push(texts, jp_yield(p, big, 3000000));
    return jp_return(p, jp_yield(p, count_all, texts));
}

static const jp_def *const pipes[] = {&length,   &same,      &big,       &question, &many_big,
                                      &grumbles, &count_all, &three_big, NULL};

/* Uploads `json` in chunks of `size` bytes; returns the members of a request that name the upload. */
static const char *upload(kit *k, const char *json, size_t size)
{
    const char *id = NULL;
    int chunks = 0;
    for (size_t at = 0, all = strlen(json); at < all; at += size, chunks++) {
        const char *chunk =
            jpx_json_text(k->arena, jpx_strndup(k->arena, json + at, all - at < size ? all - at : size));
        const char *answer =
            kit_ask(k, "upload",
                    id ? jpx_format(k->arena, "{\"upload\":\"%s\",\"index\":%d,\"piece\":%s}", id, chunks, chunk)
                       : jpx_format(k->arena, "{\"piece\":%s}", chunk));
        ck_assert_msg(strstr(answer, "\"upload\"") != NULL, "%s", answer);
        if (!id)
            id = jpx_strndup(k->arena, strstr(answer, ":\"") + 2, 24);
    }
    return jpx_format(k->arena, "\"upload\":\"%s\",\"pieces\":%d", id, chunks);
}

static const char *args_of(kit *k, size_t size)
{
    char *text = malloc(size + 1);
    memset(text, 'y', size);
    text[size] = '\0';
    const char *json = jpx_format(k->arena, "[\"%s\"]", text);
    free(text);
    return json;
}

START_SCENARIO(s77_arguments_in_chunks)
{
    size_t size = 3 * 1024 * 1024;
    const char *named = upload(k, args_of(k, size), 400000);
    const char *request = jpx_format(k->arena, "{\"pipe\":\"length\",%s,\"key\":\"large\"}", named);
    kit_assert_json(kit_field(k, "start", request, "existed"), "false");
    kit_finish(k, "large");
    kit_assert_json(kit_result(k, "large"), jpx_format(k->arena, "%zu", size));
    kit_assert_json(kit_tree(k, "large", "args.0.large"), "true");
    kit_assert_json(kit_field(k, "start", request, "existed"), "true"); /* the chunks are still stored */
}

START_SCENARIO(uploads_that_are_wrong)
{
    const char *named = upload(k, "[\"abc\"]", 3);
    kit_assert_json(
        kit_field(k, "start", jpx_format(k->arena, "{\"pipe\":\"length\",%.34s,\"pieces\":9}", named), "error.code"),
        "invalid");
    const char *id = jpx_strndup(k->arena, strchr(named, ':') + 2, 24);
    kit_assert_json(kit_field(k, "start",
                              jpx_format(k->arena, "{\"pipe\":\"length\",\"upload\":\"%s\",\"pieces\":4}", id),
                              "error.code"),
                    "not-found");
    kit_assert_json(kit_field(k, "start",
                              jpx_format(k->arena, "{\"pipe\":\"length\",\"upload\":\"%s\",\"pieces\":0}", id),
                              "error.code"),
                    "invalid");
    kit_assert_json(kit_field(k, "start", "{\"pipe\":\"length\",\"upload\":\"x\",\"pieces\":1}", "error.code"),
                    "invalid");
    kit_assert_json(kit_field(k, "start", jpx_format(k->arena, "{\"pipe\":\"big\",\"upload\":\"%s\",\"pieces\":3}", id),
                              "error.code"),
                    "invalid"); /* refused before anything is stored */
    kit_assert_json(kit_field(k, "upload", "{}", "error.code"), "invalid");
    kit_assert_json(
        kit_field(k, "upload", "{\"upload\":\"000000000001aaaaaaaaaaaa\",\"index\":1,\"piece\":\"x\"}", "error.code"),
        "refused");
    kit_assert_json(kit_field(k, "list", "{}", "roots.0"), "");
    kit_assert_json(
        kit_field(k, "start", jpx_format(k->arena, "{\"pipe\":\"length\",\"key\":\"k\",%s}", named), "existed"),
        "false");
    kit_finish(k, "k");
    kit_assert_json(kit_result(k, "k"), "3");
}

/* An upload is removed after a day, whether it was used or not. */
START_SCENARIO(uploads_go_after_a_day)
{
    if (!k->virtual_time || strstr(k->ground, "mongodb")) /* scanning timers for a day takes too long there */
        return;
    const char *named = upload(k, "[\"abc\"]", 3);
    const char *request = jpx_format(k->arena, "{\"pipe\":\"length\",\"key\":\"k\",%s}", named);
    kit_assert_json(kit_field(k, "start", request, "existed"), "false");
    kit_finish(k, "k");
    kit_pass(k, 25 * 60 * 60 * 1000);
    kit_assert_json(kit_field(k, "start", request, "error.code"), "not-found");
    kit_assert_json(kit_result(k, "k"), "3"); /* the root has its own copy */
}

START_SCENARIO(replies_in_chunks)
{
    const char *key = kit_start(k, "question", "");
    kit_pass(k, 150);
    const char *value = jpx_format(k->arena, "%.*s", 2 * 1024 * 1024 + 2, args_of(k, 2 * 1024 * 1024) + 1);
    const char *named = upload(k, value, 400000);
    kit_assert_json(kit_field(k, "reply", jpx_format(k->arena, "{\"ticket\":\"%s\",%s}", ticket, named), "accepted"),
                    "true");
    kit_finish(k, key);
    const char *answer = kit_field(k, "result", jpx_format(k->arena, "{\"key\":\"%s\",\"offset\":0}", key), "size");
    kit_assert_json(answer, jpx_format(k->arena, "%zu", strlen(value)));
    kit_assert_json(kit_field(k, "reply", jpx_format(k->arena, "{\"ticket\":\"%s\",%s}", ticket, named), "error.code"),
                    "refused");
}

/* Reads a result of `size` bytes in chunks and compares it with what the body returned. */
static void read_in_chunks(kit *k, const char *key, size_t size)
{
    char *text = text_of(size);
    const char *expected = jpx_json_text(k->arena, text);
    size_t at = 0, all = strlen(expected);
    while (at < all) {
        const char *answer = kit_ask(k, "result", jpx_format(k->arena, "{\"key\":\"%s\",\"offset\":%zu}", key, at));
        bson_t doc;
        bson_iter_t iter;
        uint32_t part;
        ck_assert_msg(bson_init_from_json(&doc, answer, -1, NULL), "%s", answer);
        ck_assert(bson_iter_init_find(&iter, &doc, "size"));
        ck_assert_uint_eq((size_t)bson_iter_as_int64(&iter), all);
        ck_assert(bson_iter_init_find(&iter, &doc, "piece"));
        const char *chunk = bson_iter_utf8(&iter, &part);
        ck_assert(part > 0 && at + part <= all && memcmp(chunk, expected + at, part) == 0);
        at += part;
        bson_destroy(&doc);
    }
    kit_assert_json(
        kit_field(k, "result", jpx_format(k->arena, "{\"key\":\"%s\",\"offset\":%zu}", key, at + 1), "error.code"),
        "invalid");
    free(text);
}

START_SCENARIO(s77_results_in_chunks)
{
    const char *key = kit_run(k, "big", "[3000000]");
    read_in_chunks(k, key, 3000000);
    read_in_chunks(k, key, 3000000); /* it can be read again */
    kit_assert_json(kit_tree(k, key, "outputs.default.large"), "true");
    kit_assert_json(kit_field(k, "result", jpx_format(k->arena, "{\"key\":\"%s\",\"value\":false}", key), "result"),
                    "");
}

/* An answer that is larger than a message is an error that names the sizes and the fix. */
START_SCENARIO(answers_that_are_too_large)
{
    const char *key = kit_run(k, "big", "[8300000]");
    const char *answer = kit_ask(k, "result", key);
    bool fits = k->virtual_time; /* the memory bus carries a value of this size */
    ck_assert_int_eq(strstr(answer, "\"too-large\"") == NULL, fits);
    if (!fits) {
        ck_assert_ptr_nonnull(strstr(answer, "max_payload"));
        ck_assert_ptr_nonnull(strstr(answer, "\\\"offset\\\":0"));
        ck_assert_ptr_nonnull(strstr(answer, "\"size\":8"));
    }
    read_in_chunks(k, key, 8300000);
}

/* SEMANTICS 3.1: outputs that fit one by one, but not in one list. */
START_SCENARIO(a_list_that_grows_too_large)
{
    const char *why = kit_reason(k, kit_run(k, "three_big", ""));
    ck_assert_msg(strncmp(why, "count_all, ", 11) == 0 &&
                      strstr(why, ": argument texts of count_all is larger than 8 MiB (90000") &&
                      strstr(why, "split it, or store it elsewhere"),
                  "%s", why);
}

/* A large tree is folded until it fits into a message. */
START_SCENARIO(trees_fit)
{
    const char *key = kit_run(k, "many_big", "[900]");
    const char *answer = kit_ask(k, "tree", jpx_format(k->arena, "{\"key\":\"%s\",\"limit\":5000}", key));
    ck_assert_uint_le(strlen(answer), 1024 * 1024);
    ck_assert_msg(strstr(answer, "\"folded\"") != NULL, "%.300s", answer);
    kit_assert_json(kit_field(k, "tree", key, "total"), "901");
}

/* A page of a list ends before the answer gets too large; the next page goes on from there. */
START_SCENARIO(lists_fit)
{
    enum { ROOTS = 350 };
    const char *after = "null";
    int rows = 0, pages = 0;
    for (int i = 0; i < ROOTS; i++)
        kit_start(k, "grumbles", "");
    for (int i = 0; i < 100 && strstr(kit_ask(k, "list", "{\"status\":\"running\"}"), "grumbles"); i++)
        kit_pass(k, 200);
    do {
        const char *request =
            strcmp(after, "null") == 0
                ? "{\"limit\":1000,\"status\":\"aborted\"}"
                : jpx_format(k->arena, "{\"limit\":1000,\"status\":\"aborted\",\"after\":\"%s\"}", after);
        const char *answer = kit_ask(k, "list", request);
        ck_assert_ptr_null(strstr(answer, "\"error\""));
        for (const char *at = answer; (at = strstr(at, "\"pipe\":\"grumbles\"")) != NULL; at++)
            rows++;
        after = kit_field(k, "list", request, "next");
        pages++;
    } while (strcmp(after, "null") != 0 && pages < 10);
    ck_assert_int_eq(rows, ROOTS);
    ck_assert_int_eq(pages, k->virtual_time ? 1 : 2);
}

int main(void)
{
    Suite *suite = suite_create("large");
    TCase *tcase = tcase_create("large");
    tcase_set_timeout(tcase, 120);
    kit_add_scenario(tcase, s77_arguments_in_chunks);
    kit_add_scenario(tcase, uploads_that_are_wrong);
    kit_add_scenario(tcase, uploads_go_after_a_day);
    kit_add_scenario(tcase, replies_in_chunks);
    kit_add_scenario(tcase, s77_results_in_chunks);
    kit_add_scenario(tcase, answers_that_are_too_large);
    kit_add_scenario(tcase, a_list_that_grows_too_large);
    kit_add_scenario(tcase, trees_fit);
    kit_add_scenario(tcase, lists_fit);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
