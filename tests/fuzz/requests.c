/* requests.c -- fuzz: any bytes on any subject that the roles listen to. The input is a list of messages that end with
 * byte 0x1e: kind, rest of the subject to the first '\n', data; `$R` and `$T` in it become the id of a root that is
 * there and a ticket that waits. Nothing crashes, every message that was stored is taken from its stream in bounded
 * time, and a root that is started afterwards comes to its end as ever. */
#include "api/view.h"
#include "engine/root.h"
#include "fuzz/fuzz.h"
#include "role/local.h"

enum { MESSAGES_MAX = 12, LIMIT_MS = 3600 * 1000 };

static char ticket[JPX_TICKET_TEXT];

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(AddTwo, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_yield(p, AddOne, jp_yield(p, AddOne, jp_int64(p, "n"))));
}

JP_PIPE(Asks, p, .takes = "any... x", .gives = "int64", .async = true, .timeout_ms = 1000)
{
    snprintf(ticket, sizeof ticket, "%s", jp_ticket(p));
    return jp_wait(p);
}

static const jp_def *const defs[] = {&AddOne, &AddTwo, &Asks, NULL};

static const char *const kinds[] = {
    "start.",   "start.AddTwo", "start.Asks",   "reply.", "control.",      "api.",     "api.start",  "api.reply",
    "api.tree", "api.cleanup",  "run.default.", "slot.0", "control.abort", "api.list", "api.result", "control.cleanup"};

static const char *filled_in(const char *text, size_t size, const char *root, jpx_arena *arena, size_t *out_size)
{
    char *out = jpx_alloc(arena, size * 40 + 1);
    size_t at = 0;

    for (size_t i = 0; i < size; i++) {
        const char *with = i + 1 < size && text[i] == '$' ? text[i + 1] == 'R'   ? root
                                                            : text[i + 1] == 'T' ? ticket
                                                                                 : NULL
                                                          : NULL;
        if (with) {
            memcpy(out + at, with, strlen(with));
            at += strlen(with);
            i++;
        } else {
            out[at++] = text[i];
        }
    }
    *out_size = at;
    return out;
}

/* Subjects are words without blanks: a client that sends others is not understood by any server. */
static bool subject_good(const char *subject)
{
    for (const char *c = subject; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '*' || *c == '>' || (*c == '.' && (c[1] == '.' || !c[1])))
            return false;
    return true;
}

static void send(jpx_local *local, fuzz_input *in, const char *root, jpx_arena *arena)
{
    const char *kind = kinds[take_byte(in) % (sizeof kinds / sizeof *kinds)];
    uint8_t headers = take_byte(in);
    char *rest = take_text(in, '\n', arena);
    const uint8_t *stop = in->size ? memchr(in->data, 0x1e, in->size) : NULL;
    size_t size = stop ? (size_t)(stop - in->data) : in->size, data_size, rest_size;
    const char *data = filled_in((const char *)in->data, size, root, arena, &data_size);
    const char *subject =
        jpx_format(arena, "jetpipe.%s%s", kind, filled_in(rest, strlen(rest), root, arena, &rest_size));
    jpx_message message = {.subject = subject, .data = {(const uint8_t *)data, data_size}};
    jp_error err;

    in->data += size + (stop != NULL);
    in->size -= size + (stop != NULL);
    if (headers & 1)
        message.key = jpx_strndup(arena, data, data_size < 20 ? data_size : 20);
    if (headers & 2)
        message.reply_to = "somebody.asks";
    if (!subject_good(subject))
        return;
    if (strncmp(kind, "api.", 4) == 0)
        jpx_bus_tell(jpx_local_bus(local), &message, 1);
    else
        jpx_bus_publish(jpx_local_bus(local), &message, 1, 1000, &err);
}

static bool streams_empty(jpx_bus *bus)
{
    return jpx_bus_backlog(bus, JPX_STREAM_START) + jpx_bus_backlog(bus, JPX_STREAM_SLOT) +
               jpx_bus_backlog(bus, JPX_STREAM_RUN) ==
           0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static jpx_registry *registry; /* for the life of the process */
    jpx_local_options options = {.virtual_time = true, .seed = 7, .level = JPX_ERROR};
    jpx_arena *arena = jpx_arena_new();
    fuzz_input in = {data, size};
    const char *answer, *root = "000000000000000000000000";
    jpx_local *local;
    jp_error err;

    if (!registry)
        claim(jpx_registry_new(&registry, defs, &err) == JP_OK);
    ticket[0] = '\0';
    claim(jpx_local_open(&local, registry, &options, &err) == JP_OK);
    claim(jpx_local_start(local, "Asks", "[]", "asks", &err) == JP_OK);
    for (int i = 0; i < 20 && !ticket[0]; i++)
        jpx_local_step(local);
    claim(jpx_local_ask(local, "status", "asks", arena, &answer, &err) == JP_OK);
    const char *id = strstr(answer, "\"root\":\"");
    if (id)
        root = jpx_strndup(arena, id + 8, JPX_ROOT_TEXT - 1);

    for (int i = 0; i < MESSAGES_MAX && in.size; i++)
        send(local, &in, root, arena);

    jp_status status = jpx_local_start(local, "AddTwo", "[40]", "after all", &err);
    if (status == JP_OK)
        status = jpx_local_finish(local, "after all", LIMIT_MS, &err);
    if (status != JP_OK)
        fprintf(stderr, "%s\n", err.text);
    claim(status == JP_OK);
    claim(jpx_local_ask(local, "result", "after all", arena, &answer, &err) == JP_OK);
    claim(strstr(answer, "\"result\":42") || strstr(answer, "existed")); /* the input may know the key */
    /* What is left, time-outs and retries among it, comes to an end; nothing stays in the streams. */
    int64_t until = jpx_now(jpx_local_env(local)) + LIMIT_MS;
    while (!streams_empty(jpx_local_bus(local)))
        claim(jpx_local_step(local) || jpx_local_pass(local, until));
    jpx_local_close(local);
    jpx_arena_free(arena);
    return 0;
}
