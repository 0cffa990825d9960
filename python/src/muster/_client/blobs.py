"""Brings content to the server."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Optional, Sequence

from muster._client.connection import SUBMIT_PATIENCE, Connection
from muster._content import Content
from muster._proto import api
from muster.exceptions import AzureMLException

_CHUNK_BYTES = 256 * 1024


def upload_missing(
    connection: Connection, contents: Sequence[Content], check: Optional[Callable[[], None]] = None
) -> int:
    """Sends what of at most 10,000 contents the server lacks; the number that was sent. Starts over
    when the connection breaks, for a minute. `check` is called before each chunk; what it raises
    ends the upload, as does a content that is not any more what it was."""
    wanted = {content.digest: content for content in contents}
    reply = connection.call(
        "BlobService.FindMissingBlobs",
        patience=SUBMIT_PATIENCE,
        workspace=connection.workspace,
        digests=list(wanted),
    )
    missing = [wanted[digest] for digest in reply.missing_digests if digest in wanted]
    for content in missing:
        _Upload(connection.workspace, content, check).run(connection)
    return len(missing)


class _Upload:
    """What fails while gRPC reads the requests would be printed by it, and not be told: the stream
    ends early instead, which the server refuses."""

    def __init__(
        self, workspace: str, content: Content, check: Optional[Callable[[], None]]
    ) -> None:
        self._workspace, self._content, self._check = workspace, content, check
        self._failure: Optional[AzureMLException] = None

    def run(self, connection: Connection) -> None:
        try:
            connection.upload("BlobService.UploadBlob", self._requests, SUBMIT_PATIENCE)
        except AzureMLException as error:
            if self._failure is None:
                raise
            raise self._failure from error

    def _requests(self) -> Iterator[Any]:
        request = api().UploadBlobRequest
        content = self._content
        header = {"digest": content.digest, "size_bytes": content.size_bytes}
        yield request(header={"workspace": self._workspace, **header})
        try:
            for chunk in content.chunks(_CHUNK_BYTES):
                if self._check is not None:
                    self._check()
                yield request(chunk=chunk)
        except AzureMLException as error:
            self._failure = error
