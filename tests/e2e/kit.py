"""What the end-to-end tests share: starting `serve` processes, asking, checking.

Everything is looked at from outside: with the program itself, the nats command line and pymongo, not with our library.
"""

import atexit
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

program = os.path.join(os.environ["JETPIPE_BUILD_DIR"], "tests", "e2e_program")
folder = tempfile.mkdtemp(prefix="jetpipe-e2e-")
prefix = "e2e%d" % os.getpid()
processes = []


def need(name):
    value = os.environ.get(name)
    if not value:
        print("skip: %s names nothing; sh tests/run.sh sets it" % name)
        sys.exit(77)
    return value


def check(good, what):
    if not good:
        raise AssertionError(what)
    print("ok: %s" % what)


def environment(store, nats):
    env = dict(os.environ)
    env.update(JETPIPE_STORE=store, JETPIPE_NATS=nats, JETPIPE_PREFIX=prefix, JETPIPE_ACK_WAIT_MS="3000")
    return env


def serve(env, roles="api,barrier,worker", wait=True, args=(), user=None):
    """Starts `serve` and waits for its line."""
    log = open(os.path.join(folder, "serve-%d.log" % len(processes)), "wb")
    process = subprocess.Popen([*as_user(user), program, "serve", "--role", roles, *args], env=env, stdout=subprocess.PIPE, stderr=log)
    processes.append(process)
    if wait:
        line = process.stdout.readline().decode()
        check("ready" in line, "serve says that it is ready: %s" % line.strip())
    return process


def run(env, *args, code=0, timeout=60, stdin=None):
    """Runs the program; returns its output."""
    done = subprocess.run([program, *args], env=env, capture_output=True, timeout=timeout, input=stdin)
    if done.returncode != code:
        raise AssertionError("%s: exit code %d, not %d\n%s%s" % (
            " ".join(args), done.returncode, code, done.stdout.decode(), done.stderr.decode()))
    return done.stdout.decode(), done.stderr.decode()


def refused(code, parts, *args, env=None, stdin=None, program=program, user=None):
    """Runs the program, which must end with this code and one sentence that names the parts, and print nothing else."""
    words = [*as_user(user), program, *args]
    done = subprocess.run(words, env=env, capture_output=True, timeout=60, input=stdin)
    # libmongoc speaks before main() when a killed process of the same number left its counters in /dev/shm.
    said = "".join(line for line in done.stderr.decode(errors="replace").splitlines(True)
                   if not line.startswith("time=") and "mongoc: Falling back" not in line)
    name = os.path.basename(program) + ": "
    check(done.returncode == code, "%s: exit code %d (%s)" % (" ".join(args), done.returncode, said.strip()))
    check(said.startswith(name) and said.count("\n") == 1 and "a bug" not in said, "one sentence: %s" % said.strip())
    for part in parts:
        check(part in said, "it names %s" % part)
    check(not done.stdout, "nothing on standard output")


def as_user(user):
    """The words before a command that run it as another user; root alone can."""
    return ["setpriv", "--reuid=%d" % user, "--regid=%d" % user, "--clear-groups", "--"] if user else []


def servers(script):
    """Runs a line of sh that knows tests/servers.sh: nats_start, mongo_start, server_stop."""
    done = subprocess.run(["sh", "-c", '. "$JETPIPE_SOURCE_DIR/tests/servers.sh"; ' + script],
                          stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().strip()


@contextlib.contextmanager
def own_nats(name="nats", js=True, args=(), conf=None):
    """A nats-server of the test's own: yields "127.0.0.1:PORT"."""
    place = os.path.join(folder, name)
    os.makedirs(place, exist_ok=True)
    if conf:
        open(os.path.join(place, "conf"), "w").write(conf)
        args = ["-c", os.path.join(place, "conf"), *args]
    words = " ".join("'%s'" % a for a in args)
    try:
        yield servers("nats_start old %s URL %s %s && echo ${URL#nats://}" % (place, "" if js else "-js=false", words))
    finally:
        servers("server_stop %s" % place)


def log_of(process):
    return open(os.path.join(folder, "serve-%d.log" % processes.index(process)), errors="replace").read()


def nats(url, *args, timeout=30, check_code=True):
    done = subprocess.run([need("JETPIPE_TEST_NATS_CLI"), "--server", url, *args], capture_output=True, timeout=timeout)
    if check_code and done.returncode:
        raise AssertionError("nats %s: %s%s" % (" ".join(args), done.stdout.decode(), done.stderr.decode()))
    return done.stdout.decode()


def request(url, verb, data, raw=False):
    """nats req, as anybody would."""
    answer = nats(url, "req", "--raw", "%s.api.%s" % (prefix, verb), data)
    return answer if raw else json.loads(answer)


def until(what, test, seconds=30):
    end = time.time() + seconds
    while time.time() < end:
        value = test()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("not within %d s: %s" % (seconds, what))


def stop(process, how=signal.SIGTERM):
    process.send_signal(how)
    return process.wait(timeout=40)


def clean_up():
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait()
    url = os.environ.get("JETPIPE_TEST_NATS")
    cli = os.environ.get("JETPIPE_TEST_NATS_CLI")
    if url and cli:
        for name in ("START", "SLOT", "RUN", "EVENT", "DEAD"):
            subprocess.run([cli, "--server", url, "stream", "rm", "-f", "%s_%s" % (prefix.upper(), name)],
                           capture_output=True)
    if sys.exc_info()[0] or getattr(sys, "last_type", None):
        for name in sorted(os.listdir(folder)):
            if name.endswith(".log"):
                print("---- %s" % name)
                print(open(os.path.join(folder, name), errors="replace").read()[-3000:])
    shutil.rmtree(folder, ignore_errors=True)


atexit.register(clean_up)
