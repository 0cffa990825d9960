"""Run: one execution of a script, seen from where it was submitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, ClassVar, Dict, Iterator, Optional

from muster._client.connection import FOLLOW_PATIENCE, READ_PATIENCE
from muster.core._run_artifacts import RunArtifacts
from muster.core._run_details import (
    SNAPSHOT_PROPERTY,
    details_of,
    failure_sentence,
    status_of,
    tracked_failure_sentence,
    type_of,
)
from muster.core._run_family import RunFamily
from muster.core._run_filters import RunFilter
from muster.core._run_life import RunLife
from muster.core._run_listing import runs_of
from muster.core._run_output import RunOutput, TrackedRunOutput, wait_for_end, wait_for_tracked_end
from muster.core._run_status import RunStatus
from muster.core._run_tags import RunTags
from muster.core.experiment import Experiment
from muster.exceptions import ExperimentExecutionException

if TYPE_CHECKING:
    from muster.core.workspace import Workspace

__all__ = ["Run", "RunStatus", "get_run"]

RunFactory = Callable[..., "Run"]


class Run(RunTags, RunFamily, RunArtifacts, RunLife):
    """A run of an experiment: a submitted script, an interactive run or a child of either.
    ``Run(experiment, run_id)`` is the one that there is.

    Methods ask the server each time unless what they tell cannot change. Raises UserErrorException
    when the experiment has no such run; all that asks raises ServiceException when the server
    cannot be reached.
    """

    RUN_PATH = "/runs/{0}"
    _factories: ClassVar[Dict[str, RunFactory]] = {}

    def __init__(
        self, experiment: Experiment, run_id: str, outputs: Any = None, **kwargs: Any
    ) -> None:
        record = kwargs.pop("_record", None)
        super().__init__(experiment, run_id, record, kwargs.pop("_is_known", False))

    # Where it is from.

    @staticmethod
    def get(workspace: Workspace, run_id: str) -> Run:
        """The run of that id. Raises UserErrorException when there is none."""
        record = workspace._server.runs.get(run_id)
        experiment = Experiment(workspace, record.experiment, _skip_name_validation=True)
        return rehydrated(experiment, record)

    @staticmethod
    def list(
        experiment: Experiment,
        type: Optional[str] = None,
        tags: Any = None,
        properties: Any = None,
        status: Any = None,
        include_children: bool = False,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Run]:
        """The experiment's runs, newest first, asked for as they are needed.

        `tags`, `properties`: a key, a list of keys, or a dict of keys and the values wanted.
        `status`: one or a list. `include_children`: children too, not only runs without a parent.
        """
        wanted = RunFilter(type, tags, properties, status)
        return runs_of(experiment.workspace, wanted, experiment, include_children, _rehydrate_runs)

    @staticmethod
    def list_by_compute(
        compute: Any,
        type: Optional[str] = None,
        tags: Any = None,
        properties: Any = None,
        status: Any = None,
    ) -> Iterator[Run]:
        """Runs that wait for or run on the compute target, newest first; filters as in ``list``."""
        found: Iterator[Run] = compute.get_active_runs(type, tags, properties, status)
        return found

    @staticmethod
    def add_type_provider(runtype: str, run_factory: RunFactory) -> None:
        """Makes ``run_factory(experiment, run_id)`` the maker of the objects of runs of that type,
        wherever runs are read from the server."""
        Run._factories[runtype] = run_factory

    @staticmethod
    def get_context(
        allow_offline: bool = True, used_for_context_manager: bool = False, **kwargs: Any
    ) -> Any:
        """In a job its run as the client inside jobs has it, of a class of its own with the same
        methods. Elsewhere a run that prints what it is told (``_OfflineRun``), or, unless
        `allow_offline`, RunEnvironmentException."""
        from muster._job.run import Run as JobRun

        return JobRun.get_context(allow_offline, used_for_context_manager, **kwargs)

    @staticmethod
    def get_submitted_run(**kwargs: Any) -> Any:
        """Older name of ``get_context``."""
        return Run.get_context(**kwargs)

    # What it is.

    @property
    def id(self) -> str:
        """The run's id: ``<experiment>_<seconds since 1970>_<8 hex>`` of a submitted script, else a
        UUID unless it was given."""
        return self._run_id

    @property
    def number(self) -> Optional[int]:
        """Of a submitted script its place in the order of submission; unique in the server, with
        gaps in an experiment. None of other runs, which are not counted."""
        record = self._known()
        return record.job.sequence if record.HasField("job") else None

    @property
    def experiment(self) -> Experiment:
        """The experiment it belongs to."""
        return self._experiment

    @property
    def type(self) -> Optional[str]:
        """``"azureml.scriptrun"``; None of interactive runs and children."""
        return type_of(self._known())

    @property
    def status(self) -> str:
        """As ``get_status``."""
        return self.get_status()

    def get_status(self) -> str:
        """NotStarted, Starting, Provisioning, Preparing, Queued, Running, Finalizing,
        CancelRequested, Completed, Failed, Canceled or NotResponding."""
        return status_of(self._settled())

    def get_detailed_status(self) -> Dict[str, Any]:
        """``status``, and in ``details`` what a queued run waits for, else None."""
        job = self._job_now()
        if job is None:
            return {"status": self.get_status(), "details": None}
        return {"status": status_of(job), "details": job.pending.message or None}

    def get_details(self) -> Dict[str, Any]:
        """runId, target, status, startTimeUtc, endTimeUtc, properties, tags, runDefinition,
        logFiles and more; ``error`` of a run that failed. What has not happened yet has no key.

        ``logFiles`` has the name of each log and, as its value, the name again with which
        ``download_file`` gets it.
        """
        return self._details(READ_PATIENCE)

    def _details(self, patience: float) -> Dict[str, Any]:
        record = self._fetch(patience)
        logs = {name: name for name in self._log_names(patience)}
        return details_of(record, self._job_now(patience), logs)

    def get_details_with_logs(self) -> Dict[str, Any]:
        """As ``get_details``, with the text of each log as the value in ``logFiles``."""
        record = self._fetch()
        logs = {name: self._text(name) for name in self._log_names()}
        return details_of(record, self._job_now(), logs)

    def get_snapshot_id(self) -> Optional[str]:
        """Digest of the packed source directory, SHA-256 in 64 hex characters; None of a run that
        has none."""
        return self.get_properties().get(SNAPSHOT_PROPERTY)

    @property
    def portal_url(self) -> str:
        """As ``get_portal_url``."""
        return self.get_portal_url()

    def get_portal_url(self) -> str:
        """The address that the run's page will have; the server shows no pages yet."""
        workspace = self._experiment.workspace
        address = self._experiment_address(workspace, self._experiment.name)
        return address + self.RUN_PATH.format(self._run_id) + self._workspace_query(workspace)

    # Waiting and ending.

    def wait_for_completion(
        self,
        show_output: bool = False,
        wait_post_processing: bool = False,
        raise_on_error: bool = True,
    ) -> Dict[str, Any]:
        """Waits for the end of the run, its post-processing included; its details.

        `show_output`: prints the statuses until the script starts, its log as it grows, and a
        summary. Ctrl-C then ends the printing, not the run: ExperimentExecutionException says so.
        `raise_on_error`: ExperimentExecutionException with the cause and the last lines of the log
        when the run failed. Goes on when the server restarts; ServiceException when it stays away
        for an hour.
        """
        try:
            self._wait(show_output)
        except KeyboardInterrupt as error:
            if not show_output:
                raise
            raise ExperimentExecutionException(
                f"the output of the run {self._run_id} is not shown any more, but the run goes on; "
                "run.wait_for_completion() waits for it again, run.cancel() ends it"
            ) from error
        if raise_on_error and status_of(self._record) == RunStatus.FAILED:
            raise ExperimentExecutionException(
                tracked_failure_sentence(self._record)
                if self._job is None
                else failure_sentence(self._job)
            )
        return self._details(FOLLOW_PATIENCE)

    def _wait(self, show_output: bool) -> None:
        if not self._is_job():
            wait = TrackedRunOutput.show if show_output else wait_for_tracked_end
            self._record = wait(self._server, self._run_id)
            return
        if show_output:
            self._job = RunOutput(self._server, self._run_id).show()
        else:
            self._job = wait_for_end(self._server, self._run_id)
        self._fetch(FOLLOW_PATIENCE)

    def __repr__(self) -> str:
        return f"Run(Experiment: {self._experiment.name}, Id: {self._run_id}, Type: {self.type})"


def get_run(
    experiment: Experiment, run_id: str, rehydrate: bool = True, clean_up: bool = True
) -> Run:
    """The run of that id in the experiment; a plain Run unless `rehydrate`. Raises
    UserErrorException when the experiment has no such run."""
    plain = Run(experiment, run_id)
    return rehydrated(experiment, plain._record) if rehydrate else plain


def rehydrated(experiment: Experiment, record: Any) -> Run:
    """The object of a run, of the class of its type."""
    kind = type_of(record)
    factory = None if kind is None else Run._factories.get(kind)
    if factory is not None:
        return factory(experiment, record.id)
    if kind is None:
        return Run(experiment, record.id, _record=record)
    from muster.core.script_run import ScriptRun

    return ScriptRun(experiment, record.id, _record=record)


def __getattr__(name: str) -> Any:
    if name == "_OfflineRun":  # by which scripts know that they run by hand
        from muster._job.offline import OfflineRun

        return OfflineRun
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
