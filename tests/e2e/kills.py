"""Every process is killed with SIGKILL while a fan-in runs; the result is right all the same.

usage: kills.py [sqlite|mongo]      both unless told
"""

import json
import subprocess
import sys
import time

from kit import *

if len(sys.argv) < 2:
    sys.exit(max(subprocess.run([sys.executable, __file__, store]).returncode for store in ("sqlite", "mongo")))
which = sys.argv[1]
source = os.environ["JETPIPE_SOURCE_DIR"]


def shell(command):
    """A function of tests/servers.sh; prints what it sets."""
    done = subprocess.run(["sh", "-c", ". %s/tests/servers.sh; %s" % (source, command)], capture_output=True,
                          timeout=90, env=dict(os.environ, JETPIPE_SOURCE_DIR=source))
    if done.returncode:
        raise AssertionError("%s: %s" % (command, done.stderr.decode()))
    return done.stdout.decode().strip()


need("JETPIPE_NATS_SERVER")
server = os.path.join(folder, "nats")
url = shell("nats_start old %s URL >&2; echo $URL" % server)
store = "sqlite:%s/work.db" % folder
if which == "mongo":
    need("JETPIPE_MONGOD")
    mongo = os.path.join(folder, "mongo")
    store = shell("mongo_start %s URI >&2; echo $URI" % mongo)
env = environment(store, url)


def result(key):
    """The answer, or nothing while the servers are away. Its exit code tells that a root is not done yet."""
    done = subprocess.run([program, "result", key, "--json"], env=env, capture_output=True, timeout=60)
    return json.loads(done.stdout) if done.stdout.strip() else {}


def servers_down():
    shell("server_stop %s KILL" % server)
    if which == "mongo":
        shell("server_stop %s KILL" % mongo)


atexit.register(servers_down)

try:
    front = serve(env, "api,barrier")
    workers = [serve(env, "worker"), serve(env, "worker")]
    run(env, "start", "Fan", "[400,20]", "--key", "fan")
    time.sleep(0.6)
    stop(workers[0], signal.SIGKILL)
    print("a worker was killed")
    time.sleep(0.4)
    stop(front, signal.SIGKILL)
    print("api and barrier were killed")
    front = serve(env, "api,barrier")
    workers[0] = serve(env, "worker")
    time.sleep(0.3)
    shell("server_stop %s KILL" % server)
    print("nats-server was killed")
    time.sleep(0.5)
    shell("nats_start old %s URL" % server)
    time.sleep(0.5)
    if which == "mongo":
        shell("server_stop %s KILL" % mongo)
        print("mongod was killed")
        time.sleep(0.5)
        shell("mongo_start %s URI" % mongo)
    end = time.time() + 90
    while True:
        answer = result("fan")
        if answer.get("status") == "done":
            break
        if time.time() > end:
            raise AssertionError("not done: %s" % run(env, "why", "fan")[0])
        time.sleep(0.3)
    check(answer["result"] == sum(range(400)), "the sum is right: %s" % answer["result"])
    status = json.loads(run(env, "status", "fan", "--json")[0])
    check(status["pipelines"] == {"done": 402}, "every child once: %s" % status["pipelines"])

    # A server that comes back with nothing: every stream is lost while pipelines run.
    run(env, "start", "Fan", "[300,20]", "--key", "fan2")
    time.sleep(1.0)
    shell("server_stop %s KILL; rm -rf %s/data" % (server, server))
    shell("nats_start old %s URL" % server)
    until("the second fan is done although its events were lost",
          lambda: result("fan2").get("status") == "done", 90)
    check(result("fan2")["result"] == sum(range(300)), "and its sum is right")
    for process in (front, *workers):
        check(stop(process) == 0, "SIGTERM ends serve with exit code 0")
finally:
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait()
