"""Addresses of pages about experiments and runs, and names of objects in logs."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote


class ChainedIdentity:
    """Something with a name for logs: ``Class#name``."""

    DELIM = "#"

    @property
    def identity(self) -> str:
        """A name of this object for logs."""
        return f"{type(self).__name__}{self.DELIM}{self._identity_name()}"

    def _identity_name(self) -> str:
        raise NotImplementedError


class HasExperimentPortal:
    """Formats of the addresses of an experiment's page."""

    EXPERIMENT_ID_PATH = "/experiments/id/{0}"
    EXPERIMENT_NAME_PATH = "/experiments/{0}"
    TID_FMT = "&tid={0}"
    WORKSPACE_FMT = "?wsid=/subscriptions/{0}/resourcegroups/{1}/workspaces/{2}"

    def _experiment_address(self, workspace: Any, experiment_name: str) -> str:
        path = self.EXPERIMENT_NAME_PATH.format(quote(experiment_name))
        return f"https://{workspace._server.configuration.server}{path}"

    def _workspace_query(self, workspace: Any) -> str:
        parts = (workspace.subscription_id, workspace.resource_group, workspace.name)
        return self.WORKSPACE_FMT.format(*map(quote, parts))
