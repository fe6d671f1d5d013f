/* codec_write.c -- attempts and outcomes as bytes, between a worker and the processes that run its bodies; codec_read.c
 * reads them. Both ends are one program, so there are no versions. Keys are short, for a plan may have millions of
 * children. */
#include "body/body.h"
#include "body/write.h"

static void write_bytes(jpx_writer *w, const char *key, jpx_bytes bytes)
{
    if (bytes.data)
        jpx_write_binary(w, key, bytes.data, bytes.size);
}

static void write_text(jpx_writer *w, const char *key, const char *text)
{
    if (text)
        jpx_write_string(w, key, text);
}

jpx_bytes jpx_attempt_encode(const jpx_attempt *attempt, jpx_arena *arena)
{
    jpx_writer w;

    jpx_writer_init(&w, arena);
    size_t begun = jpx_write_begin(&w, BSON_TYPE_DOCUMENT, NULL);
    jpx_write_int64(&w, "n", (int64_t)attempt->number_in_worker);
    jpx_write_int64(&w, "call", attempt->call);
    write_text(&w, "pipe", attempt->pipe);
    jpx_write_binary(&w, "key", attempt->key.b, JPX_PIPELINE_SIZE);
    jpx_write_int64(&w, "step", attempt->step);
    jpx_write_int64(&w, "attempt", attempt->attempt);
    write_bytes(&w, "args", attempt->args);
    jpx_write_binary(&w, "secret", attempt->secret, JPX_SECRET_SIZE);
    write_bytes(&w, "reply", attempt->reply);
    write_bytes(&w, "outputs", attempt->outputs);
    jpx_write_bool(&w, "aborted", attempt->aborted);
    jpx_write_int64(&w, "timeout", attempt->timeout_ms);
    jpx_write_end(&w, begun);
    return jpx_writer_bytes(&w);
}

static void write_output(jpx_writer *w, const char *key, const jpx_output *output)
{
    size_t begun = jpx_write_begin(w, BSON_TYPE_DOCUMENT, key);
    write_text(w, "s", output->slot);
    if (output->forwarded) {
        jpx_write_int64(w, "c", output->child);
        write_text(w, "cs", output->child_slot);
        if (output->type)
            write_text(w, "t", output->type);
    } else {
        write_bytes(w, "v", output->value);
    }
    jpx_write_end(w, begun);
}

static void write_policy(jpx_writer *w, const jpx_child *child)
{
    size_t begun = jpx_write_begin(w, BSON_TYPE_DOCUMENT, "o");
    jpx_write_int64(w, "attempts", child->retry.attempts);
    jpx_write_int64(w, "first", child->retry.first_ms);
    jpx_write_double(w, "factor", child->retry.factor);
    jpx_write_int64(w, "limit", child->retry.limit_ms);
    jpx_write_double(w, "jitter", child->retry.jitter);
    jpx_write_int64(w, "timeout", child->timeout_ms);
    jpx_write_end(w, begun);
}

static void write_child(jpx_writer *w, const char *key, const jpx_child *child)
{
    char index[JPX_INDEX_TEXT];
    size_t begun = jpx_write_begin(w, BSON_TYPE_DOCUMENT, key);

    write_text(w, "p", child->pipe);
    write_text(w, "q", child->queue);
    write_text(w, "at", child->at);
    write_bytes(w, "a", child->args);
    if (child->refs_count) {
        size_t refs = jpx_write_begin(w, BSON_TYPE_ARRAY, "r");
        for (size_t i = 0; i < child->refs_count; i++) {
            const jpx_ref *ref = &child->refs[i];
            size_t one = jpx_write_begin(w, BSON_TYPE_DOCUMENT, jpx_index_text(index, i));
            jpx_write_int64(w, "a", ref->arg);
            jpx_write_int64(w, "t", ref->at);
            jpx_write_int64(w, "c", ref->child);
            jpx_write_int64(w, "n", ref->count);
            write_text(w, "s", ref->slot);
            jpx_write_end(w, one);
        }
        jpx_write_end(w, refs);
    }
    if (child->waits_count) {
        size_t waits = jpx_write_begin(w, BSON_TYPE_ARRAY, "w");
        for (size_t i = 0; i < child->waits_count; i++) {
            size_t one = jpx_write_begin(w, BSON_TYPE_DOCUMENT, jpx_index_text(index, i));
            jpx_write_int64(w, "c", child->waits[i].child);
            jpx_write_int64(w, "n", child->waits[i].count);
            jpx_write_end(w, one);
        }
        jpx_write_end(w, waits);
    }
    if (child->has_options)
        write_policy(w, child);
    jpx_write_end(w, begun);
}

jpx_bytes jpx_outcome_encode(const jpx_outcome *outcome, jpx_arena *arena)
{
    char index[JPX_INDEX_TEXT];
    jpx_writer w;

    jpx_writer_init(&w, arena);
    size_t begun = jpx_write_begin(&w, BSON_TYPE_DOCUMENT, NULL);
    jpx_write_int64(&w, "n", (int64_t)outcome->number_in_worker);
    jpx_write_int64(&w, "end", outcome->end);
    jpx_write_int64(&w, "retry", outcome->retry_in_ms);
    write_text(&w, "class", outcome->class_);
    write_text(&w, "reason", outcome->reason);
    write_text(&w, "trace", outcome->trace);
    jpx_write_int64(&w, "us", outcome->body_us);
    size_t outputs = jpx_write_begin(&w, BSON_TYPE_ARRAY, "outputs");
    for (size_t i = 0; i < outcome->outputs_count; i++)
        write_output(&w, jpx_index_text(index, i), &outcome->outputs[i]);
    jpx_write_end(&w, outputs);
    /* the number first, so that reading needs one allocation */
    jpx_write_int64(&w, "count", (int64_t)outcome->children_count);
    size_t children = jpx_write_begin(&w, BSON_TYPE_ARRAY, "children");
    for (size_t i = 0; i < outcome->children_count; i++)
        write_child(&w, jpx_index_text(index, i), &outcome->children[i]);
    jpx_write_end(&w, children);
    jpx_write_end(&w, begun);
    return jpx_writer_bytes(&w);
}
