/* body_kit.h -- for the tests of runtime/body: runs one body of a list of pipes with arguments given as JSON. */
#ifndef BODY_KIT_H
#define BODY_KIT_H

#include "body/body.h"
#include "body/write.h"
#include "core/doc.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static jpx_arena *arena;
static jpx_registry *registry;

static inline void kit_open(const jp_def *const *defs)
{
    jp_error err;
    arena = jpx_arena_new();
    ck_assert_msg(jpx_registry_new(&registry, defs, &err) == JP_OK, "%s", err.text);
}

static inline void kit_close(void)
{
    jpx_registry_free(registry);
    jpx_arena_free(arena);
    registry = NULL;
    arena = NULL;
}

static inline jpx_bytes text_bytes(const char *text)
{
    return (jpx_bytes){(const uint8_t *)text, strlen(text)};
}

static inline jpx_attempt *attempt_of(const char *pipe, const char *json)
{
    jpx_attempt *attempt = jpx_alloc(arena, sizeof *attempt);
    static uint64_t number;
    jp_error err;

    attempt->number_in_worker = ++number;
    attempt->pipe = pipe;
    attempt->attempt = 1;
    ck_assert_ptr_nonnull(jpx_registry_find(registry, pipe));
    jp_status status =
        jpx_args_from_json(jpx_registry_find(registry, pipe), text_bytes(json), arena, &attempt->args, &err);
    ck_assert_msg(status == JP_OK, "%s", err.text);
    return attempt;
}

static inline const jpx_outcome *run_attempt(const jpx_attempt *attempt)
{
    jpx_outcome *out = jpx_alloc(arena, sizeof *out);
    jpx_body_run(registry, attempt, arena, out);
    ck_assert_uint_eq(out->number_in_worker, attempt->number_in_worker);
    return out;
}

static inline const jpx_outcome *run(const char *pipe, const char *json)
{
    return run_attempt(attempt_of(pipe, json));
}

/* The value of an output as JSON; NULL when it is not there or handed to a child. */
static inline const char *output(const jpx_outcome *out, const char *slot)
{
    for (size_t i = 0; i < out->outputs_count; i++)
        if (strcmp(out->outputs[i].slot, slot) == 0)
            return out->outputs[i].forwarded ? NULL : jpx_value_to_json(out->outputs[i].value, arena);
    return NULL;
}

static inline const char *args_json(jpx_bytes args)
{
    bson_t doc;
    ck_assert(bson_init_static(&doc, args.data, args.size));
    ck_assert_msg(bson_validate(&doc, BSON_VALIDATE_UTF8, NULL), "not valid BSON");
    jpx_writer w;
    jpx_writer_init(&w, arena);
    size_t begun = jpx_write_begin(&w, BSON_TYPE_DOCUMENT, NULL);
    jpx_write_document(&w, "v", BSON_TYPE_ARRAY, args);
    jpx_write_end(&w, begun);
    ck_assert_ptr_null(w.bad);
    return jpx_value_to_json(jpx_writer_bytes(&w), arena);
}

static inline void check_ends(const jpx_outcome *out, jpx_end end, const char *class_, const char *reason)
{
    ck_assert_msg(out->end == end, "it ended with %d: %s", (int)out->end, out->reason ? out->reason : "no reason");
    ck_assert_str_eq(out->class_ ? out->class_ : "", class_);
    ck_assert_str_eq(out->reason ? out->reason : "", reason);
    if (end != JPX_END_RETURN && end != JPX_END_WAIT) {
        ck_assert_uint_eq(out->children_count, 0);
        ck_assert_uint_eq(out->outputs_count, 0);
    }
}

/* A programming error with this message. */
static inline void check_wrong(const char *pipe, const char *json, const char *reason)
{
    check_ends(run(pipe, json), JPX_END_WRONG, "program", reason);
}

static inline void check_returns(const char *pipe, const char *json, const char *value)
{
    const jpx_outcome *out = run(pipe, json);
    ck_assert_msg(out->end == JPX_END_RETURN, "%s(%s): %s", pipe, json, out->reason ? out->reason : "?");
    ck_assert_ptr_nonnull(output(out, "default"));
    ck_assert_str_eq(output(out, "default"), value);
}

static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
