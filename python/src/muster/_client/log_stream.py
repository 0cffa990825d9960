"""Follows a growing file of a job, across breaks and attempts."""

from __future__ import annotations

import time
from typing import Any, Iterator

import grpc

from muster._client.backoff import Backoff
from muster._client.connection import FOLLOW_PATIENCE, Connection
from muster._client.jobs import JobClient, is_terminal
from muster._client.run_files import RunFiles

_LOOK_SECONDS = 0.3


class LogStream:
    """The bytes of a file from its beginning, each once, until the job has ended.

    ``received``: bytes so far. The server waits for a file that is not there yet.
    """

    def __init__(self, connection: Connection, job_id: str, name: str) -> None:
        self._connection = connection
        self._jobs = JobClient(connection)
        self._files = RunFiles(connection, job_id)
        self._job_id = job_id
        self._name = name
        self._offset = 0
        # The attempt that the bytes so far came from; 0: none came.
        self._attempt = 0
        # What is asked for; 0: the newest one and those that follow it.
        self._asked_attempt = 0
        self.received = 0

    def chunks(self) -> Iterator[bytes]:
        """Raises ServiceException when the server is away for an hour, and what it refuses."""
        backoff = Backoff(FOLLOW_PATIENCE)
        while True:
            before = self.received
            try:
                yield from self._read_once(backoff)
                missing = False
            except grpc.RpcError as error:
                missing = error.code() == grpc.StatusCode.NOT_FOUND
                if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                    if self.received == before:
                        self._connection.reconnect()
                elif not missing:
                    self._connection.wait_after_break(error, backoff)
                if not missing:
                    self._choose_attempt()
                    continue
            if not self._is_more_to_come(missing):
                return

    def _read_once(self, backoff: Backoff) -> Iterator[bytes]:
        stream = self._files.open(self._name, self._offset, self._asked_attempt, follow=True)
        try:
            for chunk in stream:
                backoff.reset()
                data = self._take(chunk)
                if data:
                    yield data
        finally:
            stream.cancel()

    def _take(self, chunk: Any) -> bytes:
        if chunk.attempt not in (0, self._attempt):
            self._attempt = chunk.attempt
            self._offset = 0
        known = max(0, self._offset - chunk.offset)
        data: bytes = chunk.data[known:]
        self._offset = max(self._offset, chunk.offset + len(chunk.data))
        self.received += len(data)
        return data

    def _choose_attempt(self) -> None:
        """After a break the newest attempt may be another one than that we were reading: the rest
        of ours is read by its number first."""
        if self._attempt:
            newest = _newest_attempt(self._jobs.get(self._job_id, FOLLOW_PATIENCE))
            self._asked_attempt = 0 if newest <= self._attempt else self._attempt

    def _is_more_to_come(self, missing: bool) -> bool:
        """The server has ended the stream, or says that the file is not there."""
        job = self._jobs.get(self._job_id, FOLLOW_PATIENCE)
        if not missing and self._asked_attempt and _newest_attempt(job) > self._attempt:
            self._attempt += 1
            self._asked_attempt = self._attempt
            self._offset = 0
            return True
        if is_terminal(job):
            return False
        # The job's end is on its way.
        time.sleep(_LOOK_SECONDS)
        return True


def _newest_attempt(job: Any) -> int:
    return job.attempts[-1].number if job.attempts else 0
