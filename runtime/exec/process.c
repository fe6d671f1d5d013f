/* process.c -- see process.h for the states and page.h for the protocol. */
#include "exec/process.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static jpx_page_slot *slot_of(const jpx_process *process, uint32_t seq)
{
    return &process->page->slots[seq % JPX_WINDOW_MAX];
}

static jpx_submitted **job_of(jpx_process *process, uint32_t seq)
{
    return &process->jobs[seq % JPX_WINDOW_MAX];
}

/* The first attempt that was not revoked; `next` = there is none. Only it can be at work. */
static uint32_t oldest(jpx_process *process)
{
    uint32_t seq = process->first;

    while (seq != process->next && !*job_of(process, seq))
        seq++;
    return seq;
}

jp_status jpx_process_start(jpx_process *process, uint32_t tag, int connection, size_t memory_bytes, jp_error *err)
{
    jpx_order order = {.kind = JPX_ORDER_SPAWN, .tag = tag, .memory_bytes = memory_bytes};
    int bell[2] = {-1, -1}, memory = memfd_create("jetpipe", MFD_CLOEXEC);
    void *page = MAP_FAILED;

    if (memory >= 0 && ftruncate(memory, sizeof(jpx_page)) == 0)
        page = mmap(NULL, sizeof(jpx_page), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (page == MAP_FAILED || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, bell) != 0) {
        jpx_fail(err, JP_E_UNAVAILABLE,
                 "no shared memory or socket for an executor process: %s; raise the limits of memory "
                 "and open files",
                 strerror(errno));
        goto out;
    }
    if (!jpx_order_send(connection, &order, (int[]){memory, bell[1]}, 2)) {
        jpx_fail(err, JP_E_UNAVAILABLE, "the zygote does not take orders: %s; restart the worker", strerror(errno));
        close(bell[0]);
        goto out;
    }
    *process = (jpx_process){.state = JPX_LIVE, .tag = tag, .page = page, .bell = bell[0]};
    process->in.ring = &process->page->in;
    process->out.ring = &process->page->out;
    process->pace.window = 1;
    process->look_ns = INT64_MAX;
    close(memory);
    close(bell[1]);
    return JP_OK;
out:
    if (page != MAP_FAILED)
        munmap(page, sizeof(jpx_page));
    if (bell[1] >= 0)
        close(bell[1]);
    if (memory >= 0)
        close(memory);
    return err->status;
}

void jpx_process_free(jpx_process *process)
{
    munmap(process->page, sizeof(jpx_page));
    close(process->bell);
    free(process->partial);
    *process = (jpx_process){.state = JPX_VACANT};
}

/* Forgets revoked attempts that the process has passed. */
static void pass_revoked(jpx_process *process)
{
    while (process->first != process->next && !*job_of(process, process->first) &&
           atomic_load(&slot_of(process, process->first)->state) == JPX_SLOT_SKIPPED)
        process->first++;
}

bool jpx_process_takes(jpx_process *process, const jpx_submitted *job)
{
    if (process->state != JPX_LIVE || process->sending || process->live >= process->pace.window)
        return false;
    pass_revoked(process);
    if (process->next - process->first >= JPX_WINDOW_MAX)
        return false;
    /* What does not fit whole goes in pieces, and then nothing may lie before it that could hold it up. */
    return process->next == process->first || sizeof(jpx_frame_head) + job->size <= jpx_ring_space(&process->in);
}

static void send_rest(jpx_process *process)
{
    const jpx_submitted *job = process->sending;

    atomic_store(&process->page->wants_space, 1);
    process->sent += jpx_ring_put(&process->in, job->data + process->sent, job->size - process->sent);
    if (process->sent == job->size) {
        atomic_store(&process->page->wants_space, 0);
        process->sending = NULL;
        atomic_store_explicit(&process->page->sent, process->next, memory_order_release);
    }
    jpx_ring_wake(process->in.ring, &process->in.ring->head);
}

