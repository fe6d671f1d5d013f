#include "seam.h"
#include "api/view.h"
#include "engine/root.h"
#include "sim/seams.h"
#include <bson/bson.h>
#include <unistd.h>

void (*seam_before)(const char *operation);
void (*seam_after)(const char *operation);

bool (*seam_fails)(const char *operation);
bool seam_twice;
uint64_t seam_shuffle;
unsigned seam_lost_percent;

static jpx_bus *inner_bus;
static bool inside; /* what is done in a call is not reported again */

static void report(void (*to)(const char *), const char *operation)
{
    if (!to || inside)
        return;
    inside = true;
    to(operation);
    inside = false;
}

static const char *name_of(const seam_call *call)
{
    static char text[4][32];
    static unsigned turn;
    static const char *const verbs[] = {[SEAM_INSERT] = "insert",       [SEAM_GET] = "get",
                                        [SEAM_SCAN] = "scan",           [SEAM_REMOVE] = "remove",
                                        [SEAM_REMOVE_RANGE] = "remove", [SEAM_COUNT] = "count barrier",
                                        [SEAM_ABORT] = "abort barrier", [SEAM_ROOTS] = "change root",
                                        [SEAM_BY_KEY] = "key root",     [SEAM_LIST] = "list root",
                                        [SEAM_PUBLISH] = "publish"};
    char *out = text[turn++ % 4];

    if (call->op > SEAM_REMOVE_RANGE)
        return verbs[call->op];
    snprintf(out, sizeof text[0], "%s %s", verbs[call->op], jpx_table_name(call->table));
    return out;
}

/* Everything that is published is published twice, and no broker takes the two for one. */
static void say_twice(const seam_call *call)
{
    jpx_message *again = calloc(call->count, sizeof *again);
    jp_error err;
    for (size_t i = 0; i < call->count; i++) {
        again[i] = call->messages[i];
        again[i].id = NULL;
    }
    ck_assert_msg(jpx_bus_publish(inner_bus, again, call->count, 5000, &err) == JP_OK, "%s", err.text);
    free(again);
}

static uint64_t drawn(uint64_t below) /* xorshift64* */
{
    seam_shuffle ^= seam_shuffle >> 12;
    seam_shuffle ^= seam_shuffle << 25;
    seam_shuffle ^= seam_shuffle >> 27;
    return (seam_shuffle * 2685821657736338717u >> 32) % below;
}

static seam_verdict disorder(const seam_call *call)
{
    if (call->op == SEAM_FETCH && call->over)
        for (size_t i = call->count; i > 1; i--) {
            size_t other = drawn(i);
            jpx_delivery *last = call->deliveries[i - 1];
            call->deliveries[i - 1] = call->deliveries[other];
            call->deliveries[other] = last;
        }
    return call->op == SEAM_ACK && drawn(100) < seam_lost_percent ? SEAM_FAIL : SEAM_GO_ON;
}

static seam_verdict reported(void *ctx, const seam_call *call)
{
    (void)ctx;
    if (seam_shuffle && call->op > SEAM_PUBLISH)
        return disorder(call);
    if (call->op > SEAM_PUBLISH || inside)
        return SEAM_GO_ON;
    if (call->op == SEAM_PUBLISH && !call->over && seam_twice)
        say_twice(call);
    report(call->over ? seam_after : seam_before, name_of(call));
    return seam_fails && !call->over && seam_fails(name_of(call)) ? SEAM_FAIL : SEAM_GO_ON;
}

static const seam reporter = {reported, NULL};

static jpx_store *wrap_store(jpx_store *inner)
{
    return seam_store(inner, &reporter);
}

static jpx_bus *wrap_bus(jpx_bus *inner)
{
    inner_bus = inner;
    return seam_bus(inner, &reporter, true);
}

jpx_bus *seam_inner_bus(kit *k)
{
    return seam_bus_inner(jpx_local_bus(k->local));
}

void seam_use(void)
{
    kit_wrap_store = wrap_store;
    kit_wrap_bus = wrap_bus;
}

