"""A run as HTML for a notebook: no script, no style sheet, nothing from elsewhere. Pure."""

from __future__ import annotations

from html import escape
from typing import Any, List, Optional, Tuple

from muster.widgets._charts import legend_of, shown_of, svg_of
from muster.widgets._plain import duration_text, line_of
from muster.widgets._view import Node, View

_COLOURS = {
    "Completed": "#2e7d32",
    "Failed": "#c62828",
    "Canceled": "#757575",
    "CancelRequested": "#757575",
    "NotResponding": "#ad1457",
    "Running": "#1565c0",
    "Finalizing": "#1565c0",
}
_WAITING_COLOUR = "#b26a00"
_MOST_NODES = 64
_MOST_TAGS = 50
_LOG_LINES = 30
_FAINT = "opacity:.7"
_CELL = "padding:2px 14px 2px 0;text-align:left;vertical-align:top;border:none"


def page_of(view: View) -> str:
    """An element of at most some hundred kilobytes."""
    parts = [_head(view), *_sentences(view), _nodes(view.nodes), *_metrics(view), *_log(view)]
    return (
        '<div style="font-family:sans-serif;font-size:13px;line-height:1.45;max-width:1080px;'
        'border:1px solid rgba(128,128,128,.35);border-radius:6px;padding:12px 16px">'
        f'{"".join(parts)}</div>'
    )


def _text(value: Any, most: int = 400) -> str:
    return escape(line_of(value, most), quote=True)


def _head(view: View) -> str:
    colour = _COLOURS.get(view.status, _WAITING_COLOUR)
    facts: List[Tuple[str, Optional[str]]] = [
        ("Experiment", view.experiment),
        ("Target", view.target),
        ("Time", duration_text(view.elapsed)),
        *list(view.tags.items())[:_MOST_TAGS],
    ]
    rest = "".join(
        f'<span style="margin-right:18px"><span style="{_FAINT}">{_text(name, 100)}</span> '
        f'{_text(value or "", 100)}</span>'
        for name, value in facts
        if value != ""
    )
    name = f"<b>{_text(view.name, 120)}</b> " if view.name else ""
    return (
        f'<div style="margin-bottom:2px"><span style="background:{colour};color:#fff;'
        f'border-radius:10px;padding:1px 10px;margin-right:10px">{_text(view.status, 40)}</span>'
        f"{name}<code>{_text(view.run_id, 300)}</code></div><div>{rest}</div>"
    )


def _sentences(view: View) -> List[str]:
    found = [
        (view.reason, _WAITING_COLOUR),
        (view.error, _COLOURS["Failed"]),
        (view.trouble, _COLOURS["NotResponding"]),
    ]
    return [
        f'<div style="margin-top:6px;border-left:3px solid {colour};padding-left:8px;'
        f'white-space:pre-wrap">'
        f"{'<br>'.join(_text(line) for line in text.splitlines()[:12])}</div>"
        for text, colour in found
        if text
    ]


def _table(title: str, rows: List[Tuple[str, str]]) -> str:
    cells = "".join(
        f'<tr style="background:none"><td style="{_CELL}">{name}</td>'
        f'<td style="{_CELL}">{text}</td></tr>'
        for name, text in rows
    )
    return f'{_title(title)}<table style="border-collapse:collapse;margin:0">{cells}</table>'


def _title(text: str) -> str:
    return f'<div style="margin-top:10px;font-weight:600">{text}</div>'


def _nodes(nodes: Any) -> str:
    if not nodes:
        return ""
    rows = [(_text(node.name, 63), _ranks(node)) for node in nodes[:_MOST_NODES]]
    if len(nodes) > _MOST_NODES:
        rows.append(("...", f"and {len(nodes) - _MOST_NODES} more nodes"))
    return _table("Nodes", rows)


def _ranks(node: Node) -> str:
    ended = [rank for rank in node.ranks if rank.end]
    texts = []
    running = len(node.ranks) - len(ended)
    if running:
        texts.append(f"{running} running")
    clean = sum(rank.end == "exit code 0" for rank in ended)
    if clean:
        texts.append(f"{clean} done")
    wrong = [rank for rank in ended if rank.end != "exit code 0"]
    texts += [f"rank {rank.number}: {_text(rank.end, 40)}" for rank in wrong[:8]]
    if len(wrong) > 8:
        texts.append(f"and {len(wrong) - 8} more")
    return ", ".join(texts) or "no process yet"


def _metrics(view: View) -> List[str]:
    if not view.metrics:
        return []
    shown = shown_of(view.metrics)
    parts = []
    if shown.charts:
        figures = "".join(
            f'<figure style="margin:4px 16px 4px 0;max-width:340px"><figcaption>'
            f"{_text(chart.title, 80)}</figcaption>{svg_of(chart)}"
            f'<div style="font-size:11px">{legend_of(chart)}</div></figure>'
            for chart in shown.charts
        )
        parts += [_title("Metrics"), f'<div style="display:flex;flex-wrap:wrap">{figures}</div>']
    values = [(_text(name, 100), _text(text, 200)) for name, text in shown.values]
    if shown.left_out:
        values.append(("...", f"and {shown.left_out} more: run.get_metrics() has all"))
    if values:
        parts.append(_table("Values", values))
    return parts


def _log(view: View) -> List[str]:
    if not view.log_name:
        return []
    shown = [*view.log, view.log_rest] if view.log_rest else list(view.log)
    lines = "\n".join(_text(line) for line in shown[-_LOG_LINES:])
    return [
        _title(_text(view.log_name, 200)),
        # Reversed, a box that is scrolled shows its end at first.
        '<div style="display:flex;flex-direction:column-reverse;max-height:340px;overflow:auto;'
        'margin-top:4px;background:rgba(128,128,128,.12)"><pre style="margin:0;padding:6px 8px;'
        "background:none;flex:none;overflow:visible;white-space:pre-wrap;overflow-wrap:anywhere;"
        f'font-family:monospace;font-size:12px;line-height:1.35">{lines}</pre></div>',
    ]
