"""Estimators of the deep learning frameworks, and the launch modes of distributed training."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

from muster.core.container_registry import ContainerRegistry
from muster.core.environment import Environment
from muster.data.datapath import DataPath
from muster.train import _frameworks
from muster.train._distributed import Gloo, Mpi, Nccl, ParameterServer
from muster.train.estimator import _FrameworkBaseEstimator

__all__ = ["Chainer", "Gloo", "Mpi", "Nccl", "ParameterServer", "PyTorch", "TensorFlow"]


class PyTorch(_FrameworkBaseEstimator):
    """A PyTorch training script.

    The parameters are Estimator's, and ``framework_version``, one of ``get_supported_versions()``.
    ``distributed_training`` may be Mpi, Gloo or Nccl. The script runs with the PyTorch that the
    node's interpreter has.

    >>> estimator = PyTorch("project", compute_target="default", entry_script="train.py")
    """

    FRAMEWORK_NAME = "PyTorch"
    DEFAULT_VERSION = "1.4"
    _FRAMEWORK = _frameworks.PYTORCH

    def __init__(
        self,
        source_directory: Optional[str],
        *,
        compute_target: Any = None,
        vm_size: Optional[str] = None,
        vm_priority: Optional[str] = None,
        entry_script: Optional[str] = None,
        script_params: Optional[Dict[str, Any]] = None,
        node_count: int = 1,
        process_count_per_node: int = 1,
        distributed_backend: Optional[str] = None,
        distributed_training: Any = None,
        use_gpu: bool = False,
        use_docker: bool = True,
        custom_docker_base_image: Optional[str] = None,
        custom_docker_image: Optional[str] = None,
        image_registry_details: Optional[ContainerRegistry] = None,
        user_managed: bool = False,
        conda_packages: Optional[List[str]] = None,
        pip_packages: Optional[List[str]] = None,
        conda_dependencies_file_path: Optional[str] = None,
        pip_requirements_file_path: Optional[str] = None,
        conda_dependencies_file: Optional[str] = None,
        pip_requirements_file: Optional[str] = None,
        environment_variables: Optional[Dict[str, Any]] = None,
        environment_definition: Optional[Environment] = None,
        inputs: Optional[Sequence[Any]] = None,
        source_directory_data_store: Any = None,
        shm_size: Optional[str] = None,
        resume_from: Optional[DataPath] = None,
        max_run_duration_seconds: Optional[int] = None,
        framework_version: Optional[str] = None,
        _enable_optimized_mode: bool = False,
        _disable_validation: bool = True,
        _show_lint_warnings: bool = False,
        _show_package_warnings: bool = False,
    ) -> None:
        given = dict(locals())
        super().__init__(source_directory, compute_target=compute_target)
        self._configure(given)


class TensorFlow(_FrameworkBaseEstimator):
    """A TensorFlow training script.

    The parameters are Estimator's, ``framework_version``, and the older ``worker_count`` and
    ``parameter_server_count`` of ``distributed_backend="ps"``.
    """

    FRAMEWORK_NAME = "TensorFlow"
    DEFAULT_VERSION = "1.13"
    _FRAMEWORK = _frameworks.TENSORFLOW

    def __init__(
        self,
        source_directory: Optional[str],
        *,
        compute_target: Any = None,
        vm_size: Optional[str] = None,
        vm_priority: Optional[str] = None,
        entry_script: Optional[str] = None,
        script_params: Optional[Dict[str, Any]] = None,
        node_count: int = 1,
        process_count_per_node: int = 1,
        worker_count: int = 1,
        parameter_server_count: int = 1,
        distributed_backend: Optional[str] = None,
        distributed_training: Any = None,
        use_gpu: bool = False,
        use_docker: bool = True,
        custom_docker_base_image: Optional[str] = None,
        custom_docker_image: Optional[str] = None,
        image_registry_details: Optional[ContainerRegistry] = None,
        user_managed: bool = False,
        conda_packages: Optional[List[str]] = None,
        pip_packages: Optional[List[str]] = None,
        conda_dependencies_file_path: Optional[str] = None,
        pip_requirements_file_path: Optional[str] = None,
        conda_dependencies_file: Optional[str] = None,
        pip_requirements_file: Optional[str] = None,
        environment_variables: Optional[Dict[str, Any]] = None,
        environment_definition: Optional[Environment] = None,
        inputs: Optional[Sequence[Any]] = None,
        source_directory_data_store: Any = None,
        shm_size: Optional[str] = None,
        resume_from: Optional[DataPath] = None,
        max_run_duration_seconds: Optional[int] = None,
        framework_version: Optional[str] = None,
        _enable_optimized_mode: bool = False,
        _disable_validation: bool = True,
        _show_lint_warnings: bool = False,
        _show_package_warnings: bool = False,
    ) -> None:
        given = dict(locals())
        super().__init__(source_directory, compute_target=compute_target)
        self._configure(given)


class Chainer(_FrameworkBaseEstimator):
    """A Chainer training script.

    The parameters are Estimator's, and ``framework_version``. ``distributed_training`` may be Mpi.
    """

    FRAMEWORK_NAME = "Chainer"
    DEFAULT_VERSION = "5.1.0"
    _FRAMEWORK = _frameworks.CHAINER

    def __init__(
        self,
        source_directory: Optional[str],
        *,
        compute_target: Any = None,
        vm_size: Optional[str] = None,
        vm_priority: Optional[str] = None,
        entry_script: Optional[str] = None,
        script_params: Optional[Dict[str, Any]] = None,
        node_count: int = 1,
        process_count_per_node: int = 1,
        distributed_backend: Optional[str] = None,
        distributed_training: Any = None,
        use_gpu: bool = False,
        use_docker: bool = True,
        custom_docker_base_image: Optional[str] = None,
        custom_docker_image: Optional[str] = None,
        image_registry_details: Optional[ContainerRegistry] = None,
        user_managed: bool = False,
        conda_packages: Optional[List[str]] = None,
        pip_packages: Optional[List[str]] = None,
        conda_dependencies_file_path: Optional[str] = None,
        pip_requirements_file_path: Optional[str] = None,
        conda_dependencies_file: Optional[str] = None,
        pip_requirements_file: Optional[str] = None,
        environment_variables: Optional[Dict[str, Any]] = None,
        environment_definition: Optional[Environment] = None,
        inputs: Optional[Sequence[Any]] = None,
        source_directory_data_store: Any = None,
        shm_size: Optional[str] = None,
        resume_from: Optional[DataPath] = None,
        max_run_duration_seconds: Optional[int] = None,
        framework_version: Optional[str] = None,
        _enable_optimized_mode: bool = False,
        _disable_validation: bool = True,
        _show_lint_warnings: bool = False,
        _show_package_warnings: bool = False,
    ) -> None:
        given = dict(locals())
        super().__init__(source_directory, compute_target=compute_target)
        self._configure(given)