/* ---- other processes ---- */

static jpx_role *others[8];
static size_t others_count;

jpx_role *other_role(kit *k, jpx_role_kind kind)
{
    jpx_parts parts = {.env = jpx_local_env(k->local),
                       .registry = k->registry,
                       .store = jpx_local_store(k->local),
                       .bus = jpx_local_bus(k->local),
                       .worker = "other"};
    jp_error err;

    ck_assert_uint_lt(others_count, sizeof others / sizeof *others);
    ck_assert_msg(jpx_role_open(&others[others_count], kind, &parts, NULL, &err) == JP_OK, "%s", err.text);
    return others[others_count++];
}

void close_others(void)
{
    while (others_count)
        jpx_role_close(others[--others_count]);
}

void step_role(kit *k, jpx_role *role)
{
    int quiet = 0;
    while (quiet < (k->virtual_time ? 1 : 40))
        quiet = jpx_role_step(role, k->virtual_time ? 0 : 2) ? 0 : quiet + 1;
}

void stand_still(kit *k, int64_t ms)
{
    if (k->virtual_time)
        jpx_local_advance(k->local, ms);
    else
        usleep((useconds_t)ms * 1000);
}

/* ---- messages ---- */

void send_to(kit *k, const char *subject, const char *data, const char *key, const char *id)
{
    jp_error err;
    jpx_message message = {.subject = jpx_format(k->arena, "%s.%s", k->prefix, subject),
                           .data = {(const uint8_t *)data, strlen(data)},
                           .key = key,
                           .id = id};
    ck_assert_msg(jpx_bus_publish(jpx_local_bus(k->local), &message, 1, 5000, &err) == JP_OK, "%s", err.text);
}

/* ---- history ---- */

static jpx_sub *listen_to(kit *k, const char *subject)
{
    jpx_sub *sub;
    jp_error err;
    ck_assert_msg(jpx_bus_listen(&sub, jpx_local_bus(k->local), jpx_format(k->arena, "%s.%s", k->prefix, subject), NULL,
                                 &err) == JP_OK,
                  "%s", err.text);
    return sub;
}

jpx_sub *watch(kit *k)
{
    return listen_to(k, "event.>");
}

jpx_sub *watch_letters(kit *k)
{
    return listen_to(k, "dead.>");
}

const char *letters(kit *k, jpx_sub *sub)
{
    const char *all = "";
    jpx_delivery *deliveries[64];
    size_t count;

    while ((count = jpx_sub_fetch(sub, deliveries, 64, k->virtual_time ? 0 : 300))) {
        for (size_t i = 0; i < count; i++)
            all = jpx_format(k->arena, "%s%.*s\n", all, (int)deliveries[i]->data.size,
                             (const char *)deliveries[i]->data.data);
        jpx_sub_drop(sub, deliveries, count);
    }
    jpx_sub_close(sub);
    return all;
}

const char *watched(kit *k, jpx_sub *sub)
{
    const char *all = "";
    jpx_delivery *deliveries[64];
    size_t count, prefix = strlen(k->prefix) + strlen(".event.") + JPX_ROOT_TEXT;

    while ((count = jpx_sub_fetch(sub, deliveries, 64, k->virtual_time ? 0 : 300))) {
        for (size_t i = 0; i < count; i++)
            all = jpx_format(k->arena, "%s%s%s", all, *all ? " " : "", deliveries[i]->subject + prefix);
        jpx_sub_drop(sub, deliveries, count);
    }
    jpx_sub_close(sub);
    return all;
}

int count_in(const char *list, const char *word)
{
    size_t size = strlen(word);
    int count = 0;
    for (const char *at = strstr(list, word); at; at = strstr(at + 1, word))
        count += (at == list || at[-1] == ' ') && (at[size] == '\0' || at[size] == ' ');
    return count;
}

/* ---- aborts ---- */

