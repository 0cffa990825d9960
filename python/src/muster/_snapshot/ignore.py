"""Which files of a source directory stay at home: ``.amlignore``, or else ``.gitignore``.

The syntax is git's. Only the file at the top of the source directory counts, and where there are
both only ``.amlignore``.
"""

from __future__ import annotations

import os
import re
from typing import Iterable, List, NamedTuple, Optional, Pattern

from muster.exceptions import SnapshotException

FILE_NAMES = (".amlignore", ".gitignore")
_MOST_BYTES = 1 << 20


class _Rule(NamedTuple):
    pattern: Pattern[str]
    excludes: bool
    directories_only: bool


class IgnoreRules:
    """Rules in the order of their file: of those that match a path the last one decides.

    ``source`` is the name of the file, or None where there is none.
    """

    def __init__(self, lines: Iterable[str], source: Optional[str] = None) -> None:
        self.source = source
        self._rules: List[_Rule] = []
        for line in lines:
            rule = _rule_of(line)
            if rule is not None:
                self._rules.append(rule)

    def excludes(self, path: str, is_directory: bool) -> bool:
        """Whether `path` (relative, with ``/``) stays at home. What is below an excluded directory
        is not to be asked for: nothing takes it in again."""
        for rule in reversed(self._rules):
            if (is_directory or not rule.directories_only) and rule.pattern.fullmatch(path):
                return rule.excludes
        return False


def read_rules(directory: str) -> IgnoreRules:
    """The rules of a source directory. Raises SnapshotException for a file that cannot be read."""
    for name in FILE_NAMES:
        path = os.path.join(directory, name)
        if not os.path.isfile(path):
            continue
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                text = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise SnapshotException(f"{path} cannot be read: {error.strerror}") from error
        if len(text) > _MOST_BYTES:
            raise SnapshotException(f"{path} is larger than {_MOST_BYTES} bytes")
        return IgnoreRules(text.splitlines(), name)
    return IgnoreRules(())


def _rule_of(line: str) -> Optional[_Rule]:
    line = line.lstrip("\ufeff")
    # A trailing blank counts only behind a backslash.
    stripped = line.rstrip()
    if stripped.endswith("\\") and len(line) > len(stripped):
        stripped += line[len(stripped)]
    line = stripped
    if not line or line.startswith("#"):
        return None
    excludes = not line.startswith("!")
    if not excludes:
        line = line[1:]
    directories_only = line.endswith("/")
    line = line.rstrip("/")
    if not line:
        return None
    anchored = "/" in line
    expression = _expression(line.lstrip("/"))
    if not anchored:
        expression = f"(?:.*/)?{expression}"
    try:
        return _Rule(re.compile(expression, re.DOTALL), excludes, directories_only)
    except re.error:
        return None  # as git does with a pattern that can match nothing


def _expression(glob: str) -> str:
    """A regular expression for git's kind of glob."""
    out: List[str] = []
    at = 0
    while at < len(glob):
        if glob.startswith("**/", at) and (at == 0 or glob[at - 1] == "/"):
            out.append("(?:.*/)?")
            at += 3
        elif glob.startswith("**", at) and at + 2 == len(glob) and (at == 0 or glob[at - 1] == "/"):
            out.append(".+")
            at += 2
        elif glob[at] == "*":
            out.append("[^/]*")
            at += 1
        elif glob[at] == "?":
            out.append("[^/]")
            at += 1
        elif glob[at] == "[":
            text, at = _bracket(glob, at)
            out.append(text)
        else:
            if glob[at] == "\\" and at + 1 < len(glob):
                at += 1
            out.append(re.escape(glob[at]))
            at += 1
    return "".join(out)


def _bracket(glob: str, start: int) -> "tuple[str, int]":
    """The set that begins at `start`, and where it ends; an open bracket without an end is one."""
    at = start + 1
    negated = at < len(glob) and glob[at] in "!^"
    at += negated
    end = glob.find("]", at + 1)
    if end < 0:
        return re.escape("["), start + 1
    content = glob[at:end].replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
    content = content.replace("]", "\\]").replace("&&", "\\&&").replace("~~", "\\~~")
    return f"(?!/)[{'^' if negated else ''}{content}]", end + 1
