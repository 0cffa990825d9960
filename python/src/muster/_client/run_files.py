"""The files of a job: its logs and outputs, as far as they are at the server."""

from __future__ import annotations

from typing import Any, Iterator, List

import grpc

from muster._client.backoff import Backoff
from muster._client.connection import READ_PATIENCE, Connection


class RunFiles:
    """The server's RunFileService for the files of one job."""

    def __init__(self, connection: Connection, job_id: str) -> None:
        self._connection = connection
        self._job_id = job_id

    def list(self, attempt: int = 0) -> List[Any]:
        """The files of an attempt (0: the newest) in order of their names."""
        files: List[Any] = []
        token = ""
        while True:
            reply = self._connection.call(
                "RunFileService.ListRunFiles",
                workspace=self._connection.workspace,
                job_id=self._job_id,
                page_token=token,
                attempt=attempt,
            )
            files += reply.files
            # A newer attempt may have begun.
            token, attempt = reply.next_page_token, reply.attempt
            if not token:
                return files

    def read(self, name: str, offset: int = 0) -> Iterator[bytes]:
        """What there is now of a file of the newest attempt, from `offset` on, in bytes; resumes
        where a connection breaks. Raises UserErrorException when there is none of that name."""
        attempt = 0
        backoff = Backoff(READ_PATIENCE)
        while True:
            try:
                for chunk in self.open(name, offset, attempt, follow=False):
                    attempt = chunk.attempt
                    offset = chunk.offset + len(chunk.data)
                    backoff.reset()
                    yield chunk.data
                return
            except grpc.RpcError as error:
                self._connection.wait_after_break(error, backoff)

    def open(self, name: str, offset: int, attempt: int, follow: bool) -> Any:
        """One stream of chunks; raises grpc.RpcError as it goes."""
        return self._connection.open_stream(
            "RunFileService.ReadRunFile",
            workspace=self._connection.workspace,
            job_id=self._job_id,
            name=name,
            offset=offset,
            attempt=attempt,
            follow=follow,
        )
