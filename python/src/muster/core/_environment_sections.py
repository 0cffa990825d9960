"""The parts of an environment: its Python, its container, and what other engines would need."""

from __future__ import annotations

import os
import warnings
from enum import Enum
from typing import Any, Dict, List, Optional

from muster._yaml import Node, to_plain
from muster.core._elements import (
    Document,
    Field,
    _AbstractRunConfigElement,
    none,
    read_any,
    read_bool,
    read_list,
    read_text,
    read_texts,
)
from muster.core.conda_dependencies import CondaDependencies
from muster.core.container_registry import ContainerRegistry
from muster.exceptions import UserErrorException

DEFAULT_SHM_SIZE = "2g"


def _true() -> bool:
    return True


def _false() -> bool:
    return False


def _apply(element: _AbstractRunConfigElement, settings: Dict[str, Any]) -> None:
    for name, value in settings.items():
        setattr(element, name, value)


class PythonSection(_AbstractRunConfigElement):
    """Which Python runs the script and which packages it finds.

    ``user_managed_dependencies``: the packages are there already, none is asked for.
    ``interpreter_path``: absolute on the nodes, or ``"python"`` for what a node's configuration
    names. ``conda_dependencies``: what is asked for. ``conda_dependencies_file``: a file to read it
    from, relative to the source directory. ``base_conda_environment``: name of one that exists on
    the nodes.
    """

    user_managed_dependencies: bool
    interpreter_path: Optional[str]
    base_conda_environment: Optional[str]

    _FIELDS = (
        Field("user_managed_dependencies", "userManagedDependencies", read_bool, _false),
        Field("interpreter_path", "interpreterPath", read_text, lambda: "python"),
        Field("_conda_dependencies_file", "condaDependenciesFile", read_text, none),
        Field("base_conda_environment", "baseCondaEnvironment", read_text, none),
    )
    _OTHER_ATTRIBUTES = ("conda_dependencies", "conda_dependencies_file")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        # None: conda_dependencies_file counts, and is read at the submit.
        self.conda_dependencies: Optional[CondaDependencies] = CondaDependencies()
        _apply(self, kwargs)

    @property
    def conda_dependencies_file(self) -> Optional[str]:
        """A conda file, relative to the source directory, read at the submit. Setting it sets
        ``conda_dependencies`` to None; where both are there, that counts."""
        return self._conda_dependencies_file

    @conda_dependencies_file.setter
    def conda_dependencies_file(self, path: Optional[str]) -> None:
        self._conda_dependencies_file = path
        if path:
            self.conda_dependencies = None

    def _read(self, node: Node, document: Document) -> None:
        self.conda_dependencies = None
        super()._read(node, document)
        file = self.conda_dependencies_file
        if self.conda_dependencies is None and not file:
            self.conda_dependencies = CondaDependencies()
        if self.conda_dependencies is not None or not file:
            return
        for root in (document.root, os.path.dirname(os.path.abspath(document.file))):
            path = os.path.join(root, file)
            if os.path.isfile(path):
                self.conda_dependencies = CondaDependencies(path)
                return

    def _readers(self) -> Dict[str, Any]:
        def store(node: Node, document: Document) -> None:
            if not node.is_null:
                content: Any = to_plain(node)
                try:
                    self.conda_dependencies = CondaDependencies(_underlying_structure=content)
                except UserErrorException as error:
                    raise document.error(node, str(error)) from error

        return {**super()._readers(), "condaDependencies": store}

    def _to_dict(self) -> Dict[str, Any]:
        found = super()._to_dict()
        if self.conda_dependencies is not None:
            del found["condaDependenciesFile"]
            base = found.pop("baseCondaEnvironment")
            found["condaDependencies"] = self.conda_dependencies.as_dict()
            found["baseCondaEnvironment"] = base
        return found


class DockerBuildContext(_AbstractRunConfigElement):
    """Where a container image would be built from."""

    class LocationType(Enum):
        """Kinds of location."""

        GIT = "git"
        STORAGE_ACCOUNT = "storageAccount"

    _FIELDS = (
        Field("location_type", "locationType", read_text, none),
        Field("location", "location", read_text, none),
        Field("dockerfile_path", "dockerfilePath", read_text, lambda: "Dockerfile"),
    )

    def __init__(
        self,
        location_type: Optional[str] = None,
        location: Optional[str] = None,
        dockerfile_path: str = "Dockerfile",
    ) -> None:
        super().__init__()
        self.location_type = location_type
        self.location = location
        self.dockerfile_path = dockerfile_path

    @staticmethod
    def from_local_directory(
        workspace: object, path: str, dockerfile_path: str = "Dockerfile"
    ) -> DockerBuildContext:
        """Raises UserErrorException: Muster builds no images yet."""
        raise UserErrorException(
            f"the build context {path} cannot be used: environments are not built yet; a job runs "
            "with what its nodes have installed"
        )


