"""Files and folders that cannot be read or written: stores, text, and what happens to it meanwhile. Partly as a user without
rights, so root is needed for all of it."""

import json
import os
import shutil
import signal
import subprocess
import sys

from kit import *

url = need("JETPIPE_TEST_NATS")
# Copies, because a user without rights may not reach the build folder.
jetpipe, program = [shutil.copy(path, folder) for path in (need("JETPIPE_PROGRAM"), program)]
env = environment("", url)
nobody = 65534
here = os.path.join(folder, "files")
os.mkdir(here)
for path in (folder, here):
    os.chmod(path, 0o755)


def make(path, content=b"", mode=0o644):
    path = os.path.join(here.encode(), path if isinstance(path, bytes) else path.encode())
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "wb").write(content)
    os.chmod(path, mode)
    return path.decode(errors="surrogateescape")


def count(place, user=None, output=None):
    """Counts the words below a folder: files, words, skipped files, and why."""
    arguments = {"folders": [place]}
    if output:
        arguments["output"] = output
    done = subprocess.run([*as_user(user), jetpipe, "run", "WordCount", json.dumps(arguments)], env=env, capture_output=True)
    check(done.returncode == 0, "WordCount of %s: %s" % (place, done.stderr.decode(errors="replace")[-300:]))
    answer = json.loads(done.stdout)
    return answer["files"], answer["words"], answer["skipped_files"], {s["file"]: s["why"] for s in answer["skipped"]}


def aborted(parts, *args, user=None):
    """Runs a pipe that must end as aborted; its last line is the sentence."""
    done = subprocess.run([*as_user(user), jetpipe, "run", *args], env=env, capture_output=True)
    said = done.stderr.decode(errors="replace").splitlines()
    check(done.returncode == 1 and not done.stdout, "%s is aborted: %s" % (args[0], said[-1]))
    for part in parts:
        check(part in said[-1], "its sentence names %s" % part)


# ---- text ----

os.mkdir(here + "/empty")
check(count(here + "/empty") == (0, 0, 0, {}), "an empty folder has no words")
make("odd/text", b"one two two")
make("odd/zero")
binary = make("odd/binary", b"ab\0cd")
make("odd/new\nline and \xc3\xa4", b"three three three")
make(b"odd/\xff\xfe", b"four four four four")
make("odd/long", b"x" * 3000000 + b" five " * 5)
os.mkfifo(here + "/odd/pipe")
os.symlink("nowhere", here + "/odd/dangling")
os.symlink("/", here + "/odd/root")
check(count(here + "/odd")[2:] == (2, {binary: "it is a binary file",
                                       here + "/odd/long": "it holds a word of more than 1048576 letters"}),
      "what is binary or one giant word is skipped and named")
os.unlink(here + "/odd/long")
check(count(here + "/odd")[:3] == (4, 10, 1), "names of any bytes are counted, links and pipes are not followed")
aborted(["/no/such/folder", "No such file", "name a folder"], "WordCount", '["/no/such/folder"]')
aborted(["/no/such/file"], "ReadFile", '"/no/such/file"')
aborted([here], "ReadFile", json.dumps(here))
aborted(["/no/such/folder/counts", "No such file", "name a file in a folder that the worker may write to"], "WordCount",
        json.dumps({"folders": [here + "/odd"], "output": "/no/such/folder/counts"}))

# ---- files that vanish between listing and reading: one large file keeps the only process at work meanwhile ----

make("fleeting/00", b"word " * 20000000)
for i in range(1, 20):
    make("fleeting/%02d" % i, b"word " * 100)
late = environment("sqlite:%s/fleeting.db" % folder, url)
process = subprocess.Popen([jetpipe, "serve", "--processes", "1"], env=late, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
processes.append(process)
process.stdout.readline()
start = [jetpipe, "start", "WordCount", json.dumps({"folders": [here + "/fleeting"], "shard_bytes": 1}), "--key", "fleeting"]
subprocess.run(start, env=late, check=True, stdout=subprocess.DEVNULL)
until("the files are listed", lambda: "CountWords" in request(url, "tree", "fleeting", raw=True))
gone = [here + "/fleeting/%02d" % i for i in range(1, 20, 2)]
for path in gone:
    os.unlink(path)
done = subprocess.run([*start, "--wait"], env=late, capture_output=True)
answer = json.loads(done.stdout.decode().splitlines()[-1])
check(answer["files"] == 10 and answer["words"] == 20000000 + 900, "the others are counted: %s" % done.stdout.decode())
check({s["file"]: s["why"] for s in answer["skipped"]} == {path: "No such file or directory" for path in gone},
      "those that vanished are named, with the reason")
stop(process)

# ---- without rights ----

if os.getuid() != 0:
    print("skip: only root can become a user without rights")
    sys.exit(0)
secret = make("mine/secret", b"geheim", 0)
make("mine/open", b"open words")
check(count(here + "/mine", nobody) == (1, 2, 1, {secret: "Permission denied"}), "a file without read permission is named")
aborted([secret, "Permission denied"], "ReadFile", json.dumps(secret), user=nobody)
make("closed/file", b"x")
os.chmod(here + "/closed", 0o700)
for place in (here + "/closed", here):
    aborted([here + "/closed", "Permission denied", "that the worker may read"], "WordCount", json.dumps([place]), user=nobody)
aborted([here + "/counts", "Permission denied", "name a file"], "WordCount",
        json.dumps({"folders": [here + "/odd"], "output": here + "/counts"}), user=nobody)

run(env, "run", "AddTwo", "1", "--store", "sqlite:%s/mine.db" % here)
for verb in (["run", "AddTwo", "1"], ["serve"]):
    refused(9, [here + "/mine.db", "let this user write the file and its folder"], *verb, "--store",
            "sqlite:%s/mine.db" % here, env=env, user=nobody, program=program)
    refused(9, [here + "/new.db", "let this user write the file and its folder"], *verb, "--store",
            "sqlite:%s/new.db" % here, env=env, user=nobody, program=program)
    refused(9, [here + "/closed/x.db", "Permission denied"], *verb, "--store", "sqlite:%s/closed/x.db" % here, env=env,
            user=nobody, program=program)