bool raise_flag(kit *k, const char *key, const char *reason)
{
    jpx_store *store = jpx_local_store(k->local);
    bool before_ = inside;
    jpx_record record;
    jpx_root_id id;
    char text[JPX_ROOT_TEXT];
    jp_error err;

    inside = true;
    ck_assert_msg(jpx_store_root_by_key(store, key, k->arena, &record, &err) == JP_OK, "%s", err.text);
    if (record.doc.data) {
        jpx_root_change change = {
            .id = record.id, .op = JPX_ROOT_ABORT, .at_ms = kit_now(k), .reason = reason, .by = "scenario"};
        memcpy(id.b, record.id.data, JPX_ROOT_SIZE);
        ck_assert_msg(jpx_store_change_roots(store, &change, 1, &err) == JP_OK, "%s", err.text);
        send_to(k, "control.aborting", jpx_format(k->arena, "{\"root\":\"%s\"}", jpx_root_text(text, &id)), NULL, NULL);
    }
    inside = before_;
    return record.doc.data != NULL;
}

static jpx_session session_of(kit *k, jpx_parts *parts)
{
    *parts = (jpx_parts){.env = jpx_local_env(k->local), .registry = k->registry};
    return (jpx_session){.parts = parts,
                         .env = parts->env,
                         .store = jpx_local_store(k->local),
                         .bus = jpx_local_bus(k->local),
                         .arena = k->arena};
}

static void root_of(kit *k, const char *key, jpx_root *root)
{
    jpx_record record;
    jp_error err;
    ck_assert_msg(jpx_store_root_by_key(jpx_local_store(k->local), key, k->arena, &record, &err) == JP_OK, "%s",
                  err.text);
    ck_assert(record.doc.data && jpx_root_decode(record.doc, k->arena, root));
}

void carry_out(kit *k, const char *key)
{
    jpx_parts parts;
    jpx_session session = session_of(k, &parts);
    bool before_ = inside, more = true;
    jpx_root root;
    size_t pending;
    jp_error err;

    inside = true;
    root_of(k, key, &root);
    jpx_abort *walk = jpx_abort_new(&root, k->arena);
    while (more)
        ck_assert_msg(jpx_abort_some(&session, walk, &more, &pending, &err) == JP_OK, "%s", err.text);
    inside = before_;
}

/* ---- at this moment ---- */

static const char *part(kit *k, const bson_t *doc, const char *path)
{
    bson_iter_t iter, found;
    if (!bson_iter_init(&iter, doc) || !bson_iter_find_descendant(&iter, path, &found))
        return "";
    if (BSON_ITER_HOLDS_UTF8(&found))
        return jpx_strdup(k->arena, bson_iter_utf8(&found, NULL));
    return jpx_value_to_json(jpx_value_of(&found, k->arena), k->arena);
}

const char *look(kit *k, const char *key, const char *path)
{
    jpx_parts parts;
    jpx_session session = session_of(k, &parts);
    bool before_ = inside;
    bson_t doc = BSON_INITIALIZER;
    jpx_root root;
    jp_error err;

    inside = true;
    root_of(k, key, &root);
    ck_assert_msg(jpx_view_tree(&session, &root, 1000, &doc, &err) == JP_OK, "%s", err.text);
    const char *found = part(k, &doc, path);
    bson_destroy(&doc);
    inside = before_;
    return found;
}

const char *look_why(kit *k, const char *key)
{
    jpx_parts parts;
    jpx_session session = session_of(k, &parts);
    bool before_ = inside;
    bson_t doc = BSON_INITIALIZER;
    const char *all = "";
    jpx_root root;
    jp_error err;

    inside = true;
    root_of(k, key, &root);
    ck_assert_msg(jpx_view_why(&session, &root, &doc, &err) == JP_OK, "%s", err.text);
    for (int i = 0; i < 50; i++) {
        const char *line = part(k, &doc, jpx_format(k->arena, "why.%d.line", i));
        if (*line)
            all = jpx_format(k->arena, "%s%s%s", all, *all ? "; " : "", line);
    }
    bson_destroy(&doc);
    inside = before_;
    return all;
}

/* ---- records ---- */

