/* jetstream_impl.h -- the JetStream bus from inside. libnats is used as a client of core NATS only; streams, durables,
 * pulls, acks and acknowledged publishes are messages of ours ($JS.API, docs/decisions/0003-own-jetstream-layer.md).
 *
 *   jetstream.c          open, close, requests, answers, small things
 *   jetstream_connect.c  the two connections and what libnats calls back
 *   jetstream_api.c      one $JS.API request, its reply, its errors
 *   jetstream_setup.c    streams and durables: create what is missing, refuse what is wrong
 *   jetstream_keeper.c   a thread: after a reconnect or a loss it looks, repairs, and pulls again
 *   jetstream_publish.c  acknowledged publishing in windows
 *   jetstream_sub.c      subscriptions: what the application sees
 *   jetstream_pull.c     when to ask the server for more, and what its status messages mean
 *
 * Threads: callers, the keeper, and those of libnats (one for each subscription, one for connection events). Locks, in
 * the order in which they may be taken together: setup_lock, a link's, the bus's, a subscription's. Callbacks of
 * libnats never wait for the server. */
#ifndef JPX_JETSTREAM_IMPL_H
#define JPX_JETSTREAM_IMPL_H

#include "bus/streams.h"
#include <bson/bson.h>
#include <nats/nats.h>
#include <stdatomic.h>

enum {
    JPX_JS_API_MS = 5000,        /* one request to $JS.API */
    JPX_JS_CLOSE_MS = 5000,      /* for libnats to end its threads */
    JPX_JS_PUBLISHERS_MAX = 64,  /* publish() calls in flight on one connection; more wait */
    JPX_JS_WINDOW = 4096,        /* messages of one publish() sent and not acknowledged */
    JPX_JS_LONE_MAX = 8,         /* up to so many messages go by the fast connection */
    JPX_JS_ACK_PENDING = 20000,  /* messages of a durable delivered and not acked */
    JPX_JS_PULLS_WAITING = 2048, /* pulls of a durable at the server, by all processes */
    JPX_JS_PULL_MS = 10000,      /* a pull expires after so long; until then it takes what was left to others, too */
    JPX_JS_HEARTBEAT_MS = 5000,  /* the server's sign of life while a pull waits */
    JPX_JS_TEXT = 256,
    JPX_JS_INBOX = 48 /* "_INBOX." and 32 digits */
};

struct jpx_js_bus;

/* A connection with its publisher. */
typedef struct jpx_js_link {
    struct jpx_js_bus *bus;
    natsConnection *nc;
    natsSubscription *acks;
    char inbox[JPX_JS_INBOX + 2];
    atomic_bool up;
    atomic_uint epoch; /* rises with every reconnect */
    pthread_mutex_t lock;
    pthread_cond_t vacant;
    struct jpx_js_batch *batches; /* JPX_JS_PUBLISHERS_MAX */
} jpx_js_link;

/* What this process knows of a stream or durable, to notice that it is another one now. */
typedef struct jpx_js_known {
    bool seen;
    int64_t created_ns; /* since 1970, as the server says */
} jpx_js_known;

typedef struct jpx_js_durable {
    jpx_stream stream;
    char name[JPX_NAME_MAX + 1];
    jpx_js_known known;
} jpx_js_durable;

typedef struct jpx_js_bus {
    jpx_bus base;
    char url[JPX_SUBJECT_MAX]; /* as shown to people: without user and password */
    char inbox[JPX_JS_INBOX];
    atomic_uint_fast64_t inboxes, loss_count;
    atomic_bool watched;      /* somebody asks for losses */
    atomic_uint_fast64_t age; /* rises with every loss: what was delivered before is not acked any more */
    atomic_uint_fast64_t sequences[JPX_STREAMS]; /* the highest seen in an ack or a delivery */
    jpx_js_link fast; /* each message is written at once: lone publishes, pulls, requests, answers */
    jpx_js_link bulk; /* buffered: batches, acks, history */
    int64_t ack_wait_ms;

    pthread_mutex_t setup_lock; /* one setup or check at a time; waits for the server */
    atomic_bool is_set_up;      /* setup() succeeded once: the keeper may create what is missing */
    jpx_js_known streams[JPX_STREAMS];
    jpx_js_durable durables[JPX_QUEUES_MAX + 2]; /* "api", "barrier", the queues */
    size_t durable_count;

    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    struct jpx_js_sub *subs;
    unsigned callbacks; /* connections and subscriptions libnats may still call back for */
    pthread_t keeper;
    bool keeper_started, stopping, look, repair; /* the last two: what the keeper is asked for */
    int64_t not_before_ms;                       /* monotonic: it failed and pauses */
    unsigned denials;                            /* permission violations so far, and the last one's text */
    char denied[JPX_JS_TEXT];
} jpx_js_bus;

/* A subscription: to a durable (pull) or a plain one (listen). */
typedef struct jpx_js_delivery {
    jpx_delivery base;
    struct jpx_js_delivery *prev, *next;
    natsMsg *msg;
    uint64_t age;    /* of the bus when it came */
    int64_t came_ms; /* monotonic */
} jpx_js_delivery;

typedef struct jpx_js_deliveries {
    jpx_js_delivery *first, *last;
    size_t count;
} jpx_js_deliveries;

enum { JPX_JS_PULLS = 8 }; /* of one subscription that may be alive at the server */

