/* seams.h -- decorators around the two seams, the store and the bus: a test sees every operation before and after it
 * is done, may do something in between (step another role, let time pass), and decides what happens to it.
 *
 * A decorator does not own the test's state: `seam` must outlive it. Nothing here blocks; one thread. */
#ifndef SEAMS_H
#define SEAMS_H

#include "bus/bus.h"
#include "store/store.h"

typedef enum seam_op {
    SEAM_INSERT,
    SEAM_GET,
    SEAM_SCAN,
    SEAM_REMOVE,
    SEAM_REMOVE_RANGE,
    SEAM_COUNT,
    SEAM_ABORT,
    SEAM_ROOTS,
    SEAM_BY_KEY,
    SEAM_LIST,
    SEAM_PUBLISH,
    SEAM_FETCH, /* before: `deliveries` is NULL */
    SEAM_ACK,
    SEAM_NAK
} seam_op;

typedef struct seam_call {
    seam_op op;
    bool over;  /* false: about to be carried out; true: it has been */
    bool write; /* changes the store, or publishes */
    size_t count;
    jpx_table table;              /* INSERT GET SCAN REMOVE REMOVE_RANGE */
    const jpx_record *records;    /* INSERT */
    const jpx_bytes *ids;         /* GET REMOVE ABORT */
    const jpx_count *counts;      /* COUNT */
    const jpx_root_change *roots; /* ROOTS */
    const jpx_message *messages;  /* PUBLISH */
    jpx_delivery **deliveries;    /* FETCH (may be put in another order) ACK NAK */
} seam_call;

typedef enum seam_verdict {
    SEAM_GO_ON,
    SEAM_FAIL,      /* before: not carried out, an error; after: carried out, and an error. An ack or nak is lost */
    SEAM_HALVE,     /* before: carried out for the first half of its items, then an error */
    SEAM_ONE_BY_ONE /* before: item by item, each seen before and after */
} seam_verdict;

typedef struct seam {
    seam_verdict (*at)(void *ctx, const seam_call *);
    void *ctx;
} seam;

jpx_store *seam_store(jpx_store *inner, const seam *); /* takes over `inner`; clones are decorated too */
jpx_bus *seam_bus(jpx_bus *inner, const seam *, bool owns);
jpx_bus *seam_bus_inner(jpx_bus *); /* undecorated */

#endif
