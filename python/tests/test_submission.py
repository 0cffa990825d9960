"""From ScriptRunConfig, estimator and RunConfiguration to a job, and what a submit refuses."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from muster.core._job_spec import job_fields
from muster.core._submission import prepare
from muster.core.compute import AmlCompute
from muster.core.environment import Environment
from muster.core.runconfig import (
    DataReferenceConfiguration,
    DockerConfiguration,
    MpiConfiguration,
    PyTorchConfiguration,
    RunConfiguration,
    TensorflowConfiguration,
)
from muster.core.script_run_config import ScriptRunConfig, get_run_config_from_script_run
from muster.data.datapath import DataPath
from muster.data.local_datastore import LocalDatastore
from muster.exceptions import UserErrorException
from muster.train.dnn import Chainer, Mpi, Nccl, PyTorch, TensorFlow
from muster.train.estimator import Estimator
from muster.train.sklearn import SKLearn

SENTENCE = (
    "environments are not built yet: a job runs with what its nodes have installed; remove it"
)


def config(**changes: Any) -> RunConfiguration:
    made = RunConfiguration("train.py")
    made.target = "gpu"
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def fields(made: RunConfiguration) -> Dict[str, Any]:
    return job_fields(made).fields


def faults(made: RunConfiguration) -> List[str]:
    with pytest.raises(UserErrorException) as caught:
        job_fields(made)
    return str(caught.value).split("\n")


def test_the_fields_of_a_plain_job() -> None:
    assert fields(config(arguments=["--lr", 0.1, "--n", 3, "--x", True, ""])) == {
        "script": "train.py",
        "arguments": ["--lr", "0.1", "--n", "3", "--x", "True", ""],
        "pool": "gpu",
        "framework": "Python",
        "communicator": "COMMUNICATOR_NONE",
        "node_count": 1,
        "process_count_per_node": 1,
        "environment": {},
        "environment_variables": {},
        "data_references": [],
    }


COMMUNICATORS = {
    "None": "NONE",
    "none": "NONE",
    "": "NONE",
    "Mpi": "MPI",
    "MPI": "MPI",
    "OpenMpi": "MPI",
    "IntelMpi": "MPI",
    "PythonMPI": "MPI",
    "Gloo": "GLOO",
    "gloo": "GLOO",
    "Nccl": "NCCL",
    "nccl": "NCCL",
}


@pytest.mark.parametrize("name", COMMUNICATORS)
def test_communicators(name: str) -> None:
    assert (
        fields(config(communicator=name))["communicator"] == f"COMMUNICATOR_{COMMUNICATORS[name]}"
    )


def test_old_framework_names_a_communicator() -> None:
    found = fields(config(framework="PythonMPI", node_count=2))
    assert (found["framework"], found["communicator"]) == ("Python", "COMMUNICATOR_MPI")


def test_process_counts() -> None:
    mpi = config(communicator="IntelMpi", node_count=2)
    mpi.mpi.process_count_per_node = 4
    assert fields(mpi)["process_count_per_node"] == 4
    torch = config(communicator="Nccl", node_count=2, pytorch=PyTorchConfiguration("Nccl", 6, 2))
    assert fields(torch)["process_count_per_node"] == 3
    torch.pytorch.process_count = None
    assert fields(torch)["process_count_per_node"] == 1


def test_local_is_the_servers_own_pool() -> None:
    assert fields(config(target="local"))["pool"] == ""


def test_limits_and_variables() -> None:
    found = config(max_run_duration_seconds=90, priority=-5)
    found.environment_variables = {"A": 1, "B": None, "C": True}
    found.environment.python.interpreter_path = "/opt/python"
    result = fields(found)
    assert (result["max_run_duration_ms"], result["priority"]) == (90_000, -5)
    assert result["environment_variables"] == {"A": "1", "B": "", "C": "True"}
    assert result["environment"] == {"interpreter_path": "/opt/python"}


def test_data_references(datastore: LocalDatastore) -> None:
    made = config()
    made.data_references = {
        "a": datastore.path("/images/./train/").as_download("here/x").to_config(),
        "b": datastore.as_mount(),
    }
    first = {
        "name": "a",
        "datastore": "ds",
        "path": "images/train",
        "mode": "DATA_MODE_DOWNLOAD",
        "path_on_compute": "here/x",
        "overwrite": False,
    }
    second = {
        **first,
        "name": "b",
        "path": "",
        "mode": "DATA_MODE_MOUNT",
        "path_on_compute": "",
    }
    assert fields(made)["data_references"] == [first, second]


def with_section(section: str, **values: Any) -> RunConfiguration:
    """A configuration with attributes of a section ("environment.docker") set."""
    made = config()
    owner: Any = made
    for part in section.split("."):
        owner = getattr(owner, part)
    for name, value in values.items():
        setattr(owner, name, value)
    return made


def with_packages(conda: Any = (), pip: Any = ()) -> RunConfiguration:
    made = config()
    dependencies = made.environment.python.conda_dependencies
    assert dependencies is not None
    for package in conda:
        dependencies.add_conda_package(package)
    for package in pip:
        dependencies.add_pip_package(package)
    return made


ASKS: Dict[str, Any] = {
    "conda": (lambda: with_packages(["numpy=1.2", "scipy"]), "conda_packages (numpy=1.2, scipy)"),
    "pip": (lambda: with_packages(pip=["torch==1.4.0"]), "pip_packages (torch==1.4.0)"),
    "python": (lambda: with_packages(["python=3.7"]), "conda_packages (python=3.7)"),
    "base": (
        lambda: with_section("environment.python", base_conda_environment="x"),
        "base_conda_environment (x)",
    ),
    "image": (
        lambda: with_section("environment.docker", enabled=True, base_image="i:1"),
        "docker.base_image (i:1)",
    ),
    "dockerfile": (
        lambda: with_section("environment.docker", enabled=True, base_dockerfile="FROM x"),
        "docker.base_dockerfile (given)",
    ),
    "spark": (lambda: with_section("environment.spark", packages=["p"]), "spark.packages (p)"),
    "databricks": (
        lambda: with_section("environment.databricks", jar_libraries=["j"]),
        "databricks (j)",
    ),
    "r": (lambda: with_section("environment", r={"rVersion": "3"}), "environment.r (given)"),
}


@pytest.mark.parametrize("name", ASKS)
def test_what_asks_for_packages_is_refused_with_the_servers_sentence(name: str) -> None:
    make, words = ASKS[name]
    (fault,) = faults(make())
    assert fault.endswith(f": {SENTENCE}")
    assert words in fault


def test_image_that_is_not_to_be_used_asks_for_nothing() -> None:
    made = with_section("environment.docker", base_image="i:1")
    assert fields(made)["environment"] == {}
    made.docker = DockerConfiguration(use_docker=True)
    assert "docker.base_image (i:1)" in faults(made)[0]


def test_packages_that_are_there_already_ask_for_nothing() -> None:
    made = with_packages(["numpy"], ["scipy"])
    made.environment.python.user_managed_dependencies = True
    assert fields(made)["environment"] == {}
    provided = ["azureml-sdk[notebooks]", "azureml_defaults==1.0", "azureml-core", "muster"]
    assert fields(with_packages(pip=provided))["environment"] == {}


@pytest.mark.parametrize("kind", [PyTorch, TensorFlow, Chainer, SKLearn])
@pytest.mark.parametrize("gpu", [False, True])
def test_a_frameworks_own_packages_are_not_sent(kind: Any, gpu: bool, project: Path) -> None:
    given = {"use_gpu": gpu} if kind is not SKLearn else {}
    estimator = kind(str(project), compute_target="gpu", entry_script="train.py", **given)
    assert estimator.conda_dependencies.pip_packages
    assert prepare(estimator).spec["environment"] == {}


ADDED: Dict[str, Callable[[Path], Any]] = {
    "pip_packages": lambda p: PyTorch(str(p), compute_target="c", pip_packages=["pandas"]),
    "the same as its own": lambda p: PyTorch(
        str(p), compute_target="c", pip_packages=["torch==1.4.0"]
    ),
    "conda_packages": lambda p: PyTorch(str(p), compute_target="c", conda_packages=["pandas"]),
    "generic": lambda p: Estimator(str(p), compute_target="c", pip_packages=["torch==1.4.0"]),
    "image": lambda p: PyTorch(str(p), compute_target="c", custom_docker_image="mine"),
}


@pytest.mark.parametrize("name", ADDED)
def test_what_a_user_adds_is_refused(name: str, project: Path) -> None:
    estimator = ADDED[name](project)
    estimator.run_config.script = "train.py"
    with pytest.raises(UserErrorException, match=SENTENCE):
        prepare(estimator)


def test_another_version_of_the_framework_is_refused(project: Path) -> None:
    estimator = PyTorch(str(project), compute_target="gpu", entry_script="train.py")
    estimator.conda_dependencies.add_pip_package("torch==2.1")
    with pytest.raises(UserErrorException, match=r"pip_packages \(torch==2.1\)"):
        prepare(estimator)


def test_a_given_framework_version_is_noted(project: Path) -> None:
    given: Any = {"compute_target": "gpu", "entry_script": "train.py"}
    assert prepare(PyTorch(str(project), **given)).notes == []
    (note,) = prepare(PyTorch(str(project), framework_version="1.3", **given)).notes
    assert "framework_version 1.3 is not installed" in note


def test_a_conda_file_is_read_at_the_submit(project: Path) -> None:
    made = config()
    made.environment.python.conda_dependencies_file = "c.yml"
    with pytest.raises(UserErrorException, match=r"cannot read the conda file .*c\.yml"):
        job_fields(made, str(project))
    (project / "c.yml").write_text("dependencies:\n- numpy\n")
    with pytest.raises(UserErrorException, match=r"conda_packages \(numpy\)"):
        job_fields(made, str(project))


REFUSED: Dict[str, Any] = {
    "no script": (config(script=None), "script is required"),
    "command": (config(script=None, command="echo"), "command is not supported yet"),
    "no target": (config(target=""), "target must be"),
    "amlcompute": (config(target="amlcompute"), "vm_size"),
    "pyspark": (config(framework="PySpark"), "framework 'PySpark' is not supported"),
    "communicator": (config(communicator="bogus"), "communicator 'bogus' is not known"),
    "ps": (config(communicator="ParameterServer"), "parameter servers are not supported yet"),
    "no communicator": (config(node_count=2), "need a communicator"),
    "node_count": (config(node_count=0), "node_count must be 1..10000"),
    "many nodes": (config(node_count=10_001), "node_count must be 1..10000"),
    "text count": (config(node_count="2"), "node_count must be 1..10000, not '2'"),
    "processes": (
        config(communicator="Mpi", mpi=MpiConfiguration(0)),
        "process_count_per_node must be 1..1024, not 0",
    ),
    "uneven": (
        config(communicator="Nccl", node_count=2, pytorch=PyTorchConfiguration("Nccl", 3)),
        "multiple of node_count 2",
    ),
    "interpreter": (
        with_section("environment.python", interpreter_path="bin/python"),
        "must be an absolute path",
    ),
    "variable": (config(environment_variables={"1A": "x"}), "environment variable '1A'"),
    "reference": (config(data_references={"a": "x"}), "must be a DataReference"),
    "leaves": (
        config(data_references={"a": DataReferenceConfiguration("ds", "mount", "../x")}),
        "leaves the datastore",
    ),
    "absolute": (
        config(data_references={"a": DataReferenceConfiguration("ds", "mount", "x", "/tmp/x")}),
        "must be relative",
    ),
    "data": (config(data={"a": {}}), "datasets are not supported yet"),
    "duration": (config(max_run_duration_seconds=0), "max_run_duration_seconds must be"),
    "long": (config(max_run_duration_seconds=366 * 86400), "at most 365 days"),
    "priority": (config(priority=1001), "priority must be -1000..1000"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_submit_refuses(name: str) -> None:
    made, words = REFUSED[name]
    (fault,) = faults(made)
    assert words in fault


def test_all_faults_at_once() -> None:
    made = config(script=None, node_count=0, priority=9999, communicator="bogus")
    assert len(faults(made)) == 4


def test_settings_without_effect_are_noted(datastore: LocalDatastore) -> None:
    made = config(source_directory_data_store="ds", credential_passthrough=True)
    made.environment.docker.shm_size = "8g"
    made.docker.arguments = ["-v", "/a:/b"]
    notes = job_fields(made).notes
    assert len(notes) == 4
    assert "shm_size 8g" in notes[0]


# What lies on disk.


def estimator_of(project: Any, **changes: Any) -> Any:
    parameters = {"compute_target": "gpu", "entry_script": "train.py", **changes}
    return Estimator(project, **parameters)


def test_an_estimator_becomes_a_job(project: Path) -> None:
    (project / "sub").mkdir()
    (project / "sub" / "x.py").write_text("")
    found = prepare(estimator_of(str(project), entry_script="./sub/../sub/x.py"))
    assert found.source_directory == str(project)
    assert found.spec["script"] == "sub/x.py"
    assert prepare(estimator_of(project, entry_script=project / "train.py")).spec["script"]


def test_the_estimator_stays_as_it_is(project: Path) -> None:
    estimator = estimator_of(project, entry_script="./train.py")
    prepare(estimator)
    assert estimator.run_config.script == "./train.py"


def test_edits_before_the_submit_count(project: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        estimator = estimator_of(project, node_count=2, distributed_backend="mpi")
    estimator.run_config.node_count = 3
    estimator.run_config.mpi.process_count_per_node = 2
    estimator.run_config.environment_variables["A"] = "1"
    found = prepare(estimator).spec
    assert (found["node_count"], found["process_count_per_node"]) == (3, 2)
    assert found["environment_variables"] == {"A": "1"}


DISK: Dict[str, Any] = {
    "no directory": ({"project": None}, "source_directory must be"),
    "missing directory": ({"project": "/nonexistent/x"}, "does not exist"),
    "a file": ({"project": __file__}, "is a file, not a directory"),
    "no script": ({"entry_script": None}, "script is required"),
    "missing script": ({"entry_script": "other.py"}, "other.py does not exist in the source"),
    "outside": ({"entry_script": "../train.py"}, "lies outside the source directory"),
    "absolute outside": ({"entry_script": "/bin/sh"}, "lies outside the source directory"),
    "a directory as script": ({"entry_script": "sub"}, "is a directory"),
    "notebook": ({"entry_script": "n.ipynb"}, "is a notebook"),
    "wrong type": ({"entry_script": 3}, "must be a path"),
}


@pytest.mark.parametrize("name", DISK)
def test_a_submit_looks_at_the_files(name: str, project: Path) -> None:
    (project / "sub").mkdir()
    (project / "n.ipynb").write_text("{}")
    changes, words = DISK[name]
    with pytest.raises(UserErrorException, match=words):
        prepare(estimator_of(**{"project": project, **changes}))


def test_more_nodes_than_the_target_has(project: Path, cluster: AmlCompute) -> None:
    given: Any = {"compute_target": cluster, "distributed_training": Mpi()}
    assert prepare(estimator_of(project, node_count=4, **given))
    with pytest.raises(UserErrorException, match="more than the 4 nodes"):
        prepare(estimator_of(project, node_count=5, **given))


@pytest.mark.parametrize("value", [None, "est", 3, RunConfiguration, object()])
def test_only_configurations_can_be_submitted(value: Any) -> None:
    with pytest.raises(UserErrorException, match="can be submitted"):
        prepare(value)


# ScriptRunConfig.


def test_script_run_config(project: Path, datastore: LocalDatastore) -> None:
    made = ScriptRunConfig(
        str(project),
        "train.py",
        ["--data", datastore.path("x", "mine"), "--n", 3, ""],
        compute_target="gpu",
        resume_from=DataPath(datastore, "old"),
    )
    found = prepare(made).spec
    assert found["arguments"] == [
        "--data",
        "$AZUREML_DATAREFERENCE_mine",
        "--n",
        "3",
        "",
        "--resume-from",
        "$AZUREML_DATAREFERENCE_MODEL_LOCATION",
    ]
    assert {r["name"] for r in found["data_references"]} == {"mine", "MODEL_LOCATION"}
    assert found["max_run_duration_ms"] == 2_592_000_000
    assert made.run_config.data_references == {}


def test_run_config_is_shared_and_live(project: Path) -> None:
    shared = RunConfiguration("train.py", ["--a"])
    shared.max_run_duration_seconds = 5
    made = ScriptRunConfig(str(project), run_config=shared)
    shared.target = "gpu"
    made.run_config.node_count = 1
    found = get_run_config_from_script_run(made)
    assert (found.script, found.arguments, found.target) == ("train.py", ["--a"], "gpu")
    assert found.max_run_duration_seconds == 5


JOB_CONFIGS: Dict[str, Any] = {
    "mpi": (MpiConfiguration(2, 3), ("Python", "COMMUNICATOR_MPI", 3, 2)),
    "nccl": (PyTorchConfiguration("Nccl", 8, 2), ("PyTorch", "COMMUNICATOR_NCCL", 2, 4)),
    "gloo": (PyTorchConfiguration("Gloo", node_count=2), ("PyTorch", "COMMUNICATOR_GLOO", 2, 1)),
}


@pytest.mark.parametrize("name", JOB_CONFIGS)
def test_distributed_job_config(name: str, project: Path) -> None:
    given, expected = JOB_CONFIGS[name]
    made = ScriptRunConfig(
        str(project), "train.py", compute_target="gpu", distributed_job_config=given
    )
    spec = prepare(made).spec
    names = ("framework", "communicator", "node_count", "process_count_per_node")
    assert tuple(spec[key] for key in names) == expected


def test_tensorflow_job_config_names_parameter_servers(project: Path) -> None:
    given = TensorflowConfiguration(2, 1)
    made = ScriptRunConfig(str(project), "train.py", distributed_job_config=given)
    assert made.run_config.node_count == 3
    with pytest.raises(UserErrorException, match="parameter servers"):
        prepare(made)


WRONG: List[Dict[str, Any]] = [
    {"arguments": "--a 1"},
    {"run_config": "x"},
    {"environment": "x"},
    {"resume_from": "x"},
    {"docker_runtime_config": True},
    {"script": "a.py", "command": "echo"},
]


@pytest.mark.parametrize("parameters", WRONG, ids=str)
def test_script_run_config_refuses(parameters: Dict[str, Any]) -> None:
    with pytest.raises(UserErrorException):
        ScriptRunConfig("project", **parameters)


def test_script_run_config_takes_parts() -> None:
    environment = Environment("e")
    docker = DockerConfiguration(True)
    made = ScriptRunConfig("p", environment=environment, docker_runtime_config=docker)
    assert made.run_config.environment is environment
    assert made.run_config.docker is docker
    assert made.run_config.target == "local"
    assert made.identity == "ScriptRunConfig#p"


def test_nccl_of_the_estimator_is_one_process_a_node(project: Path) -> None:
    estimator = PyTorch(
        str(project),
        compute_target="gpu",
        entry_script="train.py",
        node_count=2,
        distributed_training=Nccl(),
    )
    found = prepare(estimator).spec
    assert (found["framework"], found["communicator"]) == ("PyTorch", "COMMUNICATOR_NCCL")
    assert (found["node_count"], found["process_count_per_node"]) == (2, 1)
