"""The core of the SDK. Names are loaded when they are first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, List

from muster import __version__

if TYPE_CHECKING:
    from muster.core.compute import ComputeTarget
    from muster.core.compute_target import (
        attach_legacy_compute_target,
        is_compute_target_prepared,
        prepare_compute_target,
        remove_legacy_compute_target,
    )
    from muster.core.container_registry import ContainerRegistry
    from muster.core.datastore import Datastore
    from muster.core.environment import Environment
    from muster.core.experiment import Experiment
    from muster.core.run import Run, get_run
    from muster.core.runconfig import RunConfiguration
    from muster.core.script_run import ScriptRun
    from muster.core.script_run_config import ScriptRunConfig
    from muster.core.workspace import Workspace

VERSION = __version__

# Name -> the module that has it.
_PLACES = {
    "ComputeTarget": "muster.core.compute",
    "ContainerRegistry": "muster.core.container_registry",
    "Datastore": "muster.core.datastore",
    "Environment": "muster.core.environment",
    "Experiment": "muster.core.experiment",
    "Run": "muster.core.run",
    "RunConfiguration": "muster.core.runconfig",
    "ScriptRun": "muster.core.script_run",
    "ScriptRunConfig": "muster.core.script_run_config",
    "Workspace": "muster.core.workspace",
    "attach_legacy_compute_target": "muster.core.compute_target",
    "get_run": "muster.core.run",
    "is_compute_target_prepared": "muster.core.compute_target",
    "prepare_compute_target": "muster.core.compute_target",
    "remove_legacy_compute_target": "muster.core.compute_target",
}

__all__ = [
    "ComputeTarget",
    "ContainerRegistry",
    "Datastore",
    "Environment",
    "Experiment",
    "Run",
    "RunConfiguration",
    "ScriptRun",
    "ScriptRunConfig",
    "VERSION",
    "Workspace",
    "attach_legacy_compute_target",
    "get_run",
    "is_compute_target_prepared",
    "prepare_compute_target",
    "remove_legacy_compute_target",
]


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module 'muster.core' has no attribute '{name}'")
    value = getattr(importlib.import_module(place), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted(set(globals()) | set(_PLACES))
