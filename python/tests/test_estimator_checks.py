"""What estimators refuse when they are made: section 15.3 of the reference, row by row."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple, Type

import pytest

from muster.core.compute import AmlCompute
from muster.core.container_registry import ContainerRegistry
from muster.core.environment import Environment
from muster.core.runconfig import (
    MpiConfiguration,
    PyTorchConfiguration,
    RunConfiguration,
    TensorflowConfiguration,
)
from muster.core.script_run_config import ScriptRunConfig
from muster.data.data_reference import DataReference
from muster.data.datapath import DataPath, DataPathComputeBinding
from muster.data.local_datastore import LocalDatastore
from muster.exceptions import (
    ComputeTargetException,
    RunConfigurationException,
    TrainingException,
    UserErrorException,
)
from muster.train.dnn import Chainer, Gloo, Mpi, Nccl, ParameterServer, PyTorch, TensorFlow
from muster.train.estimator import Estimator
from muster.train.sklearn import SKLearn

DS = LocalDatastore(None, "ds", "/data")


def make(kind: Type[Any] = Estimator, **parameters: Any) -> Any:
    """The estimator with a target, unless that is given, and its deprecations silenced."""
    parameters.setdefault("compute_target", "c")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return kind("project", **parameters)


REFUSED = [
    # What is refused, with which exception, which words.
    ({"compute_target": None}, TrainingException, "compute_target is required"),
    ({"compute_target": 3}, TrainingException, "compute_target must be"),
    ({"node_count": 2}, TrainingException, "distributed_training"),
    ({"process_count_per_node": 2}, TrainingException, "distributed_training"),
    ({"node_count": 0}, TrainingException, "at least 1"),
    ({"node_count": -1, "distributed_backend": "mpi"}, TrainingException, "at least 1"),
    ({"process_count_per_node": 0}, TrainingException, "at least 1"),
    ({"node_count": "2"}, TypeError, "must be an int"),
    ({"process_count_per_node": "2"}, TypeError, "must be an int"),
    ({"node_count": 2.0}, TypeError, "must be an int"),
    (
        {"node_count": 2, "compute_target": "local", "distributed_training": Mpi()},
        TrainingException,
        "needs a cluster",
    ),
    ({"distributed_backend": "bogus"}, TrainingException, "one of mpi"),
    ({"distributed_backend": "gloo"}, TrainingException, "one of mpi"),
    ({"distributed_backend": 3}, TrainingException, "one of mpi"),
    ({"distributed_training": 3}, TrainingException, "must be Mpi()"),
    ({"distributed_training": "bogus"}, TrainingException, "must be Mpi()"),
    ({"distributed_training": str}, TrainingException, "must be Mpi()"),
    (
        {"conda_dependencies_file": "c.yml", "conda_packages": ["numpy"]},
        TrainingException,
        "conda_packages",
    ),
    (
        {"conda_dependencies_file": "c.yml", "pip_packages": ["numpy"]},
        TrainingException,
        "pip_packages",
    ),
    (
        {"conda_dependencies_file": "c.yml", "pip_requirements_file": "r.txt"},
        TrainingException,
        "pip_requirements_file",
    ),
    ({"conda_dependencies_file": "missing.yml"}, UserErrorException, "does not exist"),
    ({"pip_requirements_file": "missing.txt"}, UserErrorException, "does not exist"),
    ({"conda_dependencies_file_path": "missing.yml"}, UserErrorException, "does not exist"),
    ({"pip_requirements_file_path": "missing.txt"}, UserErrorException, "does not exist"),
    (
        {"custom_docker_image": "a", "custom_docker_base_image": "b"},
        TrainingException,
        "mean the same",
    ),
    ({"custom_docker_image": "a", "use_docker": False}, TrainingException, "use_docker"),
    ({"custom_docker_base_image": "a", "use_docker": False}, TrainingException, "use_docker"),
    ({"user_managed": True, "conda_packages": ["numpy"]}, UserErrorException, "user_managed"),
    ({"user_managed": True, "pip_packages": ["numpy"]}, UserErrorException, "user_managed"),
    ({"conda_packages": "numpy"}, TrainingException, "list of names"),
    ({"pip_packages": [3]}, TrainingException, "list of names"),
    ({"script_params": ["--a", 1]}, TrainingException, "must be a dict"),
    ({"environment_variables": ["A=1"]}, TrainingException, "must be a dict"),
    ({"image_registry_details": "docker.io"}, TrainingException, "ContainerRegistry"),
    ({"environment_definition": "mine"}, TrainingException, "must be an Environment"),
    ({"inputs": "x"}, UserErrorException, "list of DataReferences"),
    ({"inputs": ["x"]}, UserErrorException, "list of DataReferences"),
    ({"resume_from": "x"}, UserErrorException, "DataPath"),
    ({"resume_from": DataReference(DS)}, UserErrorException, "DataPath"),
    ({"resume_from": DataPath()}, UserErrorException, "names no datastore"),
    ({"bogus": 1}, TypeError, "bogus"),
]


@pytest.mark.parametrize(("parameters", "kind", "words"), REFUSED, ids=lambda v: str(v)[:60])
def test_estimator_refuses(parameters: Dict[str, Any], kind: Type[Exception], words: str) -> None:
    with pytest.raises(kind) as caught:
        make(**parameters)
    assert type(caught.value) is kind
    assert words in str(caught.value)


ENVIRONMENT_CONFLICTS: Dict[str, Any] = {
    "use_gpu": True,
    "custom_docker_image": "a",
    "custom_docker_base_image": "a",
    "image_registry_details": ContainerRegistry(),
    "user_managed": True,
    "conda_packages": ["numpy"],
    "pip_packages": ["numpy"],
    "environment_variables": {"A": "1"},
}


@pytest.mark.parametrize("name", ENVIRONMENT_CONFLICTS)
def test_environment_definition_excludes(name: str) -> None:
    with pytest.raises(TrainingException) as caught:
        make(environment_definition=Environment("e"), **{name: ENVIRONMENT_CONFLICTS[name]})
    assert name.replace("_base_image", "_image") in str(caught.value)


BACKENDS: Dict[Type[Any], Tuple[str, ...]] = {
    PyTorch: ("mpi", "gloo", "nccl"),
    TensorFlow: ("mpi", "ps"),
    Chainer: ("mpi",),
    Estimator: ("mpi",),
}


@pytest.mark.parametrize("kind", BACKENDS)
@pytest.mark.parametrize("backend", ["mpi", "MPI", "gloo", "nccl", "ps", ""])
def test_backends_of_each_estimator(kind: Type[Any], backend: str) -> None:
    if backend.lower() in BACKENDS[kind]:
        make(kind, distributed_backend=backend)
    else:
        with pytest.raises(TrainingException):
            make(kind, distributed_backend=backend)


LAUNCH_MODES: Dict[Type[Any], Any] = {
    Mpi: {PyTorch, TensorFlow, Chainer, Estimator},
    Gloo: {PyTorch, Estimator},
    Nccl: {PyTorch, Estimator},
    ParameterServer: {TensorFlow, Estimator},
}


@pytest.mark.parametrize("mode", LAUNCH_MODES)
@pytest.mark.parametrize("kind", BACKENDS)
def test_launch_modes_of_each_estimator(mode: Type[Any], kind: Type[Any]) -> None:
    if kind in LAUNCH_MODES[mode]:
        make(kind, distributed_training=mode())
        mode().validate(kind.__name__)
    else:
        with pytest.raises(TrainingException, match="cannot be used"):
            make(kind, distributed_training=mode())
        with pytest.raises(TrainingException, match="cannot be used"):
            mode().validate(kind.__name__)


ALIASES = [
    (Mpi, "Mpi", 1),
    (Mpi(2), "Mpi", 2),
    (MpiConfiguration(3), "Mpi", 3),
    ("mpi", "Mpi", 1),
    (PyTorchConfiguration("Nccl"), "Nccl", 1),
    (PyTorchConfiguration("Gloo"), "Gloo", 1),
    ("NCCL", "Nccl", 1),
]


@pytest.mark.parametrize(("value", "communicator", "processes"), ALIASES)
def test_other_forms_of_a_launch_mode(value: Any, communicator: str, processes: int) -> None:
    config = make(PyTorch, distributed_training=value).run_config
    assert config.communicator == communicator
    assert config.mpi.process_count_per_node == processes


def test_tensorflow_configuration_is_a_launch_mode() -> None:
    config = make(TensorFlow, distributed_training=TensorflowConfiguration(2, 3)).run_config
    assert config.communicator == "ParameterServer"
    assert (config.tensorflow.worker_count, config.tensorflow.parameter_server_count) == (2, 3)


@pytest.mark.parametrize("kind", [PyTorch, TensorFlow, Chainer, SKLearn])
@pytest.mark.parametrize("version", ["0.1", 1.4, "", "1.4.0"])
def test_framework_version_must_be_supported(kind: Type[Any], version: Any) -> None:
    with pytest.raises(TrainingException, match="framework_version must be one of"):
        make(kind, framework_version=version)


SUPPORTED: Dict[Type[Any], List[str]] = {
    PyTorch: ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6"],
    TensorFlow: ["1.10", "1.12", "1.13", "2.0", "2.1", "2.2", "2.3"],
    Chainer: ["5.1.0", "7.0.0"],
    SKLearn: ["0.20.3"],
}


@pytest.mark.parametrize("kind", SUPPORTED)
def test_supported_versions(kind: Type[Any]) -> None:
    assert kind.get_supported_versions() == SUPPORTED[kind]
    assert make(kind).framework_version == kind.DEFAULT_VERSION
    for version in SUPPORTED[kind]:
        assert make(kind, framework_version=version).framework_version == version


# What is not refused when an estimator is made.
ACCEPTED: Dict[str, Callable[[], Any]] = {
    "both targets": lambda: make(vm_size="Standard_NC6"),
    "vm_size alone": lambda: make(compute_target=None, vm_size="Standard_NC6"),
    "processes with a name": lambda: make(process_count_per_node=2, distributed_backend="mpi"),
    "mpi with one process": lambda: make(distributed_backend="mpi"),
    "gpu and image": lambda: make(use_gpu=True, custom_docker_image="a"),
    "no source directory": lambda: Estimator(None, compute_target="c"),
    "no entry script": lambda: make(entry_script=None),
    "entry script elsewhere": lambda: make(entry_script="../x"),
    "entry script not python": lambda: make(entry_script="run.sh"),
    "bogus priority": lambda: make(vm_priority="bogus"),
    "bogus shm_size": lambda: make(shm_size="bogus"),
    "bogus duration": lambda: make(max_run_duration_seconds=-3),
    "Mpi(0)": lambda: make(distributed_training=Mpi(0)),
    "both modes": lambda: make(distributed_backend="mpi", distributed_training=Mpi(2)),
    "local with one node": lambda: make(compute_target="local"),
    "workers without backend": lambda: make(TensorFlow, worker_count=2),
    # Refused by the original, where a name is enough here.
    "several nodes with a name": lambda: make(node_count=2, distributed_backend="mpi"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_estimator_accepts(name: str) -> None:
    assert ACCEPTED[name]() is not None


def test_pip_packages_and_file_go_together(project: Path) -> None:
    (project / "r.txt").write_text("# mine\nscipy==1.0 # old\n\n-r other.txt\n")
    estimator = Estimator(
        str(project), compute_target="c", pip_packages=["numpy"], pip_requirements_file="r.txt"
    )
    assert estimator.conda_dependencies.pip_packages == ["scipy==1.0", "numpy"]
    assert estimator.conda_dependencies.pip_options == ["-r other.txt"]


def test_only_the_source_directory_is_positional() -> None:
    with pytest.raises(TypeError):
        PyTorch("project", "c")  # type: ignore[call-arg]


OTHER_CLASSES: Dict[str, Any] = {
    "mode": (lambda: DataReference(DS, mode="bogus"), UserErrorException),
    "binding": (lambda: DataPathComputeBinding(mode="bogus"), UserErrorException),
    "no datastore": (lambda: DataReference("ds"), UserErrorException),  # type: ignore[arg-type]
    "name": (lambda: DataReference(DS, "a-b"), UserErrorException),
    "attribute": (lambda: setattr(RunConfiguration(), "bogus", 1), AttributeError),
    "section": (lambda: setattr(RunConfiguration().environment, "bogus", 1), AttributeError),
    "environment": (lambda: Environment("e", bogus=1), AttributeError),
    "backend": (lambda: PyTorchConfiguration("bogus"), RunConfigurationException),
    "job config": (
        lambda: ScriptRunConfig("p", distributed_job_config="mpi"),
        RunConfigurationException,
    ),
    "max_nodes": (AmlCompute.provisioning_configuration, ComputeTargetException),
    "negative": (
        lambda: AmlCompute.provisioning_configuration(max_nodes=-1),
        ComputeTargetException,
    ),
    "less than min": (
        lambda: AmlCompute.provisioning_configuration(min_nodes=3, max_nodes=2),
        ComputeTargetException,
    ),
    "half a network": (
        lambda: AmlCompute.provisioning_configuration(max_nodes=1, vnet_name="v"),
        ComputeTargetException,
    ),
    "half an admin": (
        lambda: AmlCompute.provisioning_configuration(max_nodes=1, admin_username="me"),
        ComputeTargetException,
    ),
}


@pytest.mark.parametrize("name", OTHER_CLASSES)
def test_other_classes_refuse(name: str) -> None:
    call, kind = OTHER_CLASSES[name]
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind


def test_provisioning_does_not_check_the_node_class() -> None:
    found = AmlCompute.provisioning_configuration("anything", "whatever", max_nodes=0)
    assert (found.vm_size, found.vm_priority, found.max_nodes) == ("anything", "whatever", 0)


DEPRECATED: Dict[str, Dict[str, Any]] = {
    "distributed_backend": {"distributed_backend": "mpi"},
    "custom_docker_base_image": {"custom_docker_base_image": "a"},
    "conda_dependencies_file_path": {"conda_dependencies_file_path": "c.yml"},
    "pip_requirements_file_path": {"pip_requirements_file_path": "r.txt"},
}


@pytest.mark.parametrize("name", DEPRECATED)
def test_old_parameters_warn_at_the_callers_line(name: str, project: Path) -> None:
    (project / "c.yml").write_text("dependencies:\n- numpy\n")
    (project / "r.txt").write_text("numpy\n")
    with pytest.warns(DeprecationWarning, match=f"^{name} is deprecated; use") as caught:
        PyTorch(str(project), compute_target="c", **DEPRECATED[name])
    assert [warning.filename for warning in caught] == [__file__]


def test_new_file_parameter_wins_over_the_old(project: Path) -> None:
    (project / "new.yml").write_text("dependencies:\n- new\n")
    estimator = make(
        conda_dependencies_file=str(project / "new.yml"),
        conda_dependencies_file_path=str(project / "old.yml"),
    )
    assert estimator.conda_dependencies.conda_packages == ["new"]
