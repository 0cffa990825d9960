#!/usr/bin/env python3
"""Checks who may include whom, file sizes and a few habits; docs/architecture.md has the table.

usage: check_includes.py [ROOT]      exit 1 and one line a violation
"""

from __future__ import annotations

import pathlib
import re
import sys

# folder -> prefixes of our own headers it may include. The longest matching folder counts.
OURS = {
    "base": ["base/"],
    "security": ["base/", "security/"],
    "scheduler": ["base/", "scheduler/"],
    "agent/core": ["base/", "agent/core/"],
    "server/core": ["base/", "scheduler/", "storage/store.h", "server/core/"],
    "storage": ["base/", "scheduler/", "storage/", "muster/stored/"],
    "server": ["base/", "scheduler/", "storage/", "security/", "server/", "muster/v1/"],
    "agent": ["base/", "security/", "agent/", "muster/v1/", "storage/blob_store.h", "storage/sqlite/"],
    "agent/shim": ["base/", "agent/shim/", "agent/launch/"],
    "agent/rsh": ["base/", "agent/rsh/", "agent/shim/", "agent/launch/"],
    "cli": ["base/", "security/", "cli/", "muster/v1/"],
}

# What decides has no part in.
PURE = r"^(grpc|google/|boost/|sqlite3|openssl|spdlog|thread$|mutex$|fstream$|filesystem$|unistd|sys/|fcntl)"

# folder -> outside headers that must not appear there.
FORBIDDEN = {
    "base": r"^(grpc|google/|boost/|sqlite3|archive)",
    "security": r"^(grpc|google/|boost/|sqlite3)",
    "scheduler": PURE,
    "agent/core": PURE,
    "server/core": PURE,
    "storage": r"^(grpc|boost/|spdlog)",
    "server": r"^(sqlite3|spdlog|archive)",
    "agent": r"^(sqlite3|spdlog)",
    "agent/shim": r"^(grpc|google/|boost/|sqlite3|thread$|mutex$|spdlog)",
    "agent/rsh": r"^(grpc|google/|boost/|sqlite3|thread$|mutex$|spdlog)",
    "cli": r"^(sqlite3|spdlog|boost/)",
}

# Only these files may use spdlog.
SPDLOG = {"base/log.cc"}

MAX_LINES = 400
MAX_TEST_LINES = 800
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def rule(table: dict, path: str):
    """The entry of the deepest folder of `table` that holds the path, or None."""
    best = None
    for folder in table:
        if path.startswith(folder + "/") and (best is None or len(folder) > len(best)):
            best = folder
    return None if best is None else table[best]


def violations(root: pathlib.Path) -> list[str]:
    found = []
    ours = tuple(f"{folder}/" for folder in ("base", "security", "scheduler", "storage", "server", "agent",
                                              "cli", "muster"))
    for file in sorted(root.rglob("*")):
        path = file.relative_to(root).as_posix()
        if file.suffix not in (".h", ".cc") or path.startswith(("build/", ".")):
            continue
        lines = file.read_text(encoding="utf-8").splitlines()
        limit = MAX_TEST_LINES if path.startswith("tests/") else MAX_LINES
        if len(lines) > limit:
            found.append(f"{path}: {len(lines)} lines, at most {limit}")
        if file.suffix == ".h" and "#pragma once" not in lines:
            found.append(f"{path}: no #pragma once")
        allowed, forbidden = rule(OURS, path), rule(FORBIDDEN, path)
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            header = match.group(2)
            if header.startswith("spdlog") and path not in SPDLOG:
                found.append(f"{path}:{number}: spdlog belongs to base/log.cc alone")
            if header.startswith(ours):
                if allowed is not None and not header.startswith(tuple(allowed)):
                    found.append(f"{path}:{number}: may not include {header}")
            elif forbidden and re.match(forbidden, header):
                found.append(f"{path}:{number}: may not include <{header}>")
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        readme = folder / "README.md"
        if readme.exists() and len(readme.read_text().splitlines()) > 40:
            found.append(f"{folder.name}/README.md: more than 40 lines")
    return found


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
    found = violations(root.resolve())
    print("\n".join(found) if found else "includes: clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
