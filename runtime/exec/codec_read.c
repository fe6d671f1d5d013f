/* codec_read.c -- reads what codec_write.c wrote. An outcome may come from a process whose heap a body has corrupted:
 * reading believes nothing, fails with JP_E_DAMAGED on anything else, and whether the plan makes sense is for
 * jpx_plan_check() to say. What is read points into one copy of the bytes, in the arena. */
#include "body/context.h"
#include <math.h>
#include <string.h>

struct reader {
    jpx_arena *arena;
    bool damaged;
};

static bool is(const bson_iter_t *iter, const char *key)
{
    return strcmp(bson_iter_key(iter), key) == 0;
}

static int64_t read_int(struct reader *r, const bson_iter_t *iter, int64_t low, int64_t high)
{
    int64_t value = bson_iter_type(iter) == BSON_TYPE_INT64 ? bson_iter_int64(iter) : low;
    if (bson_iter_type(iter) != BSON_TYPE_INT64 || value < low || value > high) {
        r->damaged = true;
        return low;
    }
    return value;
}

static uint32_t read_u32(struct reader *r, const bson_iter_t *iter)
{
    return (uint32_t)read_int(r, iter, 0, UINT32_MAX);
}

static double read_double(struct reader *r, const bson_iter_t *iter)
{
    double value = bson_iter_type(iter) == BSON_TYPE_DOUBLE ? bson_iter_double(iter) : NAN;
    if (isfinite(value))
        return value;
    r->damaged = true;
    return 0;
}

static bool read_bool(struct reader *r, const bson_iter_t *iter)
{
    if (bson_iter_type(iter) == BSON_TYPE_BOOL)
        return bson_iter_bool(iter);
    r->damaged = true;
    return false;
}

static const char *read_text(struct reader *r, const bson_iter_t *iter)
{
    uint32_t size = 0;
    const char *text = bson_iter_type(iter) == BSON_TYPE_UTF8 ? bson_iter_utf8(iter, &size) : NULL;

    if (text && bson_utf8_validate(text, size, false))
        return text;
    r->damaged = true;
    return "";
}

static jpx_bytes read_bytes(struct reader *r, const bson_iter_t *iter)
{
    const uint8_t *data = NULL;
    uint32_t size = 0;

    if (bson_iter_type(iter) == BSON_TYPE_BINARY)
        bson_iter_binary(iter, NULL, &size, &data);
    if (!data)
        r->damaged = true;
    return (jpx_bytes){data, size};
}

static void read_fixed(struct reader *r, const bson_iter_t *iter, uint8_t *out, size_t size)
{
    jpx_bytes bytes = read_bytes(r, iter);
    if (bytes.data && bytes.size == size)
        memcpy(out, bytes.data, size);
    else
        r->damaged = true;
}

/* Bytes that must be a document, or that are read as one later. */
static jpx_bytes read_doc(struct reader *r, const bson_iter_t *iter)
{
    jpx_bytes bytes = read_bytes(r, iter);
    bson_t doc;
    if (!bytes.data || !bson_init_static(&doc, bytes.data, bytes.size) ||
        !bson_validate(&doc, BSON_VALIDATE_NONE, NULL))
        r->damaged = true;
    return bytes;
}

/* bson_iter_next(), and where it stops at bytes that are no element, the whole is damaged. */
static bool next(struct reader *r, bson_iter_t *iter)
{
    if (bson_iter_next(iter))
        return true;
    r->damaged = r->damaged || iter->err_off;
    return false;
}

/* The members of an array or document; for (bson_iter_t m; ...) loops over nothing when it is none. */
static bool open_array(struct reader *r, const bson_iter_t *iter, bson_iter_t *members, size_t *count)
{
    bson_iter_t counting;

    *count = 0;
    if (bson_iter_type(iter) == BSON_TYPE_ARRAY && bson_iter_recurse(iter, members) &&
        bson_iter_recurse(iter, &counting)) {
        while (next(r, &counting))
            ++*count;
        return true;
    }
    r->damaged = true;
    return false;
}

static bool open_document(struct reader *r, const bson_iter_t *iter, bson_iter_t *members)
{
    if (bson_iter_type(iter) == BSON_TYPE_DOCUMENT && bson_iter_recurse(iter, members))
        return true;
    r->damaged = true;
    return false;
}

static jp_status finish(const struct reader *r, const char *what, jp_error *err)
{
    if (r->damaged)
        return jpx_fail(err, JP_E_DAMAGED, "the bytes of %s are damaged", what);
    return JP_OK;
}

