"""Lines for the server, appended to files in the attempt's directory; the agent ships them.

A line is one write(2): once ``append`` has returned it survives the death of this process. Each
process has a file of its own. The agent removes a file that the server has all of and that nobody
has open. A large one is left for a new one when the server has caught up: lines stay in order.
Safe with threads, forks and signal handlers that log.
"""

import errno
import os
import sys
import time
from _thread import RLock

from muster._job.births import untold

# Bytes, from which on a file is left for a new one when it is acknowledged, and in any case.
ROTATE_BYTES = 64 << 20
FILE_BYTES = 1 << 30
# How many bytes later it is looked again.
_LOOK_BYTES = 64 << 10
# Bytes on this node, of all processes of the attempt, that the server has not acknowledged.
MAX_UNACKNOWLEDGED_BYTES = 1 << 30
# How many bytes a process writes before it looks again at what all have written.
MEASURE_BYTES = 4 << 20
MAX_LINE_BYTES = 1100000
# Of a disk that is full, or of too many open files: what may pass.
_PASSING = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.ENOMEM,
    errno.EMFILE,
    errno.ENFILE,
    errno.EAGAIN,
)
_WAIT_SECONDS = 0.1
# Runs whose `create` lines a file is known to have; of more they come again.
_MAX_TOLD = 100000


class Spool:
    """The spool of an attempt on this node, as this process sees it. `wake`: called after a line;
    `directory`: the attempt's tracking directory."""

    def __init__(self, directory: str, rank: int, wake) -> None:
        self.directory = directory
        self._rank = rank
        self._wake = wake
        self._writers = {}
        if hasattr(os, "register_at_fork"):  # 3.7; before it a reused process id is the one risk
            os.register_at_fork(after_in_child=self._writers.clear)

    def append(self, line: bytes, birth=None, made=()) -> None:
        """Stores whole lines, each with its newline. Waits, with one warning, while the spool is at
        its bound or the disk is full; never raises because of a disk, an agent or a server.
        `birth`: of the child that the lines are of. `made`: ids of runs that the lines create."""
        writer = self._writers.get(os.getpid())
        if writer is None:
            # Of several threads one makes it: setdefault is atomic.
            new = _Writer(self.directory, self._rank, self._wake)
            writer = self._writers.setdefault(os.getpid(), new)
        writer.write(line, birth, made)

    def pending(self) -> list:
        """(path, bytes) of this process's files that are not acknowledged to their ends."""
        writer = self._writers.get(os.getpid())
        return writer.pending() if writer is not None else []


