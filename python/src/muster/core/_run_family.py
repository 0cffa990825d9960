"""The part of a Run that has a parent and children."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator, List, Optional, Sequence

from muster.core._run_base import _RunBase
from muster.core._run_children import new_run, planned_children, record_of
from muster.core._run_filters import RunFilter
from muster.core._run_tags import checked_display_name

if TYPE_CHECKING:
    from muster.core.run import Run


class RunFamily(_RunBase):
    """Children are runs of the same experiment that report what they do, as interactive runs do; a
    child may have children."""

    @property
    def parent(self) -> Optional[Run]:
        """The run that it is part of, or None."""
        from muster.core.run import rehydrated

        parent_id = self._known().parent_id
        if not parent_id:
            return None
        return rehydrated(self._experiment, self._server.runs.get(parent_id))

    def child_run(
        self, name: Optional[str] = None, run_id: Optional[str] = None, outputs: Any = None
    ) -> Run:
        """A new child that is Running; ``with`` ends it. `name`: for people; `run_id`: 1..256
        letters, digits, ``-``, ``_`` and ``.`` (default: a new UUID), a child that is there already
        is taken, and gets the name. `outputs`: no effect, ``upload_folder`` keeps a folder."""
        from muster.core.run import Run

        shown = "" if name is None else checked_display_name(name)
        new = new_run("", self._run_id, run_id, shown)
        made = self._make([new])[0]
        if run_id is None:
            return made
        # One that was there may be in any state.
        found = Run(self._experiment, run_id)
        found._take_over(new)
        return found

    def create_children(
        self,
        count: Optional[int] = None,
        tag_key: Optional[str] = None,
        tag_values: Optional[Sequence[Any]] = None,
    ) -> List[Run]:
        """New children that are Running: `count` of them, or one for each of `tag_values`, which is
        the value of its tag `tag_key`. In one request up to a thousand."""
        return self._make(planned_children(self._run_id, count, tag_key, tag_values))

    def get_children(
        self,
        recursive: bool = False,
        tags: Any = None,
        properties: Any = None,
        type: Optional[str] = None,
        status: Any = None,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Run]:
        """The runs below it, newest first, asked for as they are needed: its children, or theirs
        too. Filters as in ``Run.list``; children have no type."""
        from muster.core._run_listing import children_of

        wanted = RunFilter(type, tags, properties, status)
        return children_of(self, self._known(), wanted, recursive, _rehydrate_runs)

    def _make(self, children: List[Any]) -> List[Run]:
        from muster.core.run import Run

        experiment = self._experiment
        self._server.runs.create(children)
        root_id = self._known().root_id
        return [
            Run(experiment, child.id, _record=record_of(child, experiment.name, root_id))
            for child in children
        ]
