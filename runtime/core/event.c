#include "core/event.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- text that grows in an arena ---- */

typedef struct text {
    jpx_arena *arena;
    char *data;
    size_t size, cap;
} text;

static void put(text *t, const char *data, size_t size)
{
    if (t->size + size + 1 > t->cap) {
        size_t cap = (t->cap ? t->cap * 2 : 256) + size;
        char *grown = jpx_alloc(t->arena, cap);
        if (t->size)
            memcpy(grown, t->data, t->size);
        t->data = grown;
        t->cap = cap;
    }
    memcpy(t->data + t->size, data, size);
    t->size += size;
    t->data[t->size] = '\0';
}

static void puts_(text *t, const char *data)
{
    put(t, data, strlen(data));
}

static void put_json(text *t, const char *value)
{
    put(t, "\"", 1);
    for (const char *p = value; *p; p++) {
        unsigned char c = (unsigned char)*p;
        char escape[8];
        if (c == '"' || c == '\\') {
            put(t, (char[]){'\\', *p}, 2);
        } else if (c < 0x20) {
            int n = snprintf(escape, sizeof escape, "\\u%04x", c);
            put(t, escape, (size_t)n);
        } else {
            put(t, p, 1);
        }
    }
    put(t, "\"", 1);
}

static void put_field(text *t, const char *name, const char *value)
{
    puts_(t, ",\"");
    puts_(t, name);
    puts_(t, "\":");
    put_json(t, value);
}

static void put_number(text *t, const char *name, int64_t value)
{
    char number[64];
    snprintf(number, sizeof number, ",\"%s\":%" PRId64, name, value);
    puts_(t, number);
}

static void put_time(text *t, const char *name, int64_t ms)
{
    char stamp[32];
    jpx_time_text(stamp, ms);
    put_field(t, name, stamp);
}

static void put_head(text *t, const char *type, const jpx_root_id *root, int64_t now_ms)
{
    char id[JPX_ROOT_TEXT];
    puts_(t, "{\"type\":\"io.jetpipe.");
    puts_(t, type);
    puts_(t, ".v1\"");
    put_time(t, "timestamp", now_ms);
    put_field(t, "root", jpx_root_text(id, root));
}

static jpx_bytes taken(text *t)
{
    puts_(t, "}");
    return (jpx_bytes){(const uint8_t *)t->data, t->size};
}

