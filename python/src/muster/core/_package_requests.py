"""What a run configuration asks to be installed. Pure but for reading a conda file."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, List, Optional, Tuple

from muster.core.conda_dependencies import DEFAULT_PYTHON_VERSION, CondaDependencies
from muster.core.environment import NOT_BUILT

if TYPE_CHECKING:
    from muster.core.runconfig import RunConfiguration

__all__ = ["NOT_BUILT", "requested_packages"]

Requests = List[Tuple[str, List[str]]]

# What every job finds on its PYTHONPATH without asking.
_PROVIDED = frozenset(
    ("azureml-core", "azureml-defaults", "azureml-sdk", "muster", "muster-azureml")
)
_DEFAULT_PYTHON = f"python={DEFAULT_PYTHON_VERSION}"


def requested_packages(config: RunConfiguration, source_directory: Optional[str]) -> Requests:
    """(field, what it asks for) of everything that needs an environment to be built.

    Not asked for: Python in its default version, the SDK's in-job part, and the packages that a
    framework's estimator added by itself, for which the node's own framework stands. Packages count
    for nothing where they are said to be there already (``user_managed_dependencies``). Raises
    UserErrorException where a conda file is missing or wrong.
    """
    found: Requests = []
    python = config.environment.python
    if not python.user_managed_dependencies:
        conda = _conda_of(config, source_directory)
        if conda is not None:
            found += _conda_requests(conda)
        if python.base_conda_environment:
            found.append(("base_conda_environment", [python.base_conda_environment]))
    docker = config.environment.docker
    if docker.enabled or config.docker.use_docker:
        for field in ("base_image", "base_dockerfile", "build_context"):
            value = getattr(docker, field)
            if value:
                shown = value if field == "base_image" else "given"
                found.append((f"environment.docker.{field}", [str(shown)]))
    found += _other_requests(config)
    return found


def _conda_of(
    config: RunConfiguration, source_directory: Optional[str]
) -> Optional[CondaDependencies]:
    python = config.environment.python
    if python.conda_dependencies is not None or not python.conda_dependencies_file:
        return python.conda_dependencies
    return CondaDependencies(os.path.join(source_directory or "", python.conda_dependencies_file))


def _conda_requests(conda: CondaDependencies) -> Requests:
    own = set(conda._framework_packages)
    named = {
        "environment.conda_packages": [p for p in conda.conda_packages if p != _DEFAULT_PYTHON],
        "environment.pip_packages": [p for p in conda.pip_packages if not _is_provided(p)],
    }
    asked = [(field, [p for p in packages if p not in own]) for field, packages in named.items()]
    return [(field, packages) for field, packages in asked if packages]


def _is_provided(package: str) -> bool:
    name = re.split(r"[\[=<>!~; ]", package.strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower() in _PROVIDED


def _other_requests(config: RunConfiguration) -> Requests:
    environment = config.environment
    spark, databricks = environment.spark, environment.databricks
    sections = {
        "environment.spark.packages": spark.packages,
        "environment.databricks": [
            *databricks.maven_libraries,
            *databricks.pypi_libraries,
            *databricks.rcran_libraries,
            *databricks.jar_libraries,
            *databricks.egg_libraries,
        ],
        "environment.r": ["given"] if environment.r else [],
    }
    return [(field, [str(item) for item in items]) for field, items in sections.items() if items]
