"""Environments: the Python, the packages, the container and the variables of a job.

Muster builds no environments yet. An Environment can be made, changed, saved and loaded; a submit
refuses one that asks for packages or an image, and says what it asked for.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any, Dict, List, NoReturn, Optional, Sequence

from muster._yaml import YamlError, parse
from muster.core._elements import Document, Field, _AbstractRunConfigElement, none, read_text
from muster.core._environment_sections import (
    DatabricksSection,
    DockerBuildContext,
    DockerSection,
    PythonSection,
    SparkSection,
    environment_fields,
)
from muster.core.conda_dependencies import CondaDependencies
from muster.core.container_registry import ContainerRegistry
from muster.exceptions import UserErrorException

__all__ = [
    "DockerBuildContext",
    "DockerSection",
    "Environment",
    "EnvironmentReference",
    "PythonSection",
]

# The server says the same of a job that asks for packages.
NOT_BUILT = (
    "environments are not built yet: a job runs with what its nodes have installed; remove it"
)
_FILE = "azureml_environment.json"
_MISSING = "; create one with Environment(name)"


class Environment(_AbstractRunConfigElement):
    """What a script needs around it: ``python``, ``docker``, ``environment_variables``.

    ``name`` is required; keyword arguments set attributes of the same name (AttributeError for
    others).

    >>> environment = Environment("mine")
    >>> environment.python.user_managed_dependencies = True
    """

    name: Optional[str]
    version: Optional[str]
    python: PythonSection
    docker: DockerSection
    spark: SparkSection
    databricks: DatabricksSection
    r: Any
    inferencing_stack_version: Optional[str]
    asset_id: Optional[str]

    _FIELDS = tuple(environment_fields())
    _OTHER_ATTRIBUTES = ("environment_variables",)

    def __init__(self, name: Optional[str], **kwargs: Any) -> None:
        super().__init__()
        self.name = name
        for attribute, value in kwargs.items():
            setattr(self, attribute, value)

    @property
    def environment_variables(self) -> Dict[str, Any]:
        """Variables of the user's processes; values become text at the submit."""
        return self._environment_variables

    @environment_variables.setter
    def environment_variables(self, variables: Dict[str, Any]) -> None:
        self._environment_variables = variables

    def clone(self, new_name: str) -> Environment:
        """A copy under another name, without version."""
        copied: Environment = self._copy()
        copied.name = new_name
        copied.version = None
        return copied

    # Making one from something else.

    @staticmethod
    def from_conda_specification(name: str, file_path: str) -> Environment:
        """An environment with the packages of a conda file."""
        environment = Environment(name)
        environment.python.conda_dependencies = CondaDependencies(file_path)
        return environment

    @staticmethod
    def from_pip_requirements(
        name: str, file_path: str, pip_version: Optional[str] = None
    ) -> Environment:
        """An environment with the packages of a ``requirements.txt``."""
        conda = CondaDependencies()
        if pip_version is not None:
            conda.add_conda_package(f"pip={pip_version}")
        conda.set_pip_requirements(read_requirements(file_path))
        environment = Environment(name)
        environment.python.conda_dependencies = conda
        return environment

    @staticmethod
    def from_docker_image(
        name: str,
        image: str,
        container_registry: Optional[ContainerRegistry] = None,
        conda_specification: Optional[str] = None,
        pip_requirements: Optional[str] = None,
    ) -> Environment:
        """An environment in a container image; without a file of packages, those of the image."""
        environment = _with_packages(name, conda_specification, pip_requirements)
        environment.docker.enabled = True
        environment.docker.base_image = image
        if container_registry is not None:
            environment.docker.base_image_registry = container_registry
        return environment

    @staticmethod
    def from_dockerfile(
        name: str,
        dockerfile: str,
        conda_specification: Optional[str] = None,
        pip_requirements: Optional[str] = None,
    ) -> Environment:
        """An environment in an image of a Dockerfile, given as a path or as its content."""
        environment = _with_packages(name, conda_specification, pip_requirements)
        if os.path.isfile(dockerfile):
            dockerfile = _read_text_file(dockerfile)
        environment.docker.enabled = True
        environment.docker.base_dockerfile = dockerfile
        return environment

    @staticmethod
    def from_docker_build_context(
        name: str, docker_build_context: DockerBuildContext
    ) -> Environment:
        """An environment in an image that is built from a directory."""
        environment = Environment(name)
        environment.python.user_managed_dependencies = True
        environment.docker.enabled = True
        environment.docker.build_context = docker_build_context
        return environment

    @staticmethod
    def from_existing_conda_environment(
        name: str, conda_environment_name: str
    ) -> Optional[Environment]:
        """An environment with the packages of a conda environment of this machine, as
        ``conda env export`` lists them; None where conda knows none of that name."""
        command = ["conda", "env", "export", "--no-builds", "--name", conda_environment_name]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UserErrorException(
                f"'conda env export' cannot be run here ({error}); use "
                "Environment.from_conda_specification"
            ) from error
        if done.returncode != 0:
            return None
        from muster._yaml import to_plain

        content: Any = to_plain(parse(done.stdout, "conda env export"))
        content.pop("prefix", None)
        environment = Environment(name)
        environment.python.conda_dependencies = CondaDependencies(_underlying_structure=content)
        return environment

    # Files.

    def save_to_directory(self, path: str, overwrite: bool = False) -> None:
        """Writes the environment into the directory `path`, which is made."""
        target = os.path.join(path, _FILE)
        if os.path.exists(target) and not overwrite:
            raise UserErrorException(f"{target} exists; pass overwrite=True to replace it")
        os.makedirs(path, exist_ok=True)
        with open(target, "w", encoding="utf-8") as stream:
            json.dump(self._to_dict(), stream, indent=2)
            stream.write("\n")

    @staticmethod
    def load_from_directory(path: str) -> Environment:
        """Reads what ``save_to_directory`` wrote."""
        file = os.path.join(path, _FILE)
        try:
            node = parse(_read_text_file(file), file)
        except YamlError as error:
            raise UserErrorException(str(error)) from error
        environment = Environment(None)
        environment._read(node, Document(file, path))
        return environment

    # What needs environments to be built.

    @staticmethod
    def get(
        workspace: object,
        name: str,
        version: Optional[str] = None,
        label: Optional[str] = None,
    ) -> Environment:
        """Raises UserErrorException: no environments are registered yet."""
        _refuse(f"the environment '{name}' cannot be read from the workspace" + _MISSING)

    @staticmethod
    def list(workspace: object) -> Dict[str, Environment]:
        """The registered environments: none yet."""
        return {}

    @staticmethod
    def label(workspace: object, name: str, version: str, labels: Sequence[str]) -> None:
        """Raises UserErrorException: no environments are registered yet."""
        _refuse(f"the environment '{name}' cannot be labelled")

    def register(self, workspace: object) -> Environment:
        """Raises UserErrorException: no environments are registered yet."""
        _refuse(f"the environment '{self.name}' cannot be registered")

    def build(self, workspace: object, image_build_compute: Optional[str] = None) -> object:
        """Raises UserErrorException: environments are not built yet."""
        _refuse(f"the environment '{self.name}' cannot be built")

    def build_local(self, workspace: object, platform: object = None, **kwargs: Any) -> object:
        """Raises UserErrorException: environments are not built yet."""
        _refuse(f"the environment '{self.name}' cannot be built")

    def get_image_details(self, workspace: object) -> object:
        """Raises UserErrorException: environments have no images yet."""
        _refuse(f"the environment '{self.name}' has no image")

    @staticmethod
    def add_private_pip_wheel(workspace: object, file_path: str, exist_ok: bool = False) -> str:
        """Raises UserErrorException: environments are not built yet."""
        _refuse(f"the wheel {file_path} cannot be stored")