class _Writer:
    """The files of one process."""

    def __init__(self, directory: str, rank: int, wake) -> None:
        self._directory = directory
        self._prefix = "%d-%d-" % (rank, os.getpid())
        self._wake = wake
        self._lock = RLock()
        self._fd = -1
        self._inode = 0
        self._size = 0
        self._told = set()
        self._look_at = ROTATE_BYTES
        self._unmeasured = MEASURE_BYTES
        self._paths = []  # those that may not be acknowledged; the last is open if _fd is
        self._warned = set()

    def write(self, line: bytes, birth, made) -> None:
        with self._lock:
            self._check_open()
            if self._unmeasured >= MEASURE_BYTES:
                self._wait_for_room()
            if self._size >= self._look_at:
                self._rotate()
            self._store(line, birth, made)
        self._wake()

    def pending(self) -> list:
        with self._lock:
            paths = list(self._paths)
        sizes = [(path, _missing(path)) for path in paths]
        return [(path, size) for path, size in sizes if size]

    def _store(self, line: bytes, birth, made) -> None:
        while True:
            try:
                if self._fd < 0:
                    self._open()
                before = untold(birth, self._told)
                self._write_whole(b"".join([each.line for each in before]) + line)
                self._tell([each.run_id for each in before] + list(made))
                return
            except OSError as error:
                if error.errno in _PASSING:
                    self._warn("has to wait: " + os.strerror(error.errno))
                    time.sleep(_WAIT_SECONDS)
                elif error.errno == errno.EEXIST:
                    continue  # another name
                elif error.errno == errno.EFBIG and self._size > 0:
                    self._close()  # a limit for the sizes of files
                else:
                    self._warn(
                        "has no place to be kept: %s: %s"
                        % (self._directory, os.strerror(error.errno or 0))
                    )
                    return

    def _tell(self, run_ids: list) -> None:
        if len(self._told) + len(run_ids) > _MAX_TOLD:
            self._told.clear()
        self._told.update(run_ids)

    def _open(self) -> None:
        # 13 digits of microseconds and 3 of chance: the order of the names is that of the lines.
        chance = int.from_bytes(os.urandom(2), "little") & 0xFFF
        name = "%s%013x%03x.jsonl" % (self._prefix, int(time.time() * 1e6), chance)
        path = os.path.join(self._directory, name)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        # In this order: a signal handler may log at any moment.
        self._size = 0
        self._look_at = ROTATE_BYTES
        self._paths.append(path)
        try:
            self._fd = os.open(path, flags, 0o600)
        except BaseException:
            self._paths.remove(path)
            raise
        self._told.clear()
        self._inode = os.fstat(self._fd).st_ino

    def _check_open(self) -> None:
        """A script may close all files, and open others that get their numbers."""
        try:
            if self._fd >= 0 and os.fstat(self._fd).st_ino != self._inode:
                self._fd = -1
        except OSError:
            self._fd = -1

    def _write_whole(self, line: bytes) -> None:
        written = os.write(self._fd, line)
        if written < len(line):
            self._write_rest(line, written)
        self._size += len(line)
        self._unmeasured += len(line)

    def _write_rest(self, line: bytes, written: int) -> None:
        """The disk became full in the middle of lines: all of them, or nothing."""
        size = os.fstat(self._fd).st_size - written
        try:
            while written < len(line):
                written += os.write(self._fd, line[written:])
        except BaseException:
            os.ftruncate(self._fd, size)
            raise

    def _rotate(self) -> None:
        if self._fd >= 0 and (self._size >= FILE_BYTES or not _missing(self._paths[-1])):
            self._close()
            self._paths = [path for path in self._paths if _missing(path)]
        else:
            self._look_at = self._size + _LOOK_BYTES

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        try:
            os.close(fd)
        except OSError:
            pass  # a script closed it, or a file system that says only now what it thinks

    def _wait_for_room(self) -> None:
        while unacknowledged(self._directory) > MAX_UNACKNOWLEDGED_BYTES:
            self._warn(
                "has to wait: %d MiB on this node have not reached the server, which is the bound"
                % (MAX_UNACKNOWLEDGED_BYTES >> 20)
            )
            self._wake()
            time.sleep(_WAIT_SECONDS)
        self._unmeasured = 0

    def _warn(self, what: str) -> None:
        """Once a cause and process."""
        if what in self._warned:
            return
        self._warned.add(what)
        try:
            sys.stderr.write("muster: what the run logs %s\n" % what)
        except (AttributeError, OSError, ValueError):
            pass  # no standard error, or a closed one


def unacknowledged(directory: str) -> int:
    """Bytes of all spool files that the server has not acknowledged."""
    try:
        with os.scandir(directory) as entries:
            return sum(_missing(e.path) for e in entries if e.name.endswith(".jsonl"))
    except OSError:
        return 0


def _missing(path: str) -> int:
    """Bytes of the file that are not acknowledged; 0 of one that the agent has removed."""
    try:
        return max(0, os.stat(path).st_size - acknowledged(path))
    except OSError:
        return 0


def acknowledged(path: str) -> int:
    """How many bytes of a spool file the server has on its disk."""
    try:
        with open(path + ".ack", "rb") as file:
            return int(file.read(32) or b"0")
    except (OSError, ValueError):
        return 0
