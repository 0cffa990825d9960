"""A datastore path that a job uses."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Optional

from muster.core._run_config_sections import DataReferenceConfiguration, checked_mode
from muster.exceptions import UserErrorException

if TYPE_CHECKING:
    from muster.data.abstract_datastore import AbstractDatastore
    from muster.data.datapath import DataPath, DataPathComputeBinding

__all__ = ["DataReference"]

_NAME = re.compile(r"[A-Za-z0-9_]{1,255}\Z")


class DataReference:
    """Names a path of a datastore for a job; the script finds it at
    ``$AZUREML_DATAREFERENCE_<data_reference_name>``, which is what ``str()`` gives.

    ``data_reference_name``: 1..255 letters, digits, ``_``; default the datastore's name.
    ``path_on_datastore``: default the datastore's root. ``mode``: ``"mount"``, ``"download"``
    (copied to the node before the run) or ``"upload"`` (copied from the node after it).
    ``path_on_compute``: where the job wants it, relative to its directory. ``overwrite``: replace
    what is there. Raises UserErrorException.
    """

    def __init__(
        self,
        datastore: AbstractDatastore,
        data_reference_name: Optional[str] = None,
        path_on_datastore: Optional[str] = None,
        mode: str = "mount",
        path_on_compute: Optional[str] = None,
        overwrite: bool = False,
    ) -> None:
        store_name = getattr(datastore, "name", None)
        if not isinstance(store_name, str):
            raise UserErrorException(f"a datastore is needed, not {datastore!r}")
        name = store_name if data_reference_name is None else data_reference_name
        if not isinstance(name, str) or not _NAME.match(name):
            raise UserErrorException(
                f"the data reference's name {name!r} must have 1..255 letters, digits and '_'"
            )
        self.datastore = datastore
        self.data_reference_name = name
        self.path_on_datastore = path_on_datastore
        self.mode = checked_mode(mode)
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite

    @staticmethod
    def create(
        data_reference_name: Optional[str] = None,
        datapath: Optional[DataPath] = None,
        datapath_compute_binding: Optional[DataPathComputeBinding] = None,
    ) -> DataReference:
        """The reference of a DataPath under a binding (default: mount). Raises UserErrorException
        without a DataPath that names a datastore."""
        if datapath is None:
            raise UserErrorException("datapath is required: DataPath(datastore, path)")
        return datapath.create_data_reference(data_reference_name, datapath_compute_binding)

    def path(
        self, path: Optional[str] = None, data_reference_name: Optional[str] = None
    ) -> DataReference:
        """A reference to `path` below this one's, under a new name (default: 32 random hex
        digits)."""
        below = [part.strip("/") for part in (self.path_on_datastore, path) if part]
        name = uuid.uuid4().hex if data_reference_name is None else data_reference_name
        return DataReference(self.datastore, name, "/".join(filter(None, below)) or None)

    def as_mount(self) -> DataReference:
        """The same place, mounted."""
        return self._with("mount", None, False)

    def as_download(
        self, path_on_compute: Optional[str] = None, overwrite: bool = False
    ) -> DataReference:
        """The same place, copied to the node before the run."""
        return self._with("download", path_on_compute, overwrite)

    def as_upload(
        self, path_on_compute: Optional[str] = None, overwrite: bool = False
    ) -> DataReference:
        """The same place, filled from the node after the run."""
        return self._with("upload", path_on_compute, overwrite)

    def to_config(self) -> DataReferenceConfiguration:
        """The form that a run configuration has it in."""
        return DataReferenceConfiguration(
            self.datastore.name,
            self.mode,
            self.path_on_datastore,
            self.path_on_compute,
            self.overwrite,
        )

    def _with(self, mode: str, path_on_compute: Optional[str], overwrite: bool) -> DataReference:
        return DataReference(
            self.datastore,
            self.data_reference_name,
            self.path_on_datastore,
            mode,
            path_on_compute,
            overwrite,
        )

    def __str__(self) -> str:
        return f"$AZUREML_DATAREFERENCE_{self.data_reference_name}"

    def __repr__(self) -> str:
        return (
            f"DataReference({self.datastore.name!r}, {self.data_reference_name!r}, "
            f"{self.path_on_datastore!r}, {self.mode!r})"
        )
