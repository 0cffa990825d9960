"""The last lines of a growing log, from its bytes. Pure."""

from __future__ import annotations

import codecs
from collections import deque
from typing import Deque

# Lines that are kept, and bytes of one of them.
MOST_LINES = 200
_MOST_LINE_BYTES = 16 << 10


class LogTail:
    """``offset``: where the next bytes belong. ``lines``: the last whole ones. ``count``: how many
    of them there were. ``rest``: what follows them."""

    def __init__(self) -> None:
        self.offset = 0
        self.count = 0
        self.lines: Deque[str] = deque(maxlen=MOST_LINES)
        self._start_line()

    def feed(self, data: bytes) -> None:
        """Takes the bytes at `offset`."""
        self.offset += len(data)
        *whole, rest = self._decoder.decode(data).split("\n")
        for text in whole:
            self.lines.append(self._joined(text))
            self.count += 1
            self.rest = ""
        self.rest = self._joined(rest)

    def skip_to(self, offset: int) -> None:
        """Passes over what is before `offset`, and marks it."""
        if offset <= self.offset:
            return
        self.lines.append(f"... {offset - self.offset} bytes are not shown ...")
        self.count += 1
        self.offset = offset
        self._start_line()

    def _start_line(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.rest = ""

    def _joined(self, text: str) -> str:
        # The end, since a line without an end is a progress bar that overwrites itself.
        return (self.rest + text)[-_MOST_LINE_BYTES:]
