"""The run record and the files of runs as a server keeps them, with what is wanted of its rules."""

from __future__ import annotations

import itertools
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from muster._content import Content
from muster._proto import api
from muster.exceptions import UserErrorException


class FakeRuns:
    """The run record as the server keeps it, with what is wanted of its rules."""

    def __init__(self) -> None:
        self.runs: Dict[str, Any] = {}
        self.values: Dict[str, List[Any]] = {}
        self.lists: List[Dict[str, Any]] = []
        self.clock = itertools.count(1_700_000_000_000_000, 1_000_000)

    def get(self, run_id: str, patience: float = 0) -> Any:
        if run_id not in self.runs:
            raise UserErrorException(f'there is no run "{run_id}" in this workspace')
        found = api().Run()
        found.CopyFrom(self.runs[run_id])
        return found

    def create(self, new: List[Any]) -> None:
        proto = api()
        for one in new:
            if one.id in self.runs:
                continue
            parent = self.runs.get(one.parent_id)
            made = proto.Run(
                id=one.id,
                kind=proto.RUN_KIND_CHILD if parent else proto.RUN_KIND_INTERACTIVE,
                experiment=parent.experiment if parent else one.experiment,
                parent_id=one.parent_id,
                root_id=parent.root_id if parent else one.id,
                display_name=one.display_name,
                tags=one.tags,
                properties=one.properties,
                status=proto.JOB_STATUS_RUNNING,
                created_us=next(self.clock),
            )
            self.runs[one.id] = made

    def update(self, run_id: str, **changes: Any) -> int:
        run = self.runs[run_id]
        tags = {tag.key: tag for tag in run.tags if tag.key not in changes.get("remove_tags", ())}
        tags.update((tag.key, tag) for tag in changes.get("set_tags", ()))
        kept = [api().Tag.FromString(tag.SerializeToString()) for tag in tags.values()]
        del run.tags[:]
        run.tags.extend(sorted(kept, key=lambda tag: tag.key))
        run.properties.update(changes.get("add_properties", {}))
        run.display_name = changes.get("display_name", run.display_name)
        status = changes.get("status")
        if status is not None:
            if run.kind == api().RUN_KIND_JOB or (run.ended_us and run.status != status):
                raise UserErrorException("has ended", reference_code="JOB_ENDED")
            run.status = status
            run.ended_us = 0 if status == api().JOB_STATUS_RUNNING else next(self.clock)
            if "error" in changes:
                run.error.CopyFrom(changes["error"])
        number: int = run.status
        return number

    def list(self, **fields: Any) -> Iterator[Any]:
        self.lists.append(fields)
        for run in reversed(list(self.runs.values())):
            parent_id = fields.get("parent_id")
            if parent_id is None and run.parent_id and not fields.get("include_children"):
                continue
            if parent_id not in (None, run.parent_id):
                continue
            if "kinds" in fields and run.kind not in fields["kinds"]:
                continue
            yield self.get(run.id)

    def metrics(self, run_id: str, name: str = "") -> Iterator[Any]:
        for value in self.values.get(run_id, []):
            if name in ("", value.name):
                yield value


class FakeJobs:
    def __init__(self) -> None:
        self.cancelled: List[str] = []
        self.status = api().JOB_STATUS_RUNNING

    def get(self, job_id: str, patience: float = 0) -> Any:
        return api().Job(
            id=job_id,
            experiment="e",
            pool="gpu",
            status=self.status,
            spec={"snapshot_digest": "ab" * 32},
        )

    def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)


class FakeMetrics:
    """A sender that stores when it is waited for; `refusal` is raised by the next flush."""

    def __init__(self, runs: FakeRuns) -> None:
        self.runs = runs
        self.refusal: Optional[Exception] = None
        self.flushed: List[Tuple[str, float]] = []
        self.pending: Dict[str, List[Any]] = {}

    def put(self, run_id: str, values: Any) -> None:
        self.pending.setdefault(run_id, []).extend(values)

    def wait(self, run_ids: Sequence[str], seconds: float) -> bool:
        for run_id in run_ids:
            values = self.pending.pop(run_id, [])
            self.runs.values.setdefault(run_id, []).extend(values)
        return True

    def flush(self, run_id: str, seconds: float) -> None:
        self.wait([run_id], seconds)
        self.flushed.append((run_id, seconds))
        refusal, self.refusal = self.refusal, None
        if refusal is not None:
            raise refusal


class FakeFiles:
    """Files of one run. ``adds``: names of each request; ``patience``: of each ``list``."""

    def __init__(self) -> None:
        self.kept: Dict[str, bytes] = {}
        self.adds: List[List[str]] = []
        self.patience: List[float] = []

    def list(self, attempt: int = 0, patience: float = 0) -> List[Any]:
        self.patience.append(patience)
        return [api().RunFile(name=name, added=True) for name in sorted(self.kept)]

    def read(self, name: str, offset: int = 0, patience: float = 0) -> Iterator[bytes]:
        if name not in self.kept:
            raise UserErrorException(f"there is no run file {name}")
        yield self.kept[name][offset:]

    def add(
        self, files: Sequence[Tuple[str, Content]], check: Optional[Callable[[], None]] = None
    ) -> None:
        assert 1 <= len(files) <= 1000
        self.adds.append([name for name, _ in files])
        for name, content in files:
            data = b"".join(content.chunks(3))
            assert len(data) == content.size_bytes
            if self.kept.setdefault(name, data) != data:
                raise UserErrorException(f"the run has a file {name}", reference_code="NAME_TAKEN")


class FakeServer:
    def __init__(self) -> None:
        self.runs = FakeRuns()
        self.jobs = FakeJobs()
        self.metrics = FakeMetrics(self.runs)
        self.kept: Dict[str, FakeFiles] = {}
        self.beating: set[str] = set()
        self.heartbeats = self

    def add(self, run_id: str) -> None:
        self.beating.add(run_id)

    def remove(self, run_id: str) -> None:
        self.beating.discard(run_id)

    def files(self, run_id: str, job_id: Optional[str] = None) -> FakeFiles:
        return self.kept.setdefault(run_id, FakeFiles())


class World:
    name = "w"

    def __init__(self) -> None:
        self._server = FakeServer()
