"""From metrics to line charts, as SVG. Pure; sizes are bounded whatever was logged."""

from __future__ import annotations

import math
import sys
from html import escape
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from muster.widgets._plain import line_of, number_text

# Of a run, of a chart, of a line.
MOST_CHARTS = 24
MOST_SERIES = 6
MOST_POINTS = 400
MOST_VALUES = 200
_COLOURS = ("#1f77b4", "#e4701a", "#2a9d46", "#d1403a", "#8a63c8", "#8c6151")
_WIDTH, _HEIGHT = 340, 190
_RIGHT, _TOP, _BOTTOM = 12, 10, 24
# Pixels of a digit.
_DIGIT = 6.4
_GAP = math.nan
_LARGEST = sys.float_info.max


class Series(NamedTuple):
    """A line; what is no finite number is NaN and a gap in it."""

    name: str
    values: Sequence[float]


class Chart(NamedTuple):
    title: str
    series: Sequence[Series]


class Shown(NamedTuple):
    """``values``: (name, text) of what makes no line. ``left_out``: how many names are in none."""

    charts: List[Chart]
    values: List[Tuple[str, str]]
    left_out: int


def shown_of(metrics: Mapping[str, Any]) -> Shown:
    """What to draw, and what to write."""
    charts: List[Chart] = []
    values: List[Tuple[str, str]] = []
    left_out = 0
    for name, value in metrics.items():
        chart = _chart_of(name, value)
        if chart is not None and len(charts) < MOST_CHARTS:
            charts.append(chart)
        elif len(values) < MOST_VALUES:
            values.append((name, _value_text(value)))
        else:
            left_out += 1
    return Shown(charts, values, left_out)


def last_values(metrics: Mapping[str, Any], most: int) -> List[Tuple[str, str]]:
    """(name, text of the newest value) of the first `most` metrics that are numbers."""
    found: List[Tuple[str, str]] = []
    for name, value in metrics.items():
        newest = value[-1] if isinstance(value, list) and value else value
        if _is_number(newest) and len(found) < most:
            found.append((name, number_text(newest)))
    return found


def svg_of(chart: Chart) -> str:
    """The chart as an element for a page; nothing in it is loaded from elsewhere."""
    lines = [Series(s.name, thinned(s.values)) for s in chart.series]
    numbers = [v for series in lines for v in series.values if not math.isnan(v)]
    low, high = min(numbers), max(numbers)
    # The last index, of the longest line before it was thinned.
    last = max(len(series.values) for series in chart.series) - 1
    ticks = ticks_between(low, high)
    labels = labels_of(ticks)
    left = 16 + _DIGIT * max(map(len, labels))
    scale = _Scale(left, min(low, ticks[0]), max(high, ticks[-1]))
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="11" fill="none" stroke-width="1.6">',
        f"<title>{_escaped(chart.title)}</title>",
    ]
    parts += [_tick(left, scale.y(tick), text) for tick, text in zip(ticks, labels)]
    parts += _x_labels(left, last)
    for index, series in enumerate(lines):
        parts += _line(series.values, scale, _COLOURS[index % len(_COLOURS)])
    return "".join([*parts, "</svg>"])


def legend_of(chart: Chart) -> str:
    """Names and colours of the lines; empty for a single one."""
    if len(chart.series) < 2:
        return ""
    return " ".join(
        f'<span style="color:{_COLOURS[index % len(_COLOURS)]}">&#9632;</span> '
        f"{_escaped(series.name)}"
        for index, series in enumerate(chart.series)
    )


