"""Datastores of a workspace, over the server's DatastoreService."""

from __future__ import annotations

import warnings
from typing import Any, Dict, List, NoReturn, Optional, Sequence, Tuple

from muster._client.connection import SUBMIT_PATIENCE, Connection, new_request_id
from muster._services import DatastoreRegistration
from muster.data.local_datastore import LocalDatastore
from muster.exceptions import UserErrorException

# The name that Azure ML gives the default one.
DEFAULT_NAME = "workspaceblobstore"


class ServerDatastores:
    """A DatastoreService. ``workspace`` is what the datastores' objects refer to."""

    def __init__(self, connection: Connection, workspace: Any) -> None:
        self._connection = connection
        self._workspace = workspace
        self._default: Optional[str] = None

    def all(self) -> Dict[str, LocalDatastore]:
        """Name -> datastore, by name."""
        reply = self._connection.call(
            "DatastoreService.ListDatastores", workspace=self._connection.workspace
        )
        return {
            found.name: LocalDatastore(self._workspace, found.name, found.local.path)
            for found in reply.datastores
            if found.WhichOneof("kind") == "local"
        }

    def get(self, name: str) -> LocalDatastore:
        """Raises UserErrorException when there is none of that name."""
        known = self.all()
        found = known.get(str(name).lower())
        if found is None:
            raise UserErrorException(
                f"there is no datastore '{name}' in this workspace; there {_listed(known)}"
            )
        return found

    def get_default(self) -> LocalDatastore:
        """The one that ``set_default`` named, else ``workspaceblobstore``, else the only one.
        Raises UserErrorException when there is no such."""
        if self._default is not None:
            return self.get(self._default)
        known = self.all()
        if DEFAULT_NAME in known:
            return known[DEFAULT_NAME]
        if len(known) == 1:
            return next(iter(known.values()))
        raise UserErrorException(
            f"this workspace has no default datastore: there {_listed(known)}; register one with "
            f"the name '{DEFAULT_NAME}', or choose with set_default_datastore(name)"
        )

    def set_default(self, name: str) -> None:
        """For this workspace's object alone, which a warning says: the server keeps no default."""
        self._default = self.get(name).name
        warnings.warn(
            f"'{self._default}' is the default datastore of this Workspace object only: the server "
            f"keeps no default yet; a datastore named '{DEFAULT_NAME}' is everybody's default",
            stacklevel=3,
        )

    def register(self, registration: DatastoreRegistration) -> LocalDatastore:
        """Raises UserErrorException for a kind that the server lacks, and for a name that is taken
        by another definition unless ``overwrite``."""
        name, path = registration.name, registration.settings.get("path")
        if registration.kind != "local":
            raise UserErrorException(
                f"the datastore '{name}' of kind {registration.kind} cannot be registered: the "
                "server knows directories of the nodes only; use Datastore.register_local"
            )
        present = self.all().get(str(name).lower())
        if present is not None and present.path_on_nodes != path and not registration.overwrite:
            raise UserErrorException(
                f"the datastore '{name}' exists with the path {present.path_on_nodes}; pass "
                "overwrite=True to replace it"
            )
        definition = {
            "workspace": self._connection.workspace,
            "name": str(name),
            "local": {"path": str(path)},
        }
        self._connection.call(
            "DatastoreService.RegisterDatastore",
            patience=SUBMIT_PATIENCE,
            datastore=definition,
            request_id=new_request_id(),
        )
        return LocalDatastore(self._workspace, str(name).lower(), str(path))

    def unregister(self, name: str) -> NoReturn:
        """Raises UserErrorException: the server cannot forget a datastore yet."""
        raise UserErrorException(
            f"the datastore '{name}' cannot be unregistered: the server has no request for it yet; "
            "registering the name again with overwrite=True replaces it"
        )

    def upload(
        self, name: str, files: Sequence[Tuple[str, str]], overwrite: bool, show_progress: bool
    ) -> NoReturn:
        """Raises UserErrorException: the server carries no files into datastores yet."""
        self._refuse_transfer(name, "into")

    def download(
        self,
        name: str,
        target_path: str,
        prefix: Optional[str],
        overwrite: bool,
        show_progress: bool,
    ) -> NoReturn:
        """Raises UserErrorException: the server carries no files out of datastores yet."""
        self._refuse_transfer(name, "out of")

    def _refuse_transfer(self, name: str, direction: str) -> NoReturn:
        path = self.get(name).path_on_nodes
        raise UserErrorException(
            f"files cannot be copied {direction} the datastore '{name}' from here yet; it is the "
            f"directory {path} of the nodes: copy them there"
        )


def _listed(known: Dict[str, LocalDatastore]) -> str:
    names: List[str] = sorted(known)
    return f"are {', '.join(names)}" if names else "are none"
