"""Run configurations on disk: the key tree, old and new forms, what wrong files get."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest
import yaml

from muster.core.conda_dependencies import CondaDependencies
from muster.core.runconfig import (
    DataReferenceConfiguration,
    MpiConfiguration,
    RunConfiguration,
)
from muster.data.local_datastore import LocalDatastore
from muster.exceptions import RunConfigurationException, UserErrorException
from muster.train.dnn import Mpi, PyTorch

SAMPLE = Path(__file__).parent / "data" / "pytorch-mpi.runconfig"


def load_text(tmp_path: Path, text: str, name: str = "x.runconfig") -> RunConfiguration:
    file = tmp_path / name
    file.write_text(text, "utf-8")
    return RunConfiguration.load(str(file))


def tree(value: Any) -> Any:
    """The keys of a document, in order."""
    if isinstance(value, dict):
        return [(key, tree(item)) for key, item in value.items()]
    return None


def test_the_sample_comes_back_byte_for_byte(tmp_path: Path) -> None:
    config = RunConfiguration.load(str(SAMPLE))
    config.save(str(tmp_path / "again.runconfig"))
    assert (tmp_path / "again.runconfig").read_text("utf-8") == SAMPLE.read_text("utf-8")


def test_the_sample_is_read() -> None:
    config = RunConfiguration.load(str(SAMPLE))
    assert config.script == "train.py"
    assert config.arguments == ["--lr", 0.1, "--epochs", 3]
    assert (config.target, config.communicator, config.node_count) == ("gpu-cluster", "Mpi", 2)
    assert config.mpi == MpiConfiguration(2)
    assert config.environment_variables == {
        "EXAMPLE_ENV_VAR": "EXAMPLE_VALUE",
        "NCCL_TREE_THRESHOLD": "0",
    }
    assert config.environment.python.conda_dependencies_file == "aml_config/conda_dependencies.yml"
    assert config.docker.use_docker is True
    assert config.amlcompute.cluster_max_node_count == 2


def test_an_estimators_file_has_the_samples_keys(tmp_path: Path) -> None:
    estimator = PyTorch(
        "project",
        compute_target="gpu-cluster",
        entry_script="train.py",
        script_params={"--lr": 0.1, "--epochs": 3},
        node_count=2,
        distributed_training=Mpi(2),
    )
    estimator.run_config.save(str(tmp_path), "pt")
    ours = yaml.safe_load((tmp_path / "aml_config" / "pt").read_text("utf-8"))
    sample = yaml.safe_load(SAMPLE.read_text("utf-8"))
    for content in (ours, sample):
        content["environment"]["environmentVariables"] = {}
        content["environment"]["docker"]["baseImage"] = None
    assert tree(ours) == tree(sample)
    assert ours == sample
    conda = CondaDependencies(str(tmp_path / "aml_config" / "conda_dependencies.yml"))
    assert conda == estimator.conda_dependencies


@pytest.mark.parametrize("name", ["pt", "pt.runconfig", "pt.json"])
def test_save_and_load(tmp_path: Path, name: str) -> None:
    config = RunConfiguration("a.py", ["--x", 1.5, "y z"], conda_dependencies=CondaDependencies())
    config.environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["numpy"])
    config.environment_variables = {"A": "1", "B": "yes"}
    store = LocalDatastore(None, "ds", "/data")
    config.data_references = {"ds": store.as_download("here").to_config()}
    config.target = "gpu"
    config.max_run_duration_seconds = 60
    config.command = ["echo", "x"]
    config.save(str(tmp_path), name)
    again = RunConfiguration.load(str(tmp_path), name)
    assert again.environment.python.conda_dependencies_file == "aml_config/conda_dependencies.yml"
    assert again.environment.python.conda_dependencies is not None
    assert again.environment.python.conda_dependencies.pip_packages == ["numpy"]
    again.environment.python.conda_dependencies_file = None
    assert again.environment.python.conda_dependencies is not None
    for attribute in ("script", "arguments", "target", "max_run_duration_seconds", "command"):
        assert getattr(again, attribute) == getattr(config, attribute)
    assert again.environment == config.environment
    assert again.data_references == config.data_references
    if name.endswith(".json"):
        assert json.loads((tmp_path / "aml_config" / name).read_text("utf-8"))


def test_edited_packages_are_saved(tmp_path: Path) -> None:
    """A loaded configuration is edited and saved elsewhere, with its file of packages."""
    RunConfiguration().save(str(tmp_path), "x")
    config = RunConfiguration.load(str(tmp_path), "x")
    assert config.environment.python.conda_dependencies is not None
    config.environment.python.conda_dependencies.add_pip_package("numpy")
    (tmp_path / "other").mkdir()
    config.save(str(tmp_path / "other"), "x")
    found = RunConfiguration.load(str(tmp_path / "other"), "x").environment.python
    assert found.conda_dependencies is not None
    assert found.conda_dependencies.pip_packages == ["numpy"]


def test_loading_finds_every_place(tmp_path: Path) -> None:
    for folder, name in ((".azureml", "a"), ("aml_config", "b.runconfig"), ("", "c.runconfig")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_text(f"script: {name}.py\n")
    for name in "abc":
        assert str(RunConfiguration.load(str(tmp_path), name).script)[0] == name
    with pytest.raises(UserErrorException, match=r"searched: .*aml_config"):
        RunConfiguration.load(str(tmp_path), "d")
    with pytest.raises(UserErrorException, match="is no file"):
        RunConfiguration.load(str(tmp_path))
    RunConfiguration.delete(str(tmp_path), "b")
    assert not (tmp_path / "aml_config" / "b.runconfig").exists()


def test_saving_takes_azureml_where_it_is(tmp_path: Path) -> None:
    (tmp_path / ".azureml").mkdir()
    config = RunConfiguration()
    config.save(str(tmp_path))
    assert (tmp_path / ".azureml" / "local").is_file()
    with pytest.raises(UserErrorException, match="does not exist"):
        config.save(str(tmp_path / "missing"), "x")


def test_environment_in_a_file_of_its_own(tmp_path: Path) -> None:
    config = RunConfiguration("a.py")
    config.environment.name = "mine"
    config.save(str(tmp_path), "x", separate_environment_yaml=True)
    content = yaml.safe_load((tmp_path / "aml_config" / "x").read_text("utf-8"))
    assert content["environment"] == "aml_config/environment.yml"
    assert RunConfiguration.load(str(tmp_path), "x").environment.name == "mine"
    (tmp_path / "aml_config" / "environment.yml").unlink()
    with pytest.raises(RunConfigurationException, match=r"line \d+: the environment's file"):
        RunConfiguration.load(str(tmp_path), "x")


ALIASES: Dict[str, Tuple[str, Dict[str, Any]]] = {
    "batchai.nodeCount": ("batchai:\n  nodeCount: 3", {"node_count": 3}),
    "PythonMPI": ("framework: PythonMPI", {"framework": "Python", "communicator": "Mpi"}),
    "PythonMPI with None": (
        "framework: PythonMPI\ncommunicator: None",
        {"framework": "Python", "communicator": "Mpi"},
    ),
    "PythonMPI with IntelMpi": (
        "communicator: IntelMpi\nframework: PythonMPI",
        {"communicator": "IntelMpi"},
    ),
    "TensorFlowParameterServer": (
        "framework: TensorFlowParameterServer",
        {"framework": "TensorFlow", "communicator": "ParameterServer"},
    ),
    "autoPrepareEnvironment": (
        "autoPrepareEnvironment: false",
        {"auto_prepare_environment": False},
    ),
    "variables at the top": (
        "environmentVariables:\n  A: 1.10\nenvironment:\n  environmentVariables:\n    B: yes",
        {"environment_variables": {"A": "1.10", "B": "yes"}},
    ),
    "empty keys keep defaults": (
        "target:\nnodeCount:\ncommunicator:\narguments:\ndataReferences:\nmpi:\ndocker:",
        {"target": "local", "node_count": 1, "communicator": "None", "arguments": []},
    ),
    "numbers in quotes": ("nodeCount: '2'", {"node_count": 2}),
    "1.1's booleans": ("credentialPassthrough: yes", {"credential_passthrough": True}),
    "arguments keep their text": (
        "arguments: [0.10, 1e-3, 0.5, 7, 007, true, null, 'x', '']",
        {"arguments": ["0.10", "1e-3", 0.5, 7, "007", "true", "null", "x", ""]},
    ),
    "json": (
        '{"script": "a.py", "mpi": {"processCountPerNode": 2}}',
        {"script": "a.py", "mpi": MpiConfiguration(2)},
    ),
    "nothing": ("", {"script": None}),
}


@pytest.mark.parametrize("name", ALIASES)
def test_old_and_new_forms(tmp_path: Path, name: str) -> None:
    text, expected = ALIASES[name]
    config = load_text(tmp_path, text)
    assert {key: getattr(config, key) for key in expected} == expected


OLD = """\
script: train.py
arguments: []
target: local
framework: Python
communicator: None
autoPrepareEnvironment: true
maxRunDurationSeconds:
nodeCount: 1
environment:
  environmentVariables:
    EXAMPLE_ENV_VAR: EXAMPLE_VALUE
  python:
    userManagedDependencies: false
    interpreterPath: python
    condaDependencies:
      dependencies:
      - python=3.6.2
      - pip:
        - azureml-defaults
  docker:
    enabled: true
    baseImage: azureml/base:0.1.4
    sharedVolumes: true
    gpuSupport: false
    shmSize: 1g
    arguments: []
    baseImageRegistry:
      address:
      username:
      password:
  spark:
    repositories: []
    packages: []
    precachePackages: true
