/* chunks.c -- values that are larger than a message may be (the broker's limit is 1 MiB unless told otherwise).
 *
 * In: JSON text comes piece by piece and is stored as values under an upload, an id like that of a root, which no root
 * has; the start or the reply then names the upload. Pieces are written once, so that any api process may take any of
 * them, twice too. A timer removes all that stands under the id a day later, by the sweep that also follows a cleanup;
 * it is written before the first piece, so that nothing is ever left over.
 * Out: a result, cut. It is written once as well: pieces that are asked for one after the other belong together. */
#include "api/api.h"
#include <stdlib.h>
#include <string.h>

enum {
    UPLOAD_MS = 60 * 60 * 1000,    /* may take so long from its first piece on */
    KEPT_MS = 24 * 60 * 60 * 1000, /* then it is removed, used or not          */
    SKEW_MS = 5 * 60 * 1000,       /* between the clocks of api processes      */
    PIECES_MAX = 64 * 1024,
    JOINED_MAX = 64 * 1024 * 1024, /* bytes of JSON: several values of 8 MiB   */
    ANSWER_SPARE = 1024,           /* headers                                  */
    CUT_SPARE = 8 * 1024,          /* what stands beside the piece: key and reason at their longest, escaped */
    CUT_MAX = 256 * 1024,
    CUT_MIN = 1024
};

static int64_t made_ms(const jpx_root_id *upload)
{
    uint8_t bytes[8] = {0};
    memcpy(bytes + 2, upload->b, 6);
    return (int64_t)jpx_get64(bytes);
}

static void piece_id(uint8_t out[JPX_VALUE_SIZE], const jpx_root_id *upload, int64_t index)
{
    static const uint8_t tail[8];
    jpx_key key = jpx_key_root(*upload);
    jpx_tail_id(out, &key, (uint32_t)index, tail);
}

static jp_status find_upload(const char *text, jpx_root_id *out, jp_error *err)
{
    if (text && jpx_root_parse(out, text))
        return JP_OK;
    return jpx_fail(err, JP_E_INVALID, "'%.64s' is no upload; take its id from the answer to the first piece",
                    text ? text : "");
}

jp_status jpx_api_upload(api *a, const char *given, int64_t index, const char *piece, jpx_root_id *upload,
                         jp_error *err)
{
    jpx_session *session = &a->role.session;
    int64_t now = jpx_now(session->env);
    uint8_t id[JPX_VALUE_SIZE];
    bson_t value = BSON_INITIALIZER;

    if (!piece)
        return jpx_fail(err, JP_E_INVALID,
                        "the request has no piece: {\"piece\":\"...\"}, then {\"upload\":\"<id>\","
                        "\"index\":1,\"piece\":\"...\"}");
    if (index < 0 || index >= PIECES_MAX)
        return jpx_fail(err, JP_E_INVALID, "index is %lld; 0 to %d are allowed", (long long)index, PIECES_MAX - 1);
    if (given) {
        if (find_upload(given, upload, err) != JP_OK)
            return err->status;
        if (made_ms(upload) < now - UPLOAD_MS || made_ms(upload) > now + SKEW_MS)
            return jpx_fail(err, JP_E_REFUSED, "the time of upload %s is over; begin again with the first piece",
                            given);
    } else {
        uint8_t random[6];
        jpx_random(session->env, random, sizeof random);
        *upload = jpx_root_new(now, random);
    }
    jpx_timer sweep = {.due_ms = made_ms(upload) + KEPT_MS,
                       .key = jpx_key_root(*upload),
                       .step = JPX_STEP_SWEEP,
                       .pipe = "cleanup",
                       .queue = "cleanup"};
    jpx_record timer = jpx_timer_encode(&sweep, session->arena);
    piece_id(id, upload, index);
    bson_append_utf8(&value, "v", 1, piece, -1);
    jpx_record record = jpx_value_encode(id, jpx_doc_take(&value, session->arena), session->arena);
    if (jpx_store_insert(session->store, JPX_TABLE_TIMER, &timer, 1, NULL, err) != JP_OK)
        return err->status;
    return jpx_store_insert(session->store, JPX_TABLE_VALUE, &record, 1, NULL, err);
}

