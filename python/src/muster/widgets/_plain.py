"""Texts from outside, made fit for a terminal or a page. Pure."""

from __future__ import annotations

import re
from typing import Any, Optional

# Escape sequences of terminals: colours, titles, cursor movements.
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])"
)
# Other control characters, and those that turn the direction of writing.
_CONTROLS = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def line_of(text: Any, most: int = 400) -> str:
    """One line without anything that could move a cursor, at most `most` characters.

    Of a line that overwrote itself (progress bars do) what was seen last.
    """
    shown = _ESCAPES.sub("", str(text)[: 16 * most]).rstrip("\r\n").rpartition("\r")[2]
    return shortened(_CONTROLS.sub("\ufffd", shown.expandtabs(4)), most)


def shortened(text: str, most: int) -> str:
    """At most so many characters; an ellipsis stands for what is missing."""
    return text if len(text) <= most else text[: most - 1] + "…"


def number_text(value: Any) -> str:
    """Of a metric's value."""
    if isinstance(value, float):
        return f"{value:.5g}"
    return line_of(value, 120)


def duration_text(seconds: Optional[float]) -> str:
    """``1:02:03``; empty for None."""
    if seconds is None:
        return ""
    whole = int(max(0.0, seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
