"""The agent's side of the contract, for tests: a real directory, real sockets, a thread.

Takes whole lines from the spool, acknowledges them, answers calls. Refuses lines of runs that it
was not told of before, as the server does. Standard library, Python 3.6.
"""

import fcntl
import json
import os
import select
import shutil
import socket
import sys
import tempfile
import threading
import time
import unittest

from muster._job import context

RUN_ID = "mnist_1700000000_0123abcd"


class FakeAgent:
    """`consumes`: whether the server takes lines (and acknowledges), file by file; `newest_first`:
    in which order. `answers`: method -> function of the request that gives a reply, or an Error.
    `lines`: those that were taken. `refused`: those that were not."""

    def __init__(self, depth: int = 0) -> None:
        self.top = tempfile.mkdtemp(prefix="muster")
        self.directory = os.path.join(self.top, *["d" * 60] * depth, "tracking")
        os.makedirs(os.path.join(self.directory, "files"))
        self.consumes = True
        self.newest_first = False
        self.answers = {}
        self.calls = []
        self.lines = []
        self.refused = []
        self._created = {RUN_ID: None}
        self.pokes = 0
        self._offsets = {}
        self._fd = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        self._poke = self._bound("poke", socket.SOCK_DGRAM)
        self._rpc = self._bound("rpc", socket.SOCK_STREAM)
        self._rpc.listen(8)
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=t) for t in (self._consume_loop, self._rpc_loop)]
        for thread in self._threads:
            thread.start()

    def _bound(self, name: str, kind: int):
        made = socket.socket(socket.AF_UNIX, kind)
        made.bind("/proc/self/fd/%d/%s" % (self._fd, name))
        return made

    def environment(self, **more: str) -> dict:
        """Of a rank."""
        return dict(
            os.environ,
            MUSTER_TRACKING_DIR=self.directory,
            AZUREML_RUN_ID=RUN_ID,
            AZUREML_EXPERIMENT_NAME="mnist",
            MUSTER_WORKSPACE="lab",
            RANK="3",
            **more,
        )

    def stop(self) -> None:
        """What is left in the spool is taken when `consume` is called."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def close(self) -> None:
        self.stop()
        self._poke.close()
        self._rpc.close()
        os.close(self._fd)
        shutil.rmtree(self.top)

    def spool_files(self) -> list:
        return sorted(n for n in os.listdir(self.directory) if n.endswith(".jsonl"))

    def text(self) -> bytes:
        """All that lies in the spool."""
        return b"".join(self.read(name) for name in self.spool_files())

    def read(self, name: str) -> bytes:
        with open(os.path.join(self.directory, name), "rb") as file:
            return file.read()

    # The spool.

    def _consume_loop(self) -> None:
        while not self._stop.is_set():
            ready, _, _ = select.select([self._poke], [], [], 0.02)
            if ready:
                self._poke.recv(16)
                self.pokes += 1
            if self.consumes:
                self.consume()

    def consume(self) -> None:
        names = self.spool_files()
        for name in sorted(names, key=_made_at, reverse=self.newest_first):
            self._consume_file(os.path.join(self.directory, name), name)

    def _consume_file(self, path: str, name: str) -> None:
        offset = self._offsets.get(name, 0)
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        if whole:
            for line in whole.splitlines():
                self._take(json.loads(line.decode("utf-8")))
            self._offsets[name] = offset + len(whole)
            with open(path + ".ack.new", "w") as file:
                file.write("%d\n" % self._offsets[name])
            os.rename(path + ".ack.new", path + ".ack")
        if os.stat(path).st_size == self._offsets.get(name) and self._is_left(path):
            os.unlink(path)
            os.unlink(path + ".ack")

    def _take(self, line: dict) -> None:
        run, is_new = line["run"], line["op"] == "create"
        if is_new and line["parent"] in self._created:
            # The same again is no change.
            is_known = self._created.setdefault(run, line) == line
        else:
            is_known = not is_new and run in self._created
        (self.lines if is_known else self.refused).append(line)

    def _is_left(self, path: str) -> bool:
        """Whether nobody has the file open for writing: only then there is a read lease."""
        with open(path, "rb") as file:
            try:
                fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            except OSError:
                return False
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            return True

    # Calls.

    def _rpc_loop(self) -> None:
        while not self._stop.is_set():
            ready, _, _ = select.select([self._rpc], [], [], 0.02)
            if ready:
                connection, _ = self._rpc.accept()
                with connection:
                    self._serve(connection)

    def _serve(self, connection) -> None:
        connection.settimeout(10)
        with connection.makefile("rwb") as stream:
            for line in stream:
                call = json.loads(line.decode("utf-8"))
                self.calls.append((call["method"], call["request"]))
                answer = self._answer(call["method"], call["request"])
                if answer is None:
                    return  # the agent went away
                stream.write(
                    answer if isinstance(answer, bytes) else json.dumps(answer).encode() + b"\n"
                )
                stream.flush()

    def _answer(self, method: str, request: dict):
        reply = self.answers[method](request)
        if isinstance(reply, Error):
            return {"error": {"code": reply.code, "message": reply.message}}
        return reply if reply is None or isinstance(reply, bytes) else {"reply": reply}


def _made_at(spool_file: str) -> str:
    """The last part of the name begins with the time."""
    return spool_file.rpartition("-")[2]


class Error:
    """What the server says instead of a reply."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message


class JobCase(unittest.TestCase):
    """In a job, with an agent."""

    depth = 0

    def setUp(self) -> None:
        self.agent = FakeAgent(self.depth)
        self.addCleanup(self.agent.close)
        before = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(before)))
        os.environ.update(self.agent.environment())
        context._contexts.clear()
        self.addCleanup(context._contexts.clear)
        self.addCleanup(self._refused_nothing)
        from muster.core.run import Run

        self.run_ = Run.get_context()

    def _refused_nothing(self) -> None:
        self.agent.stop()
        self.agent.consume()
        self.assertEqual(self.agent.refused, [])

    def lines(self) -> list:
        """What the spool has, without times."""
        found = []
        for text in self.agent.text().splitlines():
            line = json.loads(text.decode("utf-8"))
            self.assertLess(abs(line.pop("t") / 1e6 - time.time()), 100)
            found.append(line)
        return found

    def eventually(self, holds, what: str, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.005)


def raised(kind, call, *arguments) -> str:
    """The sentence of the error that the call has to raise."""
    try:
        call(*arguments)
    except kind as error:
        if type(error) is kind:
            return str(error)
        raise AssertionError("%r instead of %s" % (error, kind.__name__)) from error
    raise AssertionError("no %s" % kind.__name__)


def script_command(*lines: str) -> list:
    """A script of the job, in a process of its own."""
    return [
        sys.executable,
        "-c",
        "\n".join(("from azureml.core.run import Run", "run = Run.get_context()") + lines),
    ]
