"""All that a workspace asks of its server."""

from __future__ import annotations

from typing import Any, List, Optional, Sequence

from muster._client.blobs import upload_missing
from muster._client.compute import ServerCompute
from muster._client.configuration import Configuration
from muster._client.connection import SUBMIT_PATIENCE, Connection, new_request_id
from muster._client.datastores import ServerDatastores
from muster._client.heartbeats import heartbeats_of
from muster._client.jobs import JobClient, status_number
from muster._client.log_stream import LogStream
from muster._client.metric_sender import sender_of
from muster._client.run_files import ChildFiles, RunFiles
from muster._client.runs import RunClient
from muster._snapshot.pack import PackedDirectory

# The statuses that a job can leave.
_ACTIVE = (
    "NotStarted",
    "Starting",
    "Provisioning",
    "Preparing",
    "Queued",
    "Running",
    "Finalizing",
    "CancelRequested",
    "NotResponding",
)


class Server:
    """The services of one workspace; ``owner`` is the Workspace that objects refer to."""

    def __init__(self, configuration: Configuration, owner: Any) -> None:
        self.configuration = configuration
        self.connection = Connection(configuration)
        self.datastores = ServerDatastores(self.connection, owner)
        self.compute = ServerCompute(self.connection, self._active_runs)
        self.jobs = JobClient(self.connection)
        self.runs = RunClient(self.connection)
        # Not to be held up by what waits for the server, nor to hold it up.
        background = Connection(configuration)
        self.metrics = sender_of(background)
        self.heartbeats = heartbeats_of(background)
        self._owner = owner

    def __repr__(self) -> str:
        return f"Server({self.configuration.server!r}, {self.configuration.workspace!r})"

    def workspaces(self) -> List[str]:
        """Names of the workspaces that the token sees."""
        return list(self.connection.call("AdminService.ListWorkspaces").names)

    def create_workspace(self, name: str) -> None:
        """Raises UserErrorException for a name that is taken or cannot be one."""
        self.connection.call(
            "AdminService.CreateWorkspace",
            patience=SUBMIT_PATIENCE,
            name=name,
            request_id=new_request_id(),
        )

    def upload(self, packed: PackedDirectory) -> bool:
        """Sends the packed source unless the server has it; whether it was sent."""
        return upload_missing(self.connection, [packed]) > 0

    def files(self, run_id: str, job_id: Optional[str] = None) -> RunFiles:
        """The files of a run; `job_id`: of the job whose child it is."""
        if job_id is not None:
            return ChildFiles(self.connection, run_id, job_id)
        return RunFiles(self.connection, run_id)

    def log_stream(self, job_id: str, name: str) -> LogStream:
        """Follows a file of a job."""
        return LogStream(self.connection, job_id, name)

    def experiments(self) -> List[str]:
        """Names of the experiments that have runs, those with the newest runs first."""
        found = sorted(self.runs.experiments(), key=lambda experiment: -experiment.newest_us)
        return [experiment.name for experiment in found]

    def _active_runs(
        self, pool: str, type: Optional[str], tags: Any, properties: Any, status: Any
    ) -> Sequence[Any]:
        from muster.core._run_filters import RunFilter
        from muster.core._run_listing import runs_of_pool

        wanted = RunFilter(type, tags, properties, status)
        numbers = [number for number in map(status_number, _ACTIVE) if number is not None]
        return list(runs_of_pool(self._owner, wanted, pool, numbers))
