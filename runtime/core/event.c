/* event.c -- events as JSON. Reading checks the fields it needs and ignores those it does not know. Pure. */
#include "core/event.h"
#include "base/text.h"
#include <stdio.h>
#include <string.h>

/* ---- writing ---- */

static jpx_text begin_event(const char *type, const jpx_root_id *root, int64_t now_ms, jpx_arena *arena)
{
    jpx_text t = jpx_text_new(arena);
    char id[JPX_ROOT_TEXT];

    jpx_text_add(&t, "{\"type\":\"io.jetpipe.%s.v%d\"", type, JPX_EVENT_WRITTEN);
    jpx_text_member_time(&t, "timestamp", now_ms);
    jpx_text_member(&t, "root", jpx_root_text(id, root));
    return t;
}

static jpx_bytes end_event(jpx_text *t)
{
    jpx_text_puts(t, "}");
    return (jpx_bytes){(const uint8_t *)t->s, t->size};
}

/* ---- "gen:first" and "gen:first-last" ---- */

static bool parse_number(const char **at, uint32_t *out)
{
    uint64_t value = 0;
    const char *p = *at;

    for (; *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (uint64_t)(*p - '0');
        if (value > UINT32_MAX)
            return false;
    }
    if (p == *at)
        return false;
    *at = p;
    *out = (uint32_t)value;
    return true;
}

static bool parse_key(const char **at, const jpx_root_id *root, jpx_key *key, uint32_t *count)
{
    uint8_t gen[JPX_GEN_SIZE];
    uint32_t first, last;

    if (strlen(*at) < 2 * JPX_GEN_SIZE + 2 || !jpx_unhex(gen, JPX_GEN_SIZE, *at) || (*at)[2 * JPX_GEN_SIZE] != ':')
        return false;
    *at += 2 * JPX_GEN_SIZE + 1;
    if (!parse_number(at, &first))
        return false;
    last = first;
    if (**at == '-') {
        ++*at;
        if (!parse_number(at, &last) || last < first || last - first >= JPX_CHILDREN_MAX)
            return false;
    }
    *key = jpx_key_make(*root, gen, first);
    *count = last - first + 1;
    return true;
}

/* Of "io.jetpipe.run.v2" the kind is "run" and the version 2. */
static jpx_decoded check_type(const char *type, const char *kind)
{
    static const char family[] = "io.jetpipe.";
    const size_t size = strlen(kind);
    uint32_t version;

    if (strncmp(type, family, sizeof family - 1) != 0)
        return JPX_MALFORMED;
    type += sizeof family - 1;
    if (strncmp(type, kind, size) != 0 || strncmp(type + size, ".v", 2) != 0)
        return JPX_MALFORMED;
    type += size + 2;
    if (!parse_number(&type, &version) || *type != '\0' || version == 0)
        return JPX_MALFORMED;
    return version > JPX_EVENT_VERSION ? JPX_NEWER : JPX_DECODED;
}

/* `doc` is initialized only with JPX_DECODED. */
static jpx_decoded open_event(bson_t *doc, jpx_bytes json, const char *kind, jpx_root_id *root)
{
    bson_iter_t iter;
    bson_error_t ignored;
    jpx_decoded opened = JPX_MALFORMED;

    if (!json.data || !bson_init_from_json(doc, (const char *)json.data, (ssize_t)json.size, &ignored))
        return JPX_MALFORMED;
    if (bson_iter_init_find(&iter, doc, "type") && BSON_ITER_HOLDS_UTF8(&iter))
        opened = check_type(bson_iter_utf8(&iter, NULL), kind);
    if (opened == JPX_DECODED && !(bson_iter_init_find(&iter, doc, "root") && BSON_ITER_HOLDS_UTF8(&iter) &&
                                   jpx_root_parse(root, bson_iter_utf8(&iter, NULL))))
        opened = JPX_MALFORMED;
    if (opened != JPX_DECODED)
        bson_destroy(doc);
    return opened;
}

