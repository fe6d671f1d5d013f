/* records.c -- fuzz: the readers of the store's records. A record that can be read is written and read again; from then
 * on its bytes stay the same. First byte: which record; timers and marks have their id before the document. */
#include "core/record.h"
#include "fuzz/fuzz.h"

static jpx_record with_id(jpx_bytes bytes, size_t id_size, jpx_arena *arena)
{
    if (bytes.size < id_size)
        return (jpx_record){bytes, {NULL, 0}};
    return (jpx_record){jpx_copy(arena, bytes.data, id_size),
                        jpx_copy(arena, bytes.data + id_size, bytes.size - id_size)};
}

#define AGAIN(type, doc_)                                                                                              \
    do {                                                                                                               \
        jpx_##type one, two;                                                                                           \
        if (!jpx_##type##_decode((doc_), arena, &one))                                                                 \
            break;                                                                                                     \
        jpx_record first = jpx_##type##_encode(&one, arena);                                                           \
        claim(jpx_##type##_decode(first.doc, arena, &two));                                                            \
        jpx_record second = jpx_##type##_encode(&two, arena);                                                          \
        claim(same_bytes(first.id, second.id) && same_bytes(first.doc, second.doc));                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    jpx_arena *arena = jpx_arena_new();
    fuzz_input in = {data, size};
    uint8_t which = take_byte(&in) % 7;
    jpx_bytes rest = take_rest(&in);

    switch (which) {
    case 0:
        AGAIN(pipeline, rest);
        break;
    case 1:
        AGAIN(entry, rest);
        break;
    case 2:
        AGAIN(root, rest);
        break;
    case 3:
        AGAIN(fill, rest);
        break;
    case 4: {
        jpx_barrier barrier;
        jpx_barrier_decode(rest, &barrier);
        break;
    }
    case 5: {
        jpx_timer timer, again;
        if (!jpx_timer_decode(with_id(rest, JPX_TIMER_SIZE, arena), arena, &timer))
            break;
        jpx_record record = jpx_timer_encode(&timer, arena);
        claim(jpx_timer_decode(record, arena, &again));
        claim(timer.due_ms == again.due_ms && timer.step == again.step && jpx_key_equal(&timer.key, &again.key));
        claim(same_text(timer.pipe, again.pipe) && same_text(timer.queue, again.queue));
        break;
    }
    default: {
        jpx_record in_store = with_id(rest, JPX_MARK_SIZE, arena);
        jpx_execution execution, again;
        jpx_handout handout, handout_again;
        int64_t since_ms;
        jpx_tombstone_decode(in_store, arena, &since_ms);
        if (jpx_handout_decode(in_store, arena, &handout)) {
            claim(jpx_handout_decode(jpx_handout_encode(&handout, (const uint8_t *)"12345678", arena), arena,
                                     &handout_again));
            claim(handout.by_step == handout_again.by_step && jpx_key_equal(&handout.by, &handout_again.by));
            claim(!jpx_execution_decode(in_store, arena, &execution));
        }
        if (!jpx_execution_decode(in_store, arena, &execution))
            break;
        jpx_record record = jpx_execution_encode(&execution, (const uint8_t *)"12345678", arena);
        claim(jpx_execution_decode(record, arena, &again));
        claim(execution.step == again.step && jpx_key_equal(&execution.key, &again.key) &&
              execution.since_ms == again.since_ms && execution.seen_ms == again.seen_ms);
        claim(same_text(execution.worker, again.worker));
        break;
    }
    }
    free((void *)(uintptr_t)rest.data);
    jpx_arena_free(arena);
    return 0;
}
