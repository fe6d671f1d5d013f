/* records.h -- what stands in the store of a scenario, and events made by hand. Everything that is handed out lives
 * until the scenario ends. */
#ifndef RECORDS_H
#define RECORDS_H

#include "core/event.h"
#include "core/journal.h"
#include "kit.h"

/* How many records a table has: adopted or not, of all roots. */
size_t kit_records(kit *, jpx_table);
/* Number `which` (from 0) of the pipelines of that pipe, in the order of their keys; fails the test when there is none.
 */
const jpx_pipeline *kit_pipeline_of(kit *, const char *pipe, size_t which);
size_t kit_pipelines_of(kit *, const char *pipe);
/* That of a root, and number `child` of its adopted children. */
const jpx_pipeline *kit_pipeline_of_root(kit *, const char *key);
const jpx_pipeline *kit_child_of_root(kit *, const char *key, uint32_t child);
/* What happened to it, in order. */
jpx_journal kit_journal_of(kit *, const jpx_pipeline *);
/* "retry retry returned" */
const char *kit_steps_of(kit *, const jpx_pipeline *);
jpx_root kit_root_of(kit *, const char *key);

/* A run event that nobody asked for. */
void kit_send_run(kit *, const jpx_pipeline *, uint32_t step, bool due);

#endif
