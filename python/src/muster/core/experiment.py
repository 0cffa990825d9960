"""Experiment: a named series of runs."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional

from muster.core._portal import ChainedIdentity, HasExperimentPortal
from muster.core._run_filters import RunFilter
from muster.core._submission import prepare
from muster.exceptions import AzureMLException, UserErrorException

if TYPE_CHECKING:
    from muster._client.server import Server
    from muster.core.run import Run
    from muster.core.script_run import ScriptRun
    from muster.core.workspace import Workspace

__all__ = ["Experiment"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}\Z")
_VIEWS = ("ActiveOnly", "ArchivedOnly", "All")
_log = logging.getLogger("muster")


class Experiment(ChainedIdentity, HasExperimentPortal):
    """An experiment of a workspace; it comes to be with its first run.

    ``name``: 1..200 letters, digits, ``-`` and ``_``, the first a letter or a digit
    (UserErrorException for another).
    """

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        _skip_name_validation: bool = False,
        _id: Optional[str] = None,
        _archived_time: Any = None,
        _create_in_cloud: bool = True,
        _experiment_dto: Any = None,
        **kwargs: Any,
    ) -> None:
        if not _skip_name_validation:
            _check_name(name)
        self._workspace = workspace
        self._name = name

    def submit(
        self, config: Any, tags: Optional[Dict[str, str]] = None, **kwargs: Any
    ) -> ScriptRun:
        """Submits a ScriptRunConfig or an estimator and returns at once.

        The source directory is packed (without what its ``.amlignore``, or else its ``.gitignore``,
        excludes) and sent unless the server has it. `tags`: at most 50. Raises UserErrorException
        or SnapshotException before anything is sent where the fault can be seen here; what the
        server refuses comes as UserErrorException with all faults.
        """
        if kwargs:
            raise UserErrorException(
                f"submit does not take {', '.join(sorted(kwargs))}; the server chooses a run's id"
            )
        if tags is not None and not isinstance(tags, dict):
            raise UserErrorException(f"tags must be a dict, not {tags!r}")
        from muster._client.jobs import spec_of
        from muster._snapshot.pack import pack_directory
        from muster.core.script_run import ScriptRun

        submission = prepare(config)
        server = self._workspace._server
        with pack_directory(submission.source_directory, submission.spec["script"]) as packed:
            server.upload(packed)
            spec = spec_of(submission.spec, self._name, packed.digest, tags)
        run_id = server.jobs.submit(spec)
        _set_bare_tags(server, run_id, tags or {})
        for note in submission.notes:
            _log.warning("%s", note)
        return ScriptRun(
            self,
            run_id,
            directory=submission.source_directory,
            _run_config=submission.run_config,
            _is_known=True,
        )

    def get_runs(
        self,
        type: Optional[str] = None,
        tags: Any = None,
        properties: Any = None,
        include_children: bool = False,
    ) -> Iterator[Run]:
        """The runs, newest first, asked for as they are needed.

        `tags`, `properties`: a key, a list of keys, or a dict of keys and the values wanted.
        `include_children`: children too, not only runs without a parent.
        """
        from muster.core._run_listing import runs_of

        wanted = RunFilter(type, tags, properties, None)
        return runs_of(self._workspace, wanted, self, include_children)

    def start_logging(self, *args: Any, **kwargs: Any) -> Run:
        """An interactive run: this process is its program. ``with`` ends it.

        `display_name`: a name for people; `run_id`: as in ``Run.child_run``, a run that is there
        gets what is given here; `tags`, `properties`: dicts. `outputs`, `snapshot_directory`:
        taken, with a warning, and without effect: ``upload_folder`` keeps what is to be kept. While
        the process lives it says so every 10 s; 60 s after it has stopped the run is NotResponding,
        until somebody ends it: ``Run(experiment, run_id).complete()`` does so from anywhere.
        """
        from muster.core._interactive_run import start_interactive_run

        return start_interactive_run(self, args, kwargs)

    @staticmethod
    def list(
        workspace: Workspace,
        experiment_name: Optional[str] = None,
        view_type: str = "ActiveOnly",
        tags: Any = None,
    ) -> List[Experiment]:
        """The experiments that have runs, those with the newest runs first.

        None is archived and none has tags: the view ``"ArchivedOnly"`` and any `tags` give none.
        """
        if view_type not in _VIEWS:
            raise UserErrorException(
                f"view_type must be one of {', '.join(_VIEWS)}, not {view_type!r}"
            )
        if tags or view_type == "ArchivedOnly":
            return []
        names = workspace._server.experiments()
        return [
            Experiment(workspace, name, _skip_name_validation=True)
            for name in names
            if experiment_name is None or name == experiment_name
        ]

    def refresh(self) -> None:
        """Nothing is kept here that could be old."""

    # What it is.

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self._name

    @property
    def id(self) -> str:
        """The experiment's name: it has no other id."""
        return self._name

    @property
    def archived_time(self) -> None:
        """None: experiments cannot be archived."""
        return None

    @property
    def workspace(self) -> Workspace:
        """The workspace it belongs to."""
        return self._workspace

    @property
    def workspace_object(self) -> Workspace:
        """Older name of ``workspace``."""
        return self._workspace

    @property
    def portal_url(self) -> str:
        """As ``get_portal_url``."""
        return self.get_portal_url()

    def get_portal_url(self) -> str:
        """The address that the experiment's page will have; the server shows no pages yet."""
        query = self._workspace_query(self._workspace)
        return self._experiment_address(self._workspace, self._name) + query

    def _identity_name(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"Experiment(Name: {self._name}, Workspace: {self._workspace.name})"


def _set_bare_tags(server: Server, run_id: str, tags: Dict[str, Any]) -> None:
    """A job's specification has a value for each of its tags: '' for those without one."""
    bare: Dict[str, Optional[str]] = {str(k): None for k, value in tags.items() if value is None}
    if not bare:
        return
    from muster._client.runs import tag_list

    try:
        server.runs.update(run_id, set_tags=tag_list(bare))
    except AzureMLException as error:
        # The job is there all the same.
        _log.warning("the tags %s of %s have '' as value: %s", ", ".join(bare), run_id, error)


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not _NAME.match(name):
        raise UserErrorException(
            f"the experiment's name {name!r} must have 1..200 letters, digits, '-' and '_', the "
            "first a letter or a digit"
        )
