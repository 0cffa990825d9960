"""Brings a packed source directory to the server."""

from __future__ import annotations

from typing import Any, Iterator

from muster._client.connection import SUBMIT_PATIENCE, Connection
from muster._proto import api
from muster._snapshot.pack import PackedDirectory

_CHUNK_BYTES = 256 * 1024


def upload_if_missing(connection: Connection, packed: PackedDirectory) -> bool:
    """Sends the content unless the server has it already; whether it was sent. Starts over when the
    connection breaks, for a minute."""
    reply = connection.call(
        "BlobService.FindMissingBlobs",
        patience=SUBMIT_PATIENCE,
        workspace=connection.workspace,
        digests=[packed.digest],
    )
    if not reply.missing_digests:
        return False
    connection.upload(
        "BlobService.UploadBlob",
        lambda: _requests(connection.workspace, packed),
        SUBMIT_PATIENCE,
    )
    return True


def _requests(workspace: str, packed: PackedDirectory) -> Iterator[Any]:
    request = api().UploadBlobRequest
    header = {"workspace": workspace, "digest": packed.digest, "size_bytes": packed.size_bytes}
    yield request(header=header)
    for chunk in packed.chunks(_CHUNK_BYTES):
        yield request(chunk=chunk)
