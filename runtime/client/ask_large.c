/* ask_large.c -- values larger than one message are sent and fetched in chunks, which runtime/api/chunks.c stores and
 * cuts. One request for each chunk; each blocks for the time of one answer. */
#include "client/ask.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    SPARE = 4096, /* bytes of a message for the members around a chunk, and for headers when the api forwards it */
    CHUNK_MAX = 256 * 1024,
    CHUNK_MIN = 512
};

bool jpx_ask_fits(jpx_bus *bus, size_t bytes)
{
    return bytes + SPARE <= jpx_bus_message_max(bus);
}

/* A chunk is sent as a JSON string, in which quotes and backslashes take two bytes; JSON has no control characters. */
static size_t chunk_max(jpx_bus *bus)
{
    size_t most = jpx_bus_message_max(bus);
    size_t room = most > SPARE + 2 * CHUNK_MIN ? (most - SPARE) / 2 : CHUNK_MIN;
    return room < CHUNK_MAX ? room : CHUNK_MAX;
}

/* The size of the first chunk: at most `room` bytes, ending between two characters. */
static size_t cut(const char *text, size_t size, size_t room)
{
    if (size <= room)
        return size;
    while (room > 1 && ((unsigned char)text[room] & 0xc0) == 0x80)
        room--;
    return room;
}

jp_status jpx_ask_upload(const jpx_asker *a, const char *json, jpx_text *out, jp_error *err)
{
    size_t size = strlen(json), room = chunk_max(a->bus);
    jpx_asker each = *a;
    char upload[25] = "";
    int64_t index = 0;
    jp_status status = JP_OK;

    each.arena = jpx_arena_new();
    for (size_t at = 0; at < size && status == JP_OK; index++) {
        jpx_text request = jpx_text_new(each.arena);
        size_t part = cut(json + at, size - at, room);
        jpx_answer answer;
        jpx_text_puts(&request, "{");
        if (*upload)
            jpx_text_member(&request, "upload", upload);
        jpx_text_member_int(&request, "index", index);
        jpx_text_member(&request, "piece", jpx_strndup(each.arena, json + at, part));
        jpx_text_puts(&request, "}");
        status = jpx_ask(&each, "upload", request.s, &answer, err);
        if (status == JP_OK && !*upload) {
            const char *id = jpx_json_string(answer.json, "upload", "");
            if (jpx_ask_is_root(id))
                snprintf(upload, sizeof upload, "%s", id);
            else
                status = jpx_fail(err, JP_E_DAMAGED, "the answer to an upload has no id");
        }
        at += part;
        jpx_arena_reset(each.arena);
    }
    jpx_arena_free(each.arena);
    if (status != JP_OK)
        return status;
    jpx_text_member(out, "upload", upload);
    jpx_text_member_int(out, "pieces", index);
    return JP_OK;
}

/* Each answer holds the root's members and one chunk. `out` gets the members of the last answer and the whole result.
 */
static jp_status fetch_chunks(const jpx_asker *a, const char *root, jpx_answer *out, jp_error *err)
{
    jpx_text whole = jpx_text_new(a->arena);
    jpx_asker each = *a;
    jpx_answer answer;
    int64_t size;
    jp_status status;

    each.arena = jpx_arena_new();
    do {
        jpx_arena_reset(each.arena);
        jpx_text request = jpx_ask_root(each.arena, root);
        jpx_text_member_int(&request, "offset", (int64_t)whole.size);
        jpx_text_puts(&request, "}");
        status = jpx_ask(&each, "result", request.s, &answer, err);
        if (status != JP_OK)
            break;
        const char *chunk = jpx_json_string(answer.json, "piece", "");
        size = jpx_json_int(answer.json, "size", 0);
        if (!*chunk || jpx_json_int(answer.json, "offset", -1) != (int64_t)whole.size) {
            status = jpx_fail(err, JP_E_DAMAGED, "the answer lacks the part of the result that begins at byte %zu",
                              whole.size);
            break;
        }
        jpx_text_puts(&whole, chunk);
        /* From now on by id: after a cleanup the key may name another root. */
        root = jpx_strdup(a->arena, jpx_json_string(answer.json, "root", root));
    } while ((int64_t)whole.size < size);
    if (status == JP_OK) {
        jpx_text text = jpx_text_new(a->arena);
        jpx_text_puts(&text, "{");
        for (const jpx_json *member = answer.json->first; member; member = member->next)
            if (strcmp(member->name, "offset") != 0 && strcmp(member->name, "size") != 0 &&
                strcmp(member->name, "piece") != 0) {
                jpx_text_member_raw(&text, member->name, "");
                jpx_json_put(&text, member);
            }
        jpx_text_member_raw(&text, "result", whole.s);
        jpx_text_puts(&text, "}");
        out->text = (jpx_bytes){(const uint8_t *)text.s, text.size};
        status = jpx_json_read(out->text, a->arena, &out->json, err);
    }
    jpx_arena_free(each.arena);
    return status;
}

jp_status jpx_ask_result(const jpx_asker *a, const char *root, jpx_answer *out, jp_error *err)
{
    jpx_text request = jpx_ask_root(a->arena, root);

    jpx_text_puts(&request, "}");
    jp_status status = jpx_ask(a, "result", request.s, out, err);
    return status == JP_E_TOO_LARGE ? fetch_chunks(a, root, out, err) : status;
}

jp_status jpx_ask_reply(const jpx_asker *a, const char *ticket, const char *json, jpx_answer *out, jp_error *err)
{
    jpx_text request = jpx_text_new(a->arena), value = jpx_text_new(a->arena);
    const jpx_json *read;
    jp_status status;

    if ((status = jpx_ask_json(json, "the reply is", a->arena, &read, err)) != JP_OK)
        return status;
    jpx_json_put(&value, read);
    jpx_text_puts(&request, "{");
    jpx_text_member(&request, "ticket", ticket);
    if (jpx_ask_fits(a->bus, request.size + value.size))
        jpx_text_member_raw(&request, "value", value.s);
    else if ((status = jpx_ask_upload(a, value.s, &request, err)) != JP_OK)
        return status;
    jpx_text_puts(&request, "}");
    return jpx_ask(a, "reply", request.s, out, err);
}
