"""New tracked runs, and the runs below a run."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence

from muster._client.runs import tag_list
from muster._proto import api
from muster.exceptions import UserErrorException

if TYPE_CHECKING:
    from muster._client.server import Server

_PAGE_SIZE = 1000
# Children that one call may make.
MAX_CHILDREN = 100_000


def new_run(
    experiment: str = "",
    parent_id: str = "",
    run_id: Optional[str] = None,
    display_name: str = "",
    tags: Optional[Dict[str, Optional[str]]] = None,
    properties: Optional[Dict[str, str]] = None,
) -> Any:
    """A NewRun: an interactive one of `experiment`, or a child. Its id is a new UUID where none is
    given. Raises UserErrorException for one that is no text."""
    if run_id is not None and not isinstance(run_id, str):
        raise UserErrorException(f"run_id must be a string, not {run_id!r}")
    return api().NewRun(
        id=run_id or str(uuid.uuid4()),
        experiment=experiment,
        parent_id=parent_id,
        display_name=display_name,
        tags=tag_list(tags or {}),
        properties=properties or {},
    )


def record_of(new: Any, experiment: str, root_id: str) -> Any:
    """What is known of a run at once after it was made."""
    proto = api()
    return proto.Run(
        id=new.id,
        kind=proto.RUN_KIND_CHILD if new.parent_id else proto.RUN_KIND_INTERACTIVE,
        experiment=experiment,
        parent_id=new.parent_id,
        root_id=root_id or new.id,
        status=proto.JOB_STATUS_RUNNING,
    )


def planned_children(
    parent_id: str,
    count: Optional[int],
    tag_key: Optional[str],
    tag_values: Optional[Sequence[Any]],
) -> List[Any]:
    """NewRuns: `count` of them, or one for each of `tag_values`, which is then the value of its tag
    `tag_key`. Raises UserErrorException when they do not fit together."""
    from muster.core._run_tags import checked_tags

    if (tag_key is None) != (tag_values is None):
        raise UserErrorException("tag_key and tag_values go together: give both or neither")
    if tag_key is None or tag_values is None:
        if not isinstance(count, int) or isinstance(count, bool):
            raise UserErrorException(
                f"count must be a number of children, or tag_key and tag_values be given, not "
                f"{count!r}"
            )
        _check_count(count)
        return [new_run(parent_id=parent_id) for _ in range(count)]
    if isinstance(tag_values, str):
        raise UserErrorException(f"tag_values must be a list of values, not {tag_values!r}")
    values = list(tag_values)
    if count is not None and count != len(values):
        raise UserErrorException(f"count is {count!r}, but tag_values has {len(values)} values")
    _check_count(len(values))
    tags = [checked_tags({tag_key: value}) for value in values]
    return [new_run(parent_id=parent_id, tags=tag) for tag in tags]


def _check_count(count: int) -> None:
    if not 1 <= count <= MAX_CHILDREN:
        raise UserErrorException(f"there can be 1..{MAX_CHILDREN:,} children a call, not {count}")


def descendants(server: Server, run: Any) -> Iterator[Any]:
    """The records of all runs below `run`, newest first.

    The server lists the children of one run, or all of an experiment: those are looked through.
    No time ends that early, for children inside jobs have the times of their nodes.
    """
    if run.root_id == run.id:
        yield from _family(server, run)
        return
    below = {run.id}
    members: List[Any] = []
    for found in reversed(list(_family(server, run))):
        if found.parent_id in below:
            below.add(found.id)
            members.append(found)
    yield from reversed(members)


def _family(server: Server, run: Any) -> Iterator[Any]:
    """The children with the same root, newest first."""
    for found in server.runs.list(
        experiment=run.experiment,
        include_children=True,
        kinds=[api().RUN_KIND_CHILD],
        page_size=_PAGE_SIZE,
    ):
        if found.root_id == run.root_id:
            yield found
