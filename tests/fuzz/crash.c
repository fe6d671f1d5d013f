/* crash.c -- fuzz: the last words of a process that died; any bytes may stand in the memory it shared. What becomes of
 * them is UTF-8 of bounded length. */
#include "exec/crash.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static jpx_crash crash; /* large */
    jpx_arena *arena = jpx_arena_new();
    jpx_trace *trace = jpx_trace_new();
    fuzz_input in = {data, size};
    jpx_outcome out = {0};

    memset(&crash, 0, sizeof crash);
    jpx_death death = {.status = (int)take_number(&in, 2), .max_rss_kb = (int64_t)take_number(&in, 4)};
    uint8_t known = take_byte(&in);
    death.timeout_ms = known & 1 ? 1000 : 0;
    death.garbage = known & 2;
    death.ended = known & 4;
    death.memory_bytes = known & 8 ? 1 << 20 : 0;
    if (in.size)
        memcpy(&crash, in.data, in.size < sizeof crash ? in.size : sizeof crash);
    /* Names of files that are there would be opened. */
    for (size_t i = 0; i + 1 < sizeof crash.maps; i++)
        if (crash.maps[i] == '/')
            crash.maps[i + 1] = '\1';
    jpx_crash_explain(trace, &crash, &death, arena, &out);
    claim(out.end == JPX_END_RETRY && out.class_ && out.reason);
    claim(strlen(out.reason) <= JPX_REASON_MAX && bson_utf8_validate(out.reason, strlen(out.reason), false));
    jpx_trace_free(trace);
    jpx_arena_free(arena);
    return 0;
}