class EnvironmentReference(_AbstractRunConfigElement):
    """Name and version of a registered environment."""

    _FIELDS = (
        Field("name", "name", read_text, none),
        Field("version", "version", read_text, none),
    )

    def __init__(self, name: str, version: Optional[str] = None) -> None:
        super().__init__()
        self.name = name
        self.version = version

    def get_environment(self, workspace: object) -> Environment:
        """The environment. Raises what ``Environment.get`` raises."""
        return Environment.get(workspace, str(self.name), self.version)


def read_requirements(path: str) -> List[str]:
    """Lines of a ``requirements.txt``, without comments; UserErrorException if it cannot be
    read."""
    lines = [line.split(" #")[0].strip() for line in _read_text_file(path).splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def _read_text_file(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError as error:
        raise UserErrorException(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserErrorException(f"{path} is not UTF-8 text") from error


def _with_packages(
    name: str, conda_specification: Optional[str], pip_requirements: Optional[str]
) -> Environment:
    if conda_specification is not None and pip_requirements is not None:
        raise UserErrorException("give conda_specification or pip_requirements, not both")
    if conda_specification is not None:
        return Environment.from_conda_specification(name, conda_specification)
    if pip_requirements is not None:
        return Environment.from_pip_requirements(name, pip_requirements)
    environment = Environment(name)
    environment.python.user_managed_dependencies = True
    return environment


def _refuse(what: str) -> NoReturn:
    raise UserErrorException(f"{what}: environments are not built yet")
