"""From a run configuration to the fields of the server's JobSpec. Pure.

What only the server can know (pools, datastores, feasibility) is its to judge; what would certainly
be refused is refused here, all faults at once, before anything is uploaded.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Optional

from muster.core._package_requests import NOT_BUILT, requested_packages
from muster.core._run_config_sections import DATA_MODES, DataReferenceConfiguration
from muster.data.data_reference import DataReference
from muster.exceptions import UserErrorException

if TYPE_CHECKING:
    from muster.core.runconfig import RunConfiguration

# Names in lower case; any of the first three means the MPI that the pool has.
COMMUNICATORS = {
    "": "COMMUNICATOR_NONE",
    "none": "COMMUNICATOR_NONE",
    "mpi": "COMMUNICATOR_MPI",
    "openmpi": "COMMUNICATOR_MPI",
    "intelmpi": "COMMUNICATOR_MPI",
    "pythonmpi": "COMMUNICATOR_MPI",
    "gloo": "COMMUNICATOR_GLOO",
    "nccl": "COMMUNICATOR_NCCL",
    "ps": "COMMUNICATOR_PARAMETER_SERVER",
    "parameterserver": "COMMUNICATOR_PARAMETER_SERVER",
}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_NO_ENGINE = ("pyspark", "cntk")
MAX_DURATION_SECONDS = 365 * 24 * 3600


class JobFields(NamedTuple):
    """``fields``: keyword arguments of JobSpec, without experiment and snapshot, which the submit
    adds. ``notes``: sentences about settings that have no effect here."""

    fields: Dict[str, Any]
    notes: List[str]


def job_fields(config: RunConfiguration, source_directory: Optional[str] = None) -> JobFields:
    """The fields of the job that `config` describes.

    `source_directory` is where a conda file is looked up. Raises UserErrorException, one line a
    fault.
    """
    return _Translation(config, source_directory).run()


class _Translation:
    def __init__(self, config: RunConfiguration, source_directory: Optional[str]) -> None:
        self.config = config
        self.source_directory = source_directory
        self.faults: List[str] = []
        self.notes: List[str] = []
        self.fields: Dict[str, Any] = {}

    def run(self) -> JobFields:
        self._script()
        self._target()
        self._launch()
        self._environment()
        self._variables()
        self._data()
        self._limits()
        self._without_effect()
        if self.faults:
            raise UserErrorException("\n".join(self.faults))
        return JobFields(self.fields, self.notes)

    def _script(self) -> None:
        config = self.config
        if config.command:
            self.faults.append("command is not supported yet; use script and arguments")
        if config.script:
            self.fields["script"] = str(config.script).replace(os.sep, "/")
        elif not config.command:
            self.faults.append(
                "script is required: the entry script, relative to the source directory"
            )
        # An empty argument stays one: only the values of script_params make bare flags.
        self.fields["arguments"] = [text_of(value) for value in config.arguments]

    def _target(self) -> None:
        target = self.config.target
        if not isinstance(target, str) or not target:
            self.faults.append(f"target must be a compute target's name, not {target!r}")
        elif target == "amlcompute":
            self.faults.append(
                f"vm_size ({self.config.amlcompute.vm_size}) asks for a cluster of the run's own, "
                "which "
                "is not supported yet; give the compute_target of an existing pool"
            )
        # "local" is the pool that the server has by itself.
        self.fields["pool"] = "" if target == "local" else target

    def _launch(self) -> None:
        config = self.config
        framework = str(config.framework or "Python")
        communicator = str(config.communicator or "None")
        if framework.lower() in ("pythonmpi", "tensorflowparameterserver"):
            framework, communicator = {
                "pythonmpi": ("Python", "Mpi"),
                "tensorflowparameterserver": ("TensorFlow", "ParameterServer"),
            }[framework.lower()]
        if framework.lower() in _NO_ENGINE:
            self.faults.append(f"framework '{framework}' is not supported; use Python")
        self.fields["framework"] = "Python" if framework == "python" else framework
        found = COMMUNICATORS.get(communicator.lower())
        if found is None:
            self.faults.append(
                f"communicator '{communicator}' is not known; there is None, Mpi, Gloo and Nccl"
            )
        if found == "COMMUNICATOR_PARAMETER_SERVER":
            self.faults.append(
                "parameter servers are not supported yet; use Mpi, Gloo or Nccl as communicator"
            )
        self.fields["communicator"] = found
        nodes = self._count("node_count", config.node_count, 10_000)
        processes = self._processes(found, nodes)
        if nodes is not None:
            self.fields["node_count"] = nodes
        if processes is not None:
            self.fields["process_count_per_node"] = processes
        if found == "COMMUNICATOR_NONE" and ((nodes or 1) > 1 or (processes or 1) > 1):
            self.faults.append(
                f"node_count {nodes} and process_count_per_node {processes} need a communicator: "
                "Mpi, "
                "Gloo or Nccl; or set both counts to 1"
            )

    def _processes(self, communicator: Optional[str], nodes: Optional[int]) -> Optional[int]:
        """Processes a node: of the section that belongs to the communicator."""
        pytorch, mpi = self.config.pytorch, self.config.mpi
        torch = communicator in ("COMMUNICATOR_GLOO", "COMMUNICATOR_NCCL")
        if torch and pytorch.process_count is not None:
            total = self._count("pytorch.process_count", pytorch.process_count, 10_000 * 1_024)
            if total is None or nodes is None:
                return None
            if total % nodes:
                self.faults.append(
                    f"pytorch.process_count {total} must be a multiple of node_count {nodes}"
                )
                return None
            return total // nodes
        return self._count("mpi.process_count_per_node", mpi.process_count_per_node, 1_024)

    def _count(self, name: str, value: object, most: int) -> Optional[int]:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            self.faults.append(f"{name} must be 1..{most}, not {value!r}")
            return None
        return value

    def _environment(self) -> None:
        python = self.config.environment.python
        path = python.interpreter_path
        environment: Dict[str, Any] = {}
        if path and path != "python":
            if os.path.isabs(path):
                environment["interpreter_path"] = path
            else:
                self.faults.append(
                    f"environment.python.interpreter_path '{path}' must be an absolute path on the "
                    "nodes, or 'python' for the interpreter that their configuration names"
                )
        self.fields["environment"] = environment
        for field, packages in requested_packages(self.config, self.source_directory):
            self.faults.append(f"{field} ({', '.join(packages)}): {NOT_BUILT}")

    def _variables(self) -> None:
        variables: Mapping[str, Any] = self.config.environment_variables or {}
        for name in variables:
            if not _VARIABLE.match(str(name)):
                self.faults.append(
                    f"environment variable '{name}': a name has letters, digits and '_', and does "
                    "not "
                    "start with a digit"
                )
        self.fields["environment_variables"] = {
            str(name): "" if value is None else str(value) for name, value in variables.items()
        }

    def _data(self) -> None:
        references = []
        for name, value in (self.config.data_references or {}).items():
            config = value.to_config() if isinstance(value, DataReference) else value
            if not isinstance(config, DataReferenceConfiguration):
                self.faults.append(
                    f"data_references['{name}'] must be a DataReference, not {value!r}"
                )
                continue
            references.append(self._reference(str(name), config))
        self.fields["data_references"] = references
        for section in ("data", "output_data", "datacaches"):
            if getattr(self.config, section):
                self.faults.append(
                    f"{section}: datasets are not supported yet; use a DataReference of a datastore"
                )

    def _reference(self, name: str, config: DataReferenceConfiguration) -> Dict[str, Any]:
        path = inner_path(config.path_on_data_store)
        mode = str(config.mode).lower()
        if mode not in DATA_MODES:
            self.faults.append(
                f"data_references['{name}'].mode must be one of {', '.join(DATA_MODES)}, not "
                f"'{config.mode}'"
            )
            mode = DATA_MODES[0]
        if ".." in path.split("/"):
            self.faults.append(
                f"data_references['{name}'] leaves the datastore: '{config.path_on_data_store}'"
            )
        on_compute = config.path_on_compute or ""
        if os.path.isabs(on_compute) or ".." in on_compute.split("/"):
            self.faults.append(
                f"data_references['{name}'].path_on_compute '{on_compute}' must be relative to the "
                "job's directory; the script finds it at $AZUREML_DATAREFERENCE_" + name
            )
        return {
            "name": name,
            "datastore": config.data_store_name or "",
            "path": path,
            "mode": f"DATA_MODE_{mode.upper()}",
            "path_on_compute": inner_path(on_compute),
            "overwrite": bool(config.overwrite),
        }

    def _limits(self) -> None:
        seconds = self.config.max_run_duration_seconds
        if seconds is not None:
            valid = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
            if valid and 0 < seconds <= MAX_DURATION_SECONDS:
                self.fields["max_run_duration_ms"] = max(1, int(seconds * 1000))
            else:
                self.faults.append(
                    f"max_run_duration_seconds must be above 0 and at most 365 days "
                    f"({MAX_DURATION_SECONDS}), not {seconds!r}"
                )
        priority = self.config.priority
        if priority is not None:
            if isinstance(priority, int) and -1_000 <= priority <= 1_000:
                self.fields["priority"] = int(priority)
            else:
                self.faults.append(f"priority must be -1000..1000, not {priority!r}")

    def _without_effect(self) -> None:
        config = self.config
        sizes = {config.environment.docker.shm_size, config.docker.shm_size} - {
            None,
            "",
            "2g",
            "1g",
        }
        if sizes:
            self.notes.append(
                f"shm_size {', '.join(sorted(map(str, sizes)))} has no effect: the script runs on "
                "the "
                "node itself, with all of its /dev/shm"
            )
        if config.environment.docker.arguments or config.docker.arguments:
            self.notes.append("docker.arguments have no effect: the script runs on the node itself")
        if config.source_directory_data_store:
            self.notes.append(
                "source_directory_data_store has no effect: the server carries the source directory"
            )
        if config.credential_passthrough:
            self.notes.append("credential_passthrough has no effect")


def text_of(value: object) -> str:
    """An argument as the script gets it."""
    return "" if value is None else str(value)


def inner_path(path: Optional[str]) -> str:
    """A path below a root: without ``./``, without slashes at its ends."""
    parts = [part for part in (path or "").split("/") if part not in ("", ".")]
    return "/".join(parts)
