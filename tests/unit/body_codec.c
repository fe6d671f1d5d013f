/* body_codec.c -- attempts and outcomes as bytes: they come back as they were, and damaged bytes are refused, whatever
 * the damage, without a wild read (run it under the sanitizers). */
#include "unit/body_kit.h"

JP_PIPE(Child, p, .takes = "any... x", .fills = "any rest")
{
    return jp_done(p);
}

JP_PIPE(Everything, p, .takes = "int64 n", .fills = "string handed, any value")
{
    jp_future a = jp_yield(p, Child, 1, "two"), b = jp_yield(p, Child, a, jp_slot(p, a, "rest"));
    jp_after (p, a)
        jp_in_order (p) {
            jp_yield(p, Child);
            jp_yield_with(p, JP_OPTIONS(.retry = {.attempts = 7, .factor = 1.25}, .timeout_ms = 99), Child,
                          jp_array(p, 1), b);
        }
    jp_fill(p, "handed", jp_slot(p, a, "rest"));
    jp_fill(p, "value", jp_object(p, "k", 1.5));
    return jp_return(p, b);
}

JP_PIPE(Takes, p, .takes = "int64 n, string? s")
{
    return jp_done(p);
}

static const jp_def *const defs[] = {&Child, &Everything, &Takes, NULL};

static void open_all(void)
{
    kit_open(defs);
}

static void check_text(const char *a, const char *b)
{
    ck_assert_str_eq(a ? a : "(none)", b ? b : "(none)");
}

static void check_bytes(jpx_bytes a, jpx_bytes b)
{
    ck_assert_uint_eq(a.size, b.size);
    ck_assert_int_eq(a.data != NULL, b.data != NULL);
    if (a.size)
        ck_assert_mem_eq(a.data, b.data, a.size);
}

static void check_attempt(const jpx_attempt *in)
{
    jpx_attempt out;
    jp_error err;
    ck_assert_int_eq(jpx_attempt_decode(jpx_attempt_encode(in, arena), arena, &out, &err), JP_OK);
    ck_assert_uint_eq(out.number_in_worker, in->number_in_worker);
    ck_assert_int_eq(out.call, in->call);
    ck_assert_str_eq(out.pipe, in->pipe);
    ck_assert(jpx_key_equal(&out.key, &in->key));
    ck_assert_uint_eq(out.step, in->step);
    ck_assert_int_eq(out.attempt, in->attempt);
    check_bytes(out.args, in->args);
    ck_assert_mem_eq(out.secret, in->secret, JPX_SECRET_SIZE);
    check_bytes(out.reply, in->reply);
    check_bytes(out.outputs, in->outputs);
    ck_assert_int_eq(out.aborted, in->aborted);
    ck_assert_int_eq(out.timeout_ms, in->timeout_ms);
}

START_TEST(attempts_come_back)
{
    jp_error err;
    jpx_attempt in = *attempt_of("Takes", "[1,\"x\"]");
    check_attempt(&in);
    in.number_in_worker = UINT64_MAX;
    in.call = JPX_CALL_CANCEL;
    memset(in.key.b, 0xab, sizeof in.key.b);
    in.step = UINT32_MAX;
    in.attempt = INT32_MAX;
    memset(in.secret, 0xcd, sizeof in.secret);
    ck_assert_int_eq(jpx_value_from_json(text_bytes("{\"a\":1}"), arena, &in.reply, &err), JP_OK);
    in.outputs = in.reply;
    in.aborted = true;
    in.timeout_ms = INT64_MAX;
    check_attempt(&in);
    in.args = (jpx_bytes){NULL, 0};
    check_attempt(&in);
}
END_TEST

static void check_outcome(const jpx_outcome *in, const jpx_outcome *out)
{
    ck_assert_uint_eq(out->number_in_worker, in->number_in_worker);
    ck_assert_int_eq(out->end, in->end);
    ck_assert_int_eq(out->retry_in_ms, in->retry_in_ms);
    check_text(out->class_, in->class_);
    check_text(out->reason, in->reason);
    check_text(out->trace, in->trace);
    ck_assert_int_eq(out->body_us, in->body_us);
    ck_assert_uint_eq(out->outputs_count, in->outputs_count);
    for (size_t i = 0; i < in->outputs_count; i++) {
        check_text(out->outputs[i].slot, in->outputs[i].slot);
        ck_assert_int_eq(out->outputs[i].forwarded, in->outputs[i].forwarded);
        ck_assert_uint_eq(out->outputs[i].child, in->outputs[i].child);
        check_text(out->outputs[i].child_slot, in->outputs[i].child_slot);
        check_text(out->outputs[i].type, in->outputs[i].type);
        check_bytes(out->outputs[i].value, in->outputs[i].value);
    }
    ck_assert_uint_eq(out->children_count, in->children_count);
    for (size_t i = 0; i < in->children_count; i++) {
        const jpx_child *a = &in->children[i], *b = &out->children[i];
        check_text(b->pipe, a->pipe);
        check_text(b->queue, a->queue);
        check_text(b->at, a->at);
        check_bytes(b->args, a->args);
        ck_assert_uint_eq(b->refs_count, a->refs_count);
        for (size_t j = 0; j < a->refs_count; j++) {
            ck_assert_uint_eq(b->refs[j].arg, a->refs[j].arg);
            ck_assert_uint_eq(b->refs[j].at, a->refs[j].at);
            ck_assert_uint_eq(b->refs[j].child, a->refs[j].child);
            ck_assert_uint_eq(b->refs[j].count, a->refs[j].count);
            check_text(b->refs[j].slot, a->refs[j].slot);
        }
        ck_assert_uint_eq(b->waits_count, a->waits_count);
        for (size_t j = 0; j < a->waits_count; j++) {
            ck_assert_uint_eq(b->waits[j].child, a->waits[j].child);
            ck_assert_uint_eq(b->waits[j].count, a->waits[j].count);
        }
        ck_assert_int_eq(b->has_options, a->has_options);
        ck_assert_int_eq(b->retry.attempts, a->retry.attempts);
        ck_assert_int_eq(b->retry.first_ms, a->retry.first_ms);
        ck_assert_double_eq(b->retry.factor, a->retry.factor);
        ck_assert_int_eq(b->retry.limit_ms, a->retry.limit_ms);
        ck_assert_double_eq(b->retry.jitter, a->retry.jitter);
        ck_assert_int_eq(b->timeout_ms, a->timeout_ms);
    }
}

