/* ready.c -- run events for pipelines whose dependencies are all met. A repeat first looks whether its pipeline has an
 * entry: publishing again for one that has run would start everything downstream once more (docs/protocol.md, trap 14).
 * First deliveries never look. */
#include "engine/effects.h"
#include "engine/load.h"

jp_status jpx_publish_ready(jpx_session *session, jpx_outbox *box, const jpx_ready *ready, size_t count, jp_error *err)
{
    jpx_key *keys = jpx_alloc_array(session->arena, count, sizeof *keys);
    jpx_pipeline **pipelines = jpx_alloc_array(session->arena, count, sizeof *pipelines);
    uint32_t *upto = jpx_alloc_array(session->arena, count, sizeof *upto);
    jpx_journal *journals = jpx_alloc_array(session->arena, count, sizeof *journals);
    size_t repeats = 0;

    if (!count)
        return JP_OK;
    for (size_t i = 0; i < count; i++)
        keys[i] = ready[i].key;
    if (jpx_load_pipelines(session, keys, count, pipelines, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++)
        if (ready[i].repeat.maybe)
            keys[repeats++] = ready[i].key;
    if (repeats && jpx_load_entries(session, keys, upto, repeats, journals, err) != JP_OK)
        return err->status;
    repeats = 0;
    for (size_t i = 0; i < count; i++) {
        if (ready[i].repeat.maybe && journals[repeats++].count)
            continue;
        if (!pipelines[i])
            continue;
        jpx_run_event event = {.key = ready[i].key};
        jpx_outbox_run(box, &event, pipelines[i]->pipe, pipelines[i]->queue, ready[i].repeat);
    }
    return JP_OK;
}
