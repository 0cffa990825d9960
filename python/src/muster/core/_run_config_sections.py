"""The sections of a run configuration besides its environment."""

from __future__ import annotations

from typing import Any, List, Optional

from muster.core._elements import (
    Field,
    _AbstractRunConfigElement,
    none,
    read_any,
    read_bool,
    read_dict,
    read_int,
    read_list,
    read_text,
)
from muster.exceptions import RunConfigurationException, UserErrorException

DATA_MODES = ("mount", "download", "upload")


def _one() -> int:
    return 1


def _zero() -> int:
    return 0


def _true() -> bool:
    return True


def _false() -> bool:
    return False


class HistoryConfiguration(_AbstractRunConfigElement):
    """What a run keeps: ``output_collection``, ``snapshot_project`` and the directories whose files
    are shown while the job runs. A Muster job always keeps its outputs and its snapshot."""

    output_collection: bool
    snapshot_project: bool
    directories_to_watch: List[Any]

    _FIELDS = (
        Field("output_collection", "outputCollection", read_bool, _true),
        Field("snapshot_project", "snapshotProject", read_bool, _true),
        Field("directories_to_watch", "directoriesToWatch", read_list, lambda: ["logs"]),
    )

    def __init__(self) -> None:
        super().__init__()


class DockerConfiguration(_AbstractRunConfigElement):
    """Whether the job runs in a container, and how.

    ``arguments``: extra ``docker run`` arguments; ``shm_size``: text such as ``"4g"``.
    """

    _FIELDS = (
        Field("use_docker", "useDocker", read_bool, _false),
        Field("shared_volumes", "sharedVolumes", read_bool, _true),
        Field("arguments", "arguments", read_list, list),
        Field("shm_size", "shmSize", read_text, none),
    )

    def __init__(
        self,
        use_docker: bool = False,
        shared_volumes: bool = True,
        arguments: List[str] = [],  # noqa: B006 (the signature's default; copied below)
        shm_size: Optional[str] = "2g",
    ) -> None:
        super().__init__()
        self.use_docker = use_docker
        self.shared_volumes = shared_volumes
        self.arguments = list(arguments)
        self.shm_size = shm_size


class MpiConfiguration(_AbstractRunConfigElement):
    """An MPI job: `process_count_per_node` ranks on each of `node_count` nodes (both at least
    1)."""

    _FIELDS = (
        Field("process_count_per_node", "processCountPerNode", read_int, _one),
        Field("node_count", "nodeCount", read_int, _one),
    )

    def __init__(self, process_count_per_node: int = 1, node_count: int = 1) -> None:
        super().__init__()
        self.process_count_per_node = process_count_per_node
        self.node_count = node_count


class PyTorchConfiguration(_AbstractRunConfigElement):
    """A torch.distributed job: `process_count` processes in all over `node_count` nodes.

    ``communication_backend`` is ``"Nccl"`` or ``"Gloo"`` (RunConfigurationException for another).
    ``process_count`` None means one a node; else it must be a multiple of `node_count`.
    """

    _FIELDS = (
        Field("communication_backend", "communicationBackend", read_text, lambda: "Nccl"),
        Field("process_count", "processCount", read_int, none),
        Field("node_count", "nodeCount", read_int, _one),
    )

    def __init__(
        self,
        communication_backend: str = "Nccl",
        process_count: Optional[int] = None,
        node_count: int = 1,
    ) -> None:
        super().__init__()
        if str(communication_backend).lower() not in ("nccl", "gloo"):
            raise RunConfigurationException(
                f"communication_backend must be 'Nccl' or 'Gloo', not {communication_backend!r}"
            )
        self.communication_backend = communication_backend
        self.process_count = process_count
        self.node_count = node_count


class TensorflowConfiguration(_AbstractRunConfigElement):
    """A parameter server job: its numbers of workers and of parameter servers."""

    _FIELDS = (
        Field("worker_count", "workerCount", read_int, _one),
        Field("parameter_server_count", "parameterServerCount", read_int, _one),
    )

    def __init__(self, worker_count: int = 1, parameter_server_count: int = 1) -> None:
        super().__init__()
        self.worker_count = worker_count
        self.parameter_server_count = parameter_server_count


class _SparkConfiguration(_AbstractRunConfigElement):
    """Settings of a Spark session; Muster runs no Spark jobs."""

    _FIELDS = (
        Field(
            "configuration",
            "configuration",
            read_dict,
            lambda: {"spark.app.name": "Azure ML Experiment", "spark.yarn.maxAppAttempts": 1},
        ),
    )


