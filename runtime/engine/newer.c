/* newer.c -- what a newer version of jetpipe wrote. Its events are given back and its records are not touched, so that
 * a newer process takes the work; during a rolling update there is one. A role says so once for each kind,
 * because the events come back until they are handled. */
#include "engine/session.h"

enum { FIRST_MS = 1000, MOST_MS = 30 * 1000 };

static void report(jpx_session *session, jpx_newer_kind kind)
{
    static const char *const texts[] = {"run event", "slot event", "record"};
    const unsigned bit = 1u << kind;

    if (session->newer_reported & bit)
        return;
    session->newer_reported |= bit;
    jpx_log(session->env, JPX_WARN, "written by a newer version",
            "what=\"%s\" hint=\"left for a newer process; finish the update, or start one\"", texts[kind]);
}

void jpx_give_to_newer(jpx_session *session, jpx_sub *sub, jpx_delivery *delivery, jpx_newer_kind kind)
{
    report(session, kind);
    jpx_sub_nak(sub, delivery, jpx_nak_delay_ms(delivery->deliveries, FIRST_MS, MOST_MS));
}

jp_status jpx_newer_record(jpx_session *session, const char *record, const jpx_key *key, jp_error *err)
{
    report(session, JPX_NEWER_RECORD);
    jpx_fail(err, JP_E_REFUSED, "the %s record was written by a newer version; a newer process takes it", record);
    return jpx_wrap_pipeline(err, key);
}

int64_t jpx_nak_delay_ms(uint32_t deliveries, int64_t first_ms, int64_t most_ms)
{
    int64_t delay = first_ms;

    for (uint32_t i = 1; i < deliveries && delay < most_ms; i++)
        delay *= 2;
    return delay < most_ms ? delay : most_ms;
}
