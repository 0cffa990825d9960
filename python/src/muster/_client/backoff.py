"""How long to wait between two tries, and when to give up."""

from __future__ import annotations

import random
import time
from typing import Optional

_SHORTEST_SECONDS = 0.1
_LONGEST_SECONDS = 2.0


class Backoff:
    """Doubles from 0.1 s to 2 s, each shortened by up to a quarter at random so that many clients
    do not come back in step; nothing more once `patience_seconds` have passed since the first
    failure."""

    def __init__(self, patience_seconds: float) -> None:
        self.patience_seconds = patience_seconds
        self._delay = _SHORTEST_SECONDS
        self._first_failure: Optional[float] = None

    def after_failure(self, now: Optional[float] = None) -> Optional[float]:
        """Seconds to wait before the next try, or None when patience has run out."""
        now = time.monotonic() if now is None else now
        if self._first_failure is None:
            self._first_failure = now
        left = self.patience_seconds - (now - self._first_failure)
        if left <= 0:
            return None
        wait = self._delay * (1 - random.random() / 4)
        self._delay = min(self._delay * 2, _LONGEST_SECONDS)
        return min(wait, left)

    def reset(self) -> None:
        """After a success: patience and delay start anew."""
        self._first_failure = None
        self._delay = _SHORTEST_SECONDS

    @property
    def failing(self) -> bool:
        """Whether a failure has come since the last success."""
        return self._first_failure is not None
