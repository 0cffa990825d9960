"""A run that goes on by itself: each look at it finds the next of some scripted moments."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple, Union

from muster._proto import api
from muster.exceptions import UserErrorException


class Moment(NamedTuple):
    """``log``: all of rank 0's log so far. ``ranks``: (rank, node, exit code or -1)."""

    status: str
    log: bytes = b""
    metrics: Dict[str, Any] = {}
    ranks: Sequence[Tuple[int, str, int]] = ()
    attempt: int = 1
    reason: str = ""
    error: str = ""


class ScriptedRun:
    """Has what RunDetails uses of a Run. ``moments``: an error is raised in place of an answer;
    the last one stays. ``reads``: (offset, bytes) of all that was read of the log."""

    id = "mnist_1_2"
    log_name = "azureml-logs/70_driver_log.txt"

    def __init__(self, moments: Sequence[Union[Moment, Exception]], is_job: bool = True) -> None:
        self._rest = list(moments)
        self.now = Moment("NotStarted")
        self.reads: List[Tuple[int, int]] = []
        self.metric_reads = 0
        self.name = "mnist"
        self.is_job = is_job

    # The run.

    def get_details(self) -> Dict[str, Any]:
        moment = self._rest.pop(0) if len(self._rest) > 1 else self._rest[0]
        if isinstance(moment, Exception):
            raise moment
        self.now = moment
        details: Dict[str, Any] = {
            "runId": self.id,
            "status": moment.status,
            "target": "default",
            "startTimeUtc": "2026-01-01T00:00:00.000000Z",
            "endTimeUtc": "2026-01-01T01:02:03.500000Z",
        }
        if moment.error:
            details["error"] = {"error": {"message": moment.error, "details": [{"message": ""}]}}
        return details

    def get_detailed_status(self) -> Dict[str, Any]:
        return {"status": self.now.status, "details": self.now.reason or None}

    def get_metrics(self) -> Dict[str, Any]:
        self.metric_reads += 1
        return self.now.metrics

    def get_tags(self) -> Dict[str, Any]:
        return {"stage": "first", "bare": None}

    # Its experiment, workspace, server, jobs and files.

    @property
    def experiment(self) -> ScriptedRun:
        return self

    workspace = _server = jobs = experiment

    def files(self, run_id: str) -> ScriptedRun:
        assert run_id == self.id
        return self

    def get(self, job_id: str) -> Any:
        if not self.is_job:
            raise UserErrorException("no such job")
        job = api().Job(id=job_id)
        if self.now.status not in ("Queued", "NotStarted"):
            attempt = job.attempts.add(number=self.now.attempt, node_ids=["n1", "n2"])
            for number, node, code in self.now.ranks:
                rank = attempt.ranks.add(rank=number, node_id=node)
                if code >= 0:
                    rank.exit_code = code
        return job

    def list(self) -> List[Any]:
        size = len(self.now.log)
        return [api().RunFile(name=self.log_name, size_bytes=size)] if size else []

    def read(self, name: str, offset: int) -> Iterator[bytes]:
        assert name == self.log_name
        data = self.now.log[offset:]
        self.reads.append((offset, len(data)))
        for at in range(0, len(data), 100_000):
            yield data[at : at + 100_000]
