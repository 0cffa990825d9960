"""Looks at a run: what its object and the server tell, as a View."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any, Dict, List, Optional, Tuple

from muster.exceptions import UserErrorException
from muster.widgets._log_tail import LogTail
from muster.widgets._view import Node, Rank, View

_LOGS = ("azureml-logs/70_driver_log.txt", "azureml-logs/70_driver_log_0.txt")
# Bytes of a log that one look reads.
_MOST_BYTES = 256 << 10
# Metrics are read for at most this share of the time: of a long run they are many.
_METRICS_SHARE = 0.1


class Observer:
    """``look`` asks anew until the run has ended. Raises what the run's methods raise."""

    def __init__(self, run: Any) -> None:
        self._run = run
        self._view: Optional[View] = None
        self._tail = LogTail()
        # Of the log that is read: the attempt and the name.
        self._log: Tuple[int, str] = (0, "")
        self._metrics: Dict[str, Any] = {}
        self._next_metrics = 0.0
        # Interactive runs have no nodes and no log.
        self._is_job = True

    def look(self) -> View:
        """How it is now."""
        if self._view is None or not self._view.is_final:
            # The status first: of a run that has ended all else is then complete.
            details = self._run.get_details()
            self._view = self._look(details, View("", "", details["status"]).is_final)
        return self._view

    def _look(self, details: Dict[str, Any], is_final: bool) -> View:
        job = self._job()
        self._read_log(job, is_final)
        self._read_metrics(is_final)
        return View(
            run_id=details["runId"],
            experiment=self._run.experiment.name,
            status=details["status"],
            name=details.get("displayName") or "",
            reason=self._reason(details["status"]),
            target=details.get("target") or "",
            elapsed=elapsed_of(details),
            nodes=nodes_of(job),
            tags=self._run.get_tags(),
            log_name=self._log[1],
            log=list(self._tail.lines),
            log_rest=self._tail.rest,
            log_count=self._tail.count,
            metrics=self._metrics,
            error=error_text(details),
        )

    def _reason(self, status: str) -> str:
        if status != "Queued":
            return ""
        return self._run.get_detailed_status()["details"] or ""

    @property
    def _server(self) -> Any:
        return self._run.experiment.workspace._server

    def _job(self) -> Any:
        if not self._is_job:
            return None
        try:
            return self._server.jobs.get(self._run.id)
        except UserErrorException:
            self._is_job = False
            return None

    def _read_log(self, job: Any, is_final: bool) -> None:
        if job is None or not job.attempts:
            return
        files = self._server.files(self._run.id)
        sizes = {file.name: file.size_bytes for file in files.list()}
        name = next((name for name in _LOGS if name in sizes), "")
        if (job.attempts[-1].number, name) != self._log:
            self._log = (job.attempts[-1].number, name)
            self._tail = LogTail()
        if not name:
            return
        self._tail.skip_to(sizes[name] - _MOST_BYTES)
        begin = self._tail.offset
        for data in files.read(name, begin):
            self._tail.feed(data)
            if not is_final and self._tail.offset - begin >= _MOST_BYTES:
                return

    def _read_metrics(self, is_final: bool) -> None:
        begin = time.monotonic()
        if is_final or begin >= self._next_metrics:
            self._metrics = self._run.get_metrics()
            end = time.monotonic()
            self._next_metrics = end + (end - begin) / _METRICS_SHARE


def elapsed_of(details: Dict[str, Any]) -> Optional[float]:
    """Seconds from the start to the end, or to now; None of a run that has not started."""
    begin = _moment(details.get("startTimeUtc"))
    end = _moment(details.get("endTimeUtc")) or datetime.now(timezone.utc)
    return None if begin is None else max(0.0, (end - begin).total_seconds())


def _moment(text: Optional[str]) -> Optional[datetime]:
    if not text:
        return None
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)


def nodes_of(job: Any) -> List[Node]:
    """Of the newest attempt, in the order of their ranks; [] before there is one."""
    if job is None or not job.attempts:
        return []
    ranks: Dict[str, List[Rank]] = {name: [] for name in job.attempts[-1].node_ids}
    for rank in job.attempts[-1].ranks:
        ranks.setdefault(rank.node_id, []).append(Rank(rank.rank, _end_of(rank)))
    return [Node(name, found) for name, found in ranks.items()]


def _end_of(rank: Any) -> str:
    if rank.HasField("exit_code"):
        return f"exit code {rank.exit_code}"
    return f"signal {rank.signal}" if rank.HasField("signal") else ""


def error_text(details: Dict[str, Any]) -> str:
    """The cause and the last lines of the log of a run that failed."""
    error = (details.get("error") or {}).get("error") or {}
    lines = [error.get("message") or ""]
    lines += [detail.get("message") or "" for detail in error.get("details") or ()]
    return "\n".join(line for line in lines if line)