static bool open_copy(jpx_bytes bytes, jpx_arena *arena, bson_iter_t *iter)
{
    if (!bytes.data || bytes.size < 5 || bytes.size > INT32_MAX)
        return false;
    jpx_bytes copy = jpx_copy(arena, bytes.data, bytes.size);
    return bson_iter_init_from_data(iter, copy.data, copy.size);
}

jp_status jpx_attempt_decode(jpx_bytes bytes, jpx_arena *arena, jpx_attempt *out, jp_error *err)
{
    struct reader r = {arena, false};
    bson_iter_t iter;

    *out = (jpx_attempt){.pipe = NULL};
    if (!open_copy(bytes, arena, &iter))
        return jpx_fail(err, JP_E_DAMAGED, "the bytes of an attempt are damaged");
    while (next(&r, &iter)) {
        if (is(&iter, "n"))
            out->number_in_worker = (uint64_t)read_int(&r, &iter, INT64_MIN, INT64_MAX);
        else if (is(&iter, "call"))
            out->call = (jpx_call)read_int(&r, &iter, JPX_CALL_RUN, JPX_CALL_CANCEL);
        else if (is(&iter, "pipe"))
            out->pipe = read_text(&r, &iter);
        else if (is(&iter, "key"))
            read_fixed(&r, &iter, out->key.b, JPX_PIPELINE_SIZE);
        else if (is(&iter, "step"))
            out->step = read_u32(&r, &iter);
        else if (is(&iter, "attempt"))
            out->attempt = (int)read_int(&r, &iter, 0, INT32_MAX);
        else if (is(&iter, "args"))
            out->args = read_bytes(&r, &iter);
        else if (is(&iter, "secret"))
            read_fixed(&r, &iter, out->secret, JPX_SECRET_SIZE);
        else if (is(&iter, "reply"))
            out->reply = read_bytes(&r, &iter);
        else if (is(&iter, "outputs"))
            out->outputs = read_bytes(&r, &iter);
        else if (is(&iter, "aborted"))
            out->aborted = read_bool(&r, &iter);
        else if (is(&iter, "timeout"))
            out->timeout_ms = read_int(&r, &iter, 0, INT64_MAX);
        else
            r.damaged = true;
    }
    r.damaged = r.damaged || !out->pipe;
    return finish(&r, "an attempt", err);
}

static void read_output(struct reader *r, bson_iter_t *iter, jpx_output *out)
{
    bson_iter_t m;

    if (!open_document(r, iter, &m))
        return;
    while (next(r, &m)) {
        if (is(&m, "s")) {
            out->slot = read_text(r, &m);
        } else if (is(&m, "c")) {
            out->forwarded = true;
            out->child = read_u32(r, &m);
        } else if (is(&m, "cs")) {
            out->child_slot = read_text(r, &m);
        } else if (is(&m, "t")) {
            out->type = read_text(r, &m);
        } else if (is(&m, "v")) {
            out->value = read_doc(r, &m);
        } else {
            r->damaged = true;
        }
    }
    if (!out->slot || (out->forwarded ? !out->child_slot : !out->value.data))
        r->damaged = true;
}

static void read_refs(struct reader *r, const bson_iter_t *iter, jpx_child *child)
{
    bson_iter_t all, m;

    if (!open_array(r, iter, &all, &child->refs_count))
        return;
    child->refs = jpx_alloc_array(r->arena, child->refs_count + 1, sizeof *child->refs);
    for (jpx_ref *ref = child->refs; next(r, &all) && open_document(r, &all, &m); ref++) {
        while (next(r, &m)) {
            if (is(&m, "a"))
                ref->arg = read_u32(r, &m);
            else if (is(&m, "t"))
                ref->at = read_u32(r, &m);
            else if (is(&m, "c"))
                ref->child = read_u32(r, &m);
            else if (is(&m, "n"))
                ref->count = read_u32(r, &m);
            else if (is(&m, "s"))
                ref->slot = read_text(r, &m);
            else
                r->damaged = true;
        }
        if (!ref->slot)
            r->damaged = true;
    }
}

static void read_waits(struct reader *r, const bson_iter_t *iter, jpx_child *child)
{
    bson_iter_t all, m;

    if (!open_array(r, iter, &all, &child->waits_count))
        return;
    child->waits = jpx_alloc_array(r->arena, child->waits_count + 1, sizeof *child->waits);
    for (jpx_wait *wait = child->waits; next(r, &all) && open_document(r, &all, &m); wait++) {
        while (next(r, &m)) {
            if (is(&m, "c"))
                wait->child = read_u32(r, &m);
            else if (is(&m, "n"))
                wait->count = read_u32(r, &m);
            else
                r->damaged = true;
        }
    }
}

