"""Runs of a workspace, lazily."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence

from muster._client.jobs import status_number
from muster._client.runs import tag_list
from muster._proto import api
from muster.core._run_children import descendants
from muster.core._run_details import (
    RUN_TYPE,
    SNAPSHOT_PROPERTY,
    SOURCE_PROPERTY,
    is_job,
    properties_of,
    status_of,
    tags_of,
    type_of,
)
from muster.core._run_filters import RunFilter
from muster.core.experiment import Experiment

if TYPE_CHECKING:
    from muster._client.server import Server
    from muster.core.run import Run
    from muster.core.workspace import Workspace

# The server does not find runs by these: it knows them of the job, not of the run.
_OF_JOBS = (SOURCE_PROPERTY, SNAPSHOT_PROPERTY)


def runs_of(
    workspace: Workspace,
    wanted: RunFilter,
    experiment: Optional[Experiment] = None,
    include_children: bool = False,
    rehydrate: bool = True,
) -> Iterator[Run]:
    """The runs that `wanted` takes, newest first, in pages that are asked for when needed."""
    fields = _server_filter(wanted)
    if fields is None:
        return iter(())
    server = workspace._server
    name = experiment.name if experiment is not None else ""
    found = server.runs.list(experiment=name, include_children=include_children, **fields)
    return _objects(workspace, _checked(server, wanted, found), experiment, rehydrate)


def children_of(
    run: Any, record: Any, wanted: RunFilter, recursive: bool, rehydrate: bool
) -> Iterator[Run]:
    """The runs below a run, newest first: its own, or theirs too."""
    server = run._server
    fields = _server_filter(wanted)
    if fields is None:
        return iter(())
    if recursive:
        found = descendants(server, record)
    else:
        found = server.runs.list(parent_id=run.id, **fields)
    chosen = _checked(server, wanted, found)
    return _objects(run.experiment.workspace, chosen, run.experiment, rehydrate)


def runs_of_pool(
    workspace: Workspace, wanted: RunFilter, pool: str, statuses: Sequence[int]
) -> Iterator[Run]:
    """The jobs of a pool that have one of the statuses and that `wanted` takes, newest first."""
    if wanted.type not in (None, RUN_TYPE):
        return iter(())
    if wanted.statuses:
        statuses = [number for number in _numbers(wanted) if number in statuses]
        if not statuses:
            return iter(())
    server = workspace._server
    jobs = server.jobs.list("", statuses, pool)
    with_record = bool(wanted.tags or wanted.properties)
    records = (server.runs.get(job.id) if with_record else _record_of(job) for job in jobs)
    return _objects(workspace, _checked(server, wanted, records), None, True)


def _server_filter(wanted: RunFilter) -> Optional[Dict[str, Any]]:
    """Fields of ListRuns; None: no run is such."""
    fields: Dict[str, Any] = {
        "tags": tag_list(wanted.tags),
        "properties": tag_list({k: v for k, v in wanted.properties.items() if k not in _OF_JOBS}),
    }
    if wanted.type is not None:
        if wanted.type != RUN_TYPE:
            return None
        fields["kinds"] = [api().RUN_KIND_JOB]
    if wanted.statuses:
        fields["statuses"] = _numbers(wanted)
        if not fields["statuses"]:
            return None
    return fields


def _numbers(wanted: RunFilter) -> List[int]:
    numbers = {status_number(name) for name in wanted.statuses}
    return sorted(number for number in numbers if number is not None)


def _checked(server: Server, wanted: RunFilter, records: Iterator[Any]) -> Iterator[Any]:
    """Those that are wanted; the server may have seen to a part of that already."""
    for record in records:
        job = None
        if SNAPSHOT_PROPERTY in wanted.properties and is_job(record):
            job = server.jobs.get(record.id)
        properties = properties_of(record, job)
        if wanted.matches(type_of(record), tags_of(record), properties, status_of(record)):
            yield record


def _objects(
    workspace: Workspace,
    records: Iterator[Any],
    experiment: Optional[Experiment],
    rehydrate: bool,
) -> Iterator[Run]:
    from muster.core.run import Run, rehydrated

    experiments: Dict[str, Experiment] = {}
    for record in records:
        owner = experiment or experiments.get(record.experiment)
        if owner is None:
            owner = Experiment(workspace, record.experiment, _skip_name_validation=True)
            experiments[record.experiment] = owner
        if rehydrate:
            yield rehydrated(owner, record)
        else:
            yield Run(owner, record.id, _record=record)


def _record_of(job: Any) -> Any:
    """As the server would give it, without what is tracked of the job."""
    proto = api()
    return proto.Run(
        id=job.id,
        kind=proto.RUN_KIND_JOB,
        experiment=job.experiment,
        root_id=job.id,
        user=job.user,
        status=job.status,
        created_us=job.submitted_us,
        started_us=job.started_us,
        ended_us=job.ended_us,
        job=job,
    )
