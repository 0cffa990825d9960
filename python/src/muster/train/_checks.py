"""What an estimator refuses when it is made. Reads no file but to see that it is there."""

from __future__ import annotations

import os
from typing import Any

from muster.core.container_registry import ContainerRegistry
from muster.core.environment import Environment
from muster.data.abstract_datastore import AbstractDatastore
from muster.data.data_reference import DataReference
from muster.data.datapath import DataPath
from muster.exceptions import TrainingException, UserErrorException
from muster.train._frameworks import Framework
from muster.train._settings import Settings, launch_mode

# Parameters that an environment_definition already answers.
_IN_ENVIRONMENT = (
    "use_gpu",
    "custom_docker_image",
    "image_registry_details",
    "user_managed",
    "conda_packages",
    "pip_packages",
    "conda_dependencies_file",
    "pip_requirements_file",
    "environment_variables",
    "framework_version",
)


def check(settings: Settings, framework: Framework, source_directory: Any) -> None:
    """Raises TrainingException, UserErrorException (files and types of data) or TypeError
    (counts)."""
    _check_target(settings)
    _check_types(settings)
    _check_counts(settings)
    _check_launch(settings, framework)
    _check_packages(settings, source_directory)
    _check_image(settings)
    _check_environment_definition(settings)
    _check_version(settings.framework_version, framework)
    _check_data(settings)


def _check_target(settings: Settings) -> None:
    target = settings.compute_target
    if target is None and not settings.vm_size:
        raise TrainingException("compute_target is required (or vm_size)")
    if target is not None and not isinstance(_name_of(target), str):
        raise TrainingException(
            f"compute_target must be a ComputeTarget or its name, not {target!r}"
        )


def _name_of(target: Any) -> Any:
    return target if isinstance(target, str) else getattr(target, "name", None)


def _check_types(settings: Settings) -> None:
    for name in ("conda_packages", "pip_packages"):
        value = getattr(settings, name)
        if value is None:
            continue
        listed = isinstance(value, (list, tuple))
        if not listed or not all(isinstance(item, str) for item in value):
            raise TrainingException(f"{name} must be a list of names, not {value!r}")
    for name in ("script_params", "environment_variables"):
        value = getattr(settings, name)
        if value is not None and not isinstance(value, dict):
            raise TrainingException(f"{name} must be a dict, not {value!r}")
    registry = settings.image_registry_details
    if registry is not None and not isinstance(registry, ContainerRegistry):
        raise TrainingException(
            f"image_registry_details must be a ContainerRegistry, not {registry!r}"
        )


def _check_counts(settings: Settings) -> None:
    names = ("node_count", "process_count_per_node", "worker_count", "parameter_server_count")
    for name in names:
        value = getattr(settings, name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{name} must be an int, not {value!r}")
        if value < 1:
            raise TrainingException(f"{name} must be at least 1, not {value}")


def _check_launch(settings: Settings, framework: Framework) -> None:
    backend = settings.distributed_backend
    training = launch_mode(settings.distributed_training)
    many = settings.node_count > 1 or settings.process_count_per_node > 1
    if backend is not None:
        if not isinstance(backend, str) or backend.lower() not in framework.backends:
            raise TrainingException(
                f"distributed_backend must be one of {', '.join(framework.backends)} for "
                f"{framework.name}, not {backend!r}"
            )
    elif training is not None:
        training.validate(framework.name)
    elif many:
        raise TrainingException(
            f"node_count {settings.node_count} and process_count_per_node "
            f"{settings.process_count_per_node} need to know how the processes find each other: "
            "give "
            "distributed_training, for example Mpi(), or distributed_backend='mpi'"
        )
    if settings.node_count > 1 and _name_of(settings.compute_target) == "local":
        raise TrainingException(
            f"node_count {settings.node_count} needs a cluster as compute_target, not 'local'"
        )


def _check_packages(settings: Settings, source_directory: Any) -> None:
    if settings.user_managed and settings.packages_given():
        raise UserErrorException(
            f"user_managed=True says that the packages are there already; remove "
            f"{', '.join(settings.packages_given())}"
        )
    others = [name for name in settings.packages_given() if name != "conda_dependencies_file"]
    if settings.conda_dependencies_file and others:
        raise TrainingException(
            f"conda_dependencies_file lists all packages; put those of {', '.join(others)} into it"
        )
    for name in ("conda_dependencies_file", "pip_requirements_file"):
        file = getattr(settings, name)
        if file and not os.path.isfile(in_source(source_directory, file)):
            raise UserErrorException(
                f"{name} {file} does not exist in the source directory {source_directory}"
            )


def in_source(source_directory: Any, file: str) -> str:
    """A file's path, given relative to the source directory."""
    return os.path.join(str(source_directory or ""), file)


def _check_image(settings: Settings) -> None:
    if settings.custom_docker_image and not settings.use_docker:
        raise TrainingException("custom_docker_image needs use_docker=True; give one of the two")


def _check_environment_definition(settings: Settings) -> None:
    definition = settings.environment_definition
    if definition is None:
        return
    if not isinstance(definition, Environment):
        raise TrainingException(
            f"environment_definition must be an Environment, not {definition!r}"
        )
    given = [name for name in _IN_ENVIRONMENT if getattr(settings, name)]
    if given:
        raise TrainingException(
            f"environment_definition says all about the environment; set there, not beside it: "
            f"{', '.join(given)}"
        )


def _check_version(version: Any, framework: Framework) -> None:
    if version is not None and version not in framework.versions:
        raise TrainingException(
            f"framework_version must be one of the texts {', '.join(framework.versions)} for "
            f"{framework.name}, not {version!r}"
        )


def _check_data(settings: Settings) -> None:
    inputs = settings.inputs
    if inputs is not None:
        listed = isinstance(inputs, (list, tuple))
        if not listed or not all(isinstance(i, (DataReference, AbstractDatastore)) for i in inputs):
            raise UserErrorException(f"inputs must be a list of DataReferences, not {inputs!r}")
    resume = settings.resume_from
    if resume is not None and not isinstance(resume, DataPath):
        raise UserErrorException(f"resume_from must be a DataPath, not {resume!r}")