jp_status jpx_api_uploaded(api *a, const char *name, int64_t pieces, jpx_bytes *json, jp_error *err)
{
    jpx_session *session = &a->role.session;
    jpx_bytes *parts;
    size_t size = 0, at = 0;
    jpx_root_id upload;
    uint8_t id[JPX_VALUE_SIZE];

    if (find_upload(name, &upload, err) != JP_OK)
        return err->status;
    if (pieces < 1 || pieces > PIECES_MAX)
        return jpx_fail(err, JP_E_INVALID, "pieces is %lld; 1 to %d are allowed", (long long)pieces, PIECES_MAX);
    parts = jpx_alloc_array(session->arena, (size_t)pieces, sizeof *parts);
    for (int64_t i = 0; i < pieces; i++) {
        bson_iter_t iter;
        uint32_t length;
        jpx_bytes one = {id, sizeof id};
        jpx_record found;
        piece_id(id, &upload, i);
        if (jpx_store_get(session->store, JPX_TABLE_VALUE, &one, 1, session->arena, &found, err) != JP_OK)
            return err->status;
        if (!found.doc.data || !jpx_doc_find(found.doc, "v", &iter) || !BSON_ITER_HOLDS_UTF8(&iter))
            return jpx_fail(err, JP_E_NOT_FOUND, "piece %lld of upload %s is not there; uploads are kept for a day",
                            (long long)i, name);
        parts[i].data = (const uint8_t *)bson_iter_utf8(&iter, &length);
        parts[i].size = length;
        size += length;
        if (size > JOINED_MAX)
            return jpx_fail(err, JP_E_TOO_LARGE, "upload %s has more than %d MiB", name, JOINED_MAX / 1024 / 1024);
    }
    char *joined = jpx_alloc(session->arena, size + 1);
    for (int64_t i = 0; i < pieces; i++) {
        memcpy(joined + at, parts[i].data, parts[i].size);
        at += parts[i].size;
    }
    *json = (jpx_bytes){(const uint8_t *)joined, size};
    return JP_OK;
}

size_t jpx_api_answer_max(const api *a)
{
    size_t most = jpx_bus_message_max(a->role.session.bus);
    return most > 2 * ANSWER_SPARE ? most - ANSWER_SPARE : most / 2;
}

/* Reading and writing out a value of 8 MiB for each of its pieces would be most of the work: the text is kept. */
static jp_status keep_text(api *a, const jpx_root *root, bson_t *out, jp_error *err)
{
    jpx_bytes value;
    bool kept = a->cut && memcmp(a->cut_root.b, root->id.b, JPX_ROOT_SIZE) == 0;
    char id[JPX_ROOT_TEXT];

    if (jpx_view_result(&a->role.session, root, out, kept ? NULL : &value, err) != JP_OK)
        return err->status;
    if (kept)
        return JP_OK;
    if (!value.data)
        return jpx_fail(err, JP_E_NOT_FOUND, "root %s has no result", jpx_root_text(id, &root->id));
    free(a->cut);
    a->cut = strdup(jpx_value_to_json(value, a->role.session.arena));
    a->cut_root = root->id;
    JPX_ASSERT(a->cut != NULL);
    return JP_OK;
}

jp_status jpx_api_cut(api *a, const jpx_root *root, int64_t offset, bson_t *out, jp_error *err)
{
    size_t most = jpx_api_answer_max(a);
    /* JSON text has quotes and backslashes, which take two bytes in a string, but no control characters. */
    size_t room = most > CUT_SPARE + 2 * CUT_MIN ? (most - CUT_SPARE) / 2 : CUT_MIN;

    if (keep_text(a, root, out, err) != JP_OK)
        return err->status;
    size_t size = strlen(a->cut), from = (size_t)offset;
    if (from > size)
        return jpx_fail(err, JP_E_INVALID, "offset is %lld, and the result has %zu bytes", (long long)offset, size);
    if (((unsigned char)a->cut[from] & 0xc0) == 0x80)
        return jpx_fail(err, JP_E_INVALID,
                        "offset %zu is inside of a character; it is the last piece's offset and length", from);
    size_t length = size - from;
    room = room < CUT_MAX ? room : CUT_MAX;
    if (length > room)
        for (length = room; length > 1 && ((unsigned char)a->cut[from + length] & 0xc0) == 0x80; length--)
            ; /* between two characters */
    bson_append_int64(out, "offset", 6, offset);
    bson_append_int64(out, "size", 4, (int64_t)size);
    bson_append_utf8(out, "piece", 5, a->cut + from, (int)length);
    if (from + length == size) {
        free(a->cut);
        a->cut = NULL;
    }
    return JP_OK;
}