START_TEST(outcomes_come_back)
{
    jpx_outcome in = *run("Everything", "[1]"), out;
    jp_error err;
    ck_assert_msg(in.end == JPX_END_RETURN, "%s", in.reason ? in.reason : "");
    ck_assert_uint_eq(in.children_count, 4);
    in.body_us = 12345;
    ck_assert_int_eq(jpx_outcome_decode(jpx_outcome_encode(&in, arena), arena, &out, &err), JP_OK);
    check_outcome(&in, &out);
    in = (jpx_outcome){.number_in_worker = 9,
                       .end = JPX_END_RETRY,
                       .retry_in_ms = 77,
                       .class_ = "crash",
                       .reason = "SIGSEGV",
                       .trace = "a\nb"};
    ck_assert_int_eq(jpx_outcome_decode(jpx_outcome_encode(&in, arena), arena, &out, &err), JP_OK);
    check_outcome(&in, &out);
}
END_TEST

/* The bytes are in a block of their own size, so that a read past the end is seen. */
static jp_status decode_copy(jpx_bytes bytes, bool outcome)
{
    jpx_arena *own = jpx_arena_new();
    uint8_t *copy = malloc(bytes.size ? bytes.size : 1);
    jp_error err = {.status = JP_OK};
    jpx_attempt attempt;
    jpx_outcome out;
    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    jpx_bytes own_bytes = {copy, bytes.size};
    jp_status status =
        outcome ? jpx_outcome_decode(own_bytes, own, &out, &err) : jpx_attempt_decode(own_bytes, own, &attempt, &err);
    if (status == JP_OK && outcome) /* what is taken can be used */
        jpx_outcome_encode(&out, own);
    else if (status == JP_OK)
        jpx_attempt_encode(&attempt, own);
    else
        ck_assert_int_eq(err.status, JP_E_DAMAGED);
    free(copy);
    jpx_arena_free(own);
    return status;
}

START_TEST(damaged_bytes_are_refused)
{
    const jpx_bytes all[] = {jpx_attempt_encode(attempt_of("Takes", "[1,\"x\"]"), arena),
                             jpx_outcome_encode(run("Everything", "[1]"), arena)};
    uint32_t random = 1;
    size_t taken = 0;

    ck_assert_int_eq(decode_copy((jpx_bytes){NULL, 0}, true), JP_E_DAMAGED);
    ck_assert_int_eq(decode_copy(all[0], true), JP_E_DAMAGED); /* an attempt is no outcome */
    ck_assert_int_eq(decode_copy(all[1], false), JP_E_DAMAGED);
    for (size_t which = 0; which < 2; which++) {
        const jpx_bytes bytes = all[which];
        ck_assert_int_eq(decode_copy(bytes, which == 1), JP_OK);
        for (size_t size = 0; size < bytes.size; size++) /* cut off anywhere */
            ck_assert_int_eq(decode_copy((jpx_bytes){bytes.data, size}, which == 1), JP_E_DAMAGED);
        for (int round = 0; round < 20000; round++) { /* some bytes changed */
            uint8_t *changed = malloc(bytes.size);
            memcpy(changed, bytes.data, bytes.size);
            for (int change = 0; change <= round % 3; change++) {
                random = random * 1664525 + 1013904223;
                changed[(random >> 8) % bytes.size] = (uint8_t)(random >> 3);
            }
            taken += decode_copy((jpx_bytes){changed, bytes.size}, which == 1) == JP_OK;
            free(changed);
        }
    }
    ck_assert_uint_lt(taken, 40000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("body_codec");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, open_all, kit_close);
    tcase_add_test(tests, attempts_come_back);
    tcase_add_test(tests, outcomes_come_back);
    tcase_add_test(tests, damaged_bytes_are_refused);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
