"""What background work owes to fork()."""

from __future__ import annotations

import os
import threading

from muster._client import process_life
from muster._client.process_life import ProcessBound, calling


class Idle(ProcessBound):
    def _begin_anew(self) -> None:
        pass


def test_a_fork_waits_for_a_call_that_is_under_way() -> None:
    bound = Idle()  # noqa: F841  # registers what happens at a fork
    in_call, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def call() -> None:
        with calling():
            in_call.set()
            may_end.wait(30)
            ended.set()

    caller = threading.Thread(target=call)
    caller.start()
    in_call.wait(30)
    threading.Timer(0.2, may_end.set).start()
    child = os.fork()
    if child == 0:
        os._exit(0 if process_life._calls.under_way == 0 else 1)
    assert ended.is_set(), "the fork did not wait"
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    caller.join()
    with calling():
        assert process_life._calls.under_way == 1
    assert process_life._calls.forks == 0
