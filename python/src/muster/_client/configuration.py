"""Which server, which workspace, with which token; and where that is written down.

Two files count. A project's ``config.json`` names a workspace (``workspace_name``) and perhaps its
server (``server``), as ``Workspace.write_config`` leaves it. The login configuration is what
``muster login`` leaves: ``server``, ``workspace``, ``token``, ``ca_pem``. A project's file may have
those keys too and needs no login then.
"""

from __future__ import annotations

import json
import os
import stat
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from muster.exceptions import UserErrorException

FILE_NAME = "config.json"
# Folders of a project that may have the file, besides the project's own.
FOLDERS = (".azureml", "aml_config")
_LOGIN_KEYS = {"server", "token", "ca_pem"}
_MOST_BYTES = 1 << 20
_LOGIN = (
    "run `muster up` to start a server of your own, or `muster login --server HOST:PORT` to "
    "use one that there is"
)


class Configuration(NamedTuple):
    """``server``: ``host:port``. ``token``: as it goes over the wire; shown nowhere. ``ca_pem``:
    the only root that connections trust. ``subscription_id``, ``resource_group``: what a project's
    file says, for scripts that read them back; they mean nothing to the server."""

    server: str
    workspace: str
    token: str
    ca_pem: str
    subscription_id: str = ""
    resource_group: str = ""

    def __repr__(self) -> str:
        return f"Configuration(server={self.server!r}, workspace={self.workspace!r})"


def login_path() -> str:
    """Where ``muster login`` writes: $MUSTER_CONFIG, else below $XDG_CONFIG_HOME, else below
    ~/.config."""
    explicit = os.environ.get("MUSTER_CONFIG")
    if explicit:
        return explicit
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(base, "muster", FILE_NAME)


def load_login(workspace: Optional[str] = None) -> Configuration:
    """The login configuration, with another workspace if one is given. Raises UserErrorException
    when there is none, or it cannot be used."""
    path = login_path()
    if not os.path.exists(path):
        raise UserErrorException(f"there is no server configured ({path} does not exist): {_LOGIN}")
    found = _complete(_read(path), path)
    return found if workspace is None else found._replace(workspace=workspace)


def find(path: Optional[str] = None, file_name: Optional[str] = None) -> Configuration:
    """The configuration of the project at `path` (a file or a directory; default: here).

    Looked for in the directory, in its ``.azureml`` and ``aml_config``, and in the same places of
    each directory above; where nothing is found and no `path` was given, in the login
    configuration. Raises UserErrorException with what to do.
    """
    name = file_name or FILE_NAME
    start = os.path.abspath(path or os.getcwd())
    if os.path.isfile(start):
        return _of_project(_read(start), start)
    if path is not None and not os.path.isdir(start):
        raise UserErrorException(f"there is no configuration at {start}: the path does not exist")
    for candidate in _candidates(start, name):
        content = _parsed(candidate)
        # Other programs have a config.json too.
        if isinstance(content, dict) and (
            "workspace_name" in content or set(content) >= _LOGIN_KEYS
        ):
            return _of_project(content, candidate)
    if path is None and file_name is None:
        return load_login()
    raise UserErrorException(
        f"there is no {name} with a workspace in {start} or above; Workspace.from_config() without "
        f"a path uses the login configuration; {_LOGIN}"
    )


def write_project_file(
    configuration: Configuration, path: Optional[str], file_name: Optional[str]
) -> str:
    """Writes ``<path>/.azureml/config.json`` without the token; where it is now. Raises
    UserErrorException when it cannot be written."""
    folder = os.path.join(os.path.abspath(path or os.getcwd()), FOLDERS[0])
    target = os.path.join(folder, file_name or FILE_NAME)
    content = {
        "subscription_id": configuration.subscription_id,
        "resource_group": configuration.resource_group,
        "workspace_name": configuration.workspace,
        "server": configuration.server,
    }
    try:
        os.makedirs(folder, exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=4) + "\n")
    except OSError as error:
        raise UserErrorException(f"{target} cannot be written: {error.strerror}") from error
    return target


def _candidates(start: str, name: str) -> Iterator[str]:
    directory = start
    while True:
        for folder in ("", *FOLDERS):
            path = os.path.join(directory, folder, name)
            if os.path.isfile(path):
                yield path
        parent = os.path.dirname(directory)
        if parent == directory:
            return
        directory = parent


def _read(path: str) -> Dict[str, Any]:
    content = _parsed(path)
    if not isinstance(content, dict):
        raise UserErrorException(f"{path} is no JSON object")
    return content


def _parsed(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(_MOST_BYTES + 1)
        return json.loads(text)
    except OSError as error:
        raise UserErrorException(f"{path} cannot be read: {error.strerror}") from error
    except ValueError:
        # Not chained: a decoder's message may quote the file.
        raise UserErrorException(f"{path} is no JSON file") from None


def _of_project(content: Dict[str, Any], path: str) -> Configuration:
    workspace = content.get("workspace_name") or content.get("workspace")
    if workspace is not None and not isinstance(workspace, str):
        raise UserErrorException(f"workspace_name in {path} must be a text, not {workspace!r}")
    if "token" in content:
        found = _complete(content, path)
        found = found._replace(workspace=workspace or found.workspace)
    else:
        found = _logged_in_to(content.get("server"), workspace, path)
    return found._replace(
        subscription_id=str(content.get("subscription_id") or ""),
        resource_group=str(content.get("resource_group") or ""),
    )


def _logged_in_to(server: object, workspace: Optional[str], path: str) -> Configuration:
    if not server and not os.path.exists(login_path()):
        raise UserErrorException(f"{path} names a workspace but no server: {_LOGIN}")
    if server and not os.path.exists(login_path()):
        raise UserErrorException(
            f"{path} names the server {server}, but nobody is logged in: run `muster login "
            f"--server {server}`"
        )
    found = load_login(workspace)
    if server and server != found.server:
        raise UserErrorException(
            f"{path} names the server {server}, but the login is for {found.server}: run `muster "
            f"login --server {server}`, or set MUSTER_CONFIG to the file of that login"
        )
    return found


def _complete(content: Dict[str, Any], path: str) -> Configuration:
    _check_access(path)
    values: List[str] = []
    for key, what in (
        ("server", "names no server"),
        ("token", "has no token"),
        ("ca_pem", "has no CA certificate"),
    ):
        value = content.get(key)
        if not isinstance(value, str) or not value:
            raise UserErrorException(
                f"the configuration {path} {what}; run `muster login` to write it anew"
            )
        values.append(value)
    workspace = content.get("workspace")
    server, token, ca_pem = values
    return Configuration(
        server, workspace if isinstance(workspace, str) and workspace else "default", token, ca_pem
    )


def _check_access(path: str) -> None:
    """As the command line does: a token that others may read or replace is not used."""
    info = os.stat(path)
    if stat.S_IMODE(info.st_mode) & 0o077:
        raise UserErrorException(
            f"{path} holds a secret, but others than its owner may use it; run: chmod 600 {path}"
        )
    if info.st_uid not in (os.geteuid(), 0):
        raise UserErrorException(
            f"{path} is to be trusted, but belongs to another user (uid {info.st_uid})"
        )
