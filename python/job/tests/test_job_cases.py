"""The cases of the in-job client under every interpreter from 3.6 on that is to be found.

They run in processes of their own: here the package ``muster`` is the SDK.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

TESTS = Path(__file__).parent
CLIENT = TESTS.parent
CASES = sorted(path.stem for path in (TESTS / "cases").glob("case_*.py"))
OLDEST = (3, 6)


def version_of(python: str) -> Tuple[int, ...]:
    """(3, 6); () of what is no interpreter."""
    script = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", script], capture_output=True, text=True, timeout=30)
    except OSError:
        return ()
    return tuple(map(int, done.stdout.split())) if done.returncode == 0 else ()


def interpreters() -> Dict[str, str]:
    """Version -> interpreter: this one, the system's, and pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates: List[str] = [sys.executable, "/usr/bin/python3"]
    candidates += map(str, sorted(pyenv.glob("versions/*/bin/python")))
    found: Dict[Tuple[int, ...], str] = {}
    for python in candidates:
        version = version_of(python)
        if version >= OLDEST:
            found.setdefault(version, python)
    return {".".join(map(str, version)): found[version] for version in sorted(found)}


PYTHONS = interpreters()
THIS = ".".join(map(str, sys.version_info[:2]))
# Takes seconds: not under every interpreter.
SLOW = "case_spool"
ENDS = {next(iter(PYTHONS)), THIS, list(PYTHONS)[-1]}
RUNS = [(case, version) for case in CASES for version in PYTHONS if case != SLOW or version in ENDS]


def environment() -> Dict[str, str]:
    """Of a process that has the client, and is in no job."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MUSTER_", "AZUREML_"))}
    path = os.pathsep.join((str(CLIENT), str(TESTS / "cases")))
    return {**kept, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.mark.parametrize(("case", "version"), RUNS)
def test_cases(case: str, version: str) -> None:
    done = subprocess.run(
        [PYTHONS[version], "-m", "unittest", "-v", case],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ran = re.search(r"^Ran (\d+) tests?", done.stderr, re.MULTILINE)
    assert ran is not None and int(ran.group(1)) > 0, done.stderr
    assert "skipped" not in done.stderr


def test_cases_are_there() -> None:
    assert len(CASES) >= 6
    assert SLOW in CASES
    assert THIS in PYTHONS
