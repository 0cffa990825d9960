"""Datastores that hold files under paths."""

from __future__ import annotations

import os
from typing import Any, List, Optional, Sequence, Tuple

from muster._services import services_of
from muster.data.abstract_datastore import AbstractDatastore
from muster.data.data_reference import DataReference
from muster.exceptions import UserErrorException


class PathDatastore(AbstractDatastore):
    """A datastore with files: references to it, and files to and from it."""

    def path(
        self, path: Optional[str] = None, data_reference_name: Optional[str] = None
    ) -> DataReference:
        """A reference to `path` (default: the root), mounted, under that name (default: 32 random
        hex digits)."""
        return DataReference(self).path(path, data_reference_name)

    def as_mount(self) -> DataReference:
        """A reference to the root, mounted, under the datastore's name."""
        return DataReference(self).as_mount()

    def as_download(self, path_on_compute: Optional[str] = None) -> DataReference:
        """A reference to the root, copied to the node before the run."""
        return DataReference(self).as_download(path_on_compute)

    def as_upload(self, path_on_compute: Optional[str] = None) -> DataReference:
        """A reference to the root, filled from the node after the run."""
        return DataReference(self).as_upload(path_on_compute)

    def upload(
        self,
        src_dir: str,
        target_path: Optional[str] = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataReference:
        """Copies the files below `src_dir` to `target_path` (default: the root). Files that exist
        stay unless `overwrite`. Raises UserErrorException when `src_dir` is no directory."""
        if not os.path.isdir(src_dir):
            raise UserErrorException(f"{src_dir} is no directory; nothing was uploaded")
        files = [
            os.path.join(folder, name)
            for folder, _, names in sorted(os.walk(src_dir))
            for name in sorted(names)
        ]
        return self.upload_files(files, src_dir, target_path, overwrite, show_progress)

    def upload_files(
        self,
        files: Sequence[str],
        relative_root: Optional[str] = None,
        target_path: Optional[str] = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataReference:
        """Copies files to `target_path`, each under its path relative to `relative_root` (default:
        the directory common to all). Raises UserErrorException when that is no parent of a file, or
        a file does not exist."""
        pairs = upload_plan(files, relative_root, target_path)
        services_of(self.workspace).datastores.upload(self.name, pairs, overwrite, show_progress)
        return self.path(target_path)

    def download(
        self,
        target_path: str,
        prefix: Optional[str] = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> int:
        """Copies files (those below `prefix`) into the directory `target_path`; how many."""
        service = services_of(self.workspace).datastores
        return service.download(self.name, target_path, prefix, overwrite, show_progress)


def upload_plan(
    files: Sequence[str], relative_root: Optional[str], target_path: Optional[str]
) -> List[Tuple[str, str]]:
    """Each local file with its path on the datastore. Raises UserErrorException."""
    if isinstance(files, str):
        raise UserErrorException("files must be a list of paths, not one path")
    full = [os.path.abspath(file) for file in files]
    for file in full:
        if not os.path.isfile(file):
            raise UserErrorException(f"{file} is no file; nothing was uploaded")
    root = os.path.abspath(relative_root) if relative_root is not None else _common(full)
    target = (target_path or "").strip("/")
    plan = []
    for file in full:
        if os.path.commonpath([root, file]) != root:
            raise UserErrorException(f"relative_root {root} is no parent of {file}")
        below = os.path.relpath(file, root).replace(os.sep, "/")
        plan.append((file, f"{target}/{below}" if target else below))
    return plan


def _common(files: List[str]) -> str:
    return os.path.commonpath([os.path.dirname(file) for file in files]) if files else os.getcwd()


class LocalDatastore(PathDatastore):
    """A directory that every node of the workspace has at the same path."""

    def __init__(self, workspace: Any, name: str, path: str) -> None:
        super().__init__(workspace, name, "Local")
        self._path_on_nodes = path

    @property
    def path_on_nodes(self) -> str:
        """The directory's absolute path on the nodes."""
        return self._path_on_nodes
