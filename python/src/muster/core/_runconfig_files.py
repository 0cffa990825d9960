"""Where run configurations lie on disk, and how they are read and written."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

from muster._yaml import Node, YamlError, parse, write
from muster.core._elements import Document
from muster.exceptions import RunConfigurationException, UserErrorException

if TYPE_CHECKING:
    from muster.core.runconfig import RunConfiguration

FOLDERS = (".azureml", "aml_config")
_CONDA_FILE = "conda_dependencies.yml"
_ENVIRONMENT_FILE = "environment.yml"


def load(path: str, name: Optional[str]) -> RunConfiguration:
    from muster.core.runconfig import RunConfiguration

    file = find(path, name)
    document = Document(file, _root_of(file))
    config = RunConfiguration()
    config._read(_parsed(file), document)
    config._path = document.root
    config._name = name or os.path.splitext(os.path.basename(file))[0]
    return config


def find(path: str, name: Optional[str]) -> str:
    """The file. Raises UserErrorException that names the places searched."""
    if os.path.isfile(path):
        return path
    if name is None:
        raise UserErrorException(
            f"{path} is no file; give the path of a .runconfig, or a directory and a name"
        )
    tried = _candidates(path, name)
    for candidate in tried:
        if os.path.isfile(candidate):
            return candidate
    raise UserErrorException(
        f"there is no run configuration '{name}' in {path}; searched: {', '.join(tried)}"
    )


def delete(path: str, name: str) -> None:
    os.remove(find(path, name))


def environment_node(node: Node, document: Document) -> Node:
    """The environment that stands in a file of its own."""
    for root in (document.root, os.path.dirname(os.path.abspath(document.file))):
        file = os.path.join(root, node.text)
        if os.path.isfile(file):
            return _parsed(file)
    raise document.error(node, f"the environment's file {node.text} does not exist")


def save(
    config: RunConfiguration, path: Optional[str], name: Optional[str], separate_environment: bool
) -> None:
    folder, file = _target(config, path, name)
    root = _root_of(file)
    content = config._to_dict()
    try:
        os.makedirs(folder, exist_ok=True)
        _save_packages(config, content["environment"]["python"], folder, root)
        if separate_environment:
            environment_file = os.path.join(folder, _ENVIRONMENT_FILE)
            _write(environment_file, content["environment"])
            content["environment"] = os.path.relpath(environment_file, root)
        _write(file, content)
    except OSError as error:
        raise UserErrorException(f"cannot write {file}: {error.strerror}") from error


def _save_packages(
    config: RunConfiguration, python: Dict[str, Any], folder: str, root: str
) -> None:
    conda = config.environment.python.conda_dependencies
    if conda is None:
        return
    conda_file = os.path.join(folder, _CONDA_FILE)
    conda.save(conda_file)
    ordered: List[Tuple[str, Any]] = []
    for key, value in python.items():
        if key == "condaDependencies":
            key, value = "condaDependenciesFile", os.path.relpath(conda_file, root)
        ordered.append((key, value))
    python.clear()
    python.update(ordered)


def _target(config: RunConfiguration, path: Optional[str], name: Optional[str]) -> Tuple[str, str]:
    """The folder and the file to write."""
    path = path or config._path or os.getcwd()
    if os.path.isdir(path):
        folder = path
        if os.path.basename(os.path.abspath(path)) not in FOLDERS:
            found = [f for f in FOLDERS if os.path.isdir(os.path.join(path, f))]
            folder = os.path.join(path, found[0] if found else FOLDERS[1])
        return folder, os.path.join(folder, name or config._name or str(config.target))
    folder = os.path.dirname(path) or "."
    if name is None and os.path.isdir(folder):
        return folder, path
    raise UserErrorException(f"the directory {path} does not exist; create it first")


def _candidates(path: str, name: str) -> List[str]:
    found = []
    for folder in (*FOLDERS, ""):
        for suffix in ("", ".runconfig"):
            found.append(os.path.join(path, folder, name + suffix))
    return found


def _root_of(file: str) -> str:
    """The directory that paths of a configuration are relative to."""
    folder = os.path.dirname(os.path.abspath(file))
    return os.path.dirname(folder) if os.path.basename(folder) in FOLDERS else folder


def _parsed(file: str) -> Node:
    try:
        with open(file, encoding="utf-8") as stream:
            node = parse(stream.read(), file)
    except OSError as error:
        raise UserErrorException(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RunConfigurationException(f"{file} is not UTF-8 text") from error
    except YamlError as error:
        raise RunConfigurationException(str(error)) from error
    if node.kind != "map" and not node.is_null:
        raise RunConfigurationException(f"{file}, line {node.line}: keys and values are expected")
    return node


def _write(file: str, content: Dict[str, Any]) -> None:
    text = json.dumps(content, indent=2) + "\n" if file.endswith(".json") else write(content)
    with open(file, "w", encoding="utf-8") as stream:
        stream.write(text)
