"""From an estimator's parameters to its run configuration."""

from __future__ import annotations

from typing import Any, List, Optional

from muster.core._arguments import add_reference, arguments_of, reference_of, resume_arguments
from muster.core.conda_dependencies import CondaDependencies
from muster.core.environment import read_requirements
from muster.core.runconfig import DockerConfiguration, RunConfiguration
from muster.train._checks import in_source
from muster.train._distributed import Mpi, ParameterServer
from muster.train._frameworks import Framework, pip_packages
from muster.train._settings import Settings


def configure(
    config: RunConfiguration, settings: Settings, framework: Framework, source_directory: Any
) -> None:
    """Sets in `config` what the parameters say. They have been checked."""
    config.script = settings.entry_script
    config.max_run_duration_seconds = settings.max_run_duration_seconds
    _set_target(config, settings)
    _set_launch(config, settings)
    _set_container(config, settings)
    if settings.environment_definition is not None:
        config.environment = settings.environment_definition
        config.docker.use_docker = bool(config.environment.docker.enabled)
    else:
        config.environment.python.user_managed_dependencies = bool(settings.user_managed)
        config.environment_variables = dict(settings.environment_variables or {})
        config.environment.python.conda_dependencies = _packages(
            settings, framework, source_directory
        )
    if config.environment.python.conda_dependencies is None:
        config.environment.python.conda_dependencies = CondaDependencies()
    _set_data(config, settings)


def _set_target(config: RunConfiguration, settings: Settings) -> None:
    config.target = "amlcompute" if settings.compute_target is None else settings.compute_target
    config.amlcompute.vm_size = settings.vm_size
    config.amlcompute.vm_priority = settings.vm_priority
    config.amlcompute.cluster_max_node_count = settings.node_count
    store = settings.source_directory_data_store
    config.source_directory_data_store = getattr(store, "name", store)


def _set_launch(config: RunConfiguration, settings: Settings) -> None:
    communicator, training = settings.mode()
    config.node_count = settings.node_count
    config.communicator = communicator
    config.mpi.process_count_per_node = settings.process_count_per_node
    if isinstance(training, Mpi):
        config.mpi.process_count_per_node = training.process_count_per_node
    if communicator.lower() in ("gloo", "nccl"):
        config.framework = "PyTorch"
        config.pytorch.communication_backend = communicator
    if communicator == "ParameterServer":
        config.framework = "TensorFlow"
        config.tensorflow.worker_count = settings.worker_count
        config.tensorflow.parameter_server_count = settings.parameter_server_count
    if isinstance(training, ParameterServer):
        config.tensorflow.worker_count = training.worker_count
        config.tensorflow.parameter_server_count = training.parameter_server_count


def _set_container(config: RunConfiguration, settings: Settings) -> None:
    config.docker = DockerConfiguration(use_docker=bool(settings.use_docker), shm_size=None)
    docker = config.environment.docker
    docker.base_image = settings.custom_docker_image
    if settings.image_registry_details is not None:
        docker.base_image_registry = settings.image_registry_details
    if settings.shm_size is not None:
        docker.shm_size = settings.shm_size
        config.docker.shm_size = settings.shm_size


def _packages(
    settings: Settings, framework: Framework, source_directory: Any
) -> Optional[CondaDependencies]:
    if settings.conda_dependencies_file:
        return CondaDependencies(in_source(source_directory, settings.conda_dependencies_file))
    conda = CondaDependencies()
    if settings.user_managed:
        return conda
    version = settings.framework_version or framework.default_version
    own = pip_packages(framework, version, bool(settings.use_gpu))
    for package in own:
        conda.add_pip_package(package)
    for package in settings.conda_packages or ():
        conda.add_conda_package(package)
    for line in _pip_lines(settings, source_directory):
        if line.startswith("-"):
            conda.set_pip_option(line)
        else:
            conda.add_pip_package(line)
    asked = set(settings.pip_packages or ())
    conda._framework_packages = tuple(package for package in own if package not in asked)
    return conda


def _pip_lines(settings: Settings, source_directory: Any) -> List[str]:
    lines: List[str] = []
    if settings.pip_requirements_file:
        lines += read_requirements(in_source(source_directory, settings.pip_requirements_file))
    return lines + list(settings.pip_packages or ())


def _set_data(config: RunConfiguration, settings: Settings) -> None:
    references = config.data_references
    config.arguments = arguments_of(settings.script_params or {}, references)
    for value in settings.inputs or ():
        add_reference(references, reference_of(value))
    if settings.resume_from is not None:
        config.arguments += resume_arguments(settings.resume_from, references)
