"""The same run configuration, submitted by the SDK and by the command line, is the same job."""

from __future__ import annotations

import json
import pathlib
import warnings
from typing import Any

import pytest

from support.cluster import Cluster

from muster.core import Experiment, ScriptRunConfig, Workspace
from muster.core.runconfig import DataReferenceConfiguration, RunConfiguration
from muster.exceptions import UserErrorException
from muster.train.dnn import Mpi, PyTorch

SAMPLE = """\
script: train.py
arguments:
- --lr
- 0.10
- --epochs
- 3
- true
- ''
- 日本 {x}
target: default
framework: python
communicator: Mpi
maxRunDurationSeconds: '600'
nodeCount: 2
priority: 7
environment:
  name: default-environment
  environmentVariables:
    EXAMPLE_ENV_VAR: EXAMPLE_VALUE
    NCCL_TREE_THRESHOLD: '0'
  python:
    userManagedDependencies: false
    interpreterPath: python
    condaDependenciesFile: aml_config/conda_dependencies.yml
    baseCondaEnvironment:
  docker:
    enabled: false
    baseImage: <registry>/azureml/base-gpu:openmpi4.1.0
    sharedVolumes: true
    shmSize: 2g
    arguments: []
  spark: {repositories: [], packages: [], precachePackages: false}
  databricks: {mavenLibraries: [], pypiLibraries: [], rcranLibraries: [], jarLibraries: [], eggLibraries: []}
  r:
history: {outputCollection: true, snapshotProject: true, directoriesToWatch: [logs]}
spark: {configuration: {spark.app.name: Azure ML Experiment}}
docker: {useDocker: false, sharedVolumes: true, arguments: [], shmSize: }
hdi: {yarnDeployMode: cluster}
tensorflow: {workerCount: 1, parameterServerCount: 1}
mpi: {processCountPerNode: 2, nodeCount: 1}
pytorch: {communicationBackend: nccl, processCount: , nodeCount: 1}
paralleltask: {maxRetriesPerWorker: 0, workerCountPerNode: 1, terminalExitCodes: }
dataReferences:
  digits: {dataStoreName: digits, mode: Mount, pathOnDataStore: /sets//a/, pathOnCompute: , overwrite: false}
data: {}
datacaches: []
outputData: {}
sourceDirectoryDataStore:
amlcompute: {vmSize: , vmPriority: , retainCluster: false, name: , clusterMaxNodeCount: 2}
credentialPassthrough: false
command: ''
environmentVariables:
  NCCL_TREE_THRESHOLD: '1'
applicationEndpoints: {}
"""
CONDA = "dependencies:\n- python=3.10.18\n- pip:\n  - azureml-defaults\n"

FILES = {
    "as saved by Azure ML": SAMPLE,
    "of 2018": "script: train.py\nframework: PythonMPI\ntarget: local\nnodeCount: 2\nmpi: {processCountPerNode: 2}\n"
               "autoPrepareEnvironment: true\nenvironmentVariables: {A: 1}\nbatchai: {clusterName: x}\n",
    "torch processes": "script: ./train.py\ntarget:\ncommunicator: Nccl\nnodeCount: 2\npytorch: {processCount: 4}\n",
    "the least": "script: train.py\n",
    "JSON": json.dumps({"script": "train.py", "arguments": ["\U0001f600", "a\\b", 1, 0.5, None, "x/y"], "nodeCount": 1,
                        "environment": {"python": {"interpreterPath": "/usr/bin/python3"}}}, indent=2),
}

REFUSED = {
    "packages": "script: train.py\nenvironment:\n  python:\n    condaDependencies:\n      dependencies:\n"
                "      - python=3.8\n      - numpy\n      - pip: [horovod, azureml-core]\n",
    "an image": "script: train.py\nenvironment: {docker: {baseImage: img}}\ndocker: {useDocker: true}\n",
    "more": "script: train.py\nenvironment: {python: {baseCondaEnvironment: base}, spark: {packages: [p]}, "
            "r: {rVersion: '3'}, docker: {enabled: true, baseDockerfile: FROM x}}\n",
}


