/* mongo_error.c -- from the driver's errors to statuses, and the rule what is tried again.
 *
 * Every change of the store is guarded or write-once, so any of them may be said again when its
 * answer is lost: what can pass by itself (an election, a lost connection) is tried for
 * JPX_MONGO_PATIENCE_MS, then it is JP_E_UNAVAILABLE. Blocks only in the pauses between tries. */
#include "store/mongo.h"
#include <string.h>
#include <time.h>

enum { FIRST_PAUSE_US = 10 * 1000, LONGEST_PAUSE_US = 250 * 1000 };

/* Codes of the server (src/mongo/base/error_codes.yml), as far as they lead to different statuses. */
enum {
    CODE_UNAUTHORIZED = 13,
    CODE_OVERFLOW = 15,
    CODE_AUTHENTICATION_FAILED = 18,
    CODE_INVALID_NAMESPACE = 73,
    CODE_WRITE_CONCERN_FAILED = 64,
    CODE_BSON_TOO_LARGE = 10334,
    CODE_OUT_OF_DISK_SPACE = 14031,
    CODE_BSON_TOO_LARGE_UPDATE = 17419,
    CODE_BSON_TOO_LARGE_RESULT = 17420,
};

static bool passes_by_itself(uint32_t code)
{
    switch (code) {
    case 6:     /* HostUnreachable */
    case 7:     /* HostNotFound */
    case 43:    /* CursorNotFound: the read begins again */
    case 89:    /* NetworkTimeout */
    case 91:    /* ShutdownInProgress */
    case 112:   /* WriteConflict */
    case 133:   /* FailedToSatisfyReadPreference */
    case 134:   /* ReadConcernMajorityNotAvailableYet */
    case 175:   /* QueryPlanKilled */
    case 189:   /* PrimarySteppedDown */
    case 237:   /* CursorKilled */
    case 262:   /* ExceededTimeLimit */
    case 9001:  /* SocketException */
    case 10058: /* LegacyNotPrimary */
    case 10107: /* NotWritablePrimary */
    case 11600: /* InterruptedAtShutdown */
    case 11602: /* InterruptedDueToReplStateChange */
    case 13435: /* NotPrimaryNoSecondaryOk */
    case 13436: /* NotPrimaryOrSecondary */
        return true;
    default:
        return false;
    }
}

jpx_mongo *jpx_mongo_begin(jpx_store *store)
{
    jpx_mongo *m = (jpx_mongo *)store;
    jpx_arena_reset(m->scratch);
    jpx_mongo_patience(m);
    return m;
}

void jpx_mongo_patience(jpx_mongo *m)
{
    m->transient = false;
    m->give_up_us = bson_get_monotonic_time() + JPX_MONGO_PATIENCE_MS * 1000;
    m->pause_us = FIRST_PAUSE_US;
}

bool jpx_mongo_again(jpx_mongo *m)
{
    if (!m->transient || bson_get_monotonic_time() + m->pause_us >= m->give_up_us)
        return false;
    struct timespec pause = {.tv_sec = 0, .tv_nsec = m->pause_us * 1000};
    nanosleep(&pause, NULL);
    m->pause_us = m->pause_us * 2 < LONGEST_PAUSE_US ? m->pause_us * 2 : LONGEST_PAUSE_US;
    return true;
}

/* How many bytes of a message of the server stand before `tail`: it repeats whole commands. */
static int cut_before(const char *message, const char *tail)
{
    enum { MOST = 200 };
    const char *at = strstr(message, tail);
    return at && at - message < MOST ? (int)(at - message) : MOST;
}

