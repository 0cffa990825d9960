"""Files of this machine into a run. Each is read twice, and nothing is copied but streams."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Callable, Optional, Sequence, Tuple

from muster._content import Content, FileContent, check_file, spooled_stream
from muster.exceptions import UserErrorException

if TYPE_CHECKING:
    from muster._client.run_files import RunFiles


def upload_all(
    files: RunFiles, plan: Sequence[Tuple[str, Any]], timeout_seconds: Optional[float] = None
) -> None:
    """Adds each (name, path or stream), in this order; the names are checked already. Nothing is
    sent before all paths are found to be files that can be read. Raises UserErrorException for
    those, for a file that changes meanwhile, for a name that the run has with other content, and
    when the time is over."""
    from muster._client.run_files import MAX_ADDED

    for _, source in plan:
        if not _is_stream(source):
            check_file(source)
    check = _deadline_check(timeout_seconds)
    for start in range(0, len(plan), MAX_ADDED):
        with ExitStack() as stack:
            batch = []
            for name, source in plan[start : start + MAX_ADDED]:
                check()
                batch.append((name, _content_of(name, source, stack)))
            files.add(batch, check)


def _is_stream(source: Any) -> bool:
    return hasattr(source, "read")


def _content_of(name: str, source: Any, stack: ExitStack) -> Content:
    if _is_stream(source):
        return stack.enter_context(spooled_stream(source, f"the stream for '{name}'"))
    return FileContent(source)


def _deadline_check(seconds: Optional[float]) -> Callable[[], None]:
    deadline = float("inf") if seconds is None else time.monotonic() + seconds

    def check() -> None:
        if time.monotonic() > deadline:
            raise UserErrorException(
                f"the upload was not over after {seconds} s; what it has added so far stays"
            )

    return check
