/* ask_large.c -- values that are larger than one message: they go up and come down in pieces (runtime/api/chunks.c).
 */
#include "client/ask.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    SPARE = 4096, /* of a message, for what stands around a piece, and for the headers with which it is passed on */
    PIECE_MAX = 256 * 1024,
    PIECE_MIN = 512
};

bool jpx_ask_fits(jpx_bus *bus, size_t bytes)
{
    return bytes + SPARE <= jpx_bus_message_max(bus);
}

/* JSON text has quotes and backslashes, which take two bytes in a string, but no control characters. */
static size_t piece_max(jpx_bus *bus)
{
    size_t most = jpx_bus_message_max(bus);
    size_t room = most > SPARE + 2 * PIECE_MIN ? (most - SPARE) / 2 : PIECE_MIN;
    return room < PIECE_MAX ? room : PIECE_MAX;
}

/* The first `room` bytes at most, ending between two characters. */
static size_t cut(const char *text, size_t size, size_t room)
{
    if (size <= room)
        return size;
    while (room > 1 && ((unsigned char)text[room] & 0xc0) == 0x80)
        room--;
    return room;
}

jp_status jpx_ask_upload(jpx_bus *bus, const char *json, int64_t timeout_ms, jpx_text *out, jp_error *err)
{
    size_t size = strlen(json), room = piece_max(bus);
    jpx_arena *spent = jpx_arena_new();
    char upload[25] = "";
    int64_t index = 0;
    jp_status status = JP_OK;

    for (size_t at = 0; at < size && status == JP_OK; index++) {
        jpx_text request = jpx_text_new(spent);
        size_t part = cut(json + at, size - at, room);
        jpx_answer answer;
        jpx_text_puts(&request, "{");
        if (*upload)
            jpx_text_member(&request, "upload", upload);
        jpx_text_member_int(&request, "index", index);
        jpx_text_member(&request, "piece", jpx_strndup(spent, json + at, part));
        jpx_text_puts(&request, "}");
        status = jpx_ask(bus, "upload", request.s, timeout_ms, spent, &answer, err);
        if (status == JP_OK && !*upload) {
            const char *id = jpx_json_string(answer.json, "upload", "");
            if (jpx_ask_is_root(id))
                snprintf(upload, sizeof upload, "%s", id);
            else
                status = jpx_fail(err, JP_E_DAMAGED, "the answer to an upload has no id");
        }
        at += part;
        jpx_arena_reset(spent);
    }
    jpx_arena_free(spent);
    if (status != JP_OK)
        return status;
    jpx_text_member(out, "upload", upload);
    jpx_text_member_int(out, "pieces", index);
    return JP_OK;
}

/* Each answer has the root's members and a piece; those of the last are kept. */
static jp_status read_pieces(jpx_bus *bus, const char *root, int64_t timeout_ms, jpx_arena *arena, jpx_answer *out,
                             jp_error *err)
{
    jpx_text whole = jpx_text_new(arena);
    jpx_arena *spent = jpx_arena_new();
    jpx_answer answer;
    int64_t size;
    jp_status status;

    do {
        jpx_arena_reset(spent);
        jpx_text request = jpx_ask_root(spent, root);
        jpx_text_member_int(&request, "offset", (int64_t)whole.size);
        jpx_text_puts(&request, "}");
        status = jpx_ask(bus, "result", request.s, timeout_ms, spent, &answer, err);
        if (status != JP_OK)
            break;
        const char *piece = jpx_json_string(answer.json, "piece", "");
        size = jpx_json_int(answer.json, "size", 0);
        if (!*piece || jpx_json_int(answer.json, "offset", -1) != (int64_t)whole.size) {
            status =
                jpx_fail(err, JP_E_DAMAGED, "the answer has not the piece of the result from byte %zu on", whole.size);
            break;
        }
        jpx_text_puts(&whole, piece);
        root = jpx_strdup(arena, jpx_json_string(answer.json, "root", root)); /* a key may name another one by then */
    } while ((int64_t)whole.size < size);
    if (status == JP_OK) {
        jpx_text text = jpx_text_new(arena);
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
        status = jpx_json_read(out->text, arena, &out->json, err);
    }
    jpx_arena_free(spent);
    return status;
}

jp_status jpx_ask_result(jpx_bus *bus, const char *root, int64_t timeout_ms, jpx_arena *arena, jpx_answer *out,
                         jp_error *err)
{
    jpx_text request = jpx_ask_root(arena, root);
    jp_error why;

    jpx_text_puts(&request, "}");
    jp_status status = jpx_ask(bus, "result", request.s, timeout_ms, arena, out, &why);
    if (status == JP_E_TOO_LARGE)
        return read_pieces(bus, root, timeout_ms, arena, out, err);
    return status == JP_OK ? JP_OK : jpx_fail(err, status, "%s", why.text);
}

jp_status jpx_ask_reply(jpx_bus *bus, const char *ticket, const char *json, int64_t timeout_ms, jpx_arena *arena,
                        jpx_answer *out, jp_error *err)
{
    jpx_text request = jpx_text_new(arena), value = jpx_text_new(arena);
    const jpx_json *read;
    jp_status status;

    if ((status = jpx_ask_json(json, "the reply", arena, &read, err)) != JP_OK)
        return status;
    jpx_json_put(&value, read);
    jpx_text_puts(&request, "{");
    jpx_text_member(&request, "ticket", ticket);
    if (jpx_ask_fits(bus, request.size + value.size))
        jpx_text_member_raw(&request, "value", value.s);
    else if ((status = jpx_ask_upload(bus, value.s, timeout_ms, &request, err)) != JP_OK)
        return status;
    jpx_text_puts(&request, "}");
    return jpx_ask(bus, "reply", request.s, timeout_ms, arena, out, err);
}