/* ---- run events ---- */

jpx_bytes jpx_run_event_encode(const jpx_run_event *event, const char *pipe, int64_t now_ms, jpx_arena *arena)
{
    char key[JPX_KEY_TEXT];
    jpx_root_id root = jpx_key_root_id(&event->key);
    jpx_text t = begin_event("run", &root, now_ms, arena);

    jpx_text_member(&t, "pipeline", jpx_key_text(key, &event->key));
    jpx_text_member(&t, "pipe", pipe);
    if (event->finish)
        jpx_text_member(&t, "call", "finish");
    else
        jpx_text_member_int(&t, "step", event->step);
    if (event->due)
        jpx_text_member_raw(&t, "due", "true");
    if (event->repeat)
        jpx_text_member_raw(&t, "again", "true");
    return end_event(&t);
}

jpx_decoded jpx_run_event_decode(jpx_bytes json, jpx_run_event *event)
{
    bson_t doc;
    bson_iter_t iter;
    jpx_root_id root;
    uint32_t count = 0;
    const char *at;
    bool good;
    jpx_decoded opened;

    *event = (jpx_run_event){0};
    if ((opened = open_event(&doc, json, "run", &root)) != JPX_DECODED)
        return opened;
    good = bson_iter_init_find(&iter, &doc, "pipeline") && BSON_ITER_HOLDS_UTF8(&iter);
    if (good) {
        at = bson_iter_utf8(&iter, NULL);
        good = parse_key(&at, &root, &event->key, &count) && count == 1 && *at == '\0';
    }
    if (good && bson_iter_init_find(&iter, &doc, "call"))
        event->finish = BSON_ITER_HOLDS_UTF8(&iter) && strcmp(bson_iter_utf8(&iter, NULL), "finish") == 0;
    else if (good)
        good = bson_iter_init_find(&iter, &doc, "step") && jpx_iter_u32(&iter, &event->step);
    event->due = good && bson_iter_init_find(&iter, &doc, "due") && bson_iter_as_bool(&iter);
    event->repeat = good && bson_iter_init_find(&iter, &doc, "again") && bson_iter_as_bool(&iter);
    bson_destroy(&doc);
    return good ? JPX_DECODED : JPX_MALFORMED;
}

/* ---- slot events ---- */

static const char *const fact_names[] = {"filled", "ended", "finished"};

static bool follows(const jpx_fact *a, const jpx_fact *b)
{
    return memcmp(jpx_key_gen(&a->key), jpx_key_gen(&b->key), JPX_GEN_SIZE) == 0 &&
           jpx_key_index(&a->key) + a->count == jpx_key_index(&b->key) && a->step == b->step &&
           (!a->slot || strcmp(a->slot, b->slot) == 0);
}

static void put_fact(jpx_text *t, const jpx_fact *fact)
{
    char key[JPX_KEY_TEXT];

    jpx_text_add(t, "\"%s", jpx_key_text(key, &fact->key));
    if (fact->count > 1)
        jpx_text_add(t, "-%u", jpx_key_index(&fact->key) + fact->count - 1);
    if (fact->slot)
        jpx_text_add(t, "/%s", fact->slot);
    if (fact->slot && fact->step == JPX_STEP_FILL)
        jpx_text_puts(t, "@fill");
    else if (fact->slot && fact->step)
        jpx_text_add(t, "@%u", fact->step);
    jpx_text_puts(t, "\"");
}

