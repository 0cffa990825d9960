"""The files of a run: logs and outputs of a job, as far as they are at the server, and what was
added."""

from __future__ import annotations

from typing import Any, Callable, Iterator, List, Optional, Sequence, Tuple

import grpc

from muster._client.backoff import Backoff
from muster._client.blobs import upload_missing
from muster._client.connection import READ_PATIENCE, SUBMIT_PATIENCE, Connection
from muster._client.errors import reason_of
from muster._content import Content
from muster._proto import api
from muster.exceptions import UserErrorException

# Files that one request may add.
MAX_ADDED = 1000
# The server brings each name to the disk before it answers.
_ADD_SECONDS = 120.0
# Why the server refuses to read.
_NO_FILE = "UNKNOWN_RUN_FILE"
# What it says of a run that is no job, instead.
_NO_JOB = "UNKNOWN_JOB"


class RunFiles:
    """The server's RunFileService for the files of one run."""

    def __init__(self, connection: Connection, run_id: str) -> None:
        self._connection = connection
        self._run_id = run_id

    def list(self, attempt: int = 0, patience: float = READ_PATIENCE) -> List[Any]:
        """The files of an attempt (0: the newest), and those added, in order of their names."""
        files: List[Any] = []
        token = ""
        while True:
            reply = self._connection.call(
                "RunFileService.ListRunFiles",
                patience=patience,
                workspace=self._connection.workspace,
                job_id=self._run_id,
                page_token=token,
                attempt=attempt,
            )
            files += reply.files
            # A newer attempt may have begun.
            token, attempt = reply.next_page_token, reply.attempt
            if not token:
                return files

    def read(self, name: str, offset: int = 0, patience: float = READ_PATIENCE) -> Iterator[bytes]:
        """What there is now of a file of the newest attempt, from `offset` on, in bytes; resumes
        where a connection breaks. Raises UserErrorException when there is none of that name."""
        attempt = 0
        backoff = Backoff(patience)
        while True:
            try:
                for chunk in self.open(name, offset, attempt, follow=False):
                    attempt = chunk.attempt
                    offset = chunk.offset + len(chunk.data)
                    backoff.reset()
                    yield chunk.data
                return
            except grpc.RpcError as error:
                if reason_of(error) == _NO_JOB:
                    raise UserErrorException(
                        f"the run {self._run_id} has no file '{name}'",
                        inner_exception=error,
                        reference_code=_NO_FILE,
                    ) from None
                self._connection.wait_after_break(error, backoff)

    def add(
        self, files: Sequence[Tuple[str, Content]], check: Optional[Callable[[], None]] = None
    ) -> None:
        """Adds at most ``MAX_ADDED`` files (name, content): sends what the server lacks of them,
        `check` as in ``upload_missing``. One that is there with this content does no harm. Raises
        UserErrorException where the run has another of that name: those before it are added."""
        upload_missing(self._connection, [content for _, content in files], check)
        self._connection.call(
            "RunFileService.AddRunFiles",
            patience=SUBMIT_PATIENCE,
            seconds=_ADD_SECONDS,
            workspace=self._connection.workspace,
            run_id=self._run_id,
            files=[{"name": name, "digest": content.digest} for name, content in files],
        )

    def open(self, name: str, offset: int, attempt: int, follow: bool) -> Any:
        """One stream of chunks; raises grpc.RpcError as it goes."""
        return self._connection.open_stream(
            "RunFileService.ReadRunFile",
            workspace=self._connection.workspace,
            job_id=self._run_id,
            name=name,
            offset=offset,
            attempt=attempt,
            follow=follow,
        )


class ChildFiles(RunFiles):
    """Files of a child of a job: what a script uploads to its children lies with the job, below
    ``children/<id of the child>/``."""

    def __init__(self, connection: Connection, run_id: str, job_id: str) -> None:
        super().__init__(connection, run_id)
        self._of_job = RunFiles(connection, job_id)
        self._folder = f"children/{run_id}/"

    def list(self, attempt: int = 0, patience: float = READ_PATIENCE) -> List[Any]:
        """The child's own files, and those that lie with the job, in order of their names."""
        files = {file.name: file for file in super().list(attempt, patience)}
        for file in self._of_job.list(patience=patience):
            if file.name.startswith(self._folder):
                name = file.name[len(self._folder) :]
                files.setdefault(name, api().RunFile(name=name, size_bytes=file.size_bytes))
        return [files[name] for name in sorted(files)]

    def read(self, name: str, offset: int = 0, patience: float = READ_PATIENCE) -> Iterator[bytes]:
        """As RunFiles; the child's own file goes before one that lies with the job."""
        try:
            yield from super().read(name, offset, patience)
        except UserErrorException as error:
            if error.reference_code != _NO_FILE:
                raise
            yield from self._of_job.read(self._folder + name, offset, patience)
