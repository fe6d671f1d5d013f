"""Words that are wrong: flags, the environment, and JSON at each entry, the command line, nats pub and nats req."""

import json
import os

from kit import *

url = need("JETPIPE_TEST_NATS")
need("JETPIPE_TEST_NATS_CLI")
store = "sqlite:%s/work.db" % folder
env = environment(store, url)


def with_env(**more):
    return dict(env, **more)


# ---- flags and the environment ----

refused(2, ["--bogus", "help VERB"], "run", "AddTwo", "1", "--bogus", env=env)
refused(2, ["-x", "two dashes"], "list", "-x", env=env)
refused(2, ["--key", "list takes no"], "list", "--key", "k", env=env)
refused(2, ["--limit", "whole number", "'many'"], "list", "--limit", "many", env=env)
refused(2, ["--older", "unit", "'7'"], "cleanup", "--older", "7", env=env)
refused(2, ["--status", "running, done, aborted", "'dnoe'"], "list", "--status", "dnoe", env=env)
refused(2, ["--role", "'wroker'", "api, barrier, worker"], "serve", "--role", "api,wroker", env=env)
refused(2, ["--json takes no value"], "list", "--json=yes", env=env)
for variable, value, part in (("JETPIPE_PREFIX", "a.b", "letters, digits"), ("JETPIPE_LOG_LEVEL", "loud", "debug, info"),
                              ("JETPIPE_LOG_FORMAT", "xml", "logfmt, json"), ("JETPIPE_ROLE", "boss", "api, barrier"),
                              ("JETPIPE_PROCESSES", "-1", "whole number"), ("JETPIPE_BATCH", "x", "whole number"),
                              ("JETPIPE_ACK_WAIT_MS", "soon", "whole number"),
                              ("JETPIPE_STORE", "postgres://u:geheim@host/x", "sqlite:PATH")):
    refused(2, ["postgres" if variable == "JETPIPE_STORE" else variable, part], "serve", env=with_env(**{variable: value}))
for uri in ("postgres://u:geheim@host/x", "db://u:geheim@host", "u:geheim@host", "/tmp/x.db", "sqlite:", "mongo://x"):
    for verb in (["run", "AddTwo", "1"], ["serve"]):
        refused(2, ["sqlite:"], *verb, "--store", uri, env=env)

# ---- JSON, on the command line; run decides by itself, start is answered by the api role ----

serve(env)
wrong = [("[1,", "JSON"), ("{n:1}", "JSON"), ("[1] [2]", "JSON"), ("[01]", "JSON"), ('["\\x"]', "JSON"),
         ("[]", "int64 n"), ("[1,2]", "int64 n"), ('["1"]', "int64 n"), ("[1.5]", "int64 n"), ("[null]", "int64 n"),
         ('{"m":1}', '"m"'), ('{"n":1,"m":2}', '"m"'), ('{"n":1,"n":2}', "given twice"),
         ("[9223372036854775808]", "64 bits"), ("[99999999999999999999]", "64 bits"), ("[" * 200 + "]" * 200, "")]
for text, part in wrong:
    refused(2, [part], "run", "AddTwo", text, env=env)
    refused(2, [part], "start", "AddTwo", text, env=env)
refused(2, ["standard input", "NUL"], "run", "AddTwo", "-", env=env, stdin=b"[1]\0")
refused(3, ["AddTow"], "start", "AddTow", "1", env=env)

# ---- by nats req: an error object, and nothing is started ----

for text, part in wrong:
    answer = request(url, "start", '{"pipe":"AddTwo","args":%s}' % text)
    check(answer["error"]["code"] == "invalid" and part in answer["error"]["message"],
          "start %s: %s" % (text[:30], answer["error"]["message"]))
for verb, text, code, part in (
        ("start", "", "invalid", "pipe"), ("start", "{}", "invalid", "pipe"), ("start", "[1]", "invalid", "JSON array"),
        ("start", '{"pipe":7}', "invalid", "pipe"), ("start", '{"pipe":"AddTow","args":[1]}', "not-found", "AddTow"),
        ("start", '{"pipe":"AddTwo","args":[1],"key":7}', "invalid", "key"),
        ("start", '{"pipe":"AddTwo","args":[1],"kye":"k"}', "invalid", "kye"),
        ("status", "", "invalid", "root"), ("status", "{}", "invalid", "root"), ("status", "nix", "not-found", "nix"),
        ("status", '{"root":"nix"}', "not-found", "nix"), ("status", "{", "invalid", "JSON"),
        ("result", '{"root":"nix","wait_ms":"long"}', "invalid", "wait_ms"),
        ("tree", '{"root":"nix","limt":5}', "invalid", "limit"),
        ("list", "[]", "invalid", "JSON array"), ("list", '{"limit":"many"}', "invalid", "limit"),
        ("result", '{"root":"nix","wait_ms":-1}', "invalid", "wait_ms"),
        ("status", '{"root":"nix","key":"nox"}', "invalid", "send one of them"),
        ("status", '{"root":"nix"},{"root":"nox"}', "invalid", "more than one value"),
        ("list", '{"status":"dnoe"}', "invalid", "status"), ("list", '{"limit":0}', "invalid", "less than 1"),
        ("list", '{"limit":-1}', "invalid", "limit"), ("list", '{"limit":1e300}', "invalid", "limit"),
        ("list", "AddTwo", "invalid", "takes no root"),
        ("reply", '{"ticket":"nix","value":1}', "refused", "ticket"), ("reply", '{"value":1}', "refused", "ticket"), ("abort", '{"key":"nix","raeson":"x"}', "invalid", "reason"),
        ("cleanup", "{}", "invalid", "root"), ("cleanup", '{"older_ms":"x"}', "invalid", "older_ms"),
        ("cleanup", '{"older_ms":-1}', "invalid", "older_ms")):
    answer = request(url, verb, text)
    error = answer.get("error", {})
    check(error.get("code") == code and part in error.get("message", ""), "%s %s: %s" % (verb, text, json.dumps(answer)[:200]))

# What is changed by a message of its own is as strict: nothing is cleaned up by a slip.
run(env, "start", "AddTwo", "1", "--wait")
nats(url, "pub", "%s.control.cleanup" % prefix, '{"older_ms":"7d"}')
dead = "%s_DEAD" % prefix.upper()


def letters():
    return json.loads(nats(url, "stream", "info", dead, "--json", check_code=False) or "{}").get("state", {}).get("messages")


until("that is a dead letter", lambda: letters() == 1)
check(len(request(url, "list", "{}")["roots"]) == 1, "and the root is still there")

# ---- by nats pub: a dead letter with the original bytes and the reason, and the others go on ----

for text, _ in wrong:
    nats(url, "pub", "%s.start.AddTwo" % prefix, text)
out, _ = run(env, "start", "AddTwo", "1", "--wait")
check(out.strip().endswith("3"), "others go on")
until("all are dead letters", lambda: letters() == 1 + len(wrong))
for i, (text, part) in enumerate(wrong):
    letter = nats(url, "stream", "get", dead, str(i + 2))
    check(text in letter and "Jetpipe-Reason" in letter and part in letter, "letter %d tells why" % (i + 2))
roots = request(url, "list", "{}")["roots"]
check(len(roots) == 2, "two roots were started by all of this, the right ones: %d" % len(roots))
