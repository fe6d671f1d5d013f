/* log.c -- log lines and errors about a pipeline name it under the same keys everywhere. */
#include "engine/session.h"
#include <stdio.h>

void jpx_log_pipeline(jpx_session *session, jpx_log_level level, const char *event, const jpx_key *key,
                      const char *pipe, int attempt, const char *fmt, ...)
{
    char root[JPX_ROOT_TEXT], pipeline[JPX_KEY_TEXT], number[32] = "", more[1200];
    jpx_root_id id = jpx_key_root_id(key);
    va_list args;

    if (!session->env->log || level < session->env->level)
        return;
    va_start(args, fmt);
    vsnprintf(more, sizeof more, fmt, args);
    va_end(args);
    if (attempt)
        snprintf(number, sizeof number, " attempt=%d", attempt);
    jpx_log(session->env, level, event, "root=%s pipeline=%s%s%s%s%s%s", jpx_root_text(root, &id),
            jpx_key_text(pipeline, key), pipe ? " pipe=" : "", pipe ? pipe : "", number, *more ? " " : "", more);
}

jp_status jpx_wrap_pipeline(jp_error *err, const jpx_key *key)
{
    char root[JPX_ROOT_TEXT], pipeline[JPX_KEY_TEXT];
    jpx_root_id id = jpx_key_root_id(key);

    return jpx_wrap(err, "root %s, pipeline %s", jpx_root_text(root, &id), jpx_key_text(pipeline, key));
}
