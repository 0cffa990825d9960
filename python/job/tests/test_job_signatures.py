"""The in-job Run held against the reference's: names, parameters, kinds and defaults."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from test_job_cases import CLIENT, environment

pytest.register_assert_rewrite("test_signature_parity")
sys.path.append(str(CLIENT.parent / "tests"))
parity = importlib.import_module("test_signature_parity")

FACTS: Dict[str, Any] = parity.REFERENCE["azureml.core"]["Run"]
FUNCTIONS: Dict[str, Any] = parity.REFERENCE["azureml.core.run"]

# Everything of the client that the reference has, in its own process: there muster is the client.
SCRIPT = """
import inspect, json
from azureml.core import run

def facts(function, skip):
    parameters = list(inspect.signature(function).parameters.values())[skip:]
    return [
        [p.name, int(p.kind), None if p.default is p.empty else repr(p.default)]
        for p in parameters
    ]

found = {"properties": [], "methods": {}, "values": {}}
for name in dir(run.Run):
    member = inspect.getattr_static(run.Run, name)
    if name.startswith("__"):
        continue
    if isinstance(member, property):
        found["properties"].append(name)
    elif callable(member) or isinstance(member, staticmethod):
        found["methods"][name] = facts(getattr(run.Run, name), not isinstance(member, staticmethod))
    elif isinstance(member, str):
        found["values"][name] = member
found["methods"]["__init__"] = facts(run.Run, 0)
found["get_run"] = facts(run.get_run, 0)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def client() -> Any:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**environment(), "PYTHONPATH": str(CLIENT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def expected(signature: str) -> List[List[Any]]:
    """As the script tells them."""
    kinds = {name: int(kind) for kind, name in parity.KINDS.items()}
    return [
        [name, kinds[kind], None if default is parity.EMPTY else repr(default)]
        for name, kind, default in parity.expected_parameters(signature)
    ]


@pytest.mark.parametrize("method", sorted(FACTS["methods"]))
def test_method(client: Any, method: str) -> None:
    assert client["methods"][method] == expected(FACTS["methods"][method])


def test_constructor_and_function(client: Any) -> None:
    assert client["methods"]["__init__"] == expected(FACTS["init"])
    assert client["get_run"] == expected(FUNCTIONS["get_run"])


def test_properties_and_values(client: Any) -> None:
    assert set(FACTS["properties"]) <= set(client["properties"])
    for name, fact in FACTS["class_attributes"].items():
        assert client["values"][name] == fact["value"]


def test_no_method_beyond_them(client: Any) -> None:
    """But for what starts with an underscore: other public names would be our invention."""
    public = {name for name in client["methods"] if not name.startswith("_")}
    assert public == set(FACTS["methods"])


def test_the_sdk_is_the_one_here() -> None:
    import muster

    assert Path(muster.__file__).is_relative_to(CLIENT.parent / "src")
