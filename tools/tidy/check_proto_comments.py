#!/usr/bin/env python3
"""Checks that every message field of the protocol says what it is: meaning, unit, limits.

usage: check_proto_comments.py [ROOT]      exit 1 and one line a field without a comment
A comment stands on the lines before the field, or behind it.
"""

from __future__ import annotations

import pathlib
import re
import sys
from collections.abc import Iterator

BLOCK = re.compile(r"^\s*(message|enum|oneof|service)\s+(\w+)?.*\{")
FIELD = re.compile(r"^\s*(?:(?:repeated|optional)\s+)?(?:map<[^>]+>|[A-Za-z_][\w.]*)\s+(\w+)\s*=\s*\d+")


def uncommented(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yields (line number from 1, "Message.field") of each field without a comment."""
    blocks: list[tuple[str, str]] = []
    before = ""
    for number, line in enumerate(lines, 1):
        code, slashes, _ = line.partition("//")
        block = BLOCK.match(code)
        if block:
            blocks.append((block.group(1), block.group(2) or ""))
        field = FIELD.match(code.split("{")[-1])
        inside = [name for kind, name in blocks if kind == "message"]
        if field and inside and blocks[-1][0] in ("message", "oneof"):
            if not slashes and not before.lstrip().startswith("//"):
                yield number, f"{inside[-1]}.{field.group(1)}"
        for _ in range(code.count("}")):
            if blocks:
                blocks.pop()
        before = line


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    found = 0
    for path in sorted((root / "proto" / "muster" / "v1").glob("*.proto")):
        for number, field in uncommented(path.read_text(encoding="utf-8").splitlines()):
            print(f"{path.relative_to(root)}:{number}: {field} has no comment: its meaning, unit and limits")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
