"""Shows a run as it goes on: its statuses, its logs as they grow, and how it ended."""

from __future__ import annotations

import codecs
import json
import sys
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Optional, Sequence

from muster._client.connection import FOLLOW_PATIENCE
from muster._client.jobs import is_terminal, status_name
from muster.core._run_details import (
    driver_log,
    error_of,
    shown_logs,
    status_of,
    tracked_error_of,
    warnings_of,
)

if TYPE_CHECKING:
    from muster._client.server import Server

# From here on the logs tell what happens.
_STARTED = ("Running", "Finalizing")
_WAITING = "Queued"
# Between two looks at a run that is no job, seconds.
_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0


def wait_for_end(server: Server, run_id: str) -> Any:
    """The job once it has ended; waits across restarts of the server."""
    for _ in server.jobs.events(run_id):
        pass
    return server.jobs.get(run_id, FOLLOW_PATIENCE)


def wait_for_tracked_end(
    server: Server, run_id: str, shown: Callable[[str], None] = lambda status: None
) -> Any:
    """The record, once it has ended, of a run that is no job; `shown`: told each new status. Nobody
    tells of its end, so it is asked for, every 0.1 s at first and every 2 s later."""
    pause = _SHORTEST_PAUSE
    last = ""
    while True:
        record = server.runs.get(run_id, FOLLOW_PATIENCE)
        status = status_of(record)
        if status != last:
            shown(status)
            last = status
        if is_terminal(record):
            return record
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


class TrackedRunOutput:
    """What is shown of a run that is no job: its program runs elsewhere."""

    @staticmethod
    def show(server: Server, run_id: str) -> Any:
        """Prints the statuses and a summary; the record once the run has ended."""
        _print(f"RunId: {run_id}\n")
        record = wait_for_tracked_end(server, run_id, lambda status: _print(f"{status}\n"))
        _print_summary(run_id, status_of(record), [], tracked_error_of(record))
        return record


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
                self._show_log(name, self._read(name))
        stream = self._server.log_stream(self._run_id, log)
        self._show_log(log, stream.chunks())
        job = wait_for_end(self._server, self._run_id)
        for name in self._logs(job):
            if name != log:
                self._show_log(name, self._read(name))
        _print_summary(job.id, status_of(job), warnings_of(job), error_of(job))
        return job

    def _logs(self, job: Any) -> List[str]:
        files = self._server.files(self._run_id).list(patience=FOLLOW_PATIENCE)
        return shown_logs(job, [file.name for file in files])

    def _read(self, name: str) -> Iterable[bytes]:
        """What was not shown yet of a log."""
        files = self._server.files(self._run_id)
        return files.read(name, self._shown.get(name, 0), FOLLOW_PATIENCE)

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


def _print_summary(
    run_id: str, status: str, warnings: Sequence[Dict[str, str]], error: Optional[Dict[str, Any]]
) -> None:
    _print(f"{_titled('Execution Summary')}RunId: {run_id}\nStatus: {status}\n")
    if warnings:
        _print("\nWarnings:\n" + "".join(f"{warning['message']}\n" for warning in warnings))
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
