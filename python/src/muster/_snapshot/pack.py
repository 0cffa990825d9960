"""Packs a source directory into one object with a digest that depends on its content alone."""

from __future__ import annotations

import hashlib
import os
import tempfile
from types import TracebackType
from typing import IO, Iterator, Optional, Type

from muster._snapshot import tar
from muster._snapshot.ignore import read_rules
from muster._snapshot.tree import SourceEntry, list_source_tree
from muster.exceptions import SnapshotException, UserErrorException

_READ_BYTES = 256 * 1024
# Up to here the packed source stays in memory.
_MOST_IN_MEMORY = 8 << 20


class PackedDirectory:
    """The packed source in a temporary file that vanishes with ``close``.

    ``digest``: SHA-256, 64 hex characters. ``size_bytes``: of the archive. ``file_count``.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] = _temporary_file()
        self._hasher = hashlib.sha256()
        self.size_bytes = 0
        self.file_count = 0

    @property
    def digest(self) -> str:
        return self._hasher.hexdigest()

    def write(self, data: bytes) -> None:
        """Appends. Raises SnapshotException when the temporary file cannot take it."""
        try:
            self._file.write(data)
        except OSError as error:
            raise SnapshotException(
                f"the temporary file with the packed source cannot be written: {error.strerror}; "
                "set TMPDIR to a directory with room for it"
            ) from error
        self._hasher.update(data)
        self.size_bytes += len(data)

    def chunks(self, size: int) -> Iterator[bytes]:
        """The archive from its beginning, in pieces of at most `size` bytes."""
        self._file.seek(0)
        while True:
            chunk = self._file.read(size)
            if not chunk:
                return
            yield chunk

    def close(self) -> None:
        """Gives the temporary file up."""
        self._file.close()

    def __enter__(self) -> PackedDirectory:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()


def pack_directory(directory: str, script: Optional[str] = None) -> PackedDirectory:
    """Packs what ``list_source_tree`` lists; close the result.

    Raises SnapshotException as that does, when a file changes or vanishes meanwhile, and when the
    temporary file (in ``$TMPDIR``, else ``/var/tmp``) cannot be written; UserErrorException when an
    ignore file excludes `script`, the entry script relative to the directory.
    """
    rules = read_rules(directory)
    entries = list_source_tree(directory, rules)
    if script is not None and os.fsencode(script) not in {entry.path for entry in entries}:
        raise UserErrorException(
            f"the entry script {script} would not reach the nodes: {rules.source} of the source "
            "directory excludes it"
        )
    packed = PackedDirectory()
    try:
        for entry in entries:
            _add(packed, directory, entry)
        packed.write(tar.end_of_archive(packed.size_bytes))
    except BaseException:
        packed.close()
        raise
    return packed


def _add(packed: PackedDirectory, directory: str, entry: SourceEntry) -> None:
    packed.write(
        tar.entry_header(entry.path, entry.kind, entry.mode, entry.size, entry.link_target)
    )
    if entry.kind != tar.FILE:
        return
    try:
        _add_content(packed, os.path.join(os.fsencode(directory), entry.path), entry)
    except OSError as error:
        gone = isinstance(error, FileNotFoundError)
        raise (
            _changed(entry)
            if gone
            else SnapshotException(
                f"the file {os.fsdecode(entry.path)} of the source directory cannot be read: "
                f"{error.strerror}"
            )
        ) from error
    packed.write(tar.padding(entry.size))
    packed.file_count += 1


def _add_content(packed: PackedDirectory, path: bytes, entry: SourceEntry) -> None:
    done = 0
    # What was a file may be a link by now.
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", 0) as file:
        while True:
            data = file.read(_READ_BYTES)
            done += len(data)
            if done > entry.size or (not data and done < entry.size):
                raise _changed(entry)
            if not data:
                return
            packed.write(data)


def _changed(entry: SourceEntry) -> SnapshotException:
    return SnapshotException(
        f"the file {os.fsdecode(entry.path)} of the source directory changed while it was packed; "
        "try again"
    )


def _temporary_file() -> IO[bytes]:
    place = os.environ.get("TMPDIR") or ("/var/tmp" if os.path.isdir("/var/tmp") else None)
    return tempfile.SpooledTemporaryFile(max_size=_MOST_IN_MEMORY, dir=place)
