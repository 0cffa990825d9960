"""The parameters of an estimator as one object, old names turned into new ones."""

from __future__ import annotations

import warnings
from typing import Any, Dict, List, Optional, Tuple, Type

from muster.core.runconfig import (
    MpiConfiguration,
    PyTorchConfiguration,
    TensorflowConfiguration,
)
from muster.exceptions import TrainingException
from muster.train._distributed import Gloo, Mpi, Nccl, ParameterServer, _DistributedTraining
from muster.train._frameworks import COMMUNICATORS

# Old parameter -> new one. Where both are given, the new one counts, but for images.
_RENAMED = {
    "conda_dependencies_file_path": "conda_dependencies_file",
    "pip_requirements_file_path": "pip_requirements_file",
}
_MODES: Dict[str, Type[_DistributedTraining]] = {
    "mpi": Mpi,
    "gloo": Gloo,
    "nccl": Nccl,
    "ps": ParameterServer,
    "parameterserver": ParameterServer,
}


class Settings:
    """Every parameter of any estimator; those that one lacks have their default."""

    def __init__(self, given: Dict[str, Any]) -> None:
        self.compute_target: Any = None
        self.vm_size: Optional[str] = None
        self.vm_priority: Optional[str] = None
        self.entry_script: Optional[str] = None
        self.script_params: Any = None
        self.node_count: Any = 1
        self.process_count_per_node: Any = 1
        self.worker_count: Any = 1
        self.parameter_server_count: Any = 1
        self.distributed_backend: Any = None
        self.distributed_training: Any = None
        self.use_gpu = False
        self.use_docker = True
        self.custom_docker_base_image: Optional[str] = None
        self.custom_docker_image: Optional[str] = None
        self.image_registry_details: Any = None
        self.user_managed = False
        self.conda_packages: Any = None
        self.pip_packages: Any = None
        self.conda_dependencies_file_path: Optional[str] = None
        self.pip_requirements_file_path: Optional[str] = None
        self.conda_dependencies_file: Optional[str] = None
        self.pip_requirements_file: Optional[str] = None
        self.environment_variables: Any = None
        self.environment_definition: Any = None
        self.inputs: Any = None
        self.source_directory_data_store: Any = None
        self.shm_size: Optional[str] = None
        self.resume_from: Any = None
        self.max_run_duration_seconds: Any = None
        self.framework_version: Any = None
        for name, value in given.items():
            if name in vars(self):
                setattr(self, name, value)

    def take_old_names(self, stacklevel: int) -> None:
        """Gives old parameters their new names, with a DeprecationWarning at that stack level."""
        for old, new in _RENAMED.items():
            if getattr(self, old) is not None:
                _warn(f"{old} is deprecated; use {new}", stacklevel)
                setattr(self, new, getattr(self, new) or getattr(self, old))
        if self.custom_docker_base_image is not None:
            _warn("custom_docker_base_image is deprecated; use custom_docker_image", stacklevel)
            if self.custom_docker_image is not None:
                raise TrainingException(
                    "custom_docker_image and custom_docker_base_image mean the same; give the first"
                )
            self.custom_docker_image = self.custom_docker_base_image
        if self.distributed_backend is not None:
            _warn(
                "distributed_backend is deprecated; use distributed_training, for example "
                "distributed_training=Mpi(process_count_per_node=2)",
                stacklevel,
            )

    def mode(self) -> Tuple[str, Optional[_DistributedTraining]]:
        """The communicator, and the launch mode where an object gave it. The backend's name
        wins."""
        if self.distributed_backend is not None:
            return COMMUNICATORS[str(self.distributed_backend).lower()], None
        training = launch_mode(self.distributed_training)
        return ("None", None) if training is None else (training.communicator, training)

    def packages_given(self) -> List[str]:
        """Names of the parameters that ask for packages and were given."""
        names = (
            "conda_packages",
            "pip_packages",
            "conda_dependencies_file",
            "pip_requirements_file",
        )
        return [name for name in names if getattr(self, name)]


def launch_mode(value: Any) -> Optional[_DistributedTraining]:
    """The launch mode that ``distributed_training`` means: an object, its class, a configuration of
    ScriptRunConfig's kind, or a name. Raises TrainingException for anything else."""
    if value is None or isinstance(value, _DistributedTraining):
        return value
    if isinstance(value, type) and issubclass(value, _DistributedTraining):
        return value()
    if isinstance(value, MpiConfiguration):
        return Mpi(value.process_count_per_node)
    if isinstance(value, PyTorchConfiguration):
        return _MODES[str(value.communication_backend).lower()]()
    if isinstance(value, TensorflowConfiguration):
        return ParameterServer(value.worker_count, value.parameter_server_count)
    if isinstance(value, str) and value.lower() in _MODES:
        return _MODES[value.lower()]()
    raise TrainingException(
        f"distributed_training must be Mpi(), Gloo(), Nccl() or ParameterServer(), not {value!r}"
    )


def _warn(message: str, stacklevel: int) -> None:
    warnings.warn(message, DeprecationWarning, stacklevel=stacklevel + 1)
