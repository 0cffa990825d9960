"""Runs of a workspace, lazily."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterator, Optional, Sequence

from muster._client.jobs import status_number
from muster.core._run_details import RUN_TYPE, properties_of, status_of, tags_of
from muster.core._run_filters import RunFilter
from muster.core.experiment import Experiment

if TYPE_CHECKING:
    from muster.core.run import Run
    from muster.core.workspace import Workspace


def runs_of(
    workspace: Workspace,
    wanted: RunFilter,
    experiment: Optional[Experiment] = None,
    pool: str = "",
    statuses: Sequence[int] = (),
) -> Iterator[Run]:
    """The runs that `wanted` takes, newest first, in pages that are asked for when needed."""
    from muster.core.run import rehydrated

    if wanted.type not in (None, RUN_TYPE):
        return
    if wanted.statuses:
        numbers = {status_number(name) for name in wanted.statuses} - {None}
        statuses = sorted(n for n in numbers if n is not None and (not statuses or n in statuses))
        if not statuses:
            return
    experiments: Dict[str, Experiment] = {}
    name = experiment.name if experiment is not None else ""
    jobs = workspace._server.jobs
    for job in jobs.list(name, statuses, pool):
        if wanted.tags or wanted.properties:
            job = jobs.get(job.id)  # a list has neither
        if not wanted.matches(RUN_TYPE, tags_of(job), properties_of(job), status_of(job)):
            continue
        owner = experiment or experiments.get(job.experiment)
        if owner is None:
            owner = Experiment(workspace, job.experiment, _skip_name_validation=True)
            experiments[job.experiment] = owner
        yield rehydrated(owner, job)