jpx_bytes jpx_slot_event_encode(const jpx_fact *facts, size_t count, int64_t now_ms, jpx_arena *arena)
{
    jpx_root_id root = jpx_key_root_id(&facts[0].key);
    jpx_text t = begin_event("slot", &root, now_ms, arena);

    for (int kind = JPX_FACT_FILLED; kind <= JPX_FACT_FINISHED; kind++) {
        jpx_fact run = {.count = 0};
        bool any = false;
        for (size_t i = 0; i <= count; i++) {
            if (i < count && (int)facts[i].kind != kind)
                continue;
            if (i < count && run.count && follows(&run, &facts[i])) {
                run.count += facts[i].count;
                continue;
            }
            if (run.count) {
                if (any)
                    jpx_text_puts(&t, ",");
                else
                    jpx_text_member_raw(&t, fact_names[kind], "[");
                any = true;
                put_fact(&t, &run);
            }
            if (i < count)
                run = facts[i];
        }
        if (any)
            jpx_text_puts(&t, "]");
    }
    if (facts[0].repeat.maybe)
        jpx_text_member_raw(&t, "again", "true");
    return end_event(&t);
}

static bool read_fact(const char *at, const jpx_root_id *root, jpx_fact_kind kind, jpx_arena *arena, jpx_fact *fact)
{
    *fact = (jpx_fact){.kind = kind};
    if (!parse_key(&at, root, &fact->key, &fact->count))
        return false;
    if (kind != JPX_FACT_FILLED)
        return *at == '\0';
    if (*at++ != '/')
        return false;
    size_t size = strcspn(at, "@");
    fact->slot = jpx_strndup(arena, at, size);
    if (!jpx_is_name(fact->slot))
        return false;
    at += size;
    if (*at == '@') {
        if (strcmp(++at, "fill") == 0) {
            fact->step = JPX_STEP_FILL;
            return true;
        }
        if (!parse_number(&at, &fact->step))
            return false;
    }
    return *at == '\0';
}

jpx_decoded jpx_slot_event_decode(jpx_bytes json, jpx_arena *arena, jpx_fact **facts, size_t *count)
{
    bson_t doc;
    bson_iter_t iter, item;
    jpx_root_id root;
    size_t cap = 0, total = 0;
    bool good = true;
    jpx_repeat repeat = JPX_FIRST;
    jpx_decoded opened;

    *facts = NULL;
    *count = 0;
    if ((opened = open_event(&doc, json, "slot", &root)) != JPX_DECODED)
        return opened;
    if (bson_iter_init_find(&iter, &doc, "again") && bson_iter_as_bool(&iter))
        repeat = JPX_REPEAT;
    for (int kind = JPX_FACT_FILLED; good && kind <= JPX_FACT_FINISHED; kind++) {
        if (!bson_iter_init_find(&iter, &doc, fact_names[kind]))
            continue;
        good = BSON_ITER_HOLDS_ARRAY(&iter) && bson_iter_recurse(&iter, &item);
        while (good && bson_iter_next(&item)) {
            jpx_fact fact;
            good = BSON_ITER_HOLDS_UTF8(&item) &&
                   read_fact(bson_iter_utf8(&item, NULL), &root, (jpx_fact_kind)kind, arena, &fact) &&
                   fact.count <= JPX_FACTS_MAX - total;
            if (good) {
                total += fact.count;
                fact.repeat = repeat;
                JPX_PUSH(arena, *facts, *count, cap) = fact;
            }
        }
    }
    bson_destroy(&doc);
    return good ? JPX_DECODED : JPX_MALFORMED;
}

/* ---- history ---- */

jpx_bytes jpx_change_encode(const jpx_change *change, int64_t now_ms, jpx_arena *arena)
{
    char key[JPX_KEY_TEXT];
    jpx_root_id root = jpx_key_root_id(&change->key);
    jpx_text t = begin_event(change->root ? "root" : "pipeline", &root, now_ms, arena);

    jpx_text_member(&t, "pipeline", jpx_key_text(key, &change->key));
    jpx_text_member(&t, "pipe", change->pipe);
    jpx_text_member(&t, "status", change->what);
    if (change->attempt)
        jpx_text_member_int(&t, "attempt", change->attempt);
    if (change->due_ms)
        jpx_text_member_time(&t, "due", change->due_ms);
    jpx_text_member(&t, "reason", change->reason);
    return end_event(&t);
}
