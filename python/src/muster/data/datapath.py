"""A path on a datastore without a job, and how a job would use it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Optional

from muster.core._run_config_sections import checked_mode
from muster.data.data_reference import DataReference
from muster.exceptions import UserErrorException

if TYPE_CHECKING:
    from muster.data.abstract_datastore import AbstractDatastore

__all__ = ["DataPath", "DataPathComputeBinding"]


class DataPathComputeBinding:
    """How a job uses a DataPath: ``mode``, ``path_on_compute``, ``overwrite`` as in
    DataReference."""

    def __init__(
        self, mode: str = "mount", path_on_compute: Optional[str] = None, overwrite: bool = False
    ) -> None:
        self.mode = checked_mode(mode)
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite

    def create_data_reference(
        self, data_reference_name: Optional[str] = None, datapath: Optional[DataPath] = None
    ) -> DataReference:
        """The reference of `datapath` under this binding. Raises UserErrorException without one."""
        return DataReference.create(data_reference_name, datapath, self)

    @staticmethod
    def create_from_data_reference(data_reference: DataReference) -> DataPathComputeBinding:
        """The binding of a reference."""
        _require_reference(data_reference)
        return DataPathComputeBinding(
            data_reference.mode, data_reference.path_on_compute, data_reference.overwrite
        )


class DataPath:
    """``path_on_datastore`` (default: the root) of ``datastore``; ``name`` is for people."""

    def __init__(
        self,
        datastore: Optional[AbstractDatastore] = None,
        path_on_datastore: Optional[str] = None,
        name: Optional[str] = None,
    ) -> None:
        if datastore is not None and not isinstance(getattr(datastore, "name", None), str):
            raise UserErrorException(f"a datastore is needed, not {datastore!r}")
        self._datastore = datastore
        self._path_on_datastore = path_on_datastore
        self._name = name

    @property
    def datastore_name(self) -> Optional[str]:
        """Name of the datastore, or None."""
        return self._datastore.name if self._datastore is not None else None

    @property
    def path_on_datastore(self) -> Optional[str]:
        """The path below the datastore's root, or None for the root."""
        return self._path_on_datastore

    def create_data_reference(
        self,
        data_reference_name: Optional[str] = None,
        datapath_compute_binding: Optional[DataPathComputeBinding] = None,
    ) -> DataReference:
        """A reference under that name (default: 32 random hex digits) and binding (default: mount).
        Raises UserErrorException where no datastore was given."""
        if self._datastore is None:
            raise UserErrorException("this DataPath names no datastore")
        binding = datapath_compute_binding or DataPathComputeBinding()
        return DataReference(
            self._datastore,
            uuid.uuid4().hex if data_reference_name is None else data_reference_name,
            self._path_on_datastore,
            binding.mode,
            binding.path_on_compute,
            binding.overwrite,
        )

    @staticmethod
    def create_from_data_reference(data_reference: DataReference) -> DataPath:
        """The place of a reference."""
        _require_reference(data_reference)
        return DataPath(
            data_reference.datastore,
            data_reference.path_on_datastore,
            data_reference.data_reference_name,
        )


def _require_reference(value: object) -> None:
    if not isinstance(value, DataReference):
        raise UserErrorException(f"a DataReference is needed, not {value!r}")
