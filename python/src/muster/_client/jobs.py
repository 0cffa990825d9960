"""Jobs of one workspace: submit, look, wait, cancel."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Optional, Sequence

import grpc

from muster._client.backoff import Backoff
from muster._client.connection import (
    FOLLOW_PATIENCE,
    READ_PATIENCE,
    SUBMIT_PATIENCE,
    Connection,
    new_request_id,
)
from muster._proto import api

TERMINAL_STATUSES = ("Completed", "Failed", "Canceled")


def status_name(status: int) -> str:
    """Azure ML's spelling: ``"CancelRequested"`` of JOB_STATUS_CANCEL_REQUESTED."""
    name = api().name_of("JobStatus", status)
    return "".join(part.capitalize() for part in name.replace("JOB_STATUS_", "").split("_"))


def status_number(name: str) -> Optional[int]:
    """The number of a status in any spelling of case; None for one that jobs never have."""
    wanted = name.replace("_", "").lower()
    for number in range(1, 32):
        if status_name(number).lower() == wanted:
            return number
    return None


def is_terminal(job: Any) -> bool:
    """Whether the job has ended."""
    return status_name(job.status) in TERMINAL_STATUSES


class JobClient:
    """The server's JobService for the connection's workspace."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def submit(self, spec: Any) -> str:
        """The id of the new job. A server that is away is tried for a minute, always with the same
        request id, so that nothing is submitted twice."""
        reply = self._connection.call(
            "JobService.SubmitJob",
            patience=SUBMIT_PATIENCE,
            workspace=self._connection.workspace,
            request_id=new_request_id(),
            spec=spec,
        )
        job_id: str = reply.job_id
        return job_id

    def get(self, job_id: str, patience: float = READ_PATIENCE) -> Any:
        """The job with its attempts. Raises UserErrorException when there is none."""
        return self._connection.call(
            "JobService.GetJob",
            patience=patience,
            workspace=self._connection.workspace,
            job_id=job_id,
        ).job

    def cancel(self, job_id: str) -> None:
        """Asks the job to stop; idempotent."""
        self._connection.call(
            "JobService.CancelJob",
            patience=SUBMIT_PATIENCE,
            workspace=self._connection.workspace,
            job_id=job_id,
            request_id=new_request_id(),
        )

    def list(
        self,
        experiment: str = "",
        statuses: Sequence[int] = (),
        pool: str = "",
        page_size: int = 100,
    ) -> Iterator[Any]:
        """Jobs, newest first, in pages that are asked for as they are needed."""
        for reply in self._connection.pages(
            "JobService.ListJobs",
            workspace=self._connection.workspace,
            experiment=experiment,
            statuses=statuses,
            pool=pool,
            page_size=page_size,
        ):
            yield from reply.jobs

    def events(self, job_id: str) -> Iterator[Any]:
        """Every change of the job's status in order, from its submission to its end; across
        restarts of the server. Raises as ``get`` does, and ServiceException when the server is away
        for an hour."""
        after = 0
        backoff = Backoff(FOLLOW_PATIENCE)
        while True:
            before = after
            try:
                stream = self._connection.open_stream(
                    "JobService.WatchJobs",
                    workspace=self._connection.workspace,
                    job_id=job_id,
                    after_sequence=after,
                )
                try:
                    for event in stream:
                        after = event.sequence
                        backoff.reset()
                        yield event
                        if is_terminal(event):
                            return
                finally:
                    stream.cancel()
                self._connection.wait_after_end(backoff)
            except grpc.RpcError as error:
                self._after_break(error, backoff, after == before)

    def _after_break(self, error: grpc.RpcError, backoff: Backoff, was_silent: bool) -> None:
        if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
            self._connection.wait_after_break(error, backoff)
        elif was_silent:
            # Perhaps nothing happened in all this time, perhaps the connection is dead.
            self._connection.reconnect()


def spec_of(
    fields: Mapping[str, Any],
    experiment: str,
    snapshot_digest: str,
    tags: Optional[Mapping[str, str]],
) -> Any:
    """The JobSpec of prepared fields."""
    kind = api().JobSpec
    return kind(
        experiment=experiment,
        snapshot_digest=snapshot_digest,
        tags={str(key): "" if value is None else str(value) for key, value in (tags or {}).items()},
        **fields,
    )
