#!/usr/bin/env python3
"""Runs clang-tidy over our sources, several at once, and remembers by content which were clean.

usage: run_tidy.py BUILD_DIRECTORY [-j N] [FOLDER_OR_FILE...]      exit 1 if anything was found

Sources that the build compiles together are looked at together: most of the time goes into the headers that they
share. A source is looked at again when it, one that it is compiled with, a header or proto file of ours that it
includes (at any depth), its compile command, .clang-tidy or clang-tidy itself has changed. The memory is
BUILD_DIRECTORY/tidy/, one empty file a key.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import functools
import hashlib
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIDY = "clang-tidy-16"
INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
FINDING = re.compile(r"^\S+:\d+:\d+: (?:warning|error): ")


@functools.cache
def read(path: pathlib.Path) -> tuple[bytes, frozenset[pathlib.Path]]:
    """The content of a file and the files of ours that it includes itself."""
    content = path.read_bytes()
    includes = set()
    for match in INCLUDE.finditer(content):
        name = match.group(1).decode()
        for candidate in (ROOT / name, path.parent / name):
            if candidate.is_file():
                includes.add(candidate.resolve())
                break
    return content, frozenset(includes)


def closure(source: pathlib.Path) -> list[pathlib.Path]:
    """The source and all files of ours below it, sorted."""
    seen, waiting = {source}, [source]
    while waiting:
        new = read(waiting.pop())[1] - seen
        seen |= new
        waiting += new
    return sorted(seen)


@functools.cache
def surroundings() -> bytes:
    """Digest of what every key depends on: the tool, its configuration, the protocol (generated headers)."""
    digest = hashlib.sha256(subprocess.run([TIDY, "--version"], check=True, capture_output=True).stdout)
    for path in [ROOT / ".clang-tidy", *sorted((ROOT / "proto").rglob("*.proto"))]:
        digest.update(path.read_bytes())
    return digest.digest()


def sources_of(unit: pathlib.Path, build: pathlib.Path) -> list[pathlib.Path]:
    """What a command compiles, without generated code: the source, or those that CMake put together in a unit."""
    if not unit.is_relative_to(build):
        return [unit]
    if unit.parent.name != "Unity":
        return []
    return sorted(path for path in read(unit)[1] if not path.is_relative_to(build))


def key(source: pathlib.Path, command: str) -> str:
    """Names everything that the result for this source depends on."""
    digest = hashlib.sha256(surroundings() + command.encode())
    folders = {path.relative_to(ROOT).parts[0] for path in closure(source)}
    for settings in sorted(ROOT / folder / ".clang-tidy" for folder in folders):
        if settings.is_file():
            digest.update(settings.read_bytes())
    for path in closure(source):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
        digest.update(str(path.relative_to(ROOT)).encode())
    return digest.hexdigest()


def check(build: pathlib.Path, source: pathlib.Path) -> tuple[bool, str]:
    """Runs clang-tidy on one source; (clean, output)."""
    # A unit includes sources, as it must.
    done = subprocess.run([TIDY, "-p", build, "--quiet", "--checks=-bugprone-suspicious-include", source],
                          text=True, capture_output=True)
    if done.returncode == 0:
        return True, ""
    # Without findings it failed as a program: its errors say why.
    return False, done.stdout or done.stderr


def findings(output: str) -> list[str]:
    """The output, cut into one text a finding with its notes."""
    texts: list[str] = []
    for line in output.splitlines():
        if FINDING.match(line) or not texts:
            texts.append(line)
        else:
            texts[-1] += "\n" + line
    return texts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("only", nargs="*", help="folders or files, relative to the repository; default: all")
    arguments = parser.parse_intermixed_args()
    memory = arguments.build / "tidy"
    memory.mkdir(exist_ok=True)
    only = tuple((ROOT / name).resolve() for name in arguments.only)
    keys: dict[pathlib.Path, str] = {}
    count = 0
    for entry in json.loads((arguments.build / "compile_commands.json").read_text()):
        unit = pathlib.Path(entry["file"])
        ours = sources_of(unit, arguments.build.resolve())
        count += len(ours)
        if ours and (not only or any(source.is_relative_to(name) for source in ours for name in only)):
            keys[unit] = key(unit, entry["command"])
    todo = [source for source, name in keys.items() if not (memory / name).exists()]
    print(f"clang-tidy: {len(todo)} of {len(keys)} units ({count} sources) are new or changed", flush=True)
    said: set[str] = set()
    clean = True
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        running = {pool.submit(check, arguments.build, source): source for source in todo}
        for future in concurrent.futures.as_completed(running):
            good, output = future.result()
            clean = clean and good
            if good:
                (memory / keys[running[future]]).touch()
            for text in findings(output):
                if text not in said:  # a header's findings come from each of its includers
                    said.add(text)
                    print(text, flush=True)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
