"""Run configurations: everything about a job but its source directory.

A ``.runconfig`` file is YAML or JSON. :meth:`RunConfiguration.load` reads the keys of every version
of Azure ML's SDK v1; :meth:`RunConfiguration.save` writes those of the last one.
"""

from __future__ import annotations

import warnings
from typing import Any, Dict, List, Optional, Sequence, Union

from muster._yaml import Node
from muster.core import _runconfig_files as files
from muster.core._elements import (
    Document,
    Field,
    _AbstractRunConfigElement,
    mapping,
    none,
    read_any,
    read_bool,
    read_dict,
    read_element,
    read_int,
    read_list,
    read_text,
    read_texts,
)
from muster.core._environment_sections import DockerSection, PythonSection
from muster.core._run_config_sections import (
    AmlComputeConfiguration,
    Data,
    DataPath,
    DataReferenceConfiguration,
    DockerConfiguration,
    HistoryConfiguration,
    MpiConfiguration,
    PyTorchConfiguration,
    TensorflowConfiguration,
    _HdiConfiguration,
    _KubernetesComputeConfiguration,
    _ParallelTaskConfiguration,
    _SparkConfiguration,
)
from muster.core.conda_dependencies import CondaDependencies
from muster.core.container_registry import ContainerRegistry as _ContainerRegistry
from muster.core.environment import Environment

__all__ = [
    "AmlComputeConfiguration",
    "AzureContainerRegistry",
    "ContainerRegistry",
    "Data",
    "DataPath",
    "DataReferenceConfiguration",
    "DockerConfiguration",
    "DockerEnvironment",
    "DockerSection",
    "Environment",
    "EnvironmentDefinition",
    "HistoryConfiguration",
    "MpiConfiguration",
    "PyTorchConfiguration",
    "PythonEnvironment",
    "PythonSection",
    "RunConfiguration",
    "TensorflowConfiguration",
]

DEFAULT_TARGET = "local"
# Frameworks of 2018 that name a communicator as well.
_OLD_FRAMEWORKS = {
    "pythonmpi": ("Python", "Mpi"),
    "tensorflowparameterserver": ("TensorFlow", "ParameterServer"),
}


class ContainerRegistry(_ContainerRegistry):
    """The registry of a container image, under its older place."""

    def __init__(self) -> None:
        super().__init__()


class AzureContainerRegistry(ContainerRegistry):
    """Older name of ContainerRegistry."""

    def __init__(self) -> None:
        super().__init__()


class DockerEnvironment(DockerSection):
    """Older name of DockerSection."""

    def __init__(self) -> None:
        super().__init__()


class PythonEnvironment(PythonSection):
    """Older name of PythonSection."""

    def __init__(self) -> None:
        super().__init__()


class EnvironmentDefinition(Environment):
    """Older name of Environment."""

    def __init__(self, name: Optional[str] = None) -> None:
        super().__init__(name)


def _read_references(node: Node, document: Document) -> Dict[str, Any]:
    if node.is_null:
        return {}
    return {
        key.text: read_element(DataReferenceConfiguration, value, document)
        for key, value in mapping(node, document)
    }


def _empty() -> str:
    return ""