class _Platform(_AbstractRunConfigElement):
    """Operating system and processor of an image."""

    _FIELDS = (
        Field("os", "os", read_text, lambda: "Linux"),
        Field("architecture", "architecture", read_text, lambda: "amd64"),
    )


class DockerSection(_AbstractRunConfigElement):
    """The container that would run the script.

    ``enabled`` is the older switch; newer code sets ``RunConfiguration.docker.use_docker``.
    ``shm_size``: text such as ``"4g"``. ``arguments``: extra ``docker run`` arguments.
    """

    enabled: bool
    base_image: Optional[str]
    base_dockerfile: Optional[str]
    build_context: Optional[DockerBuildContext]
    shared_volumes: bool
    shm_size: Optional[str]
    arguments: List[Any]
    base_image_registry: ContainerRegistry

    _FIELDS = (
        Field("enabled", "enabled", read_bool, _false),
        Field("base_image", "baseImage", read_text, none),
        Field("base_dockerfile", "baseDockerfile", read_text, none),
        Field("build_context", "buildContext", DockerBuildContext, none),
        Field("shared_volumes", "sharedVolumes", read_bool, _true),
        Field("shm_size", "shmSize", read_text, lambda: DEFAULT_SHM_SIZE),
        Field("arguments", "arguments", read_list, list),
        Field("base_image_registry", "baseImageRegistry", ContainerRegistry, ContainerRegistry),
        Field("platform", "platform", _Platform, _Platform),
    )
    _OTHER_ATTRIBUTES = ("gpu_support", "_gpu_support")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        _apply(self, kwargs)

    @property
    def gpu_support(self) -> bool:
        """Deprecated, without effect: a job sees the GPUs of its node."""
        return bool(vars(self).get("_gpu_support", False))

    @gpu_support.setter
    def gpu_support(self, value: bool) -> None:
        warnings.warn(
            "docker.gpu_support has no effect: a job sees the GPUs of its node",
            DeprecationWarning,
            stacklevel=2,
        )
        self._gpu_support = value

    def _readers(self) -> Dict[str, Any]:
        def store(node: Node, document: Document) -> None:
            object.__setattr__(self, "_gpu_support", bool(read_bool(node, document)))

        return {**super()._readers(), "gpuSupport": store}


class SparkSection(_AbstractRunConfigElement):
    """Packages of a Spark environment; Muster runs no Spark jobs."""

    repositories: List[Any]
    packages: List[Any]
    precache_packages: bool

    _FIELDS = (
        Field("repositories", "repositories", read_list, list),
        Field("packages", "packages", read_list, list),
        Field("precache_packages", "precachePackages", read_bool, _false),
    )


class DatabricksSection(_AbstractRunConfigElement):
    """Libraries of a Databricks environment; Muster runs no Databricks jobs."""

    maven_libraries: List[Any]
    pypi_libraries: List[Any]
    rcran_libraries: List[Any]
    jar_libraries: List[Any]
    egg_libraries: List[Any]

    _FIELDS = (
        Field("maven_libraries", "mavenLibraries", read_list, list),
        Field("pypi_libraries", "pypiLibraries", read_list, list),
        Field("rcran_libraries", "rcranLibraries", read_list, list),
        Field("jar_libraries", "jarLibraries", read_list, list),
        Field("egg_libraries", "eggLibraries", read_list, list),
    )


def environment_fields() -> List[Field]:
    """The fields of an Environment."""
    return [
        Field("name", "name", read_text, none),
        Field("version", "version", read_text, none),
        Field("_environment_variables", "environmentVariables", read_texts, dict),
        Field("python", "python", PythonSection, PythonSection),
        Field("docker", "docker", DockerSection, DockerSection),
        Field("spark", "spark", SparkSection, SparkSection),
        Field("databricks", "databricks", DatabricksSection, DatabricksSection),
        Field("r", "r", read_any, none),
        Field("inferencing_stack_version", "inferencingStackVersion", read_text, none),
        Field("asset_id", "assetId", read_text, none),
    ]
