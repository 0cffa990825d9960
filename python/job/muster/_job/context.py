"""The job that this process is part of: what its environment says, its spool and its sockets."""

import os
import time

from muster._job.rpc import Rpc
from muster._job.sockets import Poke
from muster._job.spool import MAX_LINE_BYTES, Spool
from muster._job.values import to_json
from muster.exceptions import ServiceException, UserErrorException

# Names that launchers give a process's rank, the agent's first.
_RANKS = ("MUSTER_RANK", "RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK")
# Seconds; how long a call that reads waits for what this process has logged before.
_CATCH_UP_SECONDS = 30.0
_contexts = {}


def current():
    """The context of this process, or None outside a job."""
    directory = os.environ.get("MUSTER_TRACKING_DIR")
    run_id = os.environ.get("AZUREML_RUN_ID")
    if not directory or not run_id:
        return None
    known = _contexts.get((directory, run_id))
    return known or _contexts.setdefault((directory, run_id), JobContext(directory, run_id))


class JobContext:
    """Of one attempt, on this node."""

    def __init__(self, directory: str, run_id: str) -> None:
        environment = os.environ
        self.directory = directory
        self.run_id = run_id
        self.experiment = (
            environment.get("AZUREML_EXPERIMENT_NAME")
            or environment.get("AZUREML_ARM_PROJECT_NAME")
            or run_id.rsplit("_", 2)[0]
        )
        self.workspace = (
            environment.get("MUSTER_WORKSPACE")
            or environment.get("AZUREML_ARM_WORKSPACE_NAME")
            or "default"
        )
        self._poke = Poke(directory)
        self.spool = Spool(directory, _rank(environment), self._poke)
        self.rpc = Rpc(directory)

    def call(self, method: str, patience: float = None, **request) -> dict:
        """A call to the server about this workspace, after what this process has logged so far."""
        self._catch_up()
        return self.rpc.call(method, dict(request, workspace=self.workspace), patience)

    def record_all(self, op: str, changes: list, birth=None) -> list:
        """Stores a line for each, as many in one write as fit; the lines. A field that is None is
        left out. `birth`: of the run whose method it is."""
        micros = int(time.time() * 1e6)
        lines = [_line(op, fields, micros) for fields in changes]
        start, size = 0, 0
        for i, line in enumerate(lines):
            if size + len(line) > MAX_LINE_BYTES:
                self._append(op, changes[start:i], lines[start:i], birth)
                start, size = i, 0
            size += len(line)
        self._append(op, changes[start:], lines[start:], birth)
        return lines

    def _append(self, op: str, changes: list, lines: list, birth) -> None:
        if lines:
            made = [fields["run"] for fields in changes] if op == "create" else ()
            self.spool.append(b"".join(lines), birth, made)

    def flush(self, seconds: float) -> None:
        """Waits until the server has all that this process has logged. Raises ServiceException."""
        deadline = time.monotonic() + seconds
        pause = 0.002
        while True:
            pending = self.spool.pending()
            if not pending:
                return
            self._poke.send()
            if time.monotonic() >= deadline:
                raise ServiceException(
                    "%d bytes that the run logged are not at the server after %g s; they are kept "
                    "on the node and sent when it answers"
                    % (sum(size for _, size in pending), seconds),
                    status_code="UNAVAILABLE",
                )
            time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
            pause = min(pause * 1.5, 0.1)

    def _catch_up(self) -> None:
        """So that a script reads what it wrote. Without a server the call that follows says so."""
        try:
            self.flush(_CATCH_UP_SECONDS)
        except ServiceException:
            pass


def _line(op: str, fields: dict, micros: int) -> bytes:
    line = {"op": op, "run": fields["run"], "t": micros}
    line.update((k, v) for k, v in fields.items() if v is not None)
    data = to_json(line).encode("utf-8", "replace") + b"\n"
    if len(data) > MAX_LINE_BYTES:
        raise UserErrorException(
            "the change is %d bytes; at most %d are allowed" % (len(data), MAX_LINE_BYTES)
        )
    return data


def _rank(environment) -> int:
    for name in _RANKS:
        value = environment.get(name, "")
        if value.isdigit() and len(value) < 10:
            return int(value)
    return 0
