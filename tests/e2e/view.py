"""What people see: on a terminal and in a pipe, while something is queued, waits and is followed; exit codes.

A terminal is a pty. Colours and redrawing are for it alone, and never with NO_COLOR.
"""

import json
import os
import pty
import select
import signal
import subprocess
import time

from kit import *

url = need("JETPIPE_TEST_NATS")
need("JETPIPE_TEST_NATS_CLI")
env = environment("sqlite:%s/view.db" % folder, url)


def on_terminal(*args, interrupt_after=None, **variables):
    """Runs the program on a pty; returns what was written there, and the exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([program, *args], env=dict(env, TERM="xterm", LC_ALL="C.UTF-8", **variables),
                               stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    processes.append(process)
    os.close(theirs)
    text, sent, end = b"", False, time.time() + 30
    while time.time() < end:
        if interrupt_after and not sent and interrupt_after in text:
            process.send_signal(signal.SIGINT)
            sent = True
        if select.select([ours], [], [], 0.1)[0]:
            try:
                piece = os.read(ours, 65536)
            except OSError:
                break
            if not piece:
                break
            text += piece
    os.close(ours)
    return text.decode(errors="replace"), process.wait(timeout=10)


# ---- nobody works: what is queued, and since when ----

serve(env, "api,barrier")
root = run(env, "start", "AddTwo", "40")[0].strip()
why = run(env, "why", root)[0]
check("AddTwo is queued for a worker of queue default (for " in why, "why names the queue: %s" % why.strip())
until("why asks whether a worker serves the queue", lambda: "does a worker serve it?" in run(env, "why", root)[0])
check(run(env, "result", root, code=7)[1].count("\n") == 1, "no result yet: exit code 7 and one sentence")

# ---- many of them ----

worker = serve(env, "worker", args=("--processes", "2"))
check(json.loads(run(env, "result", root, "--wait")[0]) == 42, "a worker came")
fan = run(env, "start", "Fan", "[40, 6000]")[0].strip()
until("two are at work", lambda: json.loads(run(env, "status", fan, "--json")[0])["pipelines"].get("running", 0) >= 3)
lines = run(env, "why", fan)[0].splitlines()
check(len([line for line in lines if "is queued" in line]) <= 5, "of those that are only queued some are named")
check(any(line.startswith("and 3") and "more are queued" in line for line in lines), "the others are counted: %s" % lines)
check(any("Slowly #0 is at work on " in line for line in lines), "and those at work are told")

# ---- who only looks on does not end anything ----

text, code = on_terminal("tree", fan, "--wait", interrupt_after=b"Slowly")
check(code == 130 and "keeps running" in text, "Ctrl-C ends the watching, says so: exit code %d" % code)
check(json.loads(run(env, "status", fan, "--json")[0])["status"] == "running", "and the run goes on")
text, code = on_terminal("start", "Fan", "[5, 6000]", "--wait", interrupt_after=b"Fan")
check(code == 130 and "keeps running" in text, "the same for start --wait")
events = subprocess.Popen([need("JETPIPE_TEST_NATS_CLI"), "--server", url, "sub", "--raw", "--count", "3",
                           "%s.event.%s.Slowly.aborted" % (prefix, fan)], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
processes.append(events)
time.sleep(0.5)
for line in json.loads(run(env, "list", "--status", "running", "--json")[0])["roots"]:
    run(env, "abort", line["root"], "--reason", "not needed")
told = [json.loads(line) for line in events.communicate(timeout=20)[0].decode().splitlines() if line.startswith("{")]
check([e["reason"] for e in told] == ["not needed"] * 3, "each pipeline's event of an abort has the reason")
out, said = run(env, "result", fan, "--wait", code=1)
check(out == "" and "not needed" in said, "an aborted root: exit code 1 and the reason: %s" % said.strip())

# ---- terminals and pipes ----

plain = run(env, "tree", root)[0]
check("\033" not in plain and "AddOne #1 (#0)  done" in plain, "a pipe gets plain lines")
text, code = on_terminal("tree", root)
check("\033[32m" in text and code == 0, "a terminal gets colours")
check("\033[3" not in on_terminal("tree", root, NO_COLOR="1")[0], "but not with NO_COLOR")
for verb in ("list", "status", "why", "pipes"):
    args = [verb] if verb in ("list", "pipes") else [verb, root]
    check("\033" not in run(env, *args)[0], "%s into a pipe has no colours" % verb)

# ---- the contract of scripts ----

for verb in ("status", "result", "tree", "why"):
    answer = json.loads(run(env, verb, root, "--json")[0])
    check((answer["root"], answer["pipe"], answer["status"]) == (root, "AddTwo", "done"), "%s --json has its head" % verb)
tree = json.loads(run(env, "tree", root, "--json")[0])
check([(c["pipe"], c["args"]) for c in tree["children"]] == [
    ("AddOne", [40]), ("AddOne", [{"slot": "default", "of": [0, 1]}])], "children stand in yield order, with arguments")
check(tree["outputs"]["default"]["by"] == tree["children"][1]["pipeline"], "an output names its filler")
check(run(env, "start", "AddTwo", "-", "--wait", stdin=b"[1]")[0] == "3\n", "arguments come on standard input")
check(run(env, "start", "Exits", "--wait", code=1)[0] == "", "start --wait of what aborts: exit code 1")
stop(processes[0])
out, said = run(env, "list", code=7)
check("jetpipe serve" in said and said.count("\n") == 1, "without an api role: one sentence with the mend: %s" % said.strip())
stop(worker)