@pytest.fixture
def project(cluster: Cluster, workspace: Workspace) -> pathlib.Path:
    """A source directory with folders of configurations, and a datastore to name. Jobs wait."""
    (cluster.directory / "data" / "sets" / "a").mkdir(parents=True)
    cluster.muster("datastore", "register", "digits", "--path", cluster.directory / "data")
    return cluster.project("p", {"train.py": "print('hello')\n", "aml_config/conda_dependencies.yml": CONDA})


def spec_by_sdk(cluster: Cluster, workspace: Workspace, project: pathlib.Path, file: pathlib.Path) -> Any:
    # The 30 days are ScriptRunConfig's own default, and in no run configuration.
    loaded = RunConfiguration.load(str(file))
    config = ScriptRunConfig(str(project), run_config=loaded,
                             max_run_duration_seconds=loaded.max_run_duration_seconds)
    return cluster.job(Experiment(workspace, "e").submit(config).id)["spec"]


def spec_by_cli(cluster: Cluster, project: pathlib.Path, file: pathlib.Path) -> Any:
    done = cluster.run("job", "submit", "-f", file, "--experiment", "e", "--source-directory", project)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return cluster.job(done.stdout.strip())["spec"]


def test_files_of_all_ages_are_the_same_job_either_way(
        cluster: Cluster, workspace: Workspace, project: pathlib.Path) -> None:
    for title, text in FILES.items():
        for folder in ("aml_config", ".azureml", "."):
            file = project / folder / ("x.json" if title == "JSON" else "x.runconfig")
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
            by_sdk = spec_by_sdk(cluster, workspace, project, file)
            by_cli = spec_by_cli(cluster, project, file)
            file.unlink()
            assert by_cli == by_sdk, title
            if title.startswith("as saved"):
                assert by_cli["arguments"] == ["--lr", "0.10", "--epochs", "3", "true", "", "日本 {x}"]
                assert by_cli["environment_variables"]["NCCL_TREE_THRESHOLD"] == "1"


def test_what_the_sdk_saves_is_the_same_job_by_the_command_line(
        cluster: Cluster, workspace: Workspace, project: pathlib.Path) -> None:
    made = RunConfiguration(script="train.py", arguments=["--flag", 1, 2.5, "null", "~", "yes", "a: b", " ", "#"],
                            framework="Python", communicator="Gloo")
    made.node_count, made.priority, made.max_run_duration_seconds = 2, -3, 90
    made.pytorch.process_count = 4
    made.environment_variables = {"A": "no", "B": "1e3", "C": ""}
    made.data_references = {"digits": DataReferenceConfiguration("digits", path_on_datastore="sets/a")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = PyTorch(str(project), compute_target="default", entry_script="train.py", node_count=2,
                            script_params={"--lr": 0.1, "--flag": ""},
                            distributed_training=Mpi(process_count_per_node=2))
    estimator.run_config.environment.python.user_managed_dependencies = True
    for config, separate in ((made, False), (made, True), (estimator.run_config, False)):
        for name in ("y.runconfig", "y.json"):
            config.save(str(project), name, separate_environment_yaml=separate)
            file = next(project.glob(f"*/{name}"))
            assert spec_by_cli(cluster, project, file) == spec_by_sdk(cluster, workspace, project, file)


def test_what_asks_for_packages_is_refused_in_the_same_words(
        cluster: Cluster, workspace: Workspace, project: pathlib.Path) -> None:
    for title, text in REFUSED.items():
        file = project / "x.runconfig"
        file.write_text(text)
        with pytest.raises(UserErrorException) as caught:
            spec_by_sdk(cluster, workspace, project, file)
        done = cluster.run("job", "submit", "-f", file, "--experiment", "e", "--source-directory", project)
        sentences = [f"  {sentence}" for sentence in str(caught.value).split("\n")]
        assert (done.returncode, done.stderr.splitlines()[1:]) == (2, sentences), title
    assert cluster.json("job", "list")["jobs"] == []


def test_a_configuration_of_a_project_needs_no_source_directory(
        cluster: Cluster, workspace: Workspace, project: pathlib.Path) -> None:
    file = project / ".azureml" / "x.runconfig"
    file.parent.mkdir()
    file.write_text("script: train.py\n")
    cluster.add_node("n1")
    job = cluster.muster("job", "submit", "-f", file, "--experiment", "e", "--wait").strip()
    assert cluster.log(job).endswith("\nhello\n")
