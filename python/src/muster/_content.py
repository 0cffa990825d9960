"""Content on its way to the server: bytes that can be read more than once, with their digest."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from types import TracebackType
from typing import IO, Any, Iterator, Optional, Protocol, Type, TypeVar

from muster.exceptions import AzureMLException, UserErrorException

_READ_BYTES = 256 * 1024
# Up to here what is spooled stays in memory.
_MOST_IN_MEMORY = 8 << 20

_Spooled = TypeVar("_Spooled", bound="SpooledContent")


class Content(Protocol):
    """Bytes. Reading them raises AzureMLException when they are not any more what they were."""

    @property
    def digest(self) -> str:
        """SHA-256, 64 hex characters."""

    @property
    def size_bytes(self) -> int: ...

    def chunks(self, size: int) -> Iterator[bytes]:
        """From the beginning, in pieces of at most `size` bytes."""


class FileContent:
    """A regular file as it is now; it is read once for its digest, and no copy is made. Raises
    UserErrorException when it cannot be read, or is another when it is read again."""

    def __init__(self, path: Any) -> None:
        self._path = path
        hasher = hashlib.sha256()
        self.size_bytes = 0
        try:
            for data in _read(path, _READ_BYTES):
                hasher.update(data)
                self.size_bytes += len(data)
        except OSError as error:
            raise _unreadable(path, error) from error
        self.digest = hasher.hexdigest()

    def chunks(self, size: int) -> Iterator[bytes]:
        """From the beginning, in pieces of at most `size` bytes."""
        hasher = hashlib.sha256()
        left = self.size_bytes
        try:
            for data in _read(self._path, size):
                left -= len(data)
                if left < 0:
                    raise self._changed("it grew")
                hasher.update(data)
                yield data
        except OSError as error:
            raise self._changed(str(error.strerror)) from error
        if hasher.hexdigest() != self.digest:
            raise self._changed("it has other content")

    def _changed(self, why: str) -> UserErrorException:
        return UserErrorException(
            f"the file '{self._path}' changed while it was uploaded: {why}; try again when nothing "
            "writes to it"
        )


class SpooledContent:
    """What is written to it, in a temporary file (in ``$TMPDIR``, else ``/var/tmp``) that vanishes
    with ``close``. `what` it is, and the class of the error when there is no room for it."""

    def __init__(self, what: str, error: Type[AzureMLException]) -> None:
        self._what, self._error = what, error
        self._file = _temporary_file()
        self._hasher = hashlib.sha256()
        self.size_bytes = 0

    @property
    def digest(self) -> str:
        """SHA-256, 64 hex characters."""
        return self._hasher.hexdigest()

    def write(self, data: bytes) -> None:
        """Appends. Raises the error of the class when the temporary file cannot take it."""
        try:
            self._file.write(data)
        except OSError as error:
            raise self._error(
                f"the temporary file with {self._what} cannot be written: {error.strerror}; "
                "set TMPDIR to a directory with room for it"
            ) from error
        self._hasher.update(data)
        self.size_bytes += len(data)

    def chunks(self, size: int) -> Iterator[bytes]:
        """From the beginning, in pieces of at most `size` bytes."""
        self._file.seek(0)
        while True:
            chunk = self._file.read(size)
            if not chunk:
                return
            yield chunk

    def close(self) -> None:
        """Gives the temporary file up."""
        self._file.close()

    def __enter__(self: _Spooled) -> _Spooled:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()


def spooled_stream(stream: Any, what: str) -> SpooledContent:
    """What ``stream.read`` gives from where it stands, text as UTF-8; to be closed. Raises
    UserErrorException for something else, or when there is no room for it."""
    made = SpooledContent(what, UserErrorException)
    try:
        while True:
            data = stream.read(_READ_BYTES)
            if not data:
                return made
            if isinstance(data, str):
                data = data.encode()
            if not isinstance(data, (bytes, bytearray, memoryview)):
                raise UserErrorException(
                    f"{what} must give bytes or text, not {type(data).__name__}"
                )
            made.write(bytes(data))
    except BaseException:
        made.close()
        raise


def check_file(path: Any) -> None:
    """Raises UserErrorException for what is no regular file that can be read."""
    try:
        with _opened(path):
            pass
    except OSError as error:
        raise _unreadable(path, error) from error


def _read(path: Any, size: int) -> Iterator[bytes]:
    with _opened(path) as file:
        while True:
            data = file.read(size)
            if not data:
                return
            yield data


def _opened(path: Any) -> IO[bytes]:
    try:
        # A pipe that nobody writes to is not waited for.
        fd = os.open(os.fspath(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (TypeError, ValueError):
        raise UserErrorException(f"a file is a path or something with read(), not {path!r}") from (
            None
        )
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(0, "not a regular file")
    return os.fdopen(fd, "rb", 0)


def _unreadable(path: Any, error: OSError) -> UserErrorException:
    return UserErrorException(
        f"the file '{path}' cannot be read: {error.strerror}", inner_exception=error
    )


def _temporary_file() -> IO[bytes]:
    place = os.environ.get("TMPDIR") or ("/var/tmp" if os.path.isdir("/var/tmp") else None)
    return tempfile.SpooledTemporaryFile(max_size=_MOST_IN_MEMORY, dir=place)