typedef struct jpx_js_sub {
    jpx_sub base;
    jpx_js_bus *bus;
    struct jpx_js_sub *next; /* durables only: guarded by the bus's lock */
    natsSubscription *sub;
    bool gone; /* libnats calls back no more; guarded by the bus's lock */
    jpx_stream stream;
    char durable[JPX_NAME_MAX + 1]; /* empty: a listener */
    char inbox[JPX_SUBJECT_MAX];    /* of a listener: its subject */

    pthread_mutex_t lock; /* all below */
    pthread_cond_t arrived;
    int event; /* eventfd, readable while `waiting` has messages */
    bool closing, overflowed;
    jpx_js_deliveries waiting, held; /* not fetched; fetched and not acked */
    size_t credits, asked;           /* `asked`: what pulls at the server may still send */
    struct {
        uint64_t number;
        size_t batch;
        int64_t until_ms;
    } pulls[JPX_JS_PULLS]; /* number 0 = free */
    uint64_t pull_number;
    int64_t sign_ms;        /* last sign of life, monotonic */
    int64_t quiet_until_ms; /* no pulls before: the durable is being repaired */
} jpx_js_sub;

/* ---- jetstream_connect.c ---- */
jp_status jpx_js_connect(jpx_js_bus *, const char *url, const char *name, int64_t wait_ms, jp_error *err);
void jpx_js_disconnect(jpx_js_bus *); /* waits until libnats calls back no more */
void jpx_js_show_url(char *out, size_t size, const char *url);
jp_status jpx_js_status(jpx_js_bus *, natsStatus, unsigned denials_before, const char *what, jp_error *err);
unsigned jpx_js_denials(jpx_js_bus *);

/* ---- jetstream_api.c ---- */
typedef struct jpx_js_reply {
    bson_t *doc;        /* NULL = none */
    int code, err_code; /* of its "error"; 0 = none */
    char text[JPX_JS_TEXT];
} jpx_js_reply;

/* JP_OK: there is a reply, which may say error. `verb` follows "$JS.API.". */
jp_status jpx_js_api(jpx_js_bus *, const char *verb, const char *json, jpx_js_reply *, jp_error *err);
void jpx_js_reply_fini(jpx_js_reply *);
/* The reply's error as ours. */
jp_status jpx_js_reply_status(const jpx_js_reply *, const char *what, jp_error *err);
const char *jpx_js_text_at(const jpx_js_reply *, const char *path); /* "" = not there */
int64_t jpx_js_int_at(const jpx_js_reply *, const char *path);      /* -1 = not there */
int64_t jpx_js_time_at(const jpx_js_reply *, const char *path);     /* in ns since 1970; 0 = it is no time */
bool jpx_js_list_has(const jpx_js_reply *, const char *path, const char *text);

enum { JPX_JS_NO_STREAM = 10059, JPX_JS_NO_DURABLE = 10014, JPX_JS_NO_MESSAGE = 10037, JPX_JS_NAME_TAKEN = 10058 };

/* ---- jetstream_setup.c ---- */
enum { JPX_JS_STREAM_NAME = JPX_NAME_MAX + 8 };
const char *jpx_js_stream_name(const jpx_js_bus *, jpx_stream, char out[JPX_JS_STREAM_NAME]);
/* Remembers the queues, then creates what is missing of all that is remembered. */
jp_status jpx_js_setup(jpx_bus *, const char *const *queues, size_t count, jp_error *err);
jp_status jpx_js_remember_durable(jpx_js_bus *, jpx_stream, const char *name, jp_error *err);
/* Looks whether streams and durables are still those that were seen; evidence raises losses(). */
jp_status jpx_js_check(jpx_js_bus *, jp_error *err);

/* ---- jetstream_keeper.c ---- */
void jpx_js_keeper_start(jpx_js_bus *);
void jpx_js_keeper_stop(jpx_js_bus *);
void jpx_js_keeper_look(jpx_js_bus *);   /* after a reconnect */
void jpx_js_keeper_repair(jpx_js_bus *); /* a stream or durable seems to be missing */

/* ---- jetstream_publish.c ---- */
jp_status jpx_js_publisher_open(jpx_js_link *, jp_error *err);
void jpx_js_publisher_free(jpx_js_link *);
void jpx_js_publisher_wake(jpx_js_link *); /* connection went or came */
jp_status jpx_js_publish(jpx_bus *, const jpx_message *, size_t count, int64_t timeout_ms, jp_error *err);
void jpx_js_tell(jpx_bus *, const jpx_message *, size_t count);

/* ---- jetstream_sub.c ---- */
jp_status jpx_js_subscribe(jpx_sub **, jpx_bus *, jpx_stream, const char *durable, size_t credits, jp_error *err);
jp_status jpx_js_listen(jpx_sub **, jpx_bus *, const char *subject, const char *group, jp_error *err);
/* A subscription of libnats without limits whose thread's end is waited for: on_complete has to end in callback_gone().
 */
natsStatus jpx_js_plain(natsSubscription **, jpx_js_link *, const char *subject, const char *group, natsMsgHandler,
                        void *closure, natsOnCompleteCB on_complete, void *complete_closure);
void jpx_js_callback_gone(void *bus);

const char *jpx_js_header(natsMsg *, const char *name); /* NULL = not there; jetstream_pull.c */

/* ---- jetstream_pull.c: all want the subscription's lock held ---- */
void jpx_js_pull_more(jpx_js_sub *);              /* asks for what there is room for, if it is worth a request */
void jpx_js_pull_arrived(jpx_js_sub *);           /* a message of a stream came */
bool jpx_js_pull_status(jpx_js_sub *, natsMsg *); /* a message of the server; true: the durable seems to be missing */
void jpx_js_pull_restart(jpx_js_sub *);           /* nothing asked before counts any more */
void jpx_js_pull_tick(jpx_js_sub *);              /* once a second: are the heartbeats there? */

#endif
