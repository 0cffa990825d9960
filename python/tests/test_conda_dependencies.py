"""Package lists and environments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from muster.core.conda_dependencies import CondaDependencies
from muster.core.environment import DockerBuildContext, Environment, EnvironmentReference
from muster.core.runconfig import EnvironmentDefinition
from muster.exceptions import UserErrorException


def test_an_untouched_object_has_python_alone() -> None:
    conda = CondaDependencies()
    assert conda.conda_packages == ["python=3.10.18"]
    assert (conda.pip_packages, conda.pip_options) == ([], [])
    assert conda.conda_channels == ["conda-forge"]
    assert conda.get_python_version() == "3.10.18"
    assert conda.get_default_number_of_packages() == 0


def test_create() -> None:
    conda = CondaDependencies.create(
        pip_indexurl="https://i.lan/simple",
        pip_packages=["torch==1.4", "tqdm"],
        conda_packages=["numpy"],
        python_version="3.9",
    )
    assert conda.as_dict() == {
        "name": "project_environment",
        "dependencies": [
            "python=3.9",
            "numpy",
            {"pip": ["--index-url https://i.lan/simple", "torch==1.4", "tqdm"]},
        ],
        "channels": ["conda-forge"],
    }


def test_a_package_of_the_same_name_is_replaced() -> None:
    conda = CondaDependencies()
    conda.add_conda_package("numpy=1.2")
    conda.add_conda_package("conda-forge::NumPy>=1.3")
    conda.add_pip_package("scikit_learn==1.0")
    conda.add_pip_package("Scikit-Learn[x]>=1.1; python_version>'3.8'")
    assert conda.conda_packages == ["python=3.10.18", "conda-forge::NumPy>=1.3"]
    assert conda.pip_packages == ["Scikit-Learn[x]>=1.1; python_version>'3.8'"]


@pytest.mark.parametrize("name", ["numpy", "numpy=1.2", "NUMPY>=5"])
def test_removing_ignores_the_version(name: str) -> None:
    conda = CondaDependencies.create(conda_packages=["numpy=1.2"], pip_packages=["numpy==1.2"])
    conda.remove_conda_package(name)
    conda.remove_pip_package(name)
    assert (conda.conda_packages, conda.pip_packages) == (["python=3.10.18"], [])
    conda.remove_conda_package("missing")
    conda.remove_pip_package("missing")


def test_pip_options_and_channels() -> None:
    conda = CondaDependencies()
    conda.set_pip_option("--extra-index-url https://a")
    conda.set_pip_option("--extra-index-url https://b")
    conda.set_pip_option("--pre")
    assert conda.pip_options == ["--pre", "--extra-index-url https://b"]
    conda.remove_pip_option("--extra-index-url")
    assert conda.pip_options == ["--pre"]
    conda.set_pip_requirements(["a", "b"])
    assert (conda.pip_options, conda.pip_packages) == ([], ["a", "b"])
    conda.add_channel("pytorch")
    conda.add_channel("pytorch")
    assert conda.conda_channels == ["conda-forge", "pytorch"]
    conda.remove_channel("conda-forge")
    assert conda.conda_channels == ["pytorch"]


def test_packages_by_core_type() -> None:
    conda = CondaDependencies()
    conda.add_tensorflow_conda_package(version="1.13")
    conda.add_tensorflow_pip_package("gpu", "2.0")
    conda.add_cntk_package("gpu")
    assert conda.conda_packages[-1] == "tensorflow=1.13"
    assert conda.pip_packages == ["tensorflow-gpu==2.0", "cntk-gpu"]
    with pytest.raises(UserErrorException, match="'cpu' or 'gpu'"):
        conda.add_cntk_package("tpu")


def test_merge_requirements() -> None:
    given = ["numpy>=1.0", "scipy", "numpy<2", "numpy>=1.0", "torch==1.4"]
    assert CondaDependencies.merge_requirements(given) == ["numpy>=1.0,<2", "scipy", "torch==1.4"]


def test_save_and_read(tmp_path: Path) -> None:
    conda = CondaDependencies.create(pip_packages=["a==1", "b>=2,<3"], conda_packages=["c"])
    path = conda.save(str(tmp_path))
    assert path == str(tmp_path / "conda_dependencies.yml")
    assert yaml.safe_load(Path(path).read_text()) == conda.as_dict()
    assert CondaDependencies(path) == conda
    assert CondaDependencies(_underlying_structure=conda.as_dict()) == conda
    relative = conda.save_to_file(str(tmp_path))
    assert relative == "aml_config/conda_dependencies.yml"
    assert CondaDependencies(str(tmp_path / relative)) == conda
    assert conda.serialize_to_string() == Path(path).read_text()


WRONG = [
    ("dependencies: 3", "must be a list"),
    ("- numpy", "must be a mapping"),
    ("dependencies:\n- 3", "not 3"),
    ("dependencies:\n- pip: numpy", "not {'pip': 'numpy'}"),
    ("dependencies:\n- gem:\n  - x", "not {'gem'"),
    ("dependency:\n- x", "known are: name, dependencies"),
    ("dependencies:\n- a: b: c", "line 2"),
    ("dependencies:\n\t- a", "line 2: a tab"),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_wrong_files(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "c.yml"
    file.write_text(text)
    with pytest.raises(UserErrorException) as caught:
        CondaDependencies(str(file))
    assert words in str(caught.value)
    assert str(file) in str(caught.value)


def test_missing_file() -> None:
    with pytest.raises(UserErrorException, match="cannot read the conda file /nonexistent"):
        CondaDependencies("/nonexistent")


@pytest.mark.parametrize("value", [None, 3, "", " "])
def test_a_package_is_a_name(value: Any) -> None:
    for method in ("add_conda_package", "add_pip_package", "add_channel", "set_pip_option"):
        with pytest.raises(UserErrorException):
            getattr(CondaDependencies(), method)(value)
    with pytest.raises(UserErrorException):
        CondaDependencies.create(pip_packages="numpy")


# Environments.


def test_environment_from_files(tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text("dependencies:\n- numpy\n")
    (tmp_path / "r.txt").write_text("scipy\n")
    (tmp_path / "Dockerfile").write_text("FROM x\n")
    conda = str(tmp_path / "c.yml")
    pip = str(tmp_path / "r.txt")
    found = Environment.from_conda_specification("e", conda).python.conda_dependencies
    assert found is not None
    assert found.conda_packages == ["numpy"]
    found = Environment.from_pip_requirements("e", pip, "20.1").python.conda_dependencies
    assert found is not None
    assert (found.pip_packages, found.conda_packages[-1]) == (["scipy"], "pip=20.1")
    image = Environment.from_docker_image("e", "i:1", conda_specification=conda)
    assert (image.docker.enabled, image.docker.base_image) == (True, "i:1")
    assert image.python.user_managed_dependencies is False
    assert Environment.from_docker_image("e", "i:1").python.user_managed_dependencies is True
    file = Environment.from_dockerfile("e", str(tmp_path / "Dockerfile"), pip_requirements=pip)
    assert file.docker.base_dockerfile == "FROM x\n"
    context = Environment.from_docker_build_context("e", DockerBuildContext("git", "https://x"))
    assert context.docker.build_context is not None
    with pytest.raises(UserErrorException, match="not both"):
        Environment.from_docker_image("e", "i", None, conda, pip)
    with pytest.raises(UserErrorException, match="cannot read"):
        Environment.from_pip_requirements("e", str(tmp_path / "missing.txt"))


def test_packages_of_an_environment_are_there_to_be_edited() -> None:
    environment = Environment("e")
    assert environment.python.conda_dependencies is not None
    environment.python.conda_dependencies.add_pip_package("numpy")
    assert environment.python.conda_dependencies.pip_packages == ["numpy"]
    environment.python.conda_dependencies_file = "c.yml"
    assert environment.python.conda_dependencies is None


def test_environment_saves_and_clones(tmp_path: Path) -> None:
    environment = Environment("e")
    environment.version = "3"
    environment.environment_variables = {"A": "1"}
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["numpy"])
    environment.save_to_directory(str(tmp_path / "x"))
    assert Environment.load_from_directory(str(tmp_path / "x")) == environment
    with pytest.raises(UserErrorException, match="overwrite=True"):
        environment.save_to_directory(str(tmp_path / "x"))
    environment.save_to_directory(str(tmp_path / "x"), overwrite=True)
    clone = environment.clone("f")
    assert (clone.name, clone.version, clone.environment_variables) == ("f", None, {"A": "1"})
    clone.environment_variables["B"] = "2"
    assert environment.environment_variables == {"A": "1"}
    assert isinstance(EnvironmentDefinition(), Environment)


def test_what_needs_environments_to_be_built_says_so() -> None:
    environment = Environment("e")
    calls: Any = [
        lambda: Environment.get(None, "e"),
        lambda: environment.register(None),
        lambda: environment.build(None),
        lambda: environment.build_local(None),
        lambda: environment.get_image_details(None),
        lambda: Environment.add_private_pip_wheel(None, "x.whl"),
        lambda: Environment.label(None, "e", "1", ["x"]),
        lambda: EnvironmentReference("e").get_environment(None),
        lambda: DockerBuildContext.from_local_directory(None, "x"),
    ]
    for call in calls:
        with pytest.raises(UserErrorException, match="environments are not built yet"):
            call()
    assert Environment.list(None) == {}
