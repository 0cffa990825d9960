"""Headers of a pax archive, as bytes. Pure.

The archive is what the command line's ``muster job submit`` makes of the same files, byte for byte,
so that the server keeps one copy: ustar headers wherever they suffice, owner 0, time 0, names as
the bytes they are, and before each entry an extended header that says so. Where a name does not fit
the ustar header it is cut as libarchive cuts it; readers go by the extended header then.
"""

from __future__ import annotations

from typing import List

BLOCK_BYTES = 512
RECORD_BYTES = 20 * BLOCK_BYTES

FILE, LINK, DIRECTORY, _EXTENDED = b"0", b"2", b"5", b"x"

_NAME_BYTES = 100
_PREFIX_BYTES = 155
_MOST_IN_SIZE_FIELD = 8**11 - 1
_EXTENDED_FOLDER = b"PaxHeader"
_LONG_LINK = b"././@LongSymLink"
_BINARY_NAMES = b"21 hdrcharset=BINARY\n"


def entry_header(
    path: bytes, kind: bytes, mode: int, size: int = 0, link_target: bytes = b""
) -> bytes:
    """What stands before an entry's content. `path` is relative, without a slash at its end;
    `size` in bytes."""
    name = path + b"/" if kind == DIRECTORY else path
    records = [_BINARY_NAMES]
    fits = len(name) <= _NAME_BYTES or 0 <= _split(name) <= _PREFIX_BYTES
    if not fits or not name.isascii():
        records.append(_record(b"path", name))
        name = _cut(name, b"")
    if len(link_target) > _NAME_BYTES or not link_target.isascii():
        records.append(_record(b"linkpath", link_target))
        link_target = link_target if len(link_target) <= _NAME_BYTES else _LONG_LINK
    if size > _MOST_IN_SIZE_FIELD:
        records.append(_record(b"size", b"%d" % size))
    extended = b"".join(records)
    extended_name = _cut(path, _EXTENDED_FOLDER + b"/")
    return b"".join(
        (
            _ustar(extended_name, _EXTENDED, mode, len(extended), b""),
            extended,
            padding(len(extended)),
            _ustar(name, kind, mode, size, link_target),
        )
    )


def padding(size: int) -> bytes:
    """What fills the last block of `size` bytes of content."""
    return bytes(-size % BLOCK_BYTES)


def end_of_archive(written: int) -> bytes:
    """What stands after the last entry of `written` bytes: two empty blocks, then whole records."""
    end = 2 * BLOCK_BYTES
    return bytes(end + -(written + end) % RECORD_BYTES)


def _record(keyword: bytes, value: bytes) -> bytes:
    """``<length> <keyword>=<value>\\n``, whose length counts its own digits."""
    rest = len(keyword) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, keyword, value)


def _ustar(name: bytes, kind: bytes, mode: int, size: int, link_target: bytes) -> bytes:
    prefix = b""
    if len(name) > _NAME_BYTES:
        at = _split(name)
        prefix, name = name[:at], name[at + 1 :]
    fields: List[bytes] = [
        name.ljust(_NAME_BYTES, b"\0"),
        b"%06o \0" % mode,
        b"000000 \0" * 2,  # owner and group
        b"%011o " % size if size <= _MOST_IN_SIZE_FIELD else b"%012o" % size,
        b"00000000000 ",  # time
        b"        ",  # checksum
        kind,
        link_target.ljust(_NAME_BYTES, b"\0"),
        b"ustar\00000",
        bytes(64),  # names of owner and group
        b"000000 \0" * 2,  # device
        prefix.ljust(_PREFIX_BYTES, b"\0"),
        bytes(12),
    ]
    header = b"".join(fields)
    checksum = b"%06o\0 " % sum(header)
    return header[:148] + checksum + header[156:]


def _split(name: bytes) -> int:
    """Where a name longer than 100 bytes is split into prefix and rest: at the first slash that
    leaves at most 100 bytes; -1 when there is none."""
    at = name.find(b"/", len(name) - _NAME_BYTES - 1)
    if at == 0:
        at = name.find(b"/", 1)
    return -1 if at == len(name) - 1 else at


def _cut(path: bytes, folder: bytes) -> bytes:
    """A name for the ustar header that resembles `path`, with `folder` before its last part.

    Kept are, each within its limit: the leading directories, then directories that fit beside the
    last part, then the last part's beginning.
    """
    if len(path) < _NAME_BYTES and not folder:
        return path
    slash = b"/" if path.endswith(b"/") else b""
    path = path.rstrip(b"/")
    start = path.rfind(b"/") + 1
    room = _NAME_BYTES - 2 - len(slash) - (len(folder) + 1 if folder else 0)
    last = path[start : start + room]
    room -= len(last)
    first = _whole_parts(path, 0, min(_PREFIX_BYTES - 1, start), start)
    more = _whole_parts(path, len(first), min(len(first) + room, start), start)
    return first + more + folder + last + slash


def _whole_parts(path: bytes, start: int, end: int, last: int) -> bytes:
    """Of ``path[start:end]`` what ends with a slash; `last` is where the last part begins."""
    at = end
    while at > start and path[at : at + 1] != b"/":
        at -= 1
    if at < last and path[at : at + 1] == b"/":
        at += 1
    return path[start:at]