class _HdiConfiguration(_AbstractRunConfigElement):
    """Settings of HDInsight; Muster has no such targets."""

    _FIELDS = (Field("yarn_deploy_mode", "yarnDeployMode", read_text, lambda: "cluster"),)


class _ParallelTaskConfiguration(_AbstractRunConfigElement):
    """Settings of parallel tasks; Muster has none."""

    _FIELDS = (
        Field("max_retries_per_worker", "maxRetriesPerWorker", read_int, _zero),
        Field("worker_count_per_node", "workerCountPerNode", read_int, _one),
        Field("terminal_exit_codes", "terminalExitCodes", read_any, none),
    )


class AmlComputeConfiguration(_AbstractRunConfigElement):
    """A cluster made for one run: ``vm_size``, ``vm_priority`` (``"dedicated"`` or
    ``"lowpriority"``), ``retain_cluster``, ``name`` and the cluster's largest node count."""

    vm_size: Optional[str]
    vm_priority: Optional[str]
    retain_cluster: bool
    name: Optional[str]
    cluster_max_node_count: int

    _FIELDS = (
        Field("vm_size", "vmSize", read_text, none),
        Field("vm_priority", "vmPriority", read_text, none),
        Field("retain_cluster", "retainCluster", read_bool, _false),
        Field("name", "name", read_text, none),
        Field("cluster_max_node_count", "clusterMaxNodeCount", read_int, _one),
    )

    def __init__(self) -> None:
        super().__init__()


class _KubernetesComputeConfiguration(_AbstractRunConfigElement):
    """Settings of a Kubernetes target; Muster has none."""

    _FIELDS = (Field("instance_type", "instanceType", read_text, none),)


class DataReferenceConfiguration(_AbstractRunConfigElement):
    """A datastore path a job uses, as a file has it.

    ``mode`` is ``"mount"``, ``"download"`` or ``"upload"`` (UserErrorException for another).
    """

    _FIELDS = (
        Field("data_store_name", "dataStoreName", read_text, none),
        Field("mode", "mode", read_text, lambda: "mount"),
        Field("path_on_data_store", "pathOnDataStore", read_text, none),
        Field("path_on_compute", "pathOnCompute", read_text, none),
        Field("overwrite", "overwrite", read_bool, _false),
    )

    def __init__(
        self,
        datastore_name: Optional[str] = None,
        mode: str = "mount",
        path_on_datastore: Optional[str] = None,
        path_on_compute: Optional[str] = None,
        overwrite: bool = False,
    ) -> None:
        super().__init__()
        self.data_store_name = datastore_name
        self.mode = checked_mode(mode)
        self.path_on_data_store = path_on_datastore
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite


def checked_mode(mode: object) -> str:
    """The mode in lower case; UserErrorException if it is none."""
    if isinstance(mode, str) and mode.lower() in DATA_MODES:
        return mode.lower()
    raise UserErrorException(f"mode must be one of {', '.join(DATA_MODES)}, not {mode!r}")


class DataPath(_AbstractRunConfigElement):
    """A path below a datastore, as ``Data`` names it."""

    _FIELDS = (
        Field("datastore_name", "datastoreName", read_text, none),
        Field("relative_path", "relativePath", read_text, none),
    )

    def __init__(
        self, datastore_name: Optional[str] = None, relative_path: Optional[str] = None
    ) -> None:
        super().__init__()
        self.datastore_name = datastore_name
        self.relative_path = relative_path


class Data(_AbstractRunConfigElement):
    """A dataset that a job uses. Muster has no datasets yet; a submit with one is refused."""

    _FIELDS = (
        Field("data_location", "dataLocation", read_any, none),
        Field("create_output_directories", "createOutputDirectories", read_bool, none),
        Field("mechanism", "mechanism", read_text, lambda: "direct"),
        Field("environment_variable_name", "environmentVariableName", read_text, none),
        Field("path_on_compute", "pathOnCompute", read_text, none),
        Field("overwrite", "overwrite", read_bool, _false),
        Field("options", "options", read_any, none),
    )

    def __init__(
        self,
        data_location: Any = None,
        create_output_directories: Optional[bool] = None,
        mechanism: str = "direct",
        environment_variable_name: Optional[str] = None,
        path_on_compute: Optional[str] = None,
        overwrite: bool = False,
        options: Optional[dict[str, str]] = None,
    ) -> None:
        super().__init__()
        self.data_location = data_location
        self.create_output_directories = create_output_directories
        self.mechanism = mechanism
        self.environment_variable_name = environment_variable_name
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite
        self.options = options

    @staticmethod
    def create(data: object) -> Data:
        """Raises UserErrorException: Muster has no datasets yet."""
        raise UserErrorException(
            "datasets are not supported yet; pass a DataReference of a registered datastore"
        )
