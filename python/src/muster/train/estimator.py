"""Estimators for any script, and their base classes."""

from __future__ import annotations

from abc import ABC
from typing import Any, ClassVar, Dict, List, Optional, Sequence

from muster.core.conda_dependencies import CondaDependencies
from muster.core.container_registry import ContainerRegistry
from muster.core.environment import Environment
from muster.core.runconfig import RunConfiguration
from muster.data.datapath import DataPath
from muster.exceptions import TrainingException
from muster.train import _frameworks
from muster.train._build import configure
from muster.train._checks import check
from muster.train._distributed import Gloo, Mpi, Nccl, ParameterServer
from muster.train._settings import Settings

__all__ = [
    "Estimator",
    "Gloo",
    "MMLBaseEstimator",
    "MMLBaseEstimatorRunConfig",
    "Mpi",
    "Nccl",
    "ParameterServer",
]


class MMLBaseEstimatorRunConfig(RunConfiguration):
    """The run configuration of an estimator. The parameters are Estimator's; they are not
    checked."""

    def __init__(
        self,
        compute_target: Any,
        vm_size: Optional[str] = None,
        vm_priority: Optional[str] = None,
        entry_script: Optional[str] = None,
        script_params: Optional[Dict[str, Any]] = None,
        node_count: Optional[int] = None,
        process_count_per_node: Optional[int] = None,
        distributed_backend: Optional[str] = None,
        use_gpu: Optional[bool] = None,
        use_docker: Optional[bool] = None,
        custom_docker_base_image: Optional[str] = None,
        custom_docker_image: Optional[str] = None,
        image_registry_details: Optional[ContainerRegistry] = None,
        user_managed: bool = False,
        conda_packages: Optional[List[str]] = None,
        pip_packages: Optional[List[str]] = None,
        environment_definition: Optional[Environment] = None,
        inputs: Optional[Sequence[Any]] = None,
        source_directory_data_store: Any = None,
        shm_size: Optional[str] = None,
    ) -> None:
        super().__init__()
        given = dict(locals())
        given = {name: value for name, value in given.items() if value is not None}
        configure(self, Settings(given), _frameworks.GENERIC, None)


class MMLBaseEstimator(ABC):  # noqa: B024 (the reference's base class)
    """Base of all estimators: a source directory and its run configuration.

    ``run_config`` and ``conda_dependencies`` may be edited until the submit.
    """

    _FRAMEWORK: ClassVar[_frameworks.Framework] = _frameworks.GENERIC

    def __init__(
        self,
        source_directory: Optional[str],
        *,
        compute_target: Any,
        estimator_config: Optional[RunConfiguration] = None,
    ) -> None:
        self._source_directory = source_directory
        self._compute_target = compute_target
        self._notes: List[str] = []
        self._estimator_config = estimator_config
        if estimator_config is None and compute_target is not None:
            self._estimator_config = RunConfiguration()
            self._estimator_config.target = compute_target

    def _configure(self, given: Dict[str, Any]) -> None:
        """Checks the constructor's parameters and makes the run configuration."""
        settings = Settings(given)
        # The stack: warn, take_old_names, this, the constructor, the caller.
        settings.take_old_names(stacklevel=4)
        check(settings, self._FRAMEWORK, self._source_directory)
        config = MMLBaseEstimatorRunConfig.__new__(MMLBaseEstimatorRunConfig)
        RunConfiguration.__init__(config)
        configure(config, settings, self._FRAMEWORK, self._source_directory)
        self._estimator_config = config
        self._framework_version: Optional[str] = settings.framework_version
        if settings.framework_version is not None:
            self._notes.append(
                f"framework_version {settings.framework_version} is not installed: the script runs "
                f"with the {self._FRAMEWORK.name} that the node's interpreter has"
            )

    @property
    def source_directory(self) -> Optional[str]:
        """The local directory that becomes the job's snapshot."""
        return self._source_directory

    @property
    def run_config(self) -> RunConfiguration:
        """The run configuration; what is changed here is submitted."""
        if self._estimator_config is None:
            raise TrainingException("this estimator has no run configuration")
        return self._estimator_config

    @property
    def conda_dependencies(self) -> CondaDependencies:
        """The packages of the run configuration; what is changed here is submitted."""
        python = self.run_config.environment.python
        if python.conda_dependencies is None:
            python.conda_dependencies = CondaDependencies()
        return python.conda_dependencies

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(source_directory={self._source_directory!r}, "
            f"entry_script={self.run_config.script!r}, target={self.run_config.target!r})"
        )


class Estimator(MMLBaseEstimator):
    """A training script that may use any framework.

    ``source_directory``: local directory, becomes the job's snapshot. ``compute_target``: object or
    name. ``entry_script``: relative to the directory. ``script_params``: option -> value; ``''`` is
    a bare flag, a datastore or DataReference becomes its path on the node. ``node_count``,
    ``process_count_per_node``: above 1 they need ``distributed_training`` (or the older
    ``distributed_backend``). ``inputs``: DataReferences that no option names. ``resume_from``: a
    DataPath with checkpoints, given to the script as ``--resume-from``.
    ``max_run_duration_seconds``: then the run is cancelled. ``environment_variables``: of the
    script's processes. ``user_managed``: the packages are there already. The parameters about
    images and packages are kept in ``run_config``; a submit refuses what would have to be built.
    Raises TrainingException, UserErrorException or TypeError for parameters that do not fit
    together; whether the directory and the script exist is checked at the submit.
    """

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
        _disable_validation: bool = True,
        _show_lint_warnings: bool = False,
        _show_package_warnings: bool = False,
    ) -> None:
        given = dict(locals())
        super().__init__(source_directory, compute_target=compute_target)
        self._configure(given)


class _FrameworkBaseEstimator(MMLBaseEstimator):
    """An estimator of one framework, with a version."""

    FRAMEWORK_NAME: ClassVar[str] = ""
    DEFAULT_VERSION: ClassVar[str] = ""

    @property
    def framework_version(self) -> str:
        """The framework's version: that given, or the default one."""
        return self._framework_version or self.DEFAULT_VERSION

    @classmethod
    def get_supported_versions(cls) -> List[str]:
        """The values of ``framework_version``, oldest first."""
        return list(cls._FRAMEWORK.versions)
