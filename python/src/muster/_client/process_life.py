"""What background work owes to the life of its process: nothing of a parent's in a child made by
fork(), and an ordered end."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
import threading
import weakref
from typing import Iterator

_log = logging.getLogger("muster")

_all: "weakref.WeakSet[ProcessBound]" = weakref.WeakSet()
_registered = threading.Event()
_forked = threading.Event()

# How long a fork() waits for calls that are under way.
FORK_SECONDS = 10.0


class _Calls:
    """Calls to the server that threads of ours are in. gRPC does not survive a fork() in the middle
    of one, so that a fork waits for their end, and new ones for the fork's."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.under_way = 0
        self.forks = 0

    def begin(self) -> None:
        with self.changed:
            self.changed.wait_for(lambda: not self.forks, FORK_SECONDS)
            self.under_way += 1

    def end(self) -> None:
        with self.changed:
            self.under_way -= 1
            self.changed.notify_all()

    def begin_fork(self) -> None:
        with self.changed:
            self.forks += 1
            self.changed.wait_for(lambda: not self.under_way, FORK_SECONDS)

    def end_fork(self) -> None:
        with self.changed:
            self.forks -= 1
            self.changed.notify_all()


_calls = _Calls()


@contextlib.contextmanager
def calling() -> Iterator[None]:
    """Around a call to the server that a thread of ours makes."""
    calls = _calls
    calls.begin()
    try:
        yield
    finally:
        calls.end()


def may_be_killed() -> bool:
    """Whether this is a child that its parent may end without notice when it has what it wants, as
    multiprocessing.Pool does."""
    if _forked.is_set():
        return True
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


class ProcessBound:
    """Something that belongs to one process.

    ``_begin_anew`` is called in a child made by fork(), where no thread of the parent runs and
    locks may be held for ever; ``_at_end`` when the process ends by itself, if ``_watch_end`` was
    called in it.
    """

    _is_watched = False

    def __init__(self) -> None:
        _all.add(self)
        if not _registered.is_set():
            _registered.set()
            os.register_at_fork(
                before=lambda: _calls.begin_fork(),
                after_in_parent=lambda: _calls.end_fork(),
                after_in_child=_after_fork,
            )
            atexit.register(_at_exit)

    def _begin_anew(self) -> None:
        raise NotImplementedError

    def _at_end(self) -> None:
        """May take a while, but not for ever."""

    def _watch_end(self) -> None:
        if self._is_watched:
            return
        self._is_watched = True
        util = sys.modules.get("multiprocessing.util")
        if util is not None:
            # Children of multiprocessing end without what atexit has.
            util.Finalize(None, _end, args=(weakref.ref(self),), exitpriority=10)


def _end(reference: "weakref.ref[ProcessBound]") -> None:
    bound = reference()
    if bound is None or not bound._is_watched:
        return
    bound._is_watched = False
    try:
        bound._at_end()
    except KeyboardInterrupt:
        _log.warning("interrupted; what was not stored yet is lost")


def _after_fork() -> None:
    global _calls
    _calls = _Calls()
    _forked.set()
    for bound in list(_all):
        bound._is_watched = False
        bound._begin_anew()


def _at_exit() -> None:
    for bound in list(_all):
        _end(weakref.ref(bound))
