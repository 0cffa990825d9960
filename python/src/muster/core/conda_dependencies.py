"""The packages that a job asks for: the content of a ``conda_dependencies.yml``."""

from __future__ import annotations

import copy
import os
import re
from typing import Any, Dict, List, Optional, Sequence, Tuple

from muster._yaml import YamlError, parse, to_plain, write
from muster.exceptions import UserErrorException

__all__ = ["CondaDependencies", "DEFAULT_PYTHON_VERSION"]

DEFAULT_PYTHON_VERSION = "3.10.18"
_DEFAULT_FILE = "conda_dependencies.yml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# The keys of a conda file, in the order they are written.
_ORDER = ("name", "dependencies", "channels", "prefix", "variables")


class CondaDependencies:
    """A list of conda packages, pip packages, pip options and channels, editable until the submit.

    ``conda_dependencies_file_path`` is a conda environment file to start from (UserErrorException
    when it cannot be read, with its line); without one there is Python alone.

    >>> conda = CondaDependencies()
    >>> conda.add_pip_package("scikit-learn==1.3.2")
    """

    DEFAULT_NUMBER_OF_CONDA_PACKAGES = 0
    DEFAULT_NUMBER_OF_PIP_PACKAGES = 0

    def __init__(
        self,
        conda_dependencies_file_path: Optional[str] = None,
        _underlying_structure: Optional[Dict[str, Any]] = None,
    ) -> None:
        # Packages that a framework's estimator added by itself, as they stand in the lists.
        self._framework_packages: Tuple[str, ...] = ()
        if conda_dependencies_file_path is not None:
            self._content = _read_file(conda_dependencies_file_path)
        elif _underlying_structure is not None:
            self._content = _checked(copy.deepcopy(_underlying_structure), "the dependencies")
        else:
            self._content = {
                "name": "project_environment",
                "dependencies": [f"python={DEFAULT_PYTHON_VERSION}"],
                "channels": ["conda-forge"],
            }

    @staticmethod
    def create(
        pip_indexurl: Optional[str] = None,
        pip_packages: Optional[Sequence[str]] = None,
        conda_packages: Optional[Sequence[str]] = None,
        python_version: str = DEFAULT_PYTHON_VERSION,
        pin_sdk_version: bool = True,
    ) -> CondaDependencies:
        """A new object with those packages. ``pin_sdk_version`` has no effect: every job finds the
        SDK's in-job part without a package."""
        conda = CondaDependencies()
        conda.set_python_version(python_version)
        if pip_indexurl is not None:
            conda.set_pip_index_url(pip_indexurl)
        for package in _package_list(conda_packages, "conda_packages"):
            conda.add_conda_package(package)
        for package in _package_list(pip_packages, "pip_packages"):
            conda.add_pip_package(package)
        return conda

    @staticmethod
    def merge_requirements(requirements: Sequence[str]) -> List[str]:
        """Pip requirements with one entry a package: their version conditions joined by commas."""
        merged: Dict[str, List[str]] = {}
        for requirement in requirements:
            found = _NAME.match(requirement.strip())
            name = found.group(0) if found else requirement.strip()
            condition = requirement.strip()[len(name) :].strip()
            conditions = merged.setdefault(name, [])
            if condition and condition not in conditions:
                conditions.append(condition)
        return [name + ",".join(conditions) for name, conditions in merged.items()]

    @staticmethod
    def sdk_origin_url() -> str:
        """The index that the SDK's own packages come from."""
        return "https://pypi.org/simple"

    # Reading.

    @property
    def conda_packages(self) -> List[str]:
        """Conda packages as they stand in the file, Python included. A copy."""
        return [item for item in self._dependencies() if isinstance(item, str)]

    @property
    def pip_packages(self) -> List[str]:
        """Pip packages, without pip's options. A copy."""
        return [line for line in self._pip() if not line.startswith("-")]

    @property
    def pip_options(self) -> List[str]:
        """Pip's options, for example ``--index-url https://...``. A copy."""
        return [line for line in self._pip() if line.startswith("-")]

    @property
    def conda_channels(self) -> List[str]:
        """Channels, the first preferred. A copy."""
        return list(self._content.get("channels") or [])

    def get_default_number_of_packages(self) -> int:
        """How many packages an untouched object has besides Python."""
        return self.DEFAULT_NUMBER_OF_CONDA_PACKAGES + self.DEFAULT_NUMBER_OF_PIP_PACKAGES

    def get_python_version(self) -> Optional[str]:
        """What follows ``python=``, or None."""
        for package in self.conda_packages:
            if _conda_name(package) == "python" and len(package) > len("python"):
                return package[len("python") :].lstrip("= ")
        return None

    # Changing.

    def set_python_version(self, version: str) -> None:
        """Replaces the Python version, for example ``"3.9"``."""
        self.add_conda_package(f"python={version}")

    def add_conda_package(self, conda_package: str) -> None:
        """Adds a package as conda writes it (``numpy=1.24``); one of the same name is replaced."""
        _require_text(conda_package, "conda_package")
        dependencies = self._dependencies()
        name = _conda_name(conda_package)
        for index, item in enumerate(dependencies):
            if isinstance(item, str) and _conda_name(item) == name:
                dependencies[index] = conda_package
                return
        pip_at = [i for i, item in enumerate(dependencies) if isinstance(item, dict)]
        dependencies.insert(pip_at[0] if pip_at else len(dependencies), conda_package)

    def remove_conda_package(self, conda_package: str) -> None:
        """Removes the package of that name, whatever its version; nothing happens without one."""
        name = _conda_name(conda_package)
        self._content["dependencies"] = [
            item
            for item in self._dependencies()
            if not (isinstance(item, str) and _conda_name(item) == name)
        ]

    def add_pip_package(self, pip_package: str) -> None:
        """Adds a package as pip writes it (``torch==2.1``); one of the same name is replaced."""
        _require_text(pip_package, "pip_package")
        packages = self._pip_for_change()
        name = _pip_name(pip_package)
        for index, line in enumerate(packages):
            if not line.startswith("-") and _pip_name(line) == name:
                packages[index] = pip_package
                return
        packages.append(pip_package)

    def remove_pip_package(self, pip_package: str) -> None:
        """Removes the package of that name, whatever its version; nothing happens without one."""
        name = _pip_name(pip_package)
        self._set_pip(
            [line for line in self._pip() if line.startswith("-") or _pip_name(line) != name]
        )

    def set_pip_requirements(self, pip_requirements: Sequence[str]) -> None:
        """Replaces all pip packages and options."""
        self._set_pip(_package_list(pip_requirements, "pip_requirements"))

    def set_pip_index_url(self, index_url: str) -> None:
        """Replaces pip's index."""
        self.set_pip_option(f"--index-url {index_url}")

    def set_pip_option(self, pip_option: str) -> None:
        """Adds an option of pip, ``--name value``; one of the same name is replaced."""
        _require_text(pip_option, "pip_option")
        if not pip_option.startswith("-"):
            raise UserErrorException(f"a pip option starts with '-', unlike '{pip_option}'")
        self.remove_pip_option(pip_option)
        self._pip_for_change().insert(0, pip_option)

    def remove_pip_option(self, pip_option: str) -> None:
        """Removes the option of that name, whatever its value."""
        name = _option_name(pip_option)
        kept = [x for x in self._pip() if not (x.startswith("-") and _option_name(x) == name)]
        self._set_pip(kept)

    def add_channel(self, channel: str) -> None:
        """Adds a conda channel at the end."""
        _require_text(channel, "channel")
        channels = self.conda_channels
        if channel not in channels:
            self._content["channels"] = [*channels, channel]

    def remove_channel(self, channel: str) -> None:
        """Removes a conda channel; nothing happens without it."""
        self._content["channels"] = [c for c in self.conda_channels if c != channel]

    def add_tensorflow_conda_package(
        self, core_type: str = "cpu", version: Optional[str] = None
    ) -> None:
        """Adds conda's ``tensorflow`` or, for ``core_type="gpu"``, ``tensorflow-gpu``."""
        self.add_conda_package(
            _for_core("tensorflow", core_type) + (f"={version}" if version else "")
        )

    def add_tensorflow_pip_package(
        self, core_type: str = "cpu", version: Optional[str] = None
    ) -> None:
        """Adds pip's ``tensorflow`` or, for ``core_type="gpu"``, ``tensorflow-gpu``."""
        self.add_pip_package(
            _for_core("tensorflow", core_type) + (f"=={version}" if version else "")
        )

    def add_cntk_package(self, core_type: str = "cpu") -> None:
        """Adds pip's ``cntk`` or, for ``core_type="gpu"``, ``cntk-gpu``."""
        self.add_pip_package(_for_core("cntk", core_type))

    # Writing.

    def as_dict(self) -> Dict[str, Any]:
        """The content of the file as a dict. A copy."""
        return copy.deepcopy(self._content)

    def serialize_to_string(self) -> str:
        """The content of the file."""
        return write(self._content)

    def save(self, path: Optional[str] = None) -> str:
        """Writes the file and returns its path: `path`, or ``conda_dependencies.yml`` in `path`
        where that is a directory, or in the working directory."""
        target = path or _DEFAULT_FILE
        if os.path.isdir(target):
            target = os.path.join(target, _DEFAULT_FILE)
        try:
            with open(target, "w", encoding="utf-8") as stream:
                stream.write(self.serialize_to_string())
        except OSError as error:
            raise UserErrorException(f"cannot write {target}: {error.strerror}") from error
        return target

    def save_to_file(self, base_directory: str, conda_file_path: Optional[str] = None) -> str:
        """Writes the file below `base_directory` and returns its path relative to that; the default
        is ``aml_config/conda_dependencies.yml``."""
        relative = conda_file_path or os.path.join("aml_config", _DEFAULT_FILE)
        target = os.path.join(base_directory, relative)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        self.save(target)
        return relative

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CondaDependencies) and self._content == other._content

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"CondaDependencies({self._content!r})"

    def _dependencies(self) -> List[Any]:
        dependencies: List[Any] = self._content.setdefault("dependencies", [])
        return dependencies

    def _pip(self) -> List[str]:
        lines: List[str] = []
        for item in self._dependencies():
            if isinstance(item, dict):
                lines.extend(item.get("pip") or [])
        return lines

    def _pip_for_change(self) -> List[str]:
        self._set_pip(self._pip(), keep_empty=True)
        for item in self._dependencies():
            if isinstance(item, dict):
                packages: List[str] = item["pip"]
                return packages
        raise AssertionError("the pip section was just made")

    def _set_pip(self, lines: List[str], keep_empty: bool = False) -> None:
        others = [item for item in self._dependencies() if not isinstance(item, dict)]
        section = [{"pip": list(lines)}] if lines or keep_empty else []
        self._content["dependencies"] = others + section


