"""What ``get_metrics`` gives, from the server's MetricValues. Pure.

Scalars: the value, or a list when there are several. Lists: one list. Rows and tables: a dict of
columns, each a list; a cell that a row lacks is None. A row that is alone: a dict of its cells.
Images: the name of the run's file, confusion matrices and the like: the dict that was logged; or a
list of them.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, List, Tuple

from muster._proto import api

_FLOATS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}

# (kind, value); of JSON values, the text.
Part = Tuple[int, Any]


def metrics_of(values: Iterable[Any]) -> Dict[str, Any]:
    """Name -> value, in the order in which the names come."""
    scalar = api().METRIC_KIND_SCALAR
    parts: Dict[str, List[Part]] = {}
    for value in values:
        kind = value.kind
        content = _scalar_of(value) if kind == scalar else value.json
        found = parts.get(value.name)
        if found is None:
            parts[value.name] = [(kind, content)]
        else:
            found.append((kind, content))
    return {name: _combined(found) for name, found in parts.items()}


def _scalar_of(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value") or "text")


def _combined(parts: List[Part]) -> Any:
    proto = api()
    kinds = {kind for kind, _ in parts}
    if kinds == {proto.METRIC_KIND_SCALAR}:
        return _one_or_all([content for _, content in parts])
    vectors = {proto.METRIC_KIND_SCALAR, proto.METRIC_KIND_LIST}
    tables = {proto.METRIC_KIND_ROW, proto.METRIC_KIND_TABLE}
    texts = [content for kind, content in parts if kind != proto.METRIC_KIND_SCALAR]
    loaded = iter(_loaded(texts))
    values = [(k, c if k == proto.METRIC_KIND_SCALAR else next(loaded)) for k, c in parts]
    if kinds <= vectors:
        joined: List[Any] = []
        for _, content in values:
            joined += content if isinstance(content, list) else [content]
        return joined
    if kinds <= tables and all(isinstance(content, dict) for _, content in values):
        are_single = kinds == {proto.METRIC_KIND_ROW}
        if are_single and len(values) == 1:
            return values[0][1]
        return _columns([content for _, content in values], are_single)
    if kinds == {proto.METRIC_KIND_IMAGE}:
        return _one_or_all([_file_of(content) for _, content in values])
    return _one_or_all([content for _, content in values])


def _file_of(image: Any) -> Any:
    return image.get("file", image) if isinstance(image, dict) else image


def _one_or_all(values: List[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def _loaded(texts: List[str]) -> List[Any]:
    """Of many JSON texts, at once: that is several times quicker."""
    whole = f"[{','.join(texts)}]"
    if '"f"' not in whole:
        plain: List[Any] = json.loads(whole)
        return plain
    marked: List[Any] = json.loads(whole, object_hook=_unmarked)
    # Only within values: one that looks so itself is a row with such a cell.
    return [
        json.loads(text) if isinstance(value, float) else value
        for value, text in zip(marked, texts)
    ]


def _unmarked(found: Dict[str, Any]) -> Any:
    if len(found) == 1 and isinstance(found.get("f"), str):
        return _FLOATS.get(found["f"], found)
    return found


def _columns(rows: List[Dict[str, Any]], are_single: bool) -> Dict[str, List[Any]]:
    """`are_single`: each is one row, of cells that are no lists."""
    names = rows[0].keys()
    if are_single and all(row.keys() == names for row in rows):
        # Nearly all there are, and many.
        return {name: [row[name] for row in rows] for name in names}
    columns: Dict[str, List[Any]] = {}
    count = 0
    for row in rows:
        lists = {k: v if isinstance(v, list) else [v] for k, v in row.items()}
        added = max((len(cells) for cells in lists.values()), default=0)
        for name, cells in lists.items():
            column = columns.get(name)
            if column is None:
                column = columns[name] = []
            if len(column) < count:
                column += [None] * (count - len(column))
            column += cells
        count += added
    for column in columns.values():
        column += [None] * (count - len(column))
    return columns
