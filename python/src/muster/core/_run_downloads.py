"""Files of a run onto this machine. Names come from the server: none leads out of its directory."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, List, Optional, Sequence, Tuple

from muster.exceptions import UserErrorException

if TYPE_CHECKING:
    from muster._client.run_files import RunFiles


def download_one(files: RunFiles, name: str, output_file_path: Optional[str]) -> str:
    """Writes the file `name` to `output_file_path` (default: its last part, here; in a directory,
    under that part); where it is. A file appears whole or not at all."""
    base = os.path.basename(name)
    target = output_file_path or base
    if target.endswith("/") or os.path.isdir(target):
        target = os.path.join(target, base)
    _write(files, name, target, None)
    return target


def download_many(
    files: RunFiles, plan: Sequence[Tuple[str, str]], timeout_seconds: Optional[float] = None
) -> None:
    """Writes each (name, local path). Raises UserErrorException when the time is over."""
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    for name, target in plan:
        _write(files, name, target, deadline)


def plan_downloads(
    names: Sequence[str],
    prefix: Optional[str],
    output_directory: Optional[str],
    output_paths: Optional[Sequence[str]],
    append_prefix: bool,
) -> List[Tuple[str, str]]:
    """(name, local path) of the files below `prefix`: below `output_directory` (default: here)
    under their names, without the prefix unless `append_prefix`; or at `output_paths`, one a file.
    Raises UserErrorException."""
    chosen = [name for name in names if name.startswith(prefix or "")]
    if output_paths is not None:
        paths = [output_paths] if isinstance(output_paths, str) else list(output_paths)
        if len(paths) != len(chosen):
            raise UserErrorException(
                f"output_paths has {len(paths)} paths for {len(chosen)} files: {', '.join(chosen)}"
            )
        root = output_directory or ""
        return [(name, os.path.join(root, path)) for name, path in zip(chosen, paths)]
    cut = 0 if append_prefix else len(prefix or "")
    root = output_directory or "."
    return [(name, below(root, name[cut:].lstrip("/") or name)) for name in chosen]


def below(root: str, name: str) -> str:
    """`name` below the directory `root`. Raises UserErrorException when it would be elsewhere."""
    parts = name.split("/")
    if os.path.isabs(name) or ".." in parts or "" in parts or "\0" in name:
        raise UserErrorException(f"the run's file '{name}' has a name that leads out of {root}")
    return os.path.join(root, *parts)


def _write(files: RunFiles, name: str, target: str, deadline: Optional[float]) -> None:
    folder = os.path.dirname(target)
    part = f"{target}.part-{os.getpid()}"
    try:
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(part, "wb") as file:
            for data in files.read(name):
                if deadline is not None and time.monotonic() > deadline:
                    raise UserErrorException(f"the time for the download was over at '{name}'")
                file.write(data)
        os.replace(part, target)
    except OSError as error:
        raise UserErrorException(f"{target} cannot be written: {error.strerror}") from error
    finally:
        if os.path.lexists(part):
            os.unlink(part)