static jp_status of_server(jpx_mongo *m, const char *what, const bson_error_t *e, jp_error *err)
{
    const char *hosts = m->shared->hosts;

    switch (e->code) {
    case CODE_UNAUTHORIZED:
    case CODE_AUTHENTICATION_FAILED:
        return jpx_fail(err, JP_E_DENIED,
                        "MongoDB at %s did not allow us to %s (%.*s); check user, password and authSource in the "
                        "store's URI, and that the user has the role readWrite on database '%s'",
                        hosts, what, cut_before(e->message, " to execute command"), e->message, m->shared->database);
    case CODE_OUT_OF_DISK_SPACE:
        return jpx_fail(err, JP_E_FULL, "MongoDB at %s could not %s: its disk is full (%.200s); free space there",
                        hosts, what, e->message);
    case CODE_BSON_TOO_LARGE:
    case CODE_BSON_TOO_LARGE_UPDATE:
    case CODE_BSON_TOO_LARGE_RESULT:
        return jpx_fail(err, JP_E_TOO_LARGE, "MongoDB at %s could not %s: a record is larger than 16 MiB (%.200s)",
                        hosts, what, e->message);
    case CODE_OVERFLOW:
        return jpx_fail(err, JP_E_INVALID, "MongoDB at %s could not %s: a value is nested too deeply (%.200s)", hosts,
                        what, e->message);
    case CODE_INVALID_NAMESPACE:
        return jpx_fail(err, JP_E_INVALID,
                        "MongoDB at %s refuses the database name '%s' (%.200s); name another one in the store's URI",
                        hosts, m->shared->database, e->message);
    case CODE_WRITE_CONCERN_FAILED:
        return jpx_fail(err, JP_E_UNAVAILABLE,
                        "MongoDB at %s could not %s durably: a majority of the replica set did not confirm it within "
                        "%d s; check its members with rs.status()",
                        hosts, what, JPX_MONGO_PATIENCE_MS / 1000);
    default:
        break;
    }
    m->transient = passes_by_itself(e->code);
    if (m->transient)
        return jpx_fail(err, JP_E_UNAVAILABLE,
                        "MongoDB at %s could not %s (%.200s); check that the replica set has a primary", hosts, what,
                        e->message);
    return jpx_fail(err, JP_E_INTERNAL, "MongoDB at %s could not %s: error %u (%.200s)", hosts, what, e->code,
                    e->message);
}

jp_status jpx_mongo_fail(jpx_mongo *m, const char *what, const bson_error_t *e, jp_error *err)
{
    const char *hosts = m->shared->hosts;

    m->transient = false;
    switch (e->domain) {
    case MONGOC_ERROR_SERVER_SELECTION: /* the driver has waited for its whole patience already */
        return jpx_fail(err, JP_E_UNAVAILABLE,
                        "MongoDB at %s cannot be reached to %s (%.200s); check that it runs, that host and port in the "
                        "store's URI are right, and that the replica set has a primary",
                        hosts, what, e->message);
    case MONGOC_ERROR_STREAM:
        m->transient = true;
        return jpx_fail(err, JP_E_UNAVAILABLE,
                        "MongoDB at %s was lost while trying to %s (%.200s); check that it runs and answers", hosts,
                        what, e->message);
    case MONGOC_ERROR_SASL:
    case MONGOC_ERROR_SCRAM:
        return jpx_fail(err, JP_E_DENIED,
                        "MongoDB at %s refused our login (%.200s); check user, password and authSource in the store's "
                        "URI",
                        hosts, e->message);
    case MONGOC_ERROR_CLIENT:
        if (e->code == MONGOC_ERROR_CLIENT_AUTHENTICATE)
            return jpx_fail(err, JP_E_DENIED,
                            "MongoDB at %s refused our login (%.200s); check user, password and authSource in the "
                            "store's URI",
                            hosts, e->message);
        m->transient = e->code == MONGOC_ERROR_CLIENT_NOT_READY;
        return jpx_fail(err, m->transient ? JP_E_UNAVAILABLE : JP_E_INTERNAL, "MongoDB at %s could not %s (%.200s)",
                        hosts, what, e->message);
    case MONGOC_ERROR_PROTOCOL:
        if (e->code == MONGOC_ERROR_PROTOCOL_BAD_WIRE_VERSION)
            return jpx_fail(err, JP_E_REFUSED,
                            "MongoDB at %s does not fit the driver (%.200s); use MongoDB 5.0 or newer", hosts,
                            e->message);
        m->transient = true; /* an answer that was cut off */
        return jpx_fail(err, JP_E_UNAVAILABLE, "MongoDB at %s gave no usable answer to %s (%.200s)", hosts, what,
                        e->message);
    default:
        return of_server(m, what, e, err);
    }
}
