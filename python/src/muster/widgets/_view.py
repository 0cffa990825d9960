"""What there is to show of a run at one moment."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional, Sequence

_ENDS = ("Completed", "Failed", "Canceled")


class Rank(NamedTuple):
    """A process. ``end``: ``"exit code 1"`` or ``"signal 9"``; empty while it runs."""

    number: int
    end: str


class Node(NamedTuple):
    """A node of the newest attempt, and those of its processes that have started."""

    name: str
    ranks: Sequence[Rank]


class View(NamedTuple):
    """Texts are as the server has them: whoever shows them escapes them.

    ``reason``: what a queued run waits for. ``elapsed``: seconds since its script started, to now
    or to its end. ``log``: the last whole lines of the log ``log_name``, without line ends;
    ``log_rest``: what follows them; ``log_count``: how many lines there were so far.
    ``metrics``: as ``Run.get_metrics`` gives them. ``error``: why it failed. ``trouble``: why what
    is shown may be old.
    """

    run_id: str
    experiment: str
    status: str
    name: str = ""
    reason: str = ""
    target: str = ""
    elapsed: Optional[float] = None
    nodes: Sequence[Node] = ()
    tags: Mapping[str, Optional[str]] = {}
    log_name: str = ""
    log: Sequence[str] = ()
    log_rest: str = ""
    log_count: int = 0
    metrics: Mapping[str, Any] = {}
    error: str = ""
    trouble: str = ""

    @property
    def is_final(self) -> bool:
        """Whether the run has ended."""
        return self.status in _ENDS