history:
  outputCollection: true
  snapshotProject: true
dataReferences:
  ds:
    dataStoreName: ds
    pathOnDataStore: images
    mode: download
    pathOnCompute: here
    overwrite: false
"""


def test_a_file_of_2018(tmp_path: Path) -> None:
    config = load_text(tmp_path, OLD)
    python = config.environment.python
    assert python.conda_dependencies is not None
    assert python.conda_dependencies.pip_packages == ["azureml-defaults"]
    assert config.environment.docker.gpu_support is False
    expected = DataReferenceConfiguration("ds", "download", "images", "here")
    assert config.data_references == {"ds": expected}


WRONG = [
    ("script: a\nnodecount: 2", 2, "the key 'nodecount' is not known here; known: script,"),
    ("environment:\n  docker:\n    image: x", 3, "'image' is not known here; known: enabled,"),
    ("nodeCount: two", 1, "whole number"),
    ("nodeCount: 1.5", 1, "whole number"),
    ("nodeCount: true", 1, "whole number"),
    ("mpi:\n  processCountPerNode: []", 2, "whole number"),
    ("credentialPassthrough: maybe", 1, "true or false"),
    ("arguments: x", 1, "a sequence"),
    ("script: [a]", 1, "a text"),
    ("mpi: 3", 1, "a mapping"),
    ("dataReferences: [a]", 1, "a mapping"),
    ("- a", 1, "keys and values"),
    ("a: 1\na: 2", 2, "stands already in line 1"),
    ("script: *x", 1, "aliases"),
    ("environment:\n  python:\n    condaDependencies:\n      dependencies: 3", 4, "must be a list"),
]


@pytest.mark.parametrize(("text", "line", "words"), WRONG)
def test_wrong_files_name_file_and_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(RunConfigurationException) as caught:
        load_text(tmp_path, text)
    assert f"x.runconfig, line {line}: " in str(caught.value)
    assert words in str(caught.value)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RunConfigurationException, match="UTF-8"):
        RunConfiguration.load(str(tmp_path / "x"))


def test_attributes_are_closed_and_unchecked() -> None:
    config = RunConfiguration()
    for owner in (config, config.environment, config.environment.docker, config.mpi):
        with pytest.raises(AttributeError, match="has no attribute 'bogus'; it has: "):
            owner.bogus = 1
    config.node_count = "many"  # type: ignore[assignment]
    assert config.node_count == "many"  # type: ignore[comparison-overlap]


def test_target_takes_an_object() -> None:
    config = RunConfiguration()

    class Cluster:
        name = "gpu"

    config.target = Cluster()
    assert config.target == "gpu"


def test_old_attributes_warn() -> None:
    config = RunConfiguration()
    with pytest.warns(DeprecationWarning, match="auto_prepare_environment"):
        config.auto_prepare_environment = False
    with pytest.warns(DeprecationWarning, match="gpu_support"):
        config.environment.docker.gpu_support = True
    assert config.environment.docker.gpu_support is True


def test_a_copy_has_its_own_sections() -> None:
    config = RunConfiguration()
    copied = config._copy()
    assert copied == config
    copied.environment.environment_variables["A"] = "1"
    copied.arguments.append(1)
    copied.environment.python.conda_dependencies.add_pip_package("numpy")
    assert config.environment_variables == {}
    assert config.arguments == []
    assert config.environment.python.conda_dependencies == CondaDependencies()
    assert copied != config