jpx_root_id root_id(kit *k, const char *key)
{
    jpx_root_id id;
    ck_assert_msg(jpx_root_parse(&id, kit_field(k, "status", key, "root")), "no root %s", key);
    return id;
}

static jpx_records scan(kit *k, jpx_table table, const void *prefix, size_t size)
{
    uint8_t lo[64] = {0}, hi[64];
    jpx_records found;
    jp_error err;

    memset(hi, 0xff, sizeof hi);
    if (size) {
        memcpy(lo, prefix, size);
        memcpy(hi, prefix, size);
    }
    ck_assert_msg(jpx_store_scan(jpx_local_store(k->local), table, (jpx_bytes){lo, jpx_table_id_size(table)},
                                 (jpx_bytes){hi, jpx_table_id_size(table)}, 1000, false, k->arena, &found,
                                 &err) == JP_OK,
                  "%s", err.text);
    return found;
}

size_t records_of(kit *k, const jpx_root_id *root)
{
    size_t count = 0;
    for (int t = JPX_TABLE_ROOT + 1; t < JPX_TABLES; t++)
        if (t != JPX_TABLE_TIMER)
            count += scan(k, (jpx_table)t, root->b, JPX_ROOT_SIZE).count;
    return count;
}

size_t records_in(kit *k, jpx_table table, const jpx_root_id *root)
{
    return scan(k, table, root ? root->b : NULL, root ? JPX_ROOT_SIZE : 0).count;
}

jpx_record record_of(kit *k, jpx_table table, const jpx_root_id *root, size_t nth)
{
    jpx_records found = scan(k, table, root->b, JPX_ROOT_SIZE);
    ck_assert_uint_lt(nth, found.count);
    return found.items[nth];
}

void damage(kit *k, jpx_table table, const void *id, size_t size)
{
    jpx_bytes ids = {id, size};
    bson_t doc = BSON_INITIALIZER;
    jp_error err;

    ck_assert_msg(jpx_store_remove(jpx_local_store(k->local), table, &ids, 1, &err) == JP_OK, "%s", err.text);
    bson_append_binary(&doc, "_id", 3, BSON_SUBTYPE_BINARY, id, (uint32_t)size);
    if (table ==
        JPX_TABLE_ROOT) { /* what a store must know of a root is there; the rest is of no version that was ever */
        bson_append_int32(&doc, "v", 1, 99);
        bson_append_utf8(&doc, "pipe", 4, "rubbish", -1);
        bson_append_utf8(&doc, "status", 6, "aborted", -1);
    } else {
        bson_append_utf8(&doc, "rubbish", 7, "was here", -1);
    }
    jpx_record record = {ids, {bson_get_data(&doc), doc.len}};
    ck_assert_msg(jpx_store_insert(jpx_local_store(k->local), table, &record, 1, NULL, &err) == JP_OK, "%s", err.text);
    bson_destroy(&doc);
}

void put_leftover(kit *k, const jpx_root_id *root)
{
    static const uint8_t generation[JPX_GEN_SIZE] = {0xEE, 1, 2, 3, 4, 5, 6, 7};
    jpx_record record = record_of(k, JPX_TABLE_PIPELINE, root, 1); /* the root's own is the first */
    jpx_pipeline child;
    jp_error err;

    ck_assert(jpx_pipeline_decode(record.doc, k->arena, &child));
    child.key = jpx_key_make(*root, generation, 0);
    record = jpx_pipeline_encode(&child, k->arena);
    ck_assert_msg(jpx_store_insert(jpx_local_store(k->local), JPX_TABLE_PIPELINE, &record, 1, NULL, &err) == JP_OK,
                  "%s", err.text);
}

bool stored_anywhere(kit *k, const void *bytes, size_t size)
{
    for (int t = 0; t < JPX_TABLES; t++) {
        jpx_records found = scan(k, (jpx_table)t, NULL, 0);
        for (size_t i = 0; i < found.count; i++)
            if (memmem(found.items[i].doc.data, found.items[i].doc.size, bytes, size))
                return true;
    }
    return false;
}
