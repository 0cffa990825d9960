"""The run configuration that estimators make: sections 2 and 15.2 of the reference."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest

from muster.core.compute import AmlCompute
from muster.core.container_registry import ContainerRegistry
from muster.core.environment import Environment
from muster.core.runconfig import RunConfiguration
from muster.data.data_reference import DataReference
from muster.data.datapath import DataPath
from muster.data.local_datastore import LocalDatastore
from muster.exceptions import TrainingException, UserErrorException
from muster.train.dnn import Gloo, Mpi, Nccl, ParameterServer, PyTorch, TensorFlow
from muster.train.estimator import Estimator, MMLBaseEstimator, MMLBaseEstimatorRunConfig

DS = LocalDatastore(None, "ds", "/data")


def config_of(kind: Any = PyTorch, **parameters: Any) -> RunConfiguration:
    parameters.setdefault("compute_target", "gpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found: RunConfiguration = kind("project", **parameters).run_config
    return found


def test_the_how_tos_first_example(cluster: AmlCompute, datastore: LocalDatastore) -> None:
    script_params = {"--data_dir": datastore}
    estimator = PyTorch(
        source_directory="./my-pytorch-proj",
        script_params=script_params,
        compute_target=cluster,
        entry_script="train.py",
        use_gpu=True,
    )
    config = estimator.run_config
    assert estimator.source_directory == "./my-pytorch-proj"
    assert config.arguments == ["--data_dir", "$AZUREML_DATAREFERENCE_ds"]
    assert config.data_references["ds"].data_store_name == "ds"
    assert (config.script, config.target, config.communicator) == ("train.py", "gpu", "None")


def test_the_how_tos_second_example(cluster: AmlCompute) -> None:
    with pytest.warns(DeprecationWarning):
        estimator = PyTorch(
            source_directory="./my-pytorch-project",
            script_params={},
            compute_target=cluster,
            entry_script="train.py",
            node_count=2,
            process_count_per_node=1,
            distributed_backend="mpi",
            use_gpu=True,
        )
    config = estimator.run_config
    assert (config.node_count, config.mpi.process_count_per_node) == (2, 1)
    assert (config.communicator, config.amlcompute.cluster_max_node_count) == ("IntelMpi", 2)
    assert config.mpi.node_count == 1


SCRIPT_PARAMS: Dict[str, Tuple[Any, Any]] = {
    "order": ({"--b": 1, "--a": 2}, ["--b", 1, "--a", 2]),
    "numbers keep their type": ({"--lr": 0.1, "--n": 3}, ["--lr", 0.1, "--n", 3]),
    "text": ({"--num_epochs": "30"}, ["--num_epochs", "30"]),
    "empty is a bare flag": ({"--my_bool_var": ""}, ["--my_bool_var"]),
    "None is a bare flag": ({"--flag": None, "--x": 1}, ["--flag", "--x", 1]),
    "zero is a value": ({"--x": 0, "--y": False}, ["--x", 0, "--y", False]),
    "variables stay": ({"--rank": "$AZ_BATCHAI_TASK_INDEX"}, ["--rank", "$AZ_BATCHAI_TASK_INDEX"]),
    "no quoting": ({"--t": "a b'c"}, ["--t", "a b'c"]),
    "a path is its text": ({"--p": Path("a/b")}, ["--p", "a/b"]),
    "datastore": ({"--d": DS}, ["--d", "$AZUREML_DATAREFERENCE_ds"]),
    "mount": ({"--d": DS.as_mount()}, ["--d", "$AZUREML_DATAREFERENCE_ds"]),
    "named": ({"--d": DataReference(DS, "mine")}, ["--d", "$AZUREML_DATAREFERENCE_mine"]),
    "nothing": ({}, []),
}


@pytest.mark.parametrize("name", SCRIPT_PARAMS)
def test_script_params(name: str) -> None:
    given, arguments = SCRIPT_PARAMS[name]
    found = config_of(script_params=given).arguments
    assert found == arguments
    assert [type(item) for item in found] == [type(item) for item in arguments]


def test_paths_of_a_datastore_get_random_names() -> None:
    config = config_of(script_params={"--a": DS.path("x"), "--b": DS.path("x")})
    names = [argument.rsplit("_", 1)[1] for argument in config.arguments[1::2]]
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in names)
    assert len(set(names)) == 2
    assert {config.data_references[name].path_on_data_store for name in names} == {"x"}


def test_two_places_under_one_name_are_refused() -> None:
    references = {"--a": DataReference(DS, "n", "x"), "--b": DataReference(DS, "n", "y")}
    with pytest.raises(UserErrorException, match="have the name 'n'"):
        config_of(script_params=references)


def test_inputs_are_references_without_argument() -> None:
    config = config_of(inputs=[DS.as_mount().as_download("here", True)])
    reference = config.data_references["ds"]
    assert (reference.mode, reference.path_on_compute) == ("download", "here")
    assert reference.overwrite is True
    assert config.arguments == []


def test_resume_from_comes_last() -> None:
    config = config_of(script_params={"--a": 1}, resume_from=DataPath(DS, "old/model"))
    expected = ["--a", 1, "--resume-from", "$AZUREML_DATAREFERENCE_MODEL_LOCATION"]
    assert config.arguments == expected
    reference = config.data_references["MODEL_LOCATION"]
    assert (reference.mode, reference.path_on_data_store) == ("mount", "old/model")


COMMUNICATORS: Dict[str, Tuple[Dict[str, Any], str]] = {
    "none": ({}, "None"),
    "mpi backend": ({"distributed_backend": "mpi"}, "IntelMpi"),
    "MPI backend": ({"distributed_backend": "MPI"}, "IntelMpi"),
    "Mpi": ({"distributed_training": Mpi()}, "Mpi"),
    "gloo backend": ({"distributed_backend": "gloo"}, "gloo"),
    "nccl backend": ({"distributed_backend": "nccl"}, "nccl"),
    "Gloo": ({"distributed_training": Gloo()}, "Gloo"),
    "Nccl": ({"distributed_training": Nccl()}, "Nccl"),
    "backend wins": ({"distributed_backend": "mpi", "distributed_training": Gloo()}, "IntelMpi"),
}


@pytest.mark.parametrize("name", COMMUNICATORS)
def test_communicator(name: str) -> None:
    parameters, communicator = COMMUNICATORS[name]
    assert config_of(**parameters).communicator == communicator


def test_parameter_server() -> None:
    for parameters in (
        {"distributed_backend": "ps", "worker_count": 2, "parameter_server_count": 3},
        {"distributed_training": ParameterServer(2, 3)},
    ):
        config = config_of(TensorFlow, **parameters)
        assert config.communicator == "ParameterServer"
        assert config.tensorflow.worker_count == 2
        assert config.tensorflow.parameter_server_count == 3


def test_process_count_of_the_launch_mode_wins() -> None:
    config = config_of(distributed_training=Mpi(2), process_count_per_node=3)
    assert config.mpi.process_count_per_node == 2


def test_framework_packages_stand_in_the_dependencies() -> None:
    estimator = PyTorch("project", compute_target="gpu", pip_packages=["pandas"])
    assert estimator.conda_dependencies.pip_packages == [
        "torch==1.4.0",
        "torchvision==0.5.0",
        "horovod==0.18.1",
        "pandas",
    ]


def test_a_file_of_packages_replaces_them(project: Path) -> None:
    (project / "c.yml").write_text("name: x\ndependencies:\n- python=3.6\n- pip:\n  - numpy\n")
    estimator = PyTorch(str(project), compute_target="gpu", conda_dependencies_file="c.yml")
    assert estimator.conda_dependencies.pip_packages == ["numpy"]
    assert estimator.conda_dependencies.get_python_version() == "3.6"


def test_a_wrong_file_of_packages_is_named_with_its_line(project: Path) -> None:
    (project / "c.yml").write_text("dependencies:\n- a: [\n")
    with pytest.raises(UserErrorException, match=r"c\.yml, line 2: "):
        PyTorch(str(project), compute_target="gpu", conda_dependencies_file="c.yml")


def test_packages_are_live_and_editable() -> None:
    """As the notebooks do: swap the framework for another build."""
    estimator = PyTorch("project", compute_target="gpu")
    estimator.conda_dependencies.remove_pip_package("torch==1.4.0")
    estimator.conda_dependencies.add_conda_package("pytorch-nightly")
    estimator.conda_dependencies.add_channel("pytorch")
    conda = estimator.run_config.environment.python.conda_dependencies
    assert conda is estimator.conda_dependencies
    assert conda is not None
    assert "torch" not in " ".join(p.split("=")[0] for p in conda.pip_packages).split()
    assert "pytorch-nightly" in conda.conda_packages
    assert conda.conda_channels[-1] == "pytorch"


def test_run_config_is_live_and_closed() -> None:
    estimator = PyTorch("project", compute_target="gpu")
    estimator.run_config.node_count = 3
    estimator.run_config.environment.docker.shm_size = "8g"
    assert estimator.run_config.node_count == 3
    with pytest.raises(AttributeError, match="node_cuont"):
        estimator.run_config.node_cuont = 3


def test_container_settings() -> None:
    registry = ContainerRegistry()
    registry.address = "registry.lan"
    config = config_of(custom_docker_image="mine:1", image_registry_details=registry, shm_size="4g")
    docker = config.environment.docker
    assert (docker.base_image, docker.shm_size, docker.enabled) == ("mine:1", "4g", False)
    assert docker.base_image_registry.address == "registry.lan"
    assert (config.docker.use_docker, config.docker.shm_size) == (True, "4g")
    assert config_of(use_docker=False).docker.use_docker is False
    assert config_of(custom_docker_base_image="old:1").environment.docker.base_image == "old:1"


def test_vm_size_alone_asks_for_a_cluster_of_its_own() -> None:
    config = config_of(compute_target=None, vm_size="Standard_NC6", vm_priority="lowpriority")
    assert config.target == "amlcompute"
    assert (config.amlcompute.vm_size, config.amlcompute.vm_priority) == (
        "Standard_NC6",
        "lowpriority",
    )
    assert config.amlcompute.retain_cluster is False


def test_other_parameters() -> None:
    config = config_of(
        environment_variables={"A": 1},
        user_managed=True,
        max_run_duration_seconds=60,
        source_directory_data_store=DS,
    )
    assert config.environment_variables == {"A": 1}
    assert config.environment.environment_variables == {"A": 1}
    assert config.environment.python.user_managed_dependencies is True
    assert config.max_run_duration_seconds == 60
    assert config.source_directory_data_store == "ds"


def test_environment_definition_is_the_environment() -> None:
    environment = Environment("mine")
    environment.environment_variables = {"A": "1"}
    assert config_of(environment_definition=environment).environment is environment


def test_base_classes() -> None:
    made = MMLBaseEstimator("project", compute_target="gpu")
    assert made.run_config.target == "gpu"
    with pytest.raises(TrainingException):
        _ = MMLBaseEstimator("project", compute_target=None).run_config
    config = MMLBaseEstimatorRunConfig("gpu", entry_script="a.py", node_count=2)
    assert (config.target, config.script, config.node_count) == ("gpu", "a.py", 2)
    assert isinstance(PyTorch("p", compute_target="c"), MMLBaseEstimator)
    assert isinstance(Estimator("p", compute_target="c").run_config, RunConfiguration)