void jpx_process_feed(jpx_process *process)
{
    if (process->sending && process->state == JPX_LIVE)
        send_rest(process);
}

void jpx_process_give(jpx_process *process, jpx_submitted *job, int64_t now_ns)
{
    jpx_frame_head head = {job->size, process->next};
    jpx_page_slot *slot = slot_of(process, process->next);

    atomic_store(&slot->state, JPX_SLOT_QUEUED);
    *job_of(process, process->next++) = job;
    process->live++;
    atomic_store_explicit(&process->page->bell_at, (uint32_t)process->live / 2, memory_order_relaxed);
    jpx_ring_put(&process->in, &head, sizeof head);
    process->sending = job;
    process->sent = 0;
    send_rest(process);
    if (process->live == 1)
        process->news_ns = now_ns;
    if (process->look_ns == INT64_MAX) {
        process->look_step_ns = JPX_LOOK_NS;
        process->look_ns = now_ns + JPX_LOOK_NS;
    }
}

void jpx_process_leave(jpx_process *process)
{
    jpx_frame_head head = {0, process->next};

    jpx_ring_put(&process->in, &head, sizeof head);
    jpx_ring_wake(process->in.ring, &process->in.ring->head);
    process->state = JPX_LEAVING;
}

bool jpx_process_has_news(const jpx_process *process)
{
    return process->page && !process->garbage && jpx_ring_ready(&process->out) != 0;
}

static void take_bytes(jpx_process *process, void *out, size_t size)
{
    jpx_ring_peek(&process->out, out, size);
    jpx_ring_skip(&process->out, size);
    jpx_ring_wake(process->out.ring, &process->out.ring->tail);
}

/* The oldest attempt that is still the process's is the only one an outcome can be for. */
static bool expected(jpx_process *process, const jpx_frame_head *head)
{
    uint32_t seq = oldest(process);
    return seq != process->next && seq == head->seq && head->size > 0 && head->size <= JPX_FRAME_MAX;
}

/* Adds what is there of a large outcome; grows with what comes, not with what was announced. */
static bool gather(jpx_process *process, size_t ready)
{
    size_t part = process->partial_want - process->partial_size;

    part = part < ready ? part : ready;
    if (process->partial_size + part > process->partial_cap) {
        size_t cap = process->partial_cap ? process->partial_cap * 2 : 2 * JPX_RING_BYTES;
        process->partial = realloc(process->partial, cap);
        JPX_ASSERT(process->partial != NULL);
        process->partial_cap = cap;
    }
    take_bytes(process, process->partial + process->partial_size, part);
    process->partial_size += part;
    return process->partial_size == process->partial_want;
}

/* The whole frame, or NULL data: it is not all there yet. */
static jpx_bytes next_frame(jpx_process *process, jpx_arena *arena)
{
    jpx_bytes none = {NULL, 0};
    size_t ready = jpx_ring_ready(&process->out);
    jpx_frame_head head;

    if (ready == SIZE_MAX) {
        process->garbage = true;
        return none;
    }
    if (process->partial_want == 0) {
        if (ready < sizeof head)
            return none;
        jpx_ring_peek(&process->out, &head, sizeof head);
        if (!expected(process, &head)) {
            process->garbage = true;
            return none;
        }
        if (sizeof head + head.size <= ready) {
            uint8_t *data = jpx_alloc(arena, head.size);
            jpx_ring_skip(&process->out, sizeof head);
            take_bytes(process, data, head.size);
            return (jpx_bytes){data, head.size};
        }
        if (sizeof head + head.size <= JPX_RING_BYTES / 2)
            return none; /* will be there in a moment */
        jpx_ring_skip(&process->out, sizeof head);
        ready -= sizeof head;
        process->partial_want = head.size;
        process->partial_size = 0;
    }
    if (ready == 0 || !gather(process, ready))
        return none;
    jpx_bytes whole = jpx_copy(arena, process->partial, process->partial_size);
    free(process->partial);
    process->partial = NULL;
    process->partial_cap = process->partial_want = process->partial_size = 0;
    return whole;
}

