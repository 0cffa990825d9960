"""A script's side of the spool, as docs/agent-protocol.md has it: jobs of the tests bring it along as spool.py."""

import json
import os
import socket
import time
import uuid

DIRECTORY = os.environ["MUSTER_TRACKING_DIR"]
RUN = os.environ["AZUREML_RUN_ID"]
RANK = os.environ["MUSTER_RANK"]


def connected(name, kind):
    """A socket of the directory, whose path may be longer than a socket's address."""
    directory = os.open(DIRECTORY, os.O_RDONLY | os.O_DIRECTORY)
    try:
        end = socket.socket(socket.AF_UNIX, kind)
        end.connect("/proc/self/fd/%d/%s" % (directory, name))
        return end
    finally:
        os.close(directory)


def poke():
    try:
        connected("poke", socket.SOCK_DGRAM).send(b"")
    except OSError:
        pass  # the agent is away, and will look


class Spool:
    def __init__(self):
        self.name = "%s-%d-%s.jsonl" % (RANK, os.getpid(), uuid.uuid4().hex[:16])
        self.path = os.path.join(DIRECTORY, self.name)
        self.file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)

    def raw(self, data):
        os.write(self.file, data)
        poke()

    def line(self, op, **fields):
        fields.setdefault("run", RUN)
        fields.setdefault("t", time.time_ns() // 1000)
        self.raw((json.dumps({"op": op, **fields}) + "\n").encode())

    def log(self, name, value, kind="scalar", **fields):
        self.line("log", name=name, value=value, kind=kind, **fields)

    def acknowledged(self):
        try:
            with open(self.path + ".ack") as file:
                return int(file.read())
        except FileNotFoundError:
            return 0

    def flush(self, seconds=30):
        end = time.monotonic() + seconds
        while os.path.exists(self.path) and self.acknowledged() < os.path.getsize(self.path):
            if time.monotonic() > end:
                raise TimeoutError("%s: %d" % (self.name, self.acknowledged()))
            poke()
            time.sleep(0.01)


class Calls:
    """The calls that have an answer, on one connection."""

    def __init__(self):
        self.stream = connected("rpc", socket.SOCK_STREAM).makefile("rwb")

    def __call__(self, method, **request):
        self.stream.write((json.dumps({"method": method, "request": request}) + "\n").encode())
        self.stream.flush()
        return json.loads(self.stream.readline())