class RunConfiguration(_AbstractRunConfigElement):
    """How and where a script runs. Setting an attribute that is not listed raises AttributeError.

    The attributes, each with its default:

    ``script`` (None): relative to the source directory. ``arguments`` ([]): values of any type.
    ``target`` ("local"): name of a compute target; a ComputeTarget may be assigned. ``framework``
    ("Python") and ``communicator`` ("None"): the launch mode; "Mpi", "OpenMpi", "IntelMpi" and
    "PythonMPI" all mean the pool's MPI. ``max_run_duration_seconds`` (None: no limit).
    ``node_count`` (1), ``priority`` (None: 0). ``environment``, ``history``, ``docker``, ``mpi``,
    ``pytorch``, ``tensorflow``, ``amlcompute``: sections. ``data_references`` ({}): name ->
    DataReferenceConfiguration.
    """

    script: Optional[str]
    arguments: List[Any]
    framework: str
    communicator: str
    max_run_duration_seconds: Optional[int]
    node_count: int
    priority: Optional[int]
    environment: Environment
    history: HistoryConfiguration
    docker: DockerConfiguration
    tensorflow: TensorflowConfiguration
    mpi: MpiConfiguration
    pytorch: PyTorchConfiguration
    data_references: Dict[str, Any]
    data: Dict[str, Any]
    datacaches: List[Any]
    output_data: Dict[str, Any]
    source_directory_data_store: Optional[str]
    amlcompute: AmlComputeConfiguration
    credential_passthrough: bool
    command: Union[str, Sequence[str]]

    _FIELDS = (
        Field("script", "script", read_text, none),
        Field("arguments", "arguments", read_list, list),
        Field("_target", "target", read_text, lambda: DEFAULT_TARGET),
        Field("framework", "framework", read_text, lambda: "Python"),
        Field("communicator", "communicator", read_text, lambda: "None"),
        Field("max_run_duration_seconds", "maxRunDurationSeconds", read_int, none),
        Field("node_count", "nodeCount", read_int, lambda: 1),
        Field("priority", "priority", read_int, none),
        Field(
            "environment", "environment", Environment, lambda: Environment("default-environment")
        ),
        Field("history", "history", HistoryConfiguration, HistoryConfiguration),
        Field("spark", "spark", _SparkConfiguration, _SparkConfiguration),
        Field("docker", "docker", DockerConfiguration, lambda: DockerConfiguration(shm_size=None)),
        Field("hdi", "hdi", _HdiConfiguration, _HdiConfiguration),
        Field("tensorflow", "tensorflow", TensorflowConfiguration, TensorflowConfiguration),
        Field("mpi", "mpi", MpiConfiguration, MpiConfiguration),
        Field("pytorch", "pytorch", PyTorchConfiguration, lambda: PyTorchConfiguration("nccl")),
        Field(
            "parallel_task", "paralleltask", _ParallelTaskConfiguration, _ParallelTaskConfiguration
        ),
        Field("data_references", "dataReferences", _read_references, dict),
        Field("data", "data", read_dict, dict),
        Field("datacaches", "datacaches", read_list, list),
        Field("output_data", "outputData", read_dict, dict),
        Field("source_directory_data_store", "sourceDirectoryDataStore", read_text, none),
        Field("amlcompute", "amlcompute", AmlComputeConfiguration, AmlComputeConfiguration),
        Field(
            "auto_cluster_compute_specification", "autoClusterComputeSpecification", read_any, none
        ),
        Field(
            "kubernetescompute",
            "kubernetescompute",
            _KubernetesComputeConfiguration,
            _KubernetesComputeConfiguration,
        ),
        Field("credential_passthrough", "credentialPassthrough", read_bool, lambda: False),
        Field("command", "command", read_any, _empty),
        Field("application_endpoints", "applicationEndpoints", read_dict, dict),
    )
    _OTHER_ATTRIBUTES = (
        "target",
        "environment_variables",
        "auto_prepare_environment",
        "_name",
        "_path",
        "_auto_prepare_environment",
    )

    def __init__(
        self,
        script: Optional[str] = None,
        arguments: Optional[List[Any]] = None,
        framework: Optional[str] = None,
        communicator: Optional[str] = None,
        conda_dependencies: Optional[CondaDependencies] = None,
        _history_enabled: Optional[bool] = None,
        _path: Optional[str] = None,
        _name: Optional[str] = None,
        command: Optional[Union[str, Sequence[str]]] = None,
    ) -> None:
        super().__init__()
        self.script = script
        self.arguments = list(arguments) if arguments is not None else []
        self.framework = framework or "Python"
        self.communicator = communicator or "None"
        if conda_dependencies is not None:
            self.environment.python.conda_dependencies = conda_dependencies
        if _history_enabled is not None:
            self.history.output_collection = _history_enabled
        self.command = command if command is not None else ""
        self._path = _path
        self._name = _name

    @property
    def target(self) -> str:
        """Name of the compute target. A ComputeTarget may be assigned: its name is kept."""
        name: str = vars(self)["_target"]
        return name

    @target.setter
    def target(self, target: Any) -> None:
        self._target = target if isinstance(target, str) else getattr(target, "name", target)

    @property
    def environment_variables(self) -> Dict[str, Any]:
        """The same as ``environment.environment_variables``."""
        return self.environment.environment_variables

    @environment_variables.setter
    def environment_variables(self, variables: Dict[str, Any]) -> None:
        self.environment.environment_variables = variables

    @property
    def auto_prepare_environment(self) -> bool:
        """Deprecated, without effect: what a job needs is always prepared."""
        return bool(vars(self).get("_auto_prepare_environment", True))

    @auto_prepare_environment.setter
    def auto_prepare_environment(self, value: bool) -> None:
        warnings.warn(
            "auto_prepare_environment has no effect: what a job needs is always prepared",
            DeprecationWarning,
            stacklevel=2,
        )
        self._auto_prepare_environment = value

    def save(
        self,
        path: Optional[str] = None,
        name: Optional[str] = None,
        separate_environment_yaml: bool = False,
    ) -> None:
        """Writes the configuration, and its packages to ``conda_dependencies.yml`` beside it.

        `path`: a directory that exists (default: the working directory), or the file itself. In a
        directory the file is ``.azureml/<name>`` where ``.azureml`` exists, else
        ``aml_config/<name>``; `name` defaults to the name it was loaded under, or its target's. A
        name that ends with ``.json`` is written as JSON. `separate_environment_yaml` puts the
        environment into a file ``environment.yml`` of its own. Raises UserErrorException.
        """
        files.save(self, path, name, separate_environment_yaml)

    @staticmethod
    def load(path: str, name: Optional[str] = None) -> RunConfiguration:
        """Reads a configuration: the file `path`, or `name` (or ``<name>.runconfig``) in
        ``.azureml``, ``aml_config`` or the directory `path` itself.

        Raises UserErrorException when there is no such file, RunConfigurationException, naming file
        and line, when its content is wrong.
        """
        return files.load(path, name)

    @staticmethod
    def delete(path: str, name: str) -> None:
        """Removes the file that ``load`` would read. Raises UserErrorException when there is
        none."""
        files.delete(path, name)

    def _readers(self) -> Dict[str, Any]:
        return {
            **super()._readers(),
            "environment": self._read_environment,
            "environmentVariables": self._read_variables,
            "framework": self._read_framework,
            "batchai": self._read_batchai,
            "autoPrepareEnvironment": self._read_auto_prepare,
        }

    def _read(self, node: Node, document: Document) -> None:
        # The variables at the top are added to those of the environment, wherever either stands;
        # "framework: PythonMPI" gives a communicator only where none is named.
        rank = {"environmentVariables": 1, "framework": 1}
        if node.kind == "map":
            node.pairs.sort(key=lambda pair: rank.get(pair[0].text, 0))
        super()._read(node, document)

    def _read_environment(self, node: Node, document: Document) -> None:
        if node.kind == "scalar" and not node.is_null:
            node = files.environment_node(node, document)
        environment = Environment(None)
        environment._read(node, document)
        self.environment = environment

    def _read_variables(self, node: Node, document: Document) -> None:
        self.environment_variables.update(read_texts(node, document))

    def _read_framework(self, node: Node, document: Document) -> None:
        name = read_text(node, document) or "Python"
        self.framework, communicator = _OLD_FRAMEWORKS.get(name.lower(), (name, None))
        if communicator is not None and str(self.communicator).lower() == "none":
            self.communicator = communicator

    def _read_batchai(self, node: Node, document: Document) -> None:
        for key, value in mapping(node, document):
            count = read_int(value, document) if key.text == "nodeCount" else None
            if count is not None:
                self.node_count = count

    def _read_auto_prepare(self, node: Node, document: Document) -> None:
        self._auto_prepare_environment = bool(read_bool(node, document))

    def _to_dict(self) -> Dict[str, Any]:
        found = super()._to_dict()
        if found["framework"] == "Python":
            found["framework"] = "python"
        # Written for the tree's sake; the environment's own variables count.
        endpoints = found.pop("applicationEndpoints")
        return {**found, "environmentVariables": None, "applicationEndpoints": endpoints}