jpx_submitted *jpx_process_outcome(jpx_process *process, jpx_arena *arena, jpx_outcome *out)
{
    jp_error err;

    if (process->garbage || process->live == 0)
        return NULL;
    jpx_bytes frame = next_frame(process, arena);
    if (!frame.data)
        return NULL;
    process->first = oldest(process);
    jpx_submitted *job = *job_of(process, process->first);
    if (jpx_outcome_decode(frame, arena, out, &err) != JP_OK || out->number_in_worker != job->number) {
        process->garbage = true;
        return NULL;
    }
    *job_of(process, process->first++) = NULL;
    process->live--;
    process->bodies++;
    process->began = true;
    if (process->sending == job)
        process->sending = NULL;
    jpx_pace_ended(&process->pace, out->body_us);
    return job;
}

jpx_submitted *jpx_process_revoke(jpx_process *process)
{
    jpx_submitted *list = NULL, **last = &list;
    uint32_t seq = oldest(process);

    for (seq += seq != process->next; seq != process->next; seq++) {
        uint32_t queued = JPX_SLOT_QUEUED;
        jpx_submitted *job = *job_of(process, seq);
        if (!job || !atomic_compare_exchange_strong(&slot_of(process, seq)->state, &queued, JPX_SLOT_REVOKED))
            continue;
        *job_of(process, seq) = NULL;
        process->live--;
        *last = job;
        last = &job->next;
    }
    *last = NULL;
    return list;
}

const jpx_submitted *jpx_process_at_work(jpx_process *process, uint32_t *seq, int64_t *begun_ns)
{
    pass_revoked(process);
    uint32_t s = oldest(process);
    if (s == process->next)
        return NULL;
    jpx_page_slot *slot = slot_of(process, s);
    uint32_t state = atomic_load(&slot->state);
    bool seen = process->seen && process->seen_seq == s;
    if (state == JPX_SLOT_BEGUN && !seen) {
        process->seen = process->began = true;
        process->seen_seq = s;
        process->seen_ns = atomic_load(&slot->begun_ns);
        if (process->seen_ns < 0 || process->seen_ns > jpx_mono_ns())
            process->seen_ns = jpx_mono_ns(); /* somebody wrote over it */
    } else if (!seen || state == JPX_SLOT_ENDED) {
        process->garbage = process->garbage || (state != JPX_SLOT_QUEUED && state != JPX_SLOT_ENDED);
        return NULL;
    }
    *seq = s;
    *begun_ns = process->seen_ns;
    return *job_of(process, s);
}

jpx_submitted *jpx_process_victim(jpx_process *process, uint32_t *out_seq, bool *ended)
{
    uint32_t seq = oldest(process);

    if (seq == process->next)
        return NULL;
    uint32_t state = atomic_load(&slot_of(process, seq)->state);
    bool seen = process->seen && process->seen_seq == seq;
    if (state == JPX_SLOT_QUEUED && !seen && !process->garbage)
        return NULL;
    jpx_submitted *job = *job_of(process, seq);
    *job_of(process, seq) = NULL;
    process->live--;
    process->began = true;
    *out_seq = seq;
    *ended = state == JPX_SLOT_ENDED;
    return job;
}

jpx_submitted *jpx_process_take_back(jpx_process *process)
{
    jpx_submitted *list = NULL, **last = &list;

    for (uint32_t seq = process->first; seq != process->next; seq++) {
        jpx_submitted *job = *job_of(process, seq);
        if (!job)
            continue;
        *job_of(process, seq) = NULL;
        *last = job;
        last = &job->next;
    }
    *last = NULL;
    process->live = 0;
    process->first = process->next;
    process->sending = NULL;
    return list;
}
