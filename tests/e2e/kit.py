"""What the end-to-end tests share: starting `serve` processes, asking, checking.

Everything is looked at from outside: with the program itself, the nats command line and pymongo, not with our library.
"""

import atexit
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


def serve(env, roles="api,barrier,worker", wait=True, args=()):
    """Starts `serve` and waits for its line."""
    log = open(os.path.join(folder, "serve-%d.log" % len(processes)), "wb")
    process = subprocess.Popen([program, "serve", "--role", roles, *args], env=env, stdout=subprocess.PIPE, stderr=log)
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


def nats(url, *args, timeout=30, check_code=True):
    done = subprocess.run([need("JETPIPE_TEST_NATS_CLI"), "--server", url, *args], capture_output=True, timeout=timeout)
    if check_code and done.returncode:
        raise AssertionError("nats %s: %s%s" % (" ".join(args), done.stdout.decode(), done.stderr.decode()))
    return done.stdout.decode()


def request(url, verb, data):
    """nats req, as anybody would."""
    return json.loads(nats(url, "req", "--raw", "%s.api.%s" % (prefix, verb), data))


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
