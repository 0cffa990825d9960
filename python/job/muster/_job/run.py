"""Run: the job that a script is part of, seen from inside; outside a job, one that prints."""

from muster._job import births, checks, context, imports
from muster._job.absent import AbsentCalls
from muster._job.experiment import JobExperiment, JobWorkspace
from muster._job.file_calls import FileCalls
from muster._job.log_calls import LogCalls
from muster._job.read_calls import ReadCalls
from muster._job.record_calls import RecordCalls
from muster.exceptions import RunEnvironmentException


class Run(LogCalls, RecordCalls, ReadCalls, FileCalls, AbsentCalls):
    """``Run.get_context()`` is the run of this job. Usable as a context manager.

    What logs and changes is stored on the node before the call returns, and sent from there; what
    reads asks the server. A child may be given to other processes of the job, by fork and pickle.
    One that is made again of its id alone is known to the server only when what its maker logged
    has arrived: let the maker ``flush`` before it passes the id on.
    """

    DELIM = "#"
    EXPERIMENT_ID_PATH = "/experiments/id/{0}"
    EXPERIMENT_NAME_PATH = "/experiments/{0}"
    RUN_PATH = "/runs/{0}"
    TID_FMT = "&tid={0}"
    WORKSPACE_FMT = "?wsid=/subscriptions/{0}/resourcegroups/{1}/workspaces/{2}"

    def __new__(cls, experiment, run_id, outputs=None, **kwargs):
        if cls is Run and not isinstance(experiment, (JobExperiment, type(None))):
            # An experiment of the SDK: its run is the SDK's.
            return imports.sdk_run().Run(experiment, run_id, outputs, **kwargs)
        return super().__new__(cls)

    def __init__(self, experiment, run_id: str, outputs: str = None, **kwargs) -> None:
        checks.check_run_id(run_id)
        self._context = kwargs.get("_context") or context.current()
        if self._context is None:
            raise RunEnvironmentException()
        self._parent = kwargs.get("_parent")
        self._birth = kwargs.get("_birth")  # of a child that this job's processes made
        self._has_ended = False
        self._own_properties = {}
        self._run_id = run_id
        self._is_own = run_id == self._context.run_id
        self._log_head = '{"op":"log","run":"%s","t":' % run_id
        self._experiment = experiment or JobExperiment(
            self._context.experiment, JobWorkspace(self._context.workspace)
        )

    @staticmethod
    def get_context(allow_offline: bool = True, used_for_context_manager: bool = False, **kwargs):
        """The run of this job. Outside a job a run that prints what it is told, or, unless
        `allow_offline`, RunEnvironmentException. Every rank of a job has the same run."""
        found = context.current()
        if found is not None:
            return Run(None, found.run_id, _context=found)
        if not allow_offline:
            raise RunEnvironmentException()
        from muster._job.offline import offline_run

        return offline_run()

    @staticmethod
    def get_submitted_run(**kwargs):
        """Older name of ``get_context``."""
        return Run.get_context(**kwargs)

    # What it is.

    @property
    def id(self) -> str:
        """The run's id: of a job ``<experiment>_<seconds since 1970>_<8 hex>``."""
        return self._run_id

    @property
    def experiment(self):
        """The experiment it belongs to: its name, and its workspace's."""
        return self._experiment

    @property
    def display_name(self) -> str:
        """The name for people; '' if it has none. Can be set, at most 256 bytes."""
        return self._ask().get("displayName", "")

    @display_name.setter
    def display_name(self, name: str) -> None:
        self._set_display_name(name)

    @property
    def name(self) -> str:
        """Older name of ``display_name``."""
        return self.display_name

    @name.setter
    def name(self, name: str) -> None:
        self._set_display_name(name)

    @property
    def description(self) -> str:
        """A text about the run, its tag ``description``; None if it has none. Can be set."""
        return self.get_tags().get("description")

    @description.setter
    def description(self, text: str) -> None:
        self.tag("description", text)

    @property
    def input_datasets(self) -> dict:
        """Empty: Muster has data references, whose paths are arguments."""
        return {}

    @property
    def output_datasets(self) -> dict:
        """Empty, as ``input_datasets``."""
        return {}

    @property
    def identity(self) -> str:
        """A name of this object for logs."""
        return type(self).__name__ + self.DELIM + self._run_id

    @property
    def portal_url(self) -> str:
        """As ``get_portal_url``."""
        return self.get_portal_url()

    def get_portal_url(self) -> str:
        """The path of the run's page, without the server, whose address a job does not know."""
        from urllib.parse import quote

        names = ("", "", quote(self._experiment.workspace.name))
        path = self.EXPERIMENT_NAME_PATH.format(quote(self._experiment.name))
        return path + self.RUN_PATH.format(self._run_id) + self.WORKSPACE_FMT.format(*names)

    def flush(self, timeout_seconds: float = 300) -> None:
        """Waits until the server has all that this process has logged, in any of its runs. Raises
        ServiceException when the time is over; nothing is lost then, it is sent later."""
        self._context.flush(300 if timeout_seconds is None else timeout_seconds)

    # Other runs.

    @staticmethod
    def get(workspace, run_id: str):
        """The run of that id: with the job's own workspace one that this job may read."""
        if isinstance(workspace, (JobWorkspace, type(None))):
            return Run(None, run_id)
        return imports.sdk_run().Run.get(workspace, run_id)

    @staticmethod
    def list(
        experiment,
        type: str = None,
        tags=None,
        properties=None,
        status=None,
        include_children: bool = False,
        _rehydrate_runs: bool = True,
    ):
        """The SDK's: runs of one of its experiments."""
        return imports.sdk_run().Run.list(
            experiment, type, tags, properties, status, include_children, _rehydrate_runs
        )

    @staticmethod
    def list_by_compute(compute, type: str = None, tags=None, properties=None, status=None):
        """The SDK's: runs of one of its compute targets."""
        return imports.sdk_run().Run.list_by_compute(compute, type, tags, properties, status)

    @staticmethod
    def add_type_provider(runtype: str, run_factory) -> None:
        """The SDK's: the maker of the objects of runs of a type."""
        imports.sdk_run().Run.add_type_provider(runtype, run_factory)

    # Within.

    def _child(self, run_id: str):
        return Run(self._experiment, run_id, _context=self._context, _parent=self)

    def _made_child(self, run_id: str, line: bytes):
        child = self._child(run_id)
        child._birth = births.Birth(run_id, line, self._birth)
        return child

    def _other(self, run_id: str):
        return Run(self._experiment, run_id, _context=self._context)

    def _call(self, method: str, **request) -> dict:
        return self._context.call(method, **request)

    def _change_all(self, op: str, changes: list) -> list:
        return self._context.record_all(op, changes, self._birth)

    def _store_line(self, line: str, kind: str, name: str, value) -> None:
        self._context.spool.append(line.encode("utf-8", "replace"), self._birth)

    def __reduce__(self):
        # In another process of the job it is the same run.
        return _rebuilt, (self._run_id, births.flat(self._birth))

    def __repr__(self) -> str:
        return "Run(Experiment: %s, Id: %s)" % (self._experiment.name, self._run_id)


def _rebuilt(run_id: str, flat_birth: list):
    return Run(None, run_id, _birth=births.of_flat(flat_birth))


def get_run(experiment, run_id: str, rehydrate: bool = True, clean_up: bool = True):
    """The run of that id; of an experiment of the SDK, as the SDK gives it."""
    if isinstance(experiment, (JobExperiment, type(None))):
        return Run(experiment, run_id)
    return imports.sdk_run().get_run(experiment, run_id, rehydrate, clean_up)