def thinned(values: Sequence[float]) -> Sequence[float]:
    """At most MOST_POINTS values: of each stretch its lowest and its highest, in their order."""
    if len(values) <= MOST_POINTS:
        return values
    stretches = MOST_POINTS // 2
    kept: List[float] = []
    for index in range(stretches):
        begin = index * len(values) // stretches
        stretch = values[begin : (index + 1) * len(values) // stretches]
        found = [(v, at) for at, v in enumerate(stretch) if not math.isnan(v)]
        if not found:
            kept += [_GAP, _GAP]
            continue
        ends = sorted((min(found), max(found)), key=lambda pair: pair[1])
        kept += [ends[0][0], ends[1][0]]
    return kept


def ticks_between(low: float, high: float) -> List[float]:
    """Two to nine numbers about `low` to `high`, in order: round ones where floats allow it."""
    if low == high:
        margin = abs(low) * 0.1 or 1.0
        low, high = max(low - margin, -_LARGEST), min(high + margin, _LARGEST)
    # In parts: the whole range may be more than the largest float.
    rough = high / 4 - low / 4
    if not 1e-300 < rough < 1e300:
        return sorted({low, low / 2 + high / 2, high})
    power: float = 10.0 ** math.floor(math.log10(rough))
    step = next((m * power for m in (1, 2, 2.5, 5) if m * power >= rough * 0.999), 10 * power)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = sorted({at * step for at in range(first, last + 1)}) if last - first <= 8 else []
    # A range can be too small for the size of its numbers.
    return ticks if len(ticks) >= 2 else [low, high]


def labels_of(ticks: Sequence[float]) -> List[str]:
    """With as many digits as tell them apart."""
    labels = [f"{tick:.4g}" for tick in ticks]
    for digits in range(5, 18):
        if len(set(labels)) == len(ticks):
            break
        labels = [f"{tick:.{digits}g}" for tick in ticks]
    return labels


class _Scale(NamedTuple):
    left: float
    low: float
    high: float

    def y(self, value: float) -> float:
        part = (value / 2 - self.low / 2) / ((self.high / 2 - self.low / 2) or 1.0)
        return _HEIGHT - _BOTTOM - part * (_HEIGHT - _TOP - _BOTTOM)


def _chart_of(name: str, value: Any) -> Optional[Chart]:
    columns: Dict[str, Any] = value if isinstance(value, dict) else {name: value}
    series = []
    for column, values in columns.items():
        if not isinstance(values, list) or len(values) < 2:
            continue
        numbers = [_number(v) for v in values]
        if sum(not math.isnan(v) for v in numbers) >= 2:
            series.append(Series(str(column), numbers))
    return Chart(name, series[:MOST_SERIES]) if series else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: Any) -> float:
    if not isinstance(value, (int, float)):
        return _GAP
    try:
        number = float(value)
    except OverflowError:
        return _GAP
    return number if math.isfinite(number) else _GAP


def _value_text(value: Any) -> str:
    if isinstance(value, list):
        newest = _value_text(value[-1]) if value else "none"
        return f"{newest} (the last of {len(value)})"
    if isinstance(value, dict):
        names = ", ".join(line_of(key, 30) for key in list(value)[:6])
        return f"{len(value)} columns: {names}" if value else "empty"
    return number_text(value)


def _escaped(text: str) -> str:
    return escape(line_of(text, 80), quote=True)


def _tick(left: float, y: float, label: str) -> str:
    return (
        f'<path d="M{left:.0f} {y:.1f}H{_WIDTH - _RIGHT}" stroke="currentColor" stroke-width="1" '
        f'stroke-opacity="0.15"/><text x="{left - 6:.0f}" y="{y + 4:.1f}" text-anchor="end" '
        f'fill="currentColor" fill-opacity="0.75">{escape(label)}</text>'
    )


def _x_labels(left: float, last: int) -> List[str]:
    y = _HEIGHT - 6
    places = ((round(left), "start", 0), (_WIDTH - _RIGHT, "end", last))
    return [
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="currentColor" '
        f'fill-opacity="0.75">{index}</text>'
        for x, anchor, index in places
    ]


def _line(values: Sequence[float], scale: _Scale, colour: str) -> List[str]:
    step = (_WIDTH - scale.left - _RIGHT) / max(1, len(values) - 1)
    points = [(scale.left + at * step, v) for at, v in enumerate(values)]
    parts: List[str] = []
    run: List[str] = []
    for x, value in [*points, (0.0, _GAP)]:
        if not math.isnan(value):
            run.append(f"{x:.1f},{scale.y(value):.1f}")
            continue
        if len(run) > 1:
            parts.append(
                f'<polyline points="{" ".join(run)}" stroke="{colour}" stroke-linejoin="round"/>'
            )
        if len(run) == 1:
            parts.append(_dot(run[0], colour))
        run = []
    if len(values) <= 30:
        parts += [_dot(f"{x:.1f},{scale.y(v):.1f}", colour) for x, v in points if v == v]
    return parts


def _dot(point: str, colour: str) -> str:
    x, y = point.split(",")
    return f'<circle cx="{x}" cy="{y}" r="2.4" fill="{colour}"/>'
