"""The shape, seen from outside: with the nats command line and a MongoDB driver of another language, not with our code.

AddTwo and a fan-in of 100 run; the streams, the subjects and the documents are what docs/events.md and docs/records.md say.
"""

import json
import subprocess
import time

import pymongo

from kit import *

url = need("JETPIPE_TEST_NATS")
need("JETPIPE_TEST_NATS_CLI")
mongo = need("JETPIPE_TEST_MONGO")
env = environment(mongo.replace("/?", "/%s?" % prefix), url)
database = pymongo.MongoClient(mongo)[prefix]

serve(env)

# ---- a person with nothing but the nats command line ----

events = subprocess.Popen([need("JETPIPE_TEST_NATS_CLI"), "--server", url, "sub", "--raw", "%s.event.>" % prefix],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
processes.append(events)
time.sleep(0.5)
nats(url, "pub", "-H", "Jetpipe-Key:order-17", "%s.start.AddTwo" % prefix, "[40]")
until("the root is done", lambda: request(url, "status", "order-17").get("status") == "done")
answer = request(url, "result", "order-17")
check(answer["result"] == 42 and answer["pipe"] == "AddTwo", "nats req tells the result: %s" % answer)
root = answer["root"]
check(len(root) == 24, "a root id has 24 digits")
tree = request(url, "tree", json.dumps({"root": root}))
check([c["pipe"] for c in tree["children"]] == ["AddOne", "AddOne"], "the tree has two children in yield order")
time.sleep(0.3)
events.terminate()
lines = [json.loads(line) for line in events.stdout.read().decode().splitlines() if line.startswith("{")]
mine = [(e["pipe"], e["status"]) for e in lines if e["root"] == root]
check(mine.count(("AddOne", "done")) == 2 and ("AddTwo", "done") in mine and ("AddTwo", "started") in mine,
      "nats sub shows each change of status: %s" % mine)
check(all(e["type"].startswith("io.jetpipe.") and e["timestamp"].endswith("Z") for e in lines), "events are flat JSON")

error = request(url, "status", "no-such-root")["error"]
check(error["code"] == "not-found" and "no-such-root" in error["message"], "an unknown root is told: %s" % error)
again = request(url, "start", json.dumps({"pipe": "AddTwo", "args": [40], "key": "order-17"}))
check(again == {"root": root, "existed": True}, "the same key is the same root")

# ---- the documents ----

found = database.root.find_one({"key": "order-17"})
check(found["pipe"] == "AddTwo" and found["status"] == "done" and found["_id"].hex() == root, "the root document")
pipelines = list(database.pipeline.find({"_id": {"$gte": bytes.fromhex(root) + b"\0" * 12,
                                                  "$lte": bytes.fromhex(root) + b"\xff" * 12}}).sort("_id"))
check([p["pipe"] for p in pipelines] == ["AddTwo", "AddOne", "AddOne"], "three pipeline documents, by key")
check(pipelines[1]["args"] == [40] and pipelines[2]["refs"] == [{"arg": 0, "child": 0, "slot": "default"}],
      "arguments are values and references to slots")
check(pipelines[1]["waiters"] == [{"slot": "default", "child": 1}], "the filler knows who waits for it")
entries = list(database.entry.find({"_id": {"$gte": bytes.fromhex(root) + b"\0" * 16,
                                             "$lte": bytes.fromhex(root) + b"\xff" * 16}}).sort("_id"))
check([e["entry"] for e in entries] == ["planned", "returned", "returned"], "one entry for each")
check(entries[1]["outputs"][0]["value"] == 41, "the first output")
check(entries[0]["outputs"][0] == {"slot": "default", "child": 1, "of": "default"}, "the output was handed to a child")
check(database.fill.count_documents({"by": pipelines[2]["_id"]}) == 1, "the handed slot names its filler")

# ---- a fan-in of 100: the counter is seen counting ----

nats(url, "pub", "-H", "Jetpipe-Key:fan", "%s.start.Fan" % prefix, "[100,50]")
until("the counter of the join stands", lambda: database.barrier.find_one({"left": {"$gt": 0, "$lt": 100}}))
join = database.pipeline.find_one({"pipe": "Sum"})
counter = database.barrier.find_one({"of": join["_id"]})
check(0 < counter["left"] < 100, "the join's counter is at %d of 100" % counter["left"])
bits = sum(bin(w).count("1") for w in counter["w"].values())
check(bits + counter["left"] == 100, "a bit for each that is counted: %d + %d" % (bits, counter["left"]))
until("the fan-in is done", lambda: request(url, "status", "fan").get("status") == "done")
check(request(url, "result", "fan")["result"] == 4950, "0 + ... + 99 = 4950")
check(database.barrier.find_one({"of": join["_id"]})["left"] == 0, "the counter is zero")
check(database.entry.count_documents({"entry": "returned", "_id": {
    "$gte": join["_id"] + b"\0" * 4, "$lte": join["_id"] + b"\xff" * 4}}) == 1, "the join ran once")

# ---- the streams, and the backlog of a queue that nobody works on ----

names = nats(url, "stream", "ls", "--names").split()
for name in ("START", "SLOT", "RUN", "EVENT", "DEAD"):
    check("%s_%s" % (prefix.upper(), name) in names, "stream %s is there" % name)
run_info = json.loads(nats(url, "stream", "info", "%s_RUN" % prefix.upper(), "--json"))
check(run_info["config"]["retention"] == "workqueue" and run_info["state"]["messages"] == 0, "no run event is left")
stop(processes[0])
serve(env, "api,barrier")
for i in range(5):
    nats(url, "pub", "%s.start.AddOne" % prefix, "[%d]" % i)


def waiting():
    info = json.loads(nats(url, "consumer", "info", "%s_RUN" % prefix.upper(), "default", "--json"))
    return info["num_pending"] + info["num_ack_pending"]


until("the backlog shows", lambda: waiting() == 5)
check(json.loads(nats(url, "stream", "info", "%s_RUN" % prefix.upper(), "--json"))["state"]["messages"] == 5,
      "five run events wait for a worker")
serve(env, "worker")
until("a worker takes them", lambda: waiting() == 0)
database.client.drop_database(prefix)
