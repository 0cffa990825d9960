"""Shows a run as it goes on: its statuses, its logs as they grow, and how it ended."""

from __future__ import annotations

import codecs
import json
import sys
from typing import TYPE_CHECKING, Any, Dict, Iterable, List

from muster._client.connection import FOLLOW_PATIENCE
from muster._client.jobs import is_terminal, status_name
from muster.core._run_details import driver_log, error_of, shown_logs, warnings_of

if TYPE_CHECKING:
    from muster._client.server import Server

# From here on the logs tell what happens.
_STARTED = ("Running", "Finalizing")
_WAITING = "Queued"


def wait_for_end(server: Server, run_id: str) -> Any:
    """The job once it has ended; waits across restarts of the server."""
    for _ in server.jobs.events(run_id):
        pass
    return server.jobs.get(run_id, FOLLOW_PATIENCE)


class RunOutput:
    """Prints to standard output. Each log once, each line once; of the ranks only rank 0."""

    def __init__(self, server: Server, run_id: str) -> None:
        self._server = server
        self._run_id = run_id
        # Name of a log -> bytes of it that were shown.
        self._shown: Dict[str, int] = {}

    def show(self) -> Any:
        """Until the run has ended; then the job."""
        _print(f"RunId: {self._run_id}\n")
        job = self._wait_for_start()
        log = driver_log(job)
        for name in self._logs(job):
            if name < log:
                self._show_log(name, self._server.files(self._run_id).read(name))
        stream = self._server.log_stream(self._run_id, log)
        self._show_log(log, stream.chunks())
        job = wait_for_end(self._server, self._run_id)
        for name in self._logs(job):
            if name != log:
                files = self._server.files(self._run_id)
                self._show_log(name, files.read(name, self._shown.get(name, 0)))
        self._show_summary(job)
        return job

    def _logs(self, job: Any) -> List[str]:
        files = self._server.files(self._run_id).list()
        return shown_logs(job, [file.name for file in files])

    def _wait_for_start(self) -> Any:
        shown = None
        for event in self._server.jobs.events(self._run_id):
            status = status_name(event.status)
            if status in _STARTED or is_terminal(event):
                break
            if status != shown:
                _print(f"{status}{self._why(status)}\n")
                shown = status
        return self._server.jobs.get(self._run_id, FOLLOW_PATIENCE)

    def _why(self, status: str) -> str:
        if status != _WAITING:
            return ""
        job = self._server.jobs.get(self._run_id, FOLLOW_PATIENCE)
        return f": {job.pending.message}" if job.pending.message else ""

    def _show_log(self, name: str, chunks: Iterable[bytes]) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        began = False
        for data in chunks:
            if not began:
                _print(_titled(f"Streaming {name}") + "\n")
                began = True
            self._shown[name] = self._shown.get(name, 0) + len(data)
            _print(decoder.decode(data))
        _print(decoder.decode(b"", True))

    def _show_summary(self, job: Any) -> None:
        title = "Execution Summary"
        _print(
            f"\n{title}\n{'=' * len(title)}\nRunId: {job.id}\nStatus: {status_name(job.status)}\n"
        )
        found = warnings_of(job)
        if found:
            _print("\nWarnings:\n" + "".join(f"{warning['message']}\n" for warning in found))
        error = error_of(job)
        if error is not None:
            _print(f"\nError:\n{json.dumps(error['error'], indent=2)}\n")
        _print("\n")


def _titled(title: str) -> str:
    return f"\n{title}\n{'=' * len(title)}\n"


def _print(text: str) -> None:
    # Not kept from before: notebooks and tests replace sys.stdout.
    stream = sys.stdout
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()
