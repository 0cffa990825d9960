"""A run as lines of text. Pure."""

from __future__ import annotations

from typing import List

from muster.widgets._charts import last_values
from muster.widgets._plain import duration_text, line_of, shortened
from muster.widgets._view import View

_SHOWN_METRICS = 4


def status_line(view: View, width: int) -> str:
    """How it is now, in at most `width` characters."""
    parts = [line_of(view.status, 40), duration_text(view.elapsed)]
    if view.nodes:
        ranks = [rank for node in view.nodes for rank in node.ranks]
        running = sum(not rank.end for rank in ranks)
        parts.append(f"{_counted(len(view.nodes), 'node')}, {_counted(running, 'process')} running")
    parts += [
        f"{line_of(name, 24)} {text}" for name, text in last_values(view.metrics, _SHOWN_METRICS)
    ]
    parts += [line_of(view.trouble or view.reason, 200), line_of(view.run_id, 300)]
    return shortened(" · ".join(part for part in parts if part), width)


def changes(old: View, new: View) -> List[str]:
    """What is worth a line of its own where lines cannot be overwritten."""
    found = []
    if (new.status, new.reason) != (old.status, old.reason):
        reason = f": {line_of(new.reason)}" if new.reason else ""
        found.append(f"{line_of(new.status, 40)}{reason}")
    if new.trouble and new.trouble != old.trouble:
        found.append(line_of(new.trouble))
    return found


def new_log_lines(old: View, new: View) -> List[str]:
    """Lines that are whole and were not in `old`; of very many at once the last ones."""
    is_another = new.log_count < old.log_count or new.log_name != old.log_name
    count = new.log_count - (0 if is_another else old.log_count)
    shown = list(new.log[-count:]) if count else []
    missing = count - len(shown)
    head = [f"... {missing} lines are not shown ..."] if missing else []
    rest = [new.log_rest] if new.log_rest and new.is_final else []
    return head + [line_of(line) for line in shown + rest]


def summary(view: View) -> List[str]:
    """How it ended."""
    lines = [f"{line_of(view.run_id, 300)}: {line_of(view.status, 40)}"]
    if view.elapsed is not None:
        lines[0] += f" after {duration_text(view.elapsed)}"
    metrics = last_values(view.metrics, 100)
    lines += [f"  {line_of(name, 60)}: {text}" for name, text in metrics]
    return lines + [f"  {line_of(line)}" for line in view.error.splitlines()[:12]]


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 'es' if what.endswith('s') else 's'}"
