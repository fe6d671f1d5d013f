"""Bad input, absent parts and bodies that misbehave: each gets one clear sentence with what, where and the mend, the right exit
code, and loses nothing."""

import json
import subprocess
import time

from kit import *

url = need("JETPIPE_TEST_NATS")
source = os.environ["JETPIPE_SOURCE_DIR"]
env = environment("sqlite:%s/work.db" % folder, url)
nowhere = "nats://127.0.0.1:1"


def refused(code, parts, *args, env=env, stdin=None, program_path=program):
    done = subprocess.run([program_path, *args], env=env, capture_output=True, timeout=60, input=stdin)
    said = done.stderr.decode()
    lines = [line for line in said.splitlines() if line.startswith(os.path.basename(program_path) + ": ")]
    check(done.returncode == code, "%s: exit code %d (%s)" % (" ".join(args), done.returncode, said.strip()))
    check(len(lines) == 1 and "bug" not in said, "one sentence: %s" % said.strip())
    for part in parts:
        check(part in said, "it names %s" % part)
    check(not done.stdout, "nothing on standard output")


# ---- the command line ----

refused(2, ["starte", "start"], "starte", "AddTwo")
refused(2, ["--stor", "--store"], "run", "AddTwo", "40", "--stor", "x")
refused(3, ["AddTow"], "run", "AddTow", "40")
refused(2, ["int64 n"], "run", "AddTwo", '["forty"]')
refused(2, ["int64 n"], "run", "AddTwo")
refused(2, ["int64 n"], "run", "AddTwo", "[1,2]")
refused(2, ["m"], "run", "AddTwo", '{"m":1}')
refused(2, ["JSON"], "run", "AddTwo", "[1,")
refused(2, ["int64 n"], "run", "AddTwo", "1.5")

# ---- absent parts ----

refused(7, [nowhere, "nats-server"], "list", "--nats", nowhere)
refused(7, ["serve"], "list", "--prefix", "nobody-here")
refused(2, ["mysql"], "serve", "--store", "mysql://x")
os.mkdir(os.path.join(folder, "directory"))
open(os.path.join(folder, "text.db"), "w").write("this is no database, but long enough to look like a file\n" * 99)
for path in ("no/such/folder/x.db", "directory"):
    refused(2, [path], "run", "AddTwo", "40", "--store", "sqlite:%s/%s" % (folder, path))
refused(2, ["text.db"], "run", "AddTwo", "40", "--store", "sqlite:%s/text.db" % folder)

# ---- bodies that misbehave: one attempt each ----

out, said = run(env, "run", "CrashesOnce")
check(out.strip() == "7", "a crash costs one attempt")
check("SIGSEGV" in said and "read_header" in said and "program.c:" in said, "signal, function and line: %s" % said)
_, said = run(env, "run", "Hangs", code=1)
check("300 ms" in said and "2 attempts" in said, "a hang ends at its time limit: %s" % said)
_, said = run(env, "run", "Exits", code=1)
check("exit" in said and "3" in said, "an exit is told: %s" % said)

# ---- a store and a broker that come late; nothing is lost ----

late = os.path.join(folder, "late")
port = subprocess.check_output(["sh", "-c", ". %s/tests/servers.sh; servers_port" % source]).decode().strip()
os.makedirs(late)
open(os.path.join(late, "port"), "w").write(port)
late_env = environment("sqlite:%s/late.db" % folder, "nats://127.0.0.1:%s" % port)
waiting = serve(late_env, wait=False)
time.sleep(1.0)
check(waiting.poll() is None, "serve waits for a broker that is not there yet")
subprocess.run(["sh", "-c", ". %s/tests/servers.sh; nats_start old %s URL" % (source, late)], check=True)
check("ready" in waiting.stdout.readline().decode(), "and begins when it comes")
out, _ = run(late_env, "start", "AddTwo", "40", "--wait")
check(out.strip().endswith("42"), "a run: %s" % out.strip())
subprocess.run(["sh", "-c", ". %s/tests/servers.sh; server_stop %s KILL" % (source, late)], check=True)
time.sleep(1.0)
subprocess.run(["sh", "-c", ". %s/tests/servers.sh; nats_start old %s URL" % (source, late)], check=True)
out, _ = run(late_env, "start", "AddTwo", "41", "--wait")
check(out.strip().endswith("43"), "and after it went away and came back: %s" % out.strip())
stop(waiting)
subprocess.run(["sh", "-c", ". %s/tests/servers.sh; server_stop %s" % (source, late)], check=True)

# ---- a malformed trigger does not block others and is kept ----

serve(env)
for subject, data in (("start.AddTwo", "{no json"), ("start.Nix", "[1]"), ("reply.garbage", "1")):
    nats(url, "pub", "%s.%s" % (prefix, subject), data)
out, _ = run(env, "start", "AddTwo", "1", "--wait")
check(out.strip().endswith("3"), "others go on")


def letters():
    info = json.loads(nats(url, "stream", "info", "%s_DEAD" % prefix.upper(), "--json"))
    return info["state"]["messages"]


until("all three are dead letters", lambda: letters() == 3)
letter = nats(url, "stream", "get", "%s_DEAD" % prefix.upper(), "1")
check("{no json" in letter and "Jetpipe-Reason" in letter, "with the original bytes and the reason")
refused(3, ["no-such-root"], "status", "no-such-root")
refused(5, ["ticket"], "reply", "garbage", "1")

# ---- a full disk: a small file system of its own ----

small = os.path.join(folder, "small")
os.mkdir(small)
if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", small], capture_output=True).returncode:
    print("skip: no file system can be mounted here; run as root to test a full disk")
else:
    try:
        stop(processes[-1])
        full_env = environment("sqlite:%s/work.db" % small, url)
        serve(full_env)
        run(full_env, "start", "Fan", "[20000,0]", "--key", "full")
        log = os.path.join(folder, "serve-%d.log" % (len(processes) - 1))
        until("the log says that the disk is full, where, and that results are kept",
              lambda: "is full" in open(log).read() and small in open(log).read() and "kept" in open(log).read())
        subprocess.run(["mount", "-o", "remount,size=200m", small], check=True)
        out, _ = run(full_env, "start", "Fan", "[20000,0]", "--key", "full", "--wait", timeout=100)
        check(out.strip().endswith(str(sum(range(20000)))), "with space again it ends, and nothing was lost")
        stop(processes[-1])
    finally:
        subprocess.run(["umount", "-l", small])
