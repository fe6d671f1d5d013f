/* store_open.c -- which store a URI names. What can come from outside is an error that names the fix. */
#include "store/store.h"
#include <string.h>

static const char *after(const char *uri, const char *scheme)
{
    size_t size = strlen(scheme);
    return strncmp(uri, scheme, size) == 0 ? uri + size : NULL;
}

static jp_status open_sqlite(jpx_store **out, const char *path, const char *prefix, const jpx_env *env, jp_error *err)
{
    if (path[0] == '\0' || path[0] == ':')
        return jpx_fail(err, JP_E_INVALID,
                        "the store \"sqlite:%s\" names no file; give a path, as sqlite:/var/lib/jetpipe/store.db, or "
                        "use memory: for a store that keeps nothing",
                        path);
#ifdef JETPIPE_SQLITE
    return jpx_store_open_sqlite(out, path, prefix, env, err);
#else
    (void)out, (void)prefix, (void)env;
    return jpx_fail(err, JP_E_INVALID,
                    "the store sqlite:%s needs SQLite and this program was built without it; build it with "
                    "-DJETPIPE_SQLITE=ON",
                    path);
#endif
}

static jp_status open_mongo(jpx_store **out, const char *uri, const char *prefix, const jpx_env *env, jp_error *err)
{
#ifdef JETPIPE_MONGODB
    return jpx_store_open_mongo(out, uri, prefix, env, err);
#else
    (void)out, (void)uri, (void)prefix, (void)env;
    return jpx_fail(err, JP_E_INVALID,
                    "a mongodb: store needs libmongoc and this program was built without it; build it with "
                    "-DJETPIPE_MONGODB=ON");
#endif
}

jp_status jpx_store_open(jpx_store **out, const char *uri, const char *prefix, const jpx_env *env, jp_error *err)
{
    const char *path;
    const int scheme = (int)strcspn(uri, ":/@") + 1;
    jp_status status;

    JPX_ASSERT(out && uri && prefix && env);
    *out = NULL;
    if (prefix[0] == '\0' || strlen(prefix) > JPX_NAME_MAX)
        return jpx_fail(err, JP_E_INVALID, "the prefix \"%.80s\" of the store %s; give one of 1 to %d characters",
                        prefix, prefix[0] ? "is too long" : "is empty", JPX_NAME_MAX);

    if (strcmp(uri, "memory:") == 0)
        status = jpx_store_open_memory(out, prefix, env, err);
    else if ((path = after(uri, "sqlite:")) != NULL)
        status = open_sqlite(out, path, prefix, env, err);
    else if (after(uri, "mongodb://") || after(uri, "mongodb+srv://"))
        status = open_mongo(out, uri, prefix, env, err);
    else /* only its scheme is repeated: it may hold a password */
        status = jpx_fail(err, JP_E_INVALID,
                          "the store URI that starts with \"%.*s\" is of no known kind; give mongodb://HOST/..., "
                          "sqlite:PATH or memory:",
                          scheme < 20 ? scheme : 20, uri);
    JPX_ASSERT((status == JP_OK) == (*out != NULL));
    return status;
}

jp_status jpx_store_clone(jpx_store **out, jpx_store *store, jp_error *err)
{
    *out = NULL;
    return store->ops->clone(out, store, err);
}

void jpx_store_close(jpx_store *store)
{
    if (store)
        store->ops->close(store);
}
