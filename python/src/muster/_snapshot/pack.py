"""Packs a source directory into one object with a digest that depends on its content alone."""

from __future__ import annotations

import os
from typing import Optional

from muster._content import SpooledContent
from muster._snapshot import tar
from muster._snapshot.ignore import read_rules
from muster._snapshot.tree import SourceEntry, list_source_tree
from muster.exceptions import SnapshotException, UserErrorException

_READ_BYTES = 256 * 1024


class PackedDirectory(SpooledContent):
    """The packed source; ``file_count``: of regular files."""

    def __init__(self) -> None:
        super().__init__("the packed source", SnapshotException)
        self.file_count = 0


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
