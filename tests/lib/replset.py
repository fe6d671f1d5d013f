"""Makes a mongod that has just been started a replica set of one and waits until it takes writes.

usage: replset.py PORT PID SECONDS

It speaks the wire protocol itself (OP_MSG, a handful of BSON types), so that the servers can be
started on a machine that has no MongoDB driver. A set that was initiated before is left as it is.
"""

import os
import socket
import struct
import sys
import time

OP_MSG = 2013
ALREADY_INITIALIZED = 23


def element(name, value):
    name = name.encode() + b"\0"
    if isinstance(value, dict):
        return b"\x03" + name + document(value)
    if isinstance(value, list):
        return b"\x04" + name + document({str(i): item for i, item in enumerate(value)})
    if isinstance(value, str):
        text = value.encode() + b"\0"
        return b"\x02" + name + struct.pack("<i", len(text)) + text
    return b"\x10" + name + struct.pack("<i", value)


def document(fields):
    body = b"".join(element(name, value) for name, value in fields.items()) + b"\0"
    return struct.pack("<i", len(body) + 4) + body


def scalars(data):
    """The top-level booleans and numbers of a document; the rest is stepped over."""
    found, at = {}, 4
    sizes = {0x07: 12, 0x09: 8, 0x0A: 0, 0x11: 8}
    while data[at]:
        kind, at = data[at], at + 1
        end = data.index(0, at)
        name, at = data[at:end].decode(), end + 1
        if kind == 0x01:
            found[name], at = struct.unpack_from("<d", data, at)[0], at + 8
        elif kind == 0x08:
            found[name], at = bool(data[at]), at + 1
        elif kind == 0x10:
            found[name], at = struct.unpack_from("<i", data, at)[0], at + 4
        elif kind == 0x12:
            found[name], at = struct.unpack_from("<q", data, at)[0], at + 8
        elif kind == 0x02:
            at += 4 + struct.unpack_from("<i", data, at)[0]
        elif kind in (0x03, 0x04):
            at += struct.unpack_from("<i", data, at)[0]
        elif kind == 0x05:
            at += 5 + struct.unpack_from("<i", data, at)[0]
        else:
            at += sizes[kind]
    return found


def receive(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise OSError("connection closed")
        data += part
    return data


def command(connection, fields):
    body = struct.pack("<I", 0) + b"\0" + document({**fields, "$db": "admin"})
    connection.sendall(struct.pack("<iiii", 16 + len(body), 1, 0, OP_MSG) + body)
    size = struct.unpack("<i", receive(connection, 4))[0]
    return scalars(receive(connection, size - 4)[12 + 5:])


def ready(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        members = [{"_id": 0, "host": f"127.0.0.1:{port}"}]
        answer = command(connection, {"replSetInitiate": {"_id": "rs0", "members": members}})
        if not answer.get("ok") and answer.get("code") != ALREADY_INITIALIZED:
            return False
        return command(connection, {"hello": 1}).get("isWritablePrimary", False)


def main():
    port, pid, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
                if stat.read().rpartition(") ")[2].startswith("Z"):
                    return 1
        except OSError:
            return 1
        try:
            if ready(port):
                return 0
        except OSError:
            pass
        time.sleep(0.05)
    return 1


sys.exit(main())
