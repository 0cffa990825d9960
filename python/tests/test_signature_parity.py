"""Every public signature held against the reference's: names, parameters, kinds and defaults.

``data/signatures.json`` has the facts. What differs on purpose stands in DIFFERENCES with its
reason; what is not there yet stands in NOT_THERE_YET, or member by member in PENDING_MEMBERS, and
is not counted.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import warnings
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest

REFERENCE: Dict[str, Dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "signatures.json").read_text("utf-8")
)
del REFERENCE["_"]

# Modules, and names anywhere, that are not there yet.
NOT_THERE_YET = {
    "azureml.train.hyperdrive": "HyperDrive",
    "azureml.train.hyperdrive.parameter_expressions": "HyperDrive",
    "azureml.core.model": "models",
    "azureml.core.resource_configuration": "models",
    "azureml.core.webservice": "web services",
    "azureml.core.webservice.webservice": "web services",
    "azureml.core.webservice.aci": "web services",
    "azureml.core.webservice.local": "web services",
    "azureml.core.Model": "models",
    "azureml.core.Webservice": "web services",
}

_EXPERIMENTS = "the server keeps nothing of an experiment but its runs"
_AZURE = "what Azure has around a workspace"
_RUN_MEMBERS = {
    "on the server a job has no parent": "submit_child",
    "the server gives no snapshot back": "restore_snapshot take_snapshot",
    "environments are not built yet": "get_environment",
    "models": "register_model",
    "nothing is left on a target, no secrets, no page": "clean get_docs_url get_secret get_secrets",
}
# "module.Class" -> reason -> members that are missing so far. Not one of them may be there.
PENDING_MEMBERS: Dict[str, Dict[str, str]] = {
    "azureml.core.Run": _RUN_MEMBERS,
    "azureml.core.ScriptRun": _RUN_MEMBERS,
    "azureml.core.Experiment": {
        _EXPERIMENTS: "archive delete reactivate remove_tags set_tags tag tags",
        "project directories of the oldest SDK, no page": "from_directory get_docs_url",
    },
    "azureml.core.Workspace": {
        _AZURE: (
            "add_private_endpoint delete_connection delete_private_endpoint_connection "
            "diagnose_workspace get_connection get_default_keyvault get_mlflow_tracking_uri images "
            "linked_services list_connections list_keys private_endpoints service_context "
            "set_connection setup sku sync_keys update_dependencies"
        ),
        "the server keeps only a workspace's name": "delete tags update",
        "datasets, environments, models and web services": (
            "datasets environments models webservices"
        ),
    },
}

# "module.Class.method" -> (number of parameters that differ, why).
DIFFERENCES: Dict[str, Tuple[int, str]] = {}

# Most of the parameters that may differ.
ALLOWED_SHARE = 0.05

# Names of types that newer Pythons changed.
RENAMED_TYPES = {"EnumType": "EnumMeta"}

EMPTY = inspect.Parameter.empty


def importable(module: str) -> bool:
    """Whether the module exists; one that exists and fails to load is an error."""
    name = module.replace("azureml", "muster", 1)
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            return False
        raise
    return True


# Modules that do not exist yet, found by importing: empty when the SDK is complete.
PENDING = sorted(m for m in REFERENCE if m not in NOT_THERE_YET and not importable(m))


def is_pending_member(module: str, name: str, member: str) -> bool:
    """Whether the table says that the class has no such member yet."""
    reasons = PENDING_MEMBERS.get(f"{module}.{name}", {})
    return any(member in members.split() for members in reasons.values())


def is_pending(reference_name: str) -> bool:
    """Names of muster.core that lie in a pending module."""
    from muster.core import _PLACES

    place = _PLACES.get(reference_name, "")
    return place.replace("muster", "azureml", 1) in PENDING


def entries() -> Iterator[Tuple[str, str, Any]]:
    """(module, name, facts) of everything that is to be there."""
    for module, names in REFERENCE.items():
        if module in NOT_THERE_YET or module in PENDING:
            continue
        for name, facts in names.items():
            if f"{module}.{name}" in NOT_THERE_YET or is_pending(name):
                continue
            yield module, name, facts


def found(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module.replace("azureml", "muster", 1)), name)


def expected_parameters(signature: str) -> List[Tuple[str, str, Any]]:
    """(name, kind, default) of "(a, *, b=1)"."""
    node = ast.parse(f"def f{signature}: pass").body[0]
    assert isinstance(node, ast.FunctionDef)
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: List[Any] = [EMPTY] * (len(plain) - len(arguments.defaults))
    defaults += [ast.literal_eval(default) for default in arguments.defaults]
    out = [(a.arg, "positional", d) for a, d in zip(plain, defaults)]
    if arguments.vararg:
        out.append((arguments.vararg.arg, "varargs", EMPTY))
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults):
        out.append(
            (argument.arg, "keyword", EMPTY if default is None else ast.literal_eval(default))
        )
    if arguments.kwarg:
        out.append((arguments.kwarg.arg, "kwargs", EMPTY))
    return out


KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional-only",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_POSITIONAL: "varargs",
    inspect.Parameter.VAR_KEYWORD: "kwargs",
}


def our_parameters(function: Any, skip_self: bool) -> List[Tuple[str, str, Any]]:
    parameters = list(inspect.signature(function).parameters.values())
    if skip_self:
        parameters = parameters[1:]
    return [(p.name, KINDS[p.kind], p.default) for p in parameters]


def callables() -> Iterator[Tuple[str, str, Optional[str], str]]:
    """(module, name, method or None, signature) of everything that can be called."""
    for module, name, facts in entries():
        if isinstance(facts, str):
            yield module, name, None, facts
            continue
        if facts.get("init") is not None:
            yield module, name, "__init__", facts["init"]
        for method, signature in facts.get("methods", {}).items():
            if is_pending_member(module, name, method):
                continue
            yield module, name, method, signature


def compare(module: str, name: str, method: Optional[str], signature: str) -> List[str]:
    """What differs, one line a parameter."""
    owner = found(module, name)
    if method is None or method == "__init__":
        ours = our_parameters(owner, skip_self=False)
    else:
        member = inspect.getattr_static(owner, method, None)
        if member is None:
            return [f"{method} is missing"] + ["parameter" for _ in expected_parameters(signature)]
        bound = isinstance(member, (staticmethod, classmethod))
        ours = our_parameters(getattr(owner, method), skip_self=not bound)
    theirs = expected_parameters(signature)
    lines = []
    if [p[0] for p in ours] != [p[0] for p in theirs]:
        lines.append(f"names {[p[0] for p in ours]} != {[p[0] for p in theirs]}")
    known = {p[0]: p for p in ours}
    for parameter in theirs:
        if parameter[0] not in known:
            lines.append(f"{parameter[0]} is missing")
        elif repr(known[parameter[0]]) != repr(parameter):
            lines.append(f"{known[parameter[0]]} != {parameter}")
    return lines


CALLABLES = list(callables())


@pytest.mark.parametrize(
    ("module", "name", "method", "signature"),
    CALLABLES,
    ids=[".".join(filter(None, c[:3])) for c in CALLABLES],
)
def test_signature(module: str, name: str, method: Optional[str], signature: str) -> None:
    key = ".".join(filter(None, (module, name, method)))
    lines = compare(module, name, method, signature)
    if key in DIFFERENCES:
        assert lines, f"{key} is the same now: take it off the table of differences"
    else:
        assert not lines, "\n".join(lines)


def test_difference_table_stays_small() -> None:
    total = sum(len(expected_parameters(c[3])) for c in CALLABLES)
    differing = sum(count for count, _ in DIFFERENCES.values())
    assert differing <= ALLOWED_SHARE * total
    assert all(reason for _, reason in DIFFERENCES.values())
    assert not [key for key in DIFFERENCES if key.startswith("azureml.train")]


def test_difference_table_names_only_what_is_there() -> None:
    known = {".".join(filter(None, c[:3])) for c in CALLABLES}
    pending = tuple(f"{module}." for module in PENDING)
    assert not [key for key in DIFFERENCES if key not in known and not key.startswith(pending)]


CLASSES = [(m, n, f) for m, n, f in entries() if isinstance(f, dict)]


@pytest.mark.parametrize(
    ("module", "name", "facts"), CLASSES, ids=[f"{c[0]}.{c[1]}" for c in CLASSES]
)
def test_class(module: str, name: str, facts: Dict[str, Any]) -> None:
    """Aliases, properties, class attributes, enumerations and bases that code may rely on."""
    ours = found(module, name)
    if "same_as" in facts:
        other_module, other_name = facts["same_as"].rsplit(".", 1)
        if other_module in REFERENCE:
            assert ours is found(other_module, other_name)
        return
    for attribute in facts.get("properties", []):
        if is_pending_member(module, name, attribute):
            continue
        is_property = isinstance(inspect.getattr_static(ours, attribute, None), property)
        # A run configuration's fields are attributes of the object, from the class's one list.
        assert is_property or attribute in ours._attributes(), attribute
    for attribute, fact in facts.get("class_attributes", {}).items():
        value = getattr(ours, attribute)
        if "value" in fact:
            assert value == fact["value"], attribute
        else:
            kind = RENAMED_TYPES.get(type(value).__name__, type(value).__name__)
            assert kind == fact["type"], attribute
    for member, value in facts.get("enum", {}).items():
        assert ours[member].value == value
    published = {n for names in REFERENCE.values() for n in names}
    bases = {base.__name__ for base in ours.__mro__}
    for base in facts.get("bases", []):
        if base in published or base in ("Exception", "ABC", "Enum"):
            assert base in bases, base


def test_pending_members_are_missing_and_wanted() -> None:
    """A member that is written leaves the table: what stands there is not compared."""
    for key, reasons in PENDING_MEMBERS.items():
        module, name = key.rsplit(".", 1)
        facts = REFERENCE[module][name]
        for member in " ".join(reasons.values()).split():
            assert not hasattr(found(module, name), member), f"{key}.{member} is there"
            assert member in facts["methods"] or member in facts["properties"], member


@pytest.mark.xfail(
    bool(PENDING or PENDING_MEMBERS),
    reason=f"not written yet: {', '.join([*PENDING, *PENDING_MEMBERS])}",
    strict=True,
)
def test_nothing_is_pending() -> None:
    assert not PENDING
    assert not PENDING_MEMBERS


def test_star_imports_give_what_modules_publish() -> None:
    """``from muster.core.runconfig import *`` gives the reference's names of that module."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for module, name, _ in entries():
            loaded = importlib.import_module(module.replace("azureml", "muster", 1))
            assert name in loaded.__all__, f"{module}.{name}"
