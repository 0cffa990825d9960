"""A cursor over the text, and the scalars that do not depend on block structure."""

from __future__ import annotations

from bisect import bisect_right
from typing import List

from muster._yaml.nodes import MAX_BYTES, YamlError

_ESCAPES = {
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "t": "\t",
    "\t": "\t",
    "n": "\n",
    "v": "\v",
    "f": "\f",
    "r": "\r",
    "e": "\x1b",
    " ": " ",
    '"': '"',
    "/": "/",
    "\\": "\\",
    "N": "\x85",
    "_": "\xa0",
    "L": "\u2028",
    "P": "\u2029",
}
_HEX_LENGTH = {"x": 2, "u": 4, "U": 8}
_HEX = frozenset("0123456789abcdefABCDEF")
_UNSUPPORTED = {
    "&": "anchors (&) are not supported; write the value out",
    "*": "aliases (*) are not supported; write the value out",
    "!": "tags (!) are not supported; quote the value if it starts with '!'",
    "%": "a value cannot start with '%'; quote it",
    "@": "a value cannot start with '@'; quote it",
    "`": "a value cannot start with '`'; quote it",
    "|": "a block scalar (|) is not possible here",
    ">": "a block scalar (>) is not possible here",
}


class Scanner:
    """Text, position and the errors that name a line. ``text`` ends with a newline."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.text = _clean(text, file)
        self.end = len(self.text)
        self.pos = 0
        self._line_starts = [0]
        for line in self.text.split("\n")[:-1]:
            self._line_starts.append(self._line_starts[-1] + len(line) + 1)

    def line_of(self, pos: int) -> int:
        return bisect_right(self._line_starts, pos)

    def error(self, message: str, pos: int = -1) -> YamlError:
        return YamlError(self.file, self.line_of(self.pos if pos < 0 else pos), message)

    def peek(self, ahead: int = 0) -> str:
        """The character there; a newline past the end."""
        at = self.pos + ahead
        return self.text[at] if at < self.end else "\n"

    def column(self) -> int:
        return self.pos - (self.text.rfind("\n", 0, self.pos) + 1)

    def at_line_end(self) -> bool:
        return self.peek() == "\n"

    def skip_spaces(self) -> None:
        while self.peek() in " \t":
            self.pos += 1

    def skip_comment(self) -> None:
        """Skips spaces and a comment, which must have a space (or the line's start) before it."""
        self.skip_spaces()
        if self.peek() != "#":
            return
        if self.column() != 0 and self.text[self.pos - 1] not in " \t":
            raise self.error("a comment needs a space before '#'")
        self.pos = self.text.index("\n", self.pos)

    def next_token(self) -> bool:
        """Goes to the next character that is no space, comment or newline; False at the end."""
        while True:
            self.skip_comment()
            if self.pos >= self.end:
                return False
            if not self.at_line_end():
                return True
            self.pos += 1

    def refuse_indicator(self) -> None:
        """Raises for a character that starts something this reader does not know."""
        message = _UNSUPPORTED.get(self.peek())
        if message:
            raise self.error(message)

    def quoted(self) -> str:
        """A quoted scalar; the cursor is at its first quote."""
        return self._single() if self.peek() == "'" else self._double()

    def _single(self) -> str:
        start = self.pos
        self.pos += 1
        out: List[str] = []
        while True:
            char = self._quoted_char(start)
            if char == "'":
                if self.peek(1) != "'":
                    self.pos += 1
                    return "".join(out)
                out.append("'")
                self.pos += 2
            elif char == "\n":
                _fold_into(out, self._line_breaks(start))
            else:
                out.append(char)
                self.pos += 1

    def _double(self) -> str:
        start = self.pos
        self.pos += 1
        out: List[str] = []
        while True:
            char = self._quoted_char(start)
            if char == '"':
                self.pos += 1
                return _join_surrogates("".join(out))
            if char == "\n":
                _fold_into(out, self._line_breaks(start))
            elif char != "\\":
                out.append(char)
                self.pos += 1
            elif self.peek(1) == "\n":
                # Nothing is folded in place of an escaped line break.
                self.pos += 1
                out.append("\n" * (self._line_breaks(start) - 1))
                out.append("")
            else:
                out.append(self._escape())
                out.append("")

    def _quoted_char(self, start: int) -> str:
        if self.pos >= self.end:
            raise self.error("this quote is never closed", start)
        return self.peek()

    def _escape(self) -> str:
        char = self.peek(1)
        if char in _ESCAPES:
            self.pos += 2
            return _ESCAPES[char]
        length = _HEX_LENGTH.get(char)
        if length is None:
            raise self.error(f"'\\{char}' is no escape; write '\\\\' for a backslash")
        digits = self.text[self.pos + 2 : self.pos + 2 + length]
        if len(digits) < length or not _HEX.issuperset(digits) or int(digits, 16) > 0x10FFFF:
            raise self.error(f"'\\{char}' needs {length} hex digits of a character")
        self.pos += 2 + length
        return chr(int(digits, 16))

    def _line_breaks(self, start: int) -> int:
        """Skips line breaks and indentation inside a quoted scalar; how many breaks there were."""
        breaks = 0
        while self.peek() in " \t\n":
            if self.pos >= self.end:
                raise self.error("this quote is never closed", start)
            if self.peek() == "\n":
                breaks += 1
                if self.at_document_marker(self.pos + 1):
                    raise self.error("this quote is not closed before the document's end", start)
            self.pos += 1
        return breaks

    def at_document_marker(self, pos: int) -> bool:
        """Whether ``---`` or ``...`` stands at `pos`, the start of a line."""
        return self.text[pos : pos + 3] in ("---", "...") and (
            pos + 3 >= self.end or self.text[pos + 3] in " \t\n"
        )


def _clean(text: str, file: str) -> str:
    if len(text) > MAX_BYTES:
        raise YamlError(file, 1, "the file is larger than the limit of 2 MiB")
    text = text[1:] if text.startswith("\ufeff") else text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for number, line in enumerate(text.split("\n"), 1):
        if line.isprintable():
            continue
        for char in line:
            if (char < " " and char != "\t") or char == "\x7f":
                code = f"{ord(char):02x}"
                raise YamlError(file, number, f"the control character 0x{code} is not allowed")
    return text if text.endswith("\n") else text + "\n"


def _fold_into(out: List[str], breaks: int) -> None:
    """Appends `breaks` folded line breaks: one is a space, more are one newline less.

    Spaces before the break are dropped, except those that an escape made (marked by an empty item).
    """
    while out and out[-1] in (" ", "\t"):
        out.pop()
    out.append(" " if breaks == 1 else "\n" * (breaks - 1))
    out.append("")


def _join_surrogates(text: str) -> str:
    """JSON writes a character beyond 16 bits as two escapes."""
    if not any("\ud800" <= char <= "\udfff" for char in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
