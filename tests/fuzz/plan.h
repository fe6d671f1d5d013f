/* plan.h -- an outcome, whatever it is, checked and made into records. */
#ifndef FUZZ_PLAN_H
#define FUZZ_PLAN_H

#include "core/event.h"
#include "core/plan.h"
#include "fuzz/fuzz.h"

static inline void plan_random(void *ctx, void *out, size_t size)
{
    (void)ctx;
    memset(out, 0x5a, size);
}

static inline jpx_pipe_facts plan_facts(void *ctx, const char *pipe)
{
    (void)ctx;
    return (jpx_pipe_facts){.known = pipe[0] != '?', .hook = pipe[0] == 'H', .cancel = pipe[0] == 'C'};
}

static inline void plan_outcome(const jpx_outcome *outcome, jpx_arena *arena)
{
    static const jpx_link links[] = {{.slot = "default", .owner_slot = "default"}};
    jpx_pipeline self = {
        .pipe = "Self", .queue = "default", .siblings = 1, .links = (jpx_link *)(uintptr_t)links, .links_count = 1};
    jpx_plan_input in = {.self = &self,
                         .step = 1,
                         .outcome = outcome,
                         .now_ms = 1767225600000,
                         .random = plan_random,
                         .facts = plan_facts};
    jpx_generation generation = {0};
    jpx_entry entry = {.kind = JPX_ENTRY_RETURNED, .attempt = 1}, entry_again;
    jp_error err = {0};

    memset(self.key.b, 7, sizeof self.key.b);
    memset(in.gen, 9, sizeof in.gen);
    if (jpx_plan_check(outcome, &err) != JP_OK) {
        claim(err.status == JP_E_INVALID && err.text[0]);
        return;
    }
    if (outcome->children_count) {
        if (jpx_plan_children(&in, arena, &generation, &err) != JP_OK)
            return;
        claim(generation.pipelines.count == outcome->children_count && generation.barriers.count > 0);
        for (size_t i = 0; i < generation.pipelines.count; i++) {
            jpx_pipeline pipeline;
            claim(jpx_pipeline_decode(generation.pipelines.items[i].doc, arena, &pipeline));
            claim(jpx_key_index(&pipeline.key) == i && pipeline.refs_count == outcome->children[i].refs_count);
            claim(same_text(pipeline.pipe, outcome->children[i].pipe));
        }
        for (size_t i = 0; i < generation.barriers.count; i++) {
            jpx_barrier barrier;
            claim(jpx_barrier_decode(generation.barriers.items[i].doc, &barrier) && barrier.left > 0);
        }
        entry.kind = JPX_ENTRY_PLANNED;
        entry.children = (uint32_t)outcome->children_count;
    }
    jpx_plan_outputs(&in, arena, &entry, &generation);
    claim(jpx_entry_decode(jpx_entry_encode(&entry, arena).doc, arena, &entry_again));
    claim(entry_again.outs_count == outcome->outputs_count);
    for (size_t i = 0; i < entry.outs_count; i++) { /* the event that tells of it is understood */
        jpx_fact fact = {.kind = JPX_FACT_FILLED, .key = self.key, .count = 1, .slot = entry.outs[i].slot}, *told;
        size_t count;
        claim(same_text(entry.outs[i].slot, entry_again.outs[i].slot));
        claim(jpx_slot_event_decode(jpx_slot_event_encode(&fact, 1, 0, arena), arena, &told, &count));
        claim(count == 1 && same_text(told->slot, fact.slot));
    }
}

#endif