static void read_options(struct reader *r, const bson_iter_t *iter, jpx_child *child)
{
    bson_iter_t m;

    child->has_options = true;
    if (!open_document(r, iter, &m))
        return;
    while (next(r, &m)) {
        if (is(&m, "attempts"))
            child->retry.attempts = (int)read_int(r, &m, 1, INT32_MAX);
        else if (is(&m, "first"))
            child->retry.first_ms = read_int(r, &m, 0, JPX_DELAY_MAX_MS);
        else if (is(&m, "factor"))
            child->retry.factor = read_double(r, &m);
        else if (is(&m, "limit"))
            child->retry.limit_ms = read_int(r, &m, 0, JPX_DELAY_MAX_MS);
        else if (is(&m, "jitter"))
            child->retry.jitter = read_double(r, &m);
        else if (is(&m, "timeout"))
            child->timeout_ms = read_int(r, &m, 0, JPX_DELAY_MAX_MS);
        else
            r->damaged = true;
    }
    if (child->retry.attempts < 1)
        r->damaged = true;
}

static void read_child(struct reader *r, const bson_iter_t *iter, jpx_child *out)
{
    bson_iter_t m;

    if (!open_document(r, iter, &m))
        return;
    while (next(r, &m)) {
        if (is(&m, "p"))
            out->pipe = read_text(r, &m);
        else if (is(&m, "q"))
            out->queue = read_text(r, &m);
        else if (is(&m, "at"))
            out->at = read_text(r, &m);
        else if (is(&m, "a"))
            out->args = read_doc(r, &m);
        else if (is(&m, "r"))
            read_refs(r, &m, out);
        else if (is(&m, "w"))
            read_waits(r, &m, out);
        else if (is(&m, "o"))
            read_options(r, &m, out);
        else
            r->damaged = true;
    }
    if (!out->pipe || !out->queue || !out->at || !out->args.data)
        r->damaged = true;
}

jp_status jpx_outcome_decode(jpx_bytes bytes, jpx_arena *arena, jpx_outcome *out, jp_error *err)
{
    struct reader r = {arena, false};
    int64_t expected = 0;
    bson_iter_t iter, all;
    size_t i;

    *out = (jpx_outcome){.retry_in_ms = -1};
    if (!open_copy(bytes, arena, &iter))
        return jpx_fail(err, JP_E_DAMAGED, "the bytes of an outcome are damaged");
    while (!r.damaged && next(&r, &iter)) {
        if (is(&iter, "n")) {
            out->number_in_worker = (uint64_t)read_int(&r, &iter, INT64_MIN, INT64_MAX);
        } else if (is(&iter, "end")) {
            out->end = (jpx_end)read_int(&r, &iter, JPX_END_RETURN, JPX_END_WRONG);
        } else if (is(&iter, "retry")) {
            out->retry_in_ms = read_int(&r, &iter, -1, JPX_DELAY_MAX_MS);
        } else if (is(&iter, "class")) {
            out->class_ = read_text(&r, &iter);
        } else if (is(&iter, "reason")) {
            out->reason = read_text(&r, &iter);
        } else if (is(&iter, "trace")) {
            out->trace = read_text(&r, &iter);
        } else if (is(&iter, "us")) {
            out->body_us = read_int(&r, &iter, 0, INT64_MAX);
        } else if (is(&iter, "outputs") && open_array(&r, &iter, &all, &out->outputs_count)) {
            out->outputs = jpx_alloc_array(arena, out->outputs_count + 1, sizeof *out->outputs);
            for (i = 0; next(&r, &all); i++)
                read_output(&r, &all, &out->outputs[i]);
        } else if (is(&iter, "count")) {
            expected = read_int(&r, &iter, 0, JPX_CHILDREN_MAX);
        } else if (is(&iter, "children") && open_array(&r, &iter, &all, &out->children_count)) {
            out->children = jpx_alloc_array(arena, out->children_count + 1, sizeof *out->children);
            for (i = 0; next(&r, &all); i++)
                read_child(&r, &all, &out->children[i]);
        } else {
            r.damaged = true;
        }
    }
    r.damaged = r.damaged || (int64_t)out->children_count != expected;
    return finish(&r, "an outcome", err);
}
