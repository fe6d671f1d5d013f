/* units.c -- see units.h. */
#include "cli/units.h"
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"ms", 1}, {"s", SECOND}, {"m", MINUTE}, {"min", MINUTE}, {"h", HOUR}, {"d", DAY}};

enum { DURATION_MAX_DAYS = 100 * 366 };

static bool unit_of(const char *at, size_t size, int64_t *ms)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strlen(units[i].name) == size && memcmp(units[i].name, at, size) == 0) {
            *ms = units[i].ms;
            return true;
        }
    return false;
}

/* Reads digits, and perhaps a point and more digits, as millionths. False: no digit, or too many. */
static bool number(const char **at, int64_t *millionths)
{
    const char *p = *at;
    int64_t whole = 0, part = 0, weight = 100000;

    if (!isdigit((unsigned char)*p))
        return false;
    for (; isdigit((unsigned char)*p); p++) {
        if (p - *at > 11)
            return false;
        whole = whole * 10 + (*p - '0');
    }
    if (*p == '.') {
        p++;
        if (!isdigit((unsigned char)*p))
            return false;
        for (; isdigit((unsigned char)*p); p++, weight /= 10)
            part += weight * (*p - '0');
    }
    *millionths = whole * 1000000 + part;
    *at = p;
    return true;
}

bool jpx_duration_read(const char *text, int64_t *ms)
{
    const int64_t limit = (int64_t)DURATION_MAX_DAYS * DAY;
    int64_t sum = 0;

    if (strcmp(text, "0") == 0) {
        *ms = 0;
        return true;
    }
    for (const char *at = text; at == text || *at;) {
        int64_t millionths, unit;
        if (!number(&at, &millionths))
            return false;
        size_t size = 0;
        while (isalpha((unsigned char)at[size]))
            size++;
        if (!unit_of(at, size, &unit) || millionths / 1000000 > limit / unit)
            return false;
        at += size;
        sum += millionths / 1000000 * unit + millionths % 1000000 * unit / 1000000;
        if (sum > limit)
            return false;
    }
    *ms = sum;
    return true;
}

void jpx_duration_put(jpx_text *text, int64_t ms)
{
    if (ms < 0)
        ms = 0;
    if (ms < SECOND)
        jpx_text_add(text, "%" PRId64 " ms", ms);
    else if (ms < 10 * SECOND && ms % SECOND >= SECOND / 10)
        jpx_text_add(text, "%" PRId64 ".%" PRId64 " s", ms / SECOND, ms % SECOND / (SECOND / 10));
    else if (ms < 2 * MINUTE)
        jpx_text_add(text, "%" PRId64 " s", ms / SECOND);
    else if (ms < 2 * HOUR)
        jpx_text_add(text, "%" PRId64 " min", ms / MINUTE);
    else if (ms < 2 * DAY)
        jpx_text_add(text, "%" PRId64 " h", ms / HOUR);
    else
        jpx_text_add(text, "%" PRId64 " d", ms / DAY);
}

void jpx_ago_put(jpx_text *text, int64_t at_ms, int64_t now_ms)
{
    int64_t age = now_ms - at_ms;

    if (age > -SECOND && age < SECOND) {
        jpx_text_puts(text, "now");
    } else if (age > 0) {
        jpx_duration_put(text, age - age % SECOND);
        jpx_text_puts(text, " ago");
    } else {
        jpx_text_puts(text, "in ");
        jpx_duration_put(text, -age + age % SECOND);
    }
}

static bool field(const char **at, size_t digits, char end, int *out)
{
    const char *p = *at;
    *out = 0;
    for (size_t i = 0; i < digits; i++, p++) {
        if (!isdigit((unsigned char)*p))
            return false;
        *out = *out * 10 + (*p - '0');
    }
    if (end && *p++ != end)
        return false;
    *at = p;
    return true;
}

bool jpx_time_read(const char *text, int64_t *ms)
{
    struct tm t = {0};
    int64_t part = 0, weight = 100;

    if (!field(&text, 4, '-', &t.tm_year) || !field(&text, 2, '-', &t.tm_mon) || !field(&text, 2, 'T', &t.tm_mday) ||
        !field(&text, 2, ':', &t.tm_hour) || !field(&text, 2, ':', &t.tm_min) || !field(&text, 2, 0, &t.tm_sec))
        return false;
    if (*text == '.')
        for (text++; isdigit((unsigned char)*text); text++, weight /= 10)
            part += weight * (*text - '0');
    if (strcmp(text, "Z") != 0)
        return false;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    *ms = (int64_t)timegm(&t) * SECOND + part;
    return true;
}

void jpx_count_put(jpx_text *text, int64_t count)
{
    if (count >= 1000) {
        jpx_count_put(text, count / 1000);
        jpx_text_add(text, ",%03" PRId64, count % 1000);
    } else {
        jpx_text_add(text, "%" PRId64, count);
    }
}

bool jpx_count_read(const char *text, int64_t limit, int64_t *out)
{
    int64_t count = 0;

    if (!*text)
        return false;
    for (; *text; text++) {
        if (!isdigit((unsigned char)*text))
            return false;
        count = count * 10 + (*text - '0');
        if (count > limit)
            return false;
    }
    *out = count;
    return count >= 1;
}

size_t jpx_name_distance(const char *a, const char *b)
{
    enum { LONGEST = JPX_NAME_MAX };
    size_t rows[3][LONGEST + 1], *before = rows[0], *last = rows[1], *now = rows[2];
    size_t a_size = strlen(a), b_size = strlen(b);

    if (a_size > LONGEST || b_size > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_size; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t best = last[j - 1] + !same;
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b_size];
}

const char *jpx_name_near(const char *name, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t least = strlen(name) / 3 + 1; /* a third of the letters may differ, but always one */

    for (size_t i = 0; i < count; i++) {
        size_t distance = jpx_name_distance(name, names[i]);
        if (distance < strlen(name) && distance <= least && (distance < least || !best)) {
            best = names[i];
            least = distance;
        }
    }
    return best;
}
