"""What of a source directory goes into a snapshot, checked before anything is packed or sent."""

from __future__ import annotations

import os
import stat
from typing import List, NamedTuple, Optional

from muster._snapshot import tar
from muster._snapshot.ignore import IgnoreRules, read_rules
from muster.exceptions import SnapshotException

_PERMISSIONS = 0o777
_MOST_FAULTS = 20


class SourceEntry(NamedTuple):
    """``path``: relative to the source directory. ``kind``: as in :mod:`muster._snapshot.tar`.
    ``mode``: permission bits alone. ``size``: of a file, bytes. ``link_target``: of a link."""

    path: bytes
    kind: bytes
    mode: int
    size: int = 0
    link_target: bytes = b""


def list_source_tree(directory: str, rules: Optional[IgnoreRules] = None) -> List[SourceEntry]:
    """All entries below `directory` in byte order of their paths, without directories named
    ``.git`` and without what the ignore file (or `rules`) excludes. Follows no links.

    Raises SnapshotException with a line for each entry that cannot be taken: sockets, FIFOs,
    devices, files that cannot be read, links that lead out of the directory.
    """
    return _Walk(os.path.realpath(directory), rules).run()


class _Walk:
    def __init__(self, root: str, rules: Optional[IgnoreRules]) -> None:
        self.root = os.fsencode(root)
        self.rules = rules if rules is not None else read_rules(root)
        self.pending: List[bytes] = [b""]
        self.entries: List[SourceEntry] = []
        self.faults: List[str] = []

    def run(self) -> List[SourceEntry]:
        while self.pending:
            self.list_directory(self.pending.pop())
        if self.faults:
            raise self.refusal()
        return sorted(self.entries)

    def list_directory(self, relative: bytes) -> None:
        try:
            with os.scandir(os.path.join(self.root, relative)) as found:
                for item in found:
                    self.visit(item, os.path.join(relative, item.name))
        except OSError as error:
            self.refuse(relative or b".", f"cannot be listed: {error.strerror}")

    def visit(self, item: "os.DirEntry[bytes]", relative: bytes) -> None:
        try:
            info = item.stat(follow_symlinks=False)
        except OSError as error:
            return self.refuse(relative, str(error.strerror))
        is_directory = stat.S_ISDIR(info.st_mode)
        if is_directory and item.name == b".git":
            return None
        if self.rules.excludes(os.fsdecode(relative), is_directory):
            return None
        mode = info.st_mode & _PERMISSIONS
        if is_directory:
            self.pending.append(relative)
            self.entries.append(SourceEntry(relative, tar.DIRECTORY, mode))
        elif stat.S_ISREG(info.st_mode):
            self.add_file(item, relative, mode, info.st_size)
        elif stat.S_ISLNK(info.st_mode):
            self.add_link(relative)
        else:
            self.refuse(relative, f"is {_kind_name(info.st_mode)}; remove it or ignore it")
        return None

    def add_file(self, item: "os.DirEntry[bytes]", relative: bytes, mode: int, size: int) -> None:
        if not os.access(item.path, os.R_OK):
            return self.refuse(relative, "cannot be read: Permission denied")
        return self.entries.append(SourceEntry(relative, tar.FILE, mode, size))

    def add_link(self, relative: bytes) -> None:
        try:
            target = os.readlink(os.path.join(self.root, relative))
        except OSError as error:
            return self.refuse(relative, f"cannot be read: {error.strerror}")
        fault = self.link_fault(relative, target)
        if fault:
            return self.refuse(relative, fault)
        return self.entries.append(SourceEntry(relative, tar.LINK, _PERMISSIONS, 0, target))

    def link_fault(self, relative: bytes, target: bytes) -> str:
        """Why a link cannot be part of a snapshot, or ''."""
        shown = os.fsdecode(target)
        if os.path.isabs(target):
            return (
                f"is a link to {shown}, an absolute path that the nodes do not have; make it "
                "relative or copy the file"
            )
        # By its words: what the node will see even if something on the way is missing here; and in
        # fact: a link through another link may lead elsewhere than its words say.
        words = os.path.normpath(os.path.join(os.path.dirname(relative), target))
        parent = os.path.dirname(os.path.join(self.root, relative))
        real = os.path.realpath(os.path.join(parent, target))
        if words.split(b"/")[0] == b".." or os.path.commonpath([self.root, real]) != self.root:
            return f"is a link to {shown}, outside of the source directory; copy the file instead"
        return ""

    def refuse(self, relative: bytes, why: str) -> None:
        self.faults.append(f"{os.fsdecode(relative)} {why}")

    def refusal(self) -> SnapshotException:
        lines = sorted(self.faults)[:_MOST_FAULTS]
        if len(self.faults) > len(lines):
            lines.append(f"and {len(self.faults) - len(lines)} more")
        head = f"the source directory {os.fsdecode(self.root)} cannot be packed:"
        return SnapshotException("\n  ".join([head, *lines]))


def _kind_name(mode: int) -> str:
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a FIFO" if stat.S_ISFIFO(mode) else "a device"
