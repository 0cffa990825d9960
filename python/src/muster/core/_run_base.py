"""What every part of a Run works with: who it is, and what the server last said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from muster._client.connection import READ_PATIENCE
from muster._client.jobs import is_terminal
from muster.core._portal import ChainedIdentity, HasExperimentPortal
from muster.core._run_details import is_job
from muster.exceptions import UserErrorException

if TYPE_CHECKING:
    from muster._client.server import Server
    from muster.core.experiment import Experiment


class _RunBase(ChainedIdentity, HasExperimentPortal):
    """Asks the server each time for what may change, once for what may not.

    ``_record``: the server's Run; ``_job``: of a job, the server's Job with its specification.
    """

    def __init__(self, experiment: Experiment, run_id: str, record: Any, is_known: bool) -> None:
        self._experiment = experiment
        self._run_id = run_id
        self._record: Any = record
        self._job: Any = None
        if record is None and not is_known:
            self._fetch()

    @property
    def _server(self) -> Server:
        return self._experiment.workspace._server

    def _fetch(self, patience: float = READ_PATIENCE) -> Any:
        record = self._server.runs.get(self._run_id, patience)
        if record.experiment != self._experiment.name:
            raise UserErrorException(
                f"the run {self._run_id} belongs to the experiment '{record.experiment}', not to "
                f"'{self._experiment.name}'"
            )
        self._record = record
        return record

    def _known(self) -> Any:
        """The record, perhaps an old one: for what never changes."""
        return self._record if self._record is not None else self._fetch()

    def _settled(self) -> Any:
        """The record, for the status: a new one unless the run has ended."""
        record = self._known()
        return record if is_terminal(record) else self._fetch()

    def _is_job(self) -> bool:
        return is_job(self._known())

    def _job_now(self, patience: float = READ_PATIENCE) -> Optional[Any]:
        """The job with its attempts and specification; None: the run is none."""
        if not self._is_job():
            return None
        if self._job is None or not is_terminal(self._job):
            self._job = self._server.jobs.get(self._run_id, patience)
        return self._job

    def _job_as_submitted(self) -> Optional[Any]:
        """The job, perhaps an old one: for what never changes of it; None: the run is none."""
        return self._job if self._job is not None else self._job_now()

    def _update(self, **changes: Any) -> None:
        """Changes the run. Raises UserErrorException with all that the server refuses of it."""
        self._server.runs.update(self._run_id, **changes)

    def __reduce__(self) -> Any:
        raise TypeError(
            f"a run cannot be pickled or copied: take its id along, and there "
            f"Run(experiment, '{self._run_id}') of the experiment '{self._experiment.name}'"
        )

    def _identity_name(self) -> str:
        return self._run_id
