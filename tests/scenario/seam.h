/* seam.h -- what a scenario may do beside the kit: act between any two operations of the engine, play a second process
 * on the same ground, let time pass while nobody acts, put records in by hand, read what was told. */
#ifndef SEAM_H
#define SEAM_H

#include "core/record.h"
#include "kit.h"

/* ---- between two operations ---- */

/* Called before and after each operation of the engine on the two seams, with its name and the table it is about:
 * "insert entry", "get root", "scan mark", "count barrier", "change root", "publish". What is done in such a call is
 * not reported again. NULL = nothing. seam_use() in main() puts the decorators around every store and bus of the
 * program.
 */
extern void (*seam_before)(const char *operation);
extern void (*seam_after)(const char *operation);
/* True: the operation is not carried out and fails, as when the process dies just before it. NULL = never. */
extern bool (*seam_fails)(const char *operation);
extern bool seam_twice; /* every message is published twice */
/* On any bus: what a pull hands out is shuffled, drawn from this number (0: not), and so many acks are lost. */
extern uint64_t seam_shuffle;
extern unsigned seam_lost_percent;
void seam_use(void);
jpx_bus *seam_inner_bus(kit *); /* for memory.h */

/* ---- other processes ---- */

/* A role of another process on the same ground: it does nothing until it is stepped. Closed with kit_close_others(). */
jpx_role *other_role(kit *, jpx_role_kind);
void close_others(void);
/* Steps it until it has nothing to do. */
void step_role(kit *, jpx_role *);
/* Time goes on by ms; nobody does anything meanwhile. */
void stand_still(kit *, int64_t ms);

/* ---- messages ---- */

/* Publishes a message on "<prefix>.<subject>" as any program could. Not named send: that is the C library's, which bus
 * and executor call. */
void send_to(kit *, const char *subject, const char *data, const char *key, const char *id);
/* Listens to the dead letters from now on; `letters` gives their data, one a line, and closes the subscription. */
jpx_sub *watch_letters(kit *);
const char *letters(kit *, jpx_sub *);

/* ---- history ---- */

/* Listens to the events of all roots from now on. */
jpx_sub *watch(kit *);
/* "<Pipe>.<what>" of all events that came, with a space between; the subscription is closed. */
const char *watched(kit *, jpx_sub *);
int count_in(const char *list, const char *word); /* how often a word is among words */

/* ---- aborts ---- */

/* What an abort in another process does first, at once and without a step: the flag is up, its carrying out is ordered.
 * False: the root is not there yet. */
bool raise_flag(kit *, const char *key, const char *reason);
/* And what it does next: one walk over the live tree. */
void carry_out(kit *, const char *key);

/* ---- records ---- */

jpx_root_id root_id(kit *, const char *key);
/* How many records there are whose ids begin with the root's, in all tables but `root`. */
size_t records_of(kit *, const jpx_root_id *);
size_t records_in(kit *, jpx_table, const jpx_root_id *); /* of one root; NULL: of all */
/* Writes rubbish in place of a record. */
void damage(kit *, jpx_table, const void *id, size_t size);
/* The nth record of a table that belongs to the root, by id. */
jpx_record record_of(kit *, jpx_table, const jpx_root_id *, size_t nth);
/* A pipeline of an attempt that was not adopted: a copy of the first child under a generation of its own, with a value.
 */
void put_leftover(kit *, const jpx_root_id *);
/* The tree as it is at this moment, between two operations or in a body: path as for tree(). */
const char *look(kit *, const char *key, const char *path);
/* The lines of `why` at this moment, with "; " between. */
const char *look_why(kit *, const char *key);
/* Are these bytes in any record of the store? */
bool stored_anywhere(kit *, const void *bytes, size_t size);

#endif
