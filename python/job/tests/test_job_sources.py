"""The in-job client's sources: syntax of Python 3.6, the standard library, names of the SDK."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, Set

import pytest
from test_job_cases import CLIENT, environment

PACKAGES = ("muster", "azureml")
SOURCES = sorted(path for package in PACKAGES for path in (CLIENT / package).rglob("*.py"))
CASES = sorted((CLIENT / "tests" / "cases").glob("*.py"))
SDK = CLIENT.parent / "src"
# What came to the standard library after 3.6, as far as somebody might reach for it.
TOO_NEW = {
    "contextvars",
    "dataclasses",
    "importlib.metadata",
    "importlib.resources",
    "graphlib",
    "tomllib",
    "zoneinfo",
}
# Calls and attributes after 3.6, in the same way; `os.register_at_fork` is looked for first.
NEW_NAMES = {"removeprefix", "removesuffix", "time_ns", "monotonic_ns", "isascii", "memfd_create"}


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path), feature_version=(3, 6))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module
            yield node.module


@pytest.mark.parametrize("path", [*SOURCES, *CASES], ids=lambda p: str(p.relative_to(CLIENT)))
def test_python_3_6_reads_it(path: Path) -> None:
    tree = tree_of(path)
    for node in ast.walk(tree):
        assert not isinstance(node, ast.NamedExpr), f"{path}:{node.lineno}: := is of 3.8"
        if isinstance(node, ast.arguments):
            assert not node.posonlyargs, f"{path}: / is of 3.8"
        if isinstance(node, ast.Attribute):
            assert node.attr not in NEW_NAMES, f"{path}:{node.lineno}: {node.attr} is newer"
    names: Set[str] = set(imported(tree))
    assert not names & TOO_NEW and "__future__" not in names


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(CLIENT)))
def test_only_the_standard_library(path: Path) -> None:
    known = getattr(sys, "stdlib_module_names", None)
    if known is None:
        pytest.skip("which modules the standard library has Python tells from 3.10 on")
    used = {name.partition(".")[0] for name in imported(tree_of(path))}
    assert used <= set(known) | {"muster"}


def test_what_is_checked_can_fail(tmp_path: Path) -> None:
    for text in ("if (x := 5): pass", "def f(a, /): pass", "from __future__ import annotations"):
        source = tmp_path / "source.py"
        source.write_text(text)
        with pytest.raises((AssertionError, SyntaxError)):
            test_python_3_6_reads_it(source)


def asked(script: str, *folders: Path) -> Any:
    """The JSON that it prints, in a process whose package ``muster`` is the client."""
    path = ":".join(map(str, (CLIENT, *folders)))
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**environment(), "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_exceptions_are_those_of_the_sdk() -> None:
    """Names, bases and parameters: what is caught in a job is caught elsewhere."""
    from muster import exceptions

    script = f"""
import inspect, json
from muster import exceptions
{inspect.getsource(facts_of)}
print(json.dumps([exceptions.__all__, facts_of(exceptions)]))
"""
    assert Path(exceptions.__file__).is_relative_to(SDK)
    assert asked(script) == [exceptions.__all__, facts_of(exceptions)]


def facts_of(module):  # without types: its text runs in the client's process too
    facts = {}
    for name, kind in vars(module).items():
        if isinstance(kind, type) and kind.__module__ == module.__name__ and name[0] != "_":
            bases = [base.__name__ for base in kind.__mro__ if not base.__name__.startswith("_")]
            own = kind.__init__ is not Exception.__init__
            facts[name] = [bases, list(inspect.signature(kind).parameters) if own else None]
    return facts


def test_statuses_are_those_of_the_sdk() -> None:
    from muster.core._run_status import RunStatus

    script = """
import json
from muster.core.run import RunStatus as S
print(json.dumps([S.list(), S.get_running_statuses(), S.get_post_processing_statuses()]))
"""
    expected = [RunStatus.list(), RunStatus.get_running_statuses()]
    assert asked(script) == [*expected, RunStatus.get_post_processing_statuses()]


def test_the_sdk_beside_it_is_whole() -> None:
    """What a job's script imports of the real SDK, and that its runs are its own."""
    script = """
import json
from azureml.core import Environment, Experiment, Run, ScriptRun, ScriptRunConfig, Workspace
from azureml.core.compute import AmlCompute
from azureml.core.runconfig import RunConfiguration
from azureml.exceptions import UserErrorException
from azureml.train.dnn import PyTorch
from azureml.train.estimator import Estimator
import muster.core.run
from muster.core._run_listing import runs_of
assert Run is muster.core.run.Run and not issubclass(ScriptRun, Run)
assert ScriptRun.__mro__[1] is muster.core.run.rehydrated.__globals__["Run"]
try:
    Experiment(None, "not a name")
except UserErrorException:
    print(json.dumps([m.__file__ for m in (muster.core.run, muster.core.script_run)]))
"""
    ours, theirs = asked(script, SDK)
    assert Path(ours) == CLIENT / "muster/core/run.py"
    assert Path(theirs) == SDK / "muster/core/script_run.py"
