/* flags.c -- see flags.h. */
#include "cli/flags.h"
#include "cli/units.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { TEXT, NAME, SWITCH, COUNT, DURATION, LEVEL, FORMAT, STATUS };

static const struct flag {
    const char *name;
    size_t member;
    enum kind kind;
    const char *value, *help, *variable;
} flags[] = {
#define FLAG(id, name, member, kind, value, help, env) {name, offsetof(jpx_options, member), kind, value, help, env},
    JPX_FLAG_MAP(FLAG)
#undef FLAG
};

/* The values of the kinds that have a fixed choice. */
static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const formats[] = {"logfmt", "json", NULL};
static const char *const statuses[] = {"running", "done", "aborted", NULL};

static bool is_one_of(const char *text, const char *const *choice)
{
    for (; *choice; choice++)
        if (strcmp(text, *choice) == 0)
            return true;
    return false;
}

/* `where` is "--key" or "JETPIPE_ROLE", for messages. */
static jp_status set(jpx_options *options, const struct flag *flag, const char *where, const char *value, jp_error *err)
{
    char *member = (char *)options + flag->member;
    bool fine = true;

    switch (flag->kind) {
    case SWITCH:
        *(bool *)(void *)member = true;
        return JP_OK;
    case COUNT: {
        int64_t limit = flag == &flags[JPX_FLAG_PROCESSES] ? JPX_FLAG_PROCESSES_MAX
                        : flag == &flags[JPX_FLAG_BATCH]   ? JPX_BATCH_MAX
                                                           : JPX_LIMIT_MAX;
        if (!jpx_count_read(value, limit, (int64_t *)(void *)member))
            return jpx_fail(err, JP_E_INVALID, "%s must be a whole number from 1 to %lld, not '%.80s'", where,
                            (long long)limit, value);
        return JP_OK;
    }
    case DURATION:
        if (!jpx_duration_read(value, (int64_t *)(void *)member))
            return jpx_fail(err, JP_E_INVALID,
                            "%s must be a time with its unit, such as 500ms, 5s, 2m, 12h or 7d, not '%.80s'", where,
                            value);
        return JP_OK;
    case NAME:
        if (!jpx_is_name(value))
            return jpx_fail(err, JP_E_INVALID, "%s must be 1 to %d letters, digits, _ or -, not '%.80s'", where,
                            JPX_NAME_MAX, value);
        break;
    case LEVEL:
        fine = is_one_of(value, levels);
        break;
    case FORMAT:
        fine = is_one_of(value, formats);
        break;
    case STATUS:
        fine = is_one_of(value, statuses);
        break;
    case TEXT:
        if (!*value)
            return jpx_fail(err, JP_E_INVALID, "%s must not be an empty %s", where, flag->value);
        break;
    }
    if (!fine)
        return jpx_fail(err, JP_E_INVALID, "%s must be one of %s, not '%.80s'", where,
                        flag->kind == LEVEL    ? "debug, info, warn, error"
                        : flag->kind == FORMAT ? "logfmt, json"
                                               : "running, done, aborted",
                        value);
    *(const char **)(void *)member = value;
    return JP_OK;
}

/* NULL, with an error, if there is no such flag. */
static const struct flag *find(const char *name, size_t size, jp_error *err)
{
    const char *names[JPX_FLAGS];
    char copy[JPX_NAME_MAX + 1];

    for (size_t i = 0; i < JPX_FLAGS; i++) {
        names[i] = flags[i].name;
        if (strlen(names[i]) == size && memcmp(names[i], name, size) == 0)
            return &flags[i];
    }
    snprintf(copy, sizeof copy, "%.*s", size > JPX_NAME_MAX ? JPX_NAME_MAX : (int)size, name);
    const char *near = jpx_name_near(copy, names, JPX_FLAGS);
    if (near)
        jpx_fail(err, JP_E_INVALID, "there is no flag --%s; did you mean --%s?", copy, near);
    else
        jpx_fail(err, JP_E_INVALID, "there is no flag --%s; `help VERB` lists the flags of a verb", copy);
    return NULL;
}

/* "-5", "-.5" and "-" are arguments: a negative number, and standard input. */
static bool is_flag(const char *arg)
{
    return arg[0] == '-' && arg[1] && !strchr("0123456789.", arg[1]);
}

jp_status jpx_flags_read(jpx_options *options, int argc, char *const *argv, jp_error *err)
{
    bool ended = false;

    *options = (jpx_options){.older_ms = -1, .timeout_ms = -1};
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i], *value = NULL;
        jp_status status;
        if (ended || !is_flag(arg)) {
            if (options->args_count == JPX_ARGS_MAX)
                return jpx_fail(err, JP_E_INVALID,
                                "there are more than %d arguments; put quotes around JSON that has blanks",
                                JPX_ARGS_MAX);
            options->args[options->args_count++] = arg;
            continue;
        }
        if (strcmp(arg, "--") == 0) {
            ended = true;
            continue;
        }
        if (strcmp(arg, "-h") == 0)
            arg = "--help";
        if (strcmp(arg, "--version") == 0) {
            options->args[0] = "version";
            options->args_count = 1;
            return JP_OK;
        }
        if (arg[1] != '-')
            return jpx_fail(err, JP_E_INVALID, "there is no flag %.80s; flags begin with two dashes", arg);
        const char *equals = strchr(arg, '=');
        size_t size = equals ? (size_t)(equals - arg) - 2 : strlen(arg) - 2;
        const struct flag *flag = find(arg + 2, size, err);
        if (!flag)
            return JP_E_INVALID;
        char where[JPX_NAME_MAX];
        snprintf(where, sizeof where, "--%s", flag->name);
        if (equals)
            value = equals + 1;
        else if (flag->kind != SWITCH && i + 1 < argc)
            value = argv[++i];
        if (flag->kind == SWITCH && value)
            return jpx_fail(err, JP_E_INVALID, "%s takes no value, but was given '%.80s'", where, value);
        if (flag->kind != SWITCH && !value)
            return jpx_fail(err, JP_E_INVALID, "%s needs a value: %s %s", where, where, flag->value);
        if ((status = set(options, flag, where, value, err)) != JP_OK)
            return status;
        options->given |= UINT32_C(1) << (flag - flags);
    }
    return JP_OK;
}

jp_status jpx_flags_environment(jpx_options *options, jp_error *err)
{
    for (size_t i = 0; i < JPX_FLAGS; i++) {
        const char *value = flags[i].variable ? getenv(flags[i].variable) : NULL;
        if (!value || !*value || options->given & UINT32_C(1) << i)
            continue;
        jp_status status = set(options, &flags[i], flags[i].variable, value, err);
        if (status != JP_OK)
            return status;
    }
    if (!options->nats)
        options->nats = "nats://127.0.0.1:4222";
    if (!options->prefix)
        options->prefix = "jetpipe";
    if (!options->log_format)
        options->log_format = "logfmt";
    return JP_OK;
}

const char *jpx_flag_name(jpx_flag_id id)
{
    return flags[id].name;
}

const char *jpx_flag_usage(jpx_flag_id id, jpx_arena *arena)
{
    return flags[id].value ? jpx_format(arena, "--%s %s", flags[id].name, flags[id].value)
                           : jpx_format(arena, "--%s", flags[id].name);
}

const char *jpx_flag_help(jpx_flag_id id)
{
    return flags[id].help;
}

const char *jpx_flag_variable(jpx_flag_id id)
{
    return flags[id].variable;
}
