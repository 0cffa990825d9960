"""Waiting for a condition, bounded."""

from __future__ import annotations

import time
from typing import Callable, TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], what: str, seconds: float = 20.0, pause: float = 0.02) -> T:
    """Polls `condition` every `pause` s until it is truthy and returns that; fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what} (last value: {value!r})")
        time.sleep(pause)