const char *jpx_json_text(jpx_arena *arena, const char *value)
{
    text t = {.arena = arena};
    put_json(&t, value);
    return t.data;
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

static bool open_event(bson_t *doc, jpx_bytes json, const char *type, jpx_root_id *root)
{
    bson_iter_t iter;
    bson_error_t ignored;

    if (!json.data || !bson_init_from_json(doc, (const char *)json.data, (ssize_t)json.size, &ignored))
        return false;
    if (bson_iter_init_find(&iter, doc, "type") && BSON_ITER_HOLDS_UTF8(&iter) &&
        strcmp(bson_iter_utf8(&iter, NULL), type) == 0 && bson_iter_init_find(&iter, doc, "root") &&
        BSON_ITER_HOLDS_UTF8(&iter) && jpx_root_parse(root, bson_iter_utf8(&iter, NULL)))
        return true;
    bson_destroy(doc);
    return false;
}

/* ---- run events ---- */

jpx_bytes jpx_run_event_encode(const jpx_run_event *event, const char *pipe, int64_t now_ms, jpx_arena *arena)
{
    text t = {.arena = arena};
    char key[JPX_KEY_TEXT];
    jpx_root_id root = jpx_key_root_id(&event->key);

    put_head(&t, "run", &root, now_ms);
    put_field(&t, "pipeline", jpx_key_text(key, &event->key));
    put_field(&t, "pipe", pipe);
    if (event->finish)
        put_field(&t, "call", "finish");
    else
        put_number(&t, "step", event->step);
    if (event->due)
        puts_(&t, ",\"due\":true");
    if (event->again)
        puts_(&t, ",\"again\":true");
    return taken(&t);
}

bool jpx_run_event_decode(jpx_bytes json, jpx_arena *arena, jpx_run_event *event)
{
    bson_t doc;
    bson_iter_t iter;
    jpx_root_id root;
    uint32_t count = 0;
    const char *at;
    bool good;

    (void)arena;
    *event = (jpx_run_event){0};
    if (!open_event(&doc, json, "io.jetpipe.run.v1", &root))
        return false;
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
    event->again = good && bson_iter_init_find(&iter, &doc, "again") && bson_iter_as_bool(&iter);
    bson_destroy(&doc);
    return good;
}

/* ---- slot events ---- */

static const char *const fact_names[] = {"filled", "ended", "finished"};

static bool follows(const jpx_fact *a, const jpx_fact *b)
{
    return memcmp(jpx_key_gen(&a->key), jpx_key_gen(&b->key), JPX_GEN_SIZE) == 0 &&
           jpx_key_index(&a->key) + a->count == jpx_key_index(&b->key) && a->step == b->step &&
           (!a->slot || strcmp(a->slot, b->slot) == 0);
}

static void put_fact(text *t, const jpx_fact *fact)
{
    char key[JPX_KEY_TEXT], more[32];

    puts_(t, "\"");
    puts_(t, jpx_key_text(key, &fact->key));
    if (fact->count > 1) {
        snprintf(more, sizeof more, "-%u", jpx_key_index(&fact->key) + fact->count - 1);
        puts_(t, more);
    }
    if (fact->slot) {
        puts_(t, "/");
        puts_(t, fact->slot);
        if (fact->step) {
            snprintf(more, sizeof more, "@%u", fact->step);
            puts_(t, more);
        }
    }
    puts_(t, "\"");
}

jpx_bytes jpx_slot_event_encode(const jpx_fact *facts, size_t count, int64_t now_ms, jpx_arena *arena)
{
    text t = {.arena = arena};
    jpx_root_id root = jpx_key_root_id(&facts[0].key);

    put_head(&t, "slot", &root, now_ms);
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
                puts_(&t, any ? "," : ",\"");
                if (!any) {
                    puts_(&t, fact_names[kind]);
                    puts_(&t, "\":[");
                }
                any = true;
                put_fact(&t, &run);
            }
            if (i < count)
                run = facts[i];
        }
        if (any)
            puts_(&t, "]");
    }
    if (facts[0].again)
        puts_(&t, ",\"again\":true");
    return taken(&t);
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
        at++;
        if (!parse_number(&at, &fact->step))
            return false;
    }
    return *at == '\0';
}

bool jpx_slot_event_decode(jpx_bytes json, jpx_arena *arena, jpx_fact **facts, size_t *count)
{
    bson_t doc;
    bson_iter_t iter, item;
    jpx_root_id root;
    size_t cap = 0, total = 0;
    bool good = true;
    jpx_again again;

    *facts = NULL;
    *count = 0;
    if (!open_event(&doc, json, "io.jetpipe.slot.v1", &root))
        return false;
    again = bson_iter_init_find(&iter, &doc, "again") && bson_iter_as_bool(&iter) ? JPX_AGAIN : 0;
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
                fact.again = again;
                JPX_PUSH(arena, *facts, *count, cap) = fact;
            }
        }
    }
    bson_destroy(&doc);
    return good;
}

/* ---- history ---- */

jpx_bytes jpx_change_encode(const jpx_change *change, int64_t now_ms, jpx_arena *arena)
{
    text t = {.arena = arena};
    char key[JPX_KEY_TEXT];
    jpx_root_id root = jpx_key_root_id(&change->key);

    put_head(&t, change->root ? "root" : "pipeline", &root, now_ms);
    put_field(&t, "pipeline", jpx_key_text(key, &change->key));
    put_field(&t, "pipe", change->pipe);
    put_field(&t, "status", change->what);
    if (change->attempt)
        put_number(&t, "attempt", change->attempt);
    if (change->due_ms)
        put_time(&t, "due", change->due_ms);
    if (change->reason)
        put_field(&t, "reason", change->reason);
    return taken(&t);
}
