"""What the YAML reader produces."""

from __future__ import annotations

import re
from typing import List, Tuple, Union

Scalar = Union[None, bool, int, float, str]

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 64

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("true", "True", "TRUE"))
_FALSE = frozenset(("false", "False", "FALSE"))
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_BASED = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?\Z")
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
# Longest digit string turned into an int: int() of a long one costs its square.
_MAX_DIGITS = 100


class YamlError(ValueError):
    """A document that cannot be read. ``str()`` names file, line (from 1) and what would work."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}, line {line}: {message}")
        self.file = file
        self.line = line
        self.message = message


class Node:
    """A node of a document: its kind, content and the line (from 1) where it starts.

    ``text`` is a scalar's text (folded, unescaped), ``plain`` says that it stood without quotes and
    may be a number.
    """

    __slots__ = ("items", "kind", "line", "pairs", "plain", "text")

    def __init__(self, kind: str, line: int, text: str = "", plain: bool = False) -> None:
        self.kind = kind
        self.line = line
        self.text = text
        self.plain = plain
        self.items: List[Node] = []
        self.pairs: List[Tuple[Node, Node]] = []

    @property
    def is_null(self) -> bool:
        return self.kind == "scalar" and self.plain and self.text in _NULL

    @property
    def value(self) -> Scalar:
        """The scalar's value; the text itself where it was quoted."""
        return resolve(self.text) if self.plain else self.text


def resolve(text: str) -> Scalar:
    """The value of a plain scalar by YAML 1.2's core schema.

    Integers with a leading zero stay strings: 1.1 reads them as octal, 1.2 as decimal, and neither
    guess is safe. So do ``0o17``, which only 1.2 knows, and a number of more than 100 digits.
    """
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if len(text) <= _MAX_DIGITS:
        if _INT.match(text):
            return int(text)
        if _BASED.match(text):
            return int(text, 0)
        if _FLOAT.match(text):
            return float(text)
    if _SPECIAL.match(text):
        return float(text.replace(".", ""))
    return text


def to_plain(node: Node) -> object:
    """The node as dict, list, str, int, float, bool and None. Keys are their text."""
    if node.kind == "map":
        return {key.text: to_plain(value) for key, value in node.pairs}
    if node.kind == "seq":
        return [to_plain(item) for item in node.items]
    return node.value
