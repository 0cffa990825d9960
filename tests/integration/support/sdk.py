"""Users' scripts: Python programs that use the SDK, as processes of their own."""

from __future__ import annotations

import os
import pathlib
import queue
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import build_api

from support.cluster import Cluster

PYTHON = pathlib.Path(__file__).resolve().parents[3] / "python"
# `muster`, and `azureml` for it.
SOURCES = os.pathsep.join(str(PYTHON / folder) for folder in ("src", "azureml/src"))
build_api.build_if_old()

# Ends when its datastore has a file "go".
WAITING_SCRIPT = """
import os, sys, time
print('the script has begun', flush=True)
while not os.path.exists(sys.argv[2] + '/go'):
    time.sleep(0.02)
print('the script ends')
"""

# Submits projects/p with the default datastore, and shows its output.
SUBMITTING_SCRIPT = """
from muster.core import Experiment, Workspace
from muster.train.estimator import Estimator
ws = Workspace.from_config()
est = Estimator('projects/p', compute_target='default', entry_script='train.py',
                script_params={'--data_dir': ws.get_default_datastore()})
run = Experiment(ws, 'e').submit(est)
print('submitted', run.id, flush=True)
print('returned', run.wait_for_completion(show_output=True)['status'])
"""


def data_directory(cluster: Cluster) -> pathlib.Path:
    """A directory that jobs can read, with numbers.txt."""
    data = cluster.directory / "data"
    data.mkdir()
    data.chmod(0o755)
    (data / "numbers.txt").write_text("1 2 3")
    return data


class UserScript:
    """A running script. Its output is read as it comes; `close` ends it."""

    def __init__(self, cluster: Cluster, text: str) -> None:
        environment = {**os.environ, "PYTHONPATH": SOURCES, "MUSTER_CONFIG": str(cluster.config)}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", text], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, env=environment, cwd=cluster.directory)
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def _next(self, seconds: float) -> str | None:
        try:
            line = self._queue.get(timeout=max(0.0, seconds))
        except queue.Empty:
            raise AssertionError("the script says nothing:\n" + "\n".join(self.lines)) from None
        if line is not None:
            self.lines.append(line)
        return line

    def wait_line(self, text: str, seconds: float = 30.0) -> str:
        """The next line that has the text."""
        deadline = time.monotonic() + seconds
        while True:
            line = self._next(deadline - time.monotonic())
            assert line is not None, f"the script ended without {text!r}:\n" + "\n".join(self.lines)
            if text in line:
                return line

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def wait_end(self, seconds: float = 30.0) -> tuple[int, str]:
        """(exit code, all that it said)."""
        deadline = time.monotonic() + seconds
        while self._next(deadline - time.monotonic()) is not None:
            pass
        return self.process.wait(max(0.1, deadline - time.monotonic())), "\n".join(self.lines)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()

    def __enter__(self) -> UserScript:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
