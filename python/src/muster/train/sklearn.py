"""The estimator of scikit-learn."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

from muster.core.container_registry import ContainerRegistry
from muster.core.environment import Environment
from muster.data.datapath import DataPath
from muster.train import _frameworks
from muster.train.estimator import _FrameworkBaseEstimator

__all__ = ["SKLearn"]


class SKLearn(_FrameworkBaseEstimator):
    """A scikit-learn training script: one process on one node.

    The parameters are Estimator's but those about several nodes or processes, and
    ``framework_version``.
    """

    FRAMEWORK_NAME = "SKLearn"
    DEFAULT_VERSION = "0.20.3"
    _FRAMEWORK = _frameworks.SKLEARN

    def __init__(
        self,
        source_directory: Optional[str],
        *,
        compute_target: Any = None,
        vm_size: Optional[str] = None,
        vm_priority: Optional[str] = None,
        entry_script: Optional[str] = None,
        script_params: Optional[Dict[str, Any]] = None,
        use_docker: bool = True,
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
