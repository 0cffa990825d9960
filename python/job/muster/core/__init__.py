"""Run, and what scripts import beside it. Names are loaded when they are first used."""

import sys

from muster._job.imports import LazyModule

__all__ = ["Run", "get_run"]

# Name -> the module that has it; those that are not here are the SDK's.
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

sys.modules[__name__].__class__ = LazyModule
