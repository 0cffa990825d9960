"""The run record of one workspace: runs, their tags and properties, and their metrics."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Optional, Sequence

from muster._client.connection import (
    READ_PATIENCE,
    SUBMIT_PATIENCE,
    Connection,
    new_request_id,
)
from muster._proto import api

# Runs that one request may make.
MAX_NEW_RUNS = 1000

# Why the server refuses: what was to be changed has ended.
RUN_ENDED = "JOB_ENDED"


class RunClient:
    """The server's TrackingService for the connection's workspace."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, run_id: str, patience: float = READ_PATIENCE) -> Any:
        """The run of a job, or a tracked one. Raises UserErrorException when there is none."""
        return self._connection.call(
            "TrackingService.GetRun",
            patience=patience,
            workspace=self._connection.workspace,
            run_id=run_id,
        ).run

    def list(self, **fields: Any) -> Iterator[Any]:
        """Runs, newest first, in pages that are asked for as they are needed; `fields`: filters of
        ListRunsRequest."""
        for reply in self._connection.pages(
            "TrackingService.ListRuns", workspace=self._connection.workspace, **fields
        ):
            yield from reply.runs

    def experiments(self) -> Iterator[Any]:
        """What runs are grouped by (the server's Experiment), by name."""
        for reply in self._connection.pages(
            "TrackingService.ListExperiments", workspace=self._connection.workspace
        ):
            yield from reply.experiments

    def create(self, runs: Sequence[Any]) -> None:
        """Makes the NewRuns, a thousand a request; those of one request all or none. A server that
        is away is tried for a minute."""
        for start in range(0, len(runs), MAX_NEW_RUNS):
            self._connection.call(
                "TrackingService.CreateRuns",
                patience=SUBMIT_PATIENCE,
                workspace=self._connection.workspace,
                request_id=new_request_id(),
                runs=runs[start : start + MAX_NEW_RUNS],
            )

    def update(self, run_id: str, **changes: Any) -> int:
        """Changes the run, whole or not at all; `changes`: fields of UpdateRunRequest. The number
        of its status afterwards (0 of a job). A server that is away is tried for a minute."""
        status: int = self._connection.call(
            "TrackingService.UpdateRun",
            patience=SUBMIT_PATIENCE,
            workspace=self._connection.workspace,
            request_id=new_request_id(),
            run_id=run_id,
            **changes,
        ).status
        return status

    def metrics(self, run_id: str, name: str = "") -> Iterator[Any]:
        """The values (MetricValue) of the run's metrics, or of one, in the server's order."""
        for reply in self._connection.pages(
            "TrackingService.ReadMetrics",
            workspace=self._connection.workspace,
            run_id=run_id,
            name=name,
        ):
            yield from reply.values


def tag_list(tags: Mapping[str, Optional[str]]) -> "list[Any]":
    """Tag messages; None: a tag without a value, or any value where it is a filter."""
    kind = api().Tag
    return [
        kind(key=key) if value is None else kind(key=key, value=value)
        for key, value in tags.items()
    ]