def _read_file(path: str) -> Dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
    except OSError as error:
        raise UserErrorException(f"cannot read the conda file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserErrorException(f"the conda file {path} is not UTF-8 text") from error
    try:
        content = to_plain(parse(text, path))
    except YamlError as error:
        raise UserErrorException(str(error)) from error
    return _checked({} if content is None else content, f"the conda file {path}")


def _checked(content: object, what: str) -> Dict[str, Any]:
    """The content, or UserErrorException where it has another form than a conda file's."""
    if not isinstance(content, dict):
        raise UserErrorException(f"{what} must be a mapping with the key 'dependencies'")
    for key in content:
        if key not in _ORDER:
            raise UserErrorException(f"{what} has the key '{key}'; known are: {', '.join(_ORDER)}")
    for key in ("channels", "dependencies"):
        content[key] = content.get(key) or []
        if not isinstance(content[key], list):
            raise UserErrorException(f"{what}: '{key}' must be a list")
    for item in content["dependencies"]:
        if not isinstance(item, str) and not _is_pip_section(item):
            raise UserErrorException(
                f"{what}: a dependency is a package's name or 'pip:' with a list of names, not "
                f"{item!r}"
            )
    return {key: content[key] for key in _ORDER if key in content}


def _is_pip_section(item: object) -> bool:
    if not isinstance(item, dict) or list(item) != ["pip"]:
        return False
    lines = item["pip"] or []
    return isinstance(lines, list) and all(isinstance(line, str) for line in lines)


def _package_list(packages: Optional[Sequence[str]], name: str) -> List[str]:
    if packages is None:
        return []
    if isinstance(packages, str) or not all(isinstance(package, str) for package in packages):
        raise UserErrorException(f"{name} must be a list of names, not {packages!r}")
    return list(packages)


def _require_text(value: object, name: str) -> None:
    if not isinstance(value, str) or not value.strip():
        raise UserErrorException(f"{name} must be a name, not {value!r}")


def _conda_name(package: str) -> str:
    """``conda-forge::numpy>=1.2`` -> ``numpy``."""
    return re.split(r"[=<>!~ ]", package.split("::")[-1].strip(), maxsplit=1)[0].lower()


def _pip_name(package: str) -> str:
    found = _NAME.match(package.strip())
    name = found.group(0) if found else package.strip()
    return re.sub(r"[-_.]+", "-", name).lower()


def _option_name(option: str) -> str:
    return re.split(r"[ =]", option.strip(), maxsplit=1)[0]


def _for_core(package: str, core_type: str) -> str:
    if core_type not in ("cpu", "gpu"):
        raise UserErrorException(f"core_type must be 'cpu' or 'gpu', not {core_type!r}")
    return package if core_type == "cpu" else f"{package}-gpu"
