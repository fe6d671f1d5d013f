"""A MongoDB that refuses us, that is not there, comes late, is killed in the middle and comes back: one sentence each, and
nothing is lost."""

import os
import subprocess
import time

import pymongo

from kit import *

url = need("JETPIPE_TEST_NATS")
need("JETPIPE_MONGOD")


def mongod(place):
    """Starts the mongod of this folder, a replica set of one, on its own port again when it had one."""
    return servers("mongo_start %s URI && echo $URI" % os.path.join(folder, place)).replace("/?", "/%s?" % prefix)


# ---- URIs and hosts ----

quick = "serverSelectionTimeoutMS=300"
for verb in (["run", "AddTwo", "1"], ["serve"]):
    refused(2, ["not a valid MongoDB URI", "mongodb://HOST"], *verb, "--store", "mongodb://", env=environment("", url))
refused(7, ["127.0.0.1:1", "check that it runs"], "run", "AddTwo", "1", "--store", "mongodb://u:geheim@127.0.0.1:1/x?" + quick,
        env=environment("", url))

# ---- wrong credentials ----

place = os.path.join(folder, "auth")
os.makedirs(place + "/data")
port = servers("servers_port")
auth = subprocess.Popen([need("JETPIPE_MONGOD"), "--auth", "--bind_ip", "127.0.0.1", "--port", port, "--dbpath",
                         place + "/data", "--unixSocketPrefix", place, "--wiredTigerCacheSizeGB", "0.25"],
                        stdout=subprocess.DEVNULL)
processes.append(auth)
admin = pymongo.MongoClient("mongodb://127.0.0.1:%s" % port)
until("mongod answers", lambda: admin.admin.command("ping")["ok"])
admin.admin.command("createUser", "root", pwd="root", roles=["root"])
admin = pymongo.MongoClient("mongodb://root:root@127.0.0.1:%s" % port)
admin[prefix].command("createUser", "joe", pwd="geheim", roles=[{"role": "readWrite", "db": prefix}])
admin[prefix].command("createUser", "reader", pwd="geheim", roles=[{"role": "read", "db": prefix}])
for user, part in (("", "did not allow us"), ("joe:falsch@", "refused our login"), ("nobody:geheim@", "refused our login"),
                   ("reader:geheim@", "readWrite")):
    for verb in (["run", "AddTwo", "1"], ["serve"]):
        store = "mongodb://%s127.0.0.1:%s/%s" % (user, port, prefix)
        refused(9, ["127.0.0.1:%s" % port, part, "check user, password and authSource"], *verb, "--store", store,
                env=environment("", url))
good = environment("mongodb://joe:geheim@127.0.0.1:%s/%s" % (port, prefix), url)
out, _ = run(good, "run", "AddTwo", "40", "--store", good["JETPIPE_STORE"])
check(out.strip() == "42", "with the right password it works")
stop(auth)

# ---- it comes late ----

os.makedirs(os.path.join(folder, "late"))
port = servers("servers_port")
open(os.path.join(folder, "late", "port"), "w").write(port)
env = environment("mongodb://127.0.0.1:%s/%s?replicaSet=rs0&%s" % (port, prefix, quick), url)
process = serve(env, wait=False)
until("serve says once for what it waits",
      lambda: "waiting: MongoDB at 127.0.0.1:%s cannot be reached" % port in log_of(process))
time.sleep(1.5)
check(log_of(process).count("waiting:") == 1 and process.poll() is None, "once, and goes on waiting")
mongod("late")
check("ready" in process.stdout.readline().decode(), "and begins when it comes")

# ---- it is killed in the middle, stays away for a while, and comes back ----

run(env, "start", "Fan", "[2000,1]", "--key", "middle")
until("some of it is done", lambda: '"done":' in request(url, "status", "middle", raw=True))
servers("server_stop %s/late KILL" % folder)
_, said = subprocess.Popen([program, "status", "middle", "--timeout", "20s"], env=env, stderr=subprocess.PIPE,
                           stdout=subprocess.PIPE).communicate(timeout=60)
said = said.decode()
check("MongoDB at 127.0.0.1:%s" % port in said and said.count("\n") == 1, "meanwhile it is told in one sentence: %s" % said.strip())
refused(8, ["AddTwo may have been started", "the same key"], "start", "AddTwo", "1", "--key", "meanwhile",
        "--timeout", "2s", env=env)
mongod("late")
out, _ = run(env, "start", "Fan", "[2000,1]", "--key", "middle", "--wait", timeout=100)
check(out.strip().endswith(str(sum(range(2000)))), "back again, all of it is done: %s" % out.strip())
out, _ = run(env, "start", "AddTwo", "1", "--key", "meanwhile", "--wait", timeout=100)
check(out.strip().endswith("3"), "and what was started meanwhile as well")
check("internal" not in log_of(process) and "bug" not in log_of(process), "the log has no internal errors")
stop(process)
servers("server_stop %s/late" % folder)
