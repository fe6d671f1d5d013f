"""A NATS server that is not there, not the right one, refuses us or has no room: one sentence each, and nothing is lost."""

import json
import os
import socket
import subprocess
import threading

from kit import *

need("JETPIPE_TEST_NATS_CLI")
nowhere = "nats://127.0.0.1:1"
store = "sqlite:%s/work.db" % folder


def at(url, **more):
    env = environment(store, url)
    env.update(more)
    return env


# ---- URLs ----

for url, part in (("http://127.0.0.1:4222", "nats or tls"), ("nats://", "names no host"),
                  ("nats://127.0.0.1:99999", "1 to 65535"), ("nats://127.0.0.1:abc", "1 to 65535"), (",,", "looks like")):
    for verb in (["list"], ["start", "AddTwo", "1"], ["serve"]):
        refused(2, [url, part, "nats://127.0.0.1:4222"], *verb, "--nats", url, env=at(nowhere))
for url in (nowhere, "nats://no-such-host.invalid", nowhere + ",nats://127.0.0.1:2"):
    refused(7, [url, "nats-server -js", "--nats"], "list", "--nats", url, env=at(nowhere))
refused(7, ["nats://127.0.0.1:1;"], "list", env=at("nats://joe:geheim@127.0.0.1:1"))

# ---- a port in use: something else answers there ----

other = socket.create_server(("127.0.0.1", 0))
port = other.getsockname()[1]


def answer():
    while True:
        connection, _ = other.accept()
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.close()


threading.Thread(target=answer, daemon=True).start()
taken = "nats://127.0.0.1:%d" % port
refused(7, [taken, "nats-server -js", "--nats"], "list", env=at(taken))
os.makedirs(os.path.join(folder, "taken"))
open(os.path.join(folder, "taken", "port"), "w").write(str(port))
done = subprocess.run(["sh", "-c", ". %s/tests/servers.sh; nats_start old %s/taken URL" % (
    os.environ["JETPIPE_SOURCE_DIR"], folder)], capture_output=True, timeout=60)
check(done.returncode == 1 and "%d" % port in done.stderr.decode() and "in use" in done.stderr.decode(),
      "a server of ours that finds its port taken says so")

# ---- who we are ----

with own_nats("user", args=["--user", "joe", "--pass", "geheim"]) as place:
    for url in ("nats://%s" % place, "nats://joe:falsch@%s" % place, "nats://token@%s" % place):
        for verb in (["list"], ["start", "AddTwo", "1"], ["serve"]):
            refused(9, ["nats://%s refuses this user" % place, "user:password", "JETPIPE_NATS_CREDS"], *verb, env=at(url))
    ready = serve(at("nats://joe:geheim@%s" % place))
    check("geheim" not in log_of(ready), "the password is not in the log")
    out, said = run(at("nats://joe:geheim@%s" % place), "start", "AddTwo", "1", "--wait")
    check(out.strip().endswith("3"), "with the right password it works")
    stop(ready)
with own_nats("token", args=["--auth", "token"]) as place:
    refused(9, ["refuses this user"], "list", env=at("nats://other@%s" % place))
    refused(7, ["jetpipe serve"], "list", env=at("nats://token@%s" % place))

    creds = os.path.join(folder, "creds")
    open(creds, "w").write("no credentials\n")
    for path, parts in (("/no/such/file", ["No such file"]), (folder, ["Is a directory"]), (creds, ["NATS USER JWT"])):
        refused(2, [path, "JETPIPE_NATS_CREDS", *parts], "list", env=at("nats://%s" % place, JETPIPE_NATS_CREDS=path))

# ---- what the server has ----

with own_nats("plain", js=False) as place:
    for verb in (["start", "AddTwo", "1"], ["serve"]):
        refused(2, ["JetStream is not enabled", place, "nats-server -js"], *verb, env=at("nats://%s" % place))

accounts = """accounts {
  NONE { users: [{user: none, password: x}] }
  STREAMS { jetstream: {max_streams: 2}, users: [{user: streams, password: x}] }
  TINY { jetstream: {max_file: 60K}, users: [{user: tiny, password: x}] }
  MUTE { jetstream: enabled, users: [{user: mute, password: x, permissions: {publish: ["nothing"]}}] }
  NORUN { jetstream: enabled, users: [{user: norun, password: x, permissions: {publish: {deny: ["*.start.>"]}}}] }
}
"""
with own_nats("accounts", conf=accounts) as place:
    def who(name):
        return at("nats://%s:x@%s" % (name, place))

    refused(2, ["JetStream", "account"], "serve", env=who("none"))
    refused(10, ["maximum number of streams", "raise", "5 streams"], "serve", env=who("streams"))
    refused(10, ["insufficient storage", place, "raise", "256 MiB"], "serve", env=who("tiny"))
    refused(9, ["Permissions Violation", "give this user the permission"], "serve", env=who("mute"))
    both = who("norun")
    stop(serve(both))
    refused(9, ["start.AddTwo", "give this user the permission"], "start", "AddTwo", "1", env=both)

# ---- no room in the stream or on the disk of the server: what was accepted is kept ----


def fills_up(env, take_room, make_room):
    big = json.dumps(["x" * 20000])
    started = 0
    stop(serve(env))  # makes the streams
    take_room()
    for i in range(200):
        done = subprocess.run([program, "start", "Echo", big, "--key", "fill-%d" % i, "--timeout", "5s"], env=env,
                              capture_output=True)
        said = done.stderr.decode()
        if done.returncode:
            check(done.returncode == 10 and said.count("\n") == 1 and "raise" in said, "no room is told in one sentence: %s" % said.strip())
            break
        started = i + 1
    check(3 < started < 200, "%d roots were started before it was full" % started)
    make_room()
    process = serve(env)
    for i in range(started):
        out, _ = run(env, "start", "Echo", big, "--key", "fill-%d" % i, "--wait")
        check("xxx" in out, "root %d of those that were accepted is done" % i)
    stop(process)


with own_nats("limits") as place:
    def limit(bytes_max):
        nats(place, "stream", "edit", "-f", "--max-bytes", bytes_max, "%s_START" % prefix.upper())

    fills_up(at("nats://%s" % place), lambda: limit("200K"), lambda: limit("100M"))

# nats-server computes its own limit from the free space of its disk.
small = os.path.join(folder, "small")
os.mkdir(small)
if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", small], capture_output=True).returncode:
    print("skip: no file system can be mounted here; run as root to give a nats-server a small disk")
else:
    try:
        with own_nats("small") as place:
            refused(10, ["insufficient storage", place, "raise", "256 MiB"], "serve", env=at("nats://%s" % place))
    finally:
        subprocess.run(["umount", "-l", small])
