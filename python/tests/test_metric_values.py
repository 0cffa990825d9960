"""What scripts log and what comes back: values of all kinds, and what is refused."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import math
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from muster._proto import api
from muster.core import _metric_values
from muster.core._metric_reading import metrics_of
from muster.core._metric_values import (
    MAX_COLUMNS,
    clipped,
    document_metric,
    list_metrics,
    row_metric,
    scalar_metric,
    table_metrics,
)
from muster.exceptions import UserErrorException

NAN, INF = float("nan"), float("inf")


class Like:
    """A scalar as numpy's and torch's are: no number of Python's, but with ``item``."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def item(self) -> Any:
        if isinstance(self.inner, list):
            raise ValueError("can only convert an array of size 1")
        return self.inner

    def tolist(self) -> Any:
        return self.inner


class Wide(float):
    """As numpy's longdouble: its ``item`` is one of it again."""

    def item(self) -> Any:
        return self


class Measure(int, enum.Enum):
    ONE = 1


def content(value: Any) -> Any:
    """The field that is set, and its value."""
    field = value.WhichOneof("value")
    return field, getattr(value, field)


SCALARS: List[Any] = [
    (0.5, ("number", 0.5)),
    (3, ("integer", 3)),
    (-(2**63), ("integer", -(2**63))),
    (2**63, ("number", float(2**63))),
    (True, ("integer", 1)),
    (INF, ("number", INF)),
    ("é", ("text", "é")),
    ("", ("text", "")),
    ("x" * 65536, ("text", "x" * 65536)),
    (Like(2), ("integer", 2)),
    (Like(0.25), ("number", 0.25)),
    (Like("s"), ("text", "s")),
    (Wide(1.5), ("number", 1.5)),
    (Measure.ONE, ("integer", 1)),
    (decimal.Decimal("0.1"), ("number", 0.1)),
]


@pytest.mark.parametrize(("value", "expected"), SCALARS, ids=[repr(s[0])[:20] for s in SCALARS])
def test_scalars(value: Any, expected: Any) -> None:
    made = scalar_metric("m", value, "", None)
    assert content(made) == expected
    assert type(content(made)[1]) is type(expected[1])
    assert made.kind == api().METRIC_KIND_SCALAR
    assert made.time_us > 1_600_000_000_000_000
    assert not made.HasField("step")


def test_a_scalar_of_numpys_is_one_without_numpy() -> None:
    numpy = pytest.importorskip("numpy")
    assert content(scalar_metric("m", numpy.float32(0.5), "", None)) == ("number", 0.5)
    assert content(scalar_metric("m", numpy.int16(-3), "", numpy.int64(7))) == ("integer", -3)
    assert content(scalar_metric("m", numpy.bool_(True), "", None)) == ("integer", 1)
    assert content(scalar_metric("m", numpy.longdouble(0.5), "", None)) == ("number", 0.5)
    assert content(scalar_metric("m", numpy.array(2.5), "", None)) == ("number", 2.5)
    assert content(scalar_metric("m", numpy.str_("s"), "", None)) == ("text", "s")
    with pytest.raises(UserErrorException, match="one number or string"):
        scalar_metric("m", numpy.zeros(2), "", None)
    with pytest.raises(UserErrorException, match="must be a list"):
        list_metrics("m", numpy.array(1), "")
    (values,) = list_metrics("m", numpy.arange(3), "")
    assert values.json == "[0, 1, 2]"
    document = {"schema_type": "residuals", "schema_version": "1", "data": numpy.array([1, NAN])}
    assert json.loads(document_metric("residuals", "m", document, "").json)["data"] == [
        1.0,
        {"f": "NaN"},
    ]
    assert "import numpy" not in Path(str(_metric_values.__file__)).read_text("utf-8")


def test_a_step_and_a_description_are_kept() -> None:
    made = scalar_metric("m", 1, "of the last epoch", 5)
    assert (made.step, made.description) == (5, "of the last epoch")
    assert scalar_metric("m", 1, None, 0).HasField("step")


REFUSED: Dict[str, Any] = {
    "long name": (lambda: scalar_metric("n" * 300, 1, "", None), "has 300 bytes; at most 255"),
    "name of many bytes": (lambda: scalar_metric("é" * 128, 1, "", None), "has 256 bytes"),
    "empty name": (lambda: scalar_metric("", 1, "", None), r"1\.\.255 bytes, not ''"),
    "no name": (lambda: scalar_metric(None, 1, "", None), r"1\.\.255 bytes, not None"),
    "name beyond UTF-8": (lambda: scalar_metric("\ud800", 1, "", None), "UTF-8"),
    "object": (lambda: scalar_metric("m", object(), "", None), "number or a string, not object"),
    "None": (lambda: scalar_metric("m", None, "", None), "not NoneType None"),
    "list": (lambda: scalar_metric("m", [1], "", None), "not list"),
    "bytes": (lambda: scalar_metric("m", b"1", "", None), "not bytes"),
    "complex": (lambda: scalar_metric("m", 1j, "", None), "not complex"),
    "class": (lambda: scalar_metric("m", Like, "", None), "not type"),
    "date": (lambda: scalar_metric("m", datetime.datetime.now(), "", None), "not datetime"),
    "several": (lambda: scalar_metric("m", Like([1, 2]), "", None), "must be one number"),
    "huge": (lambda: scalar_metric("m", 10**400, "", None), "that a double can hold"),
    "long text": (lambda: scalar_metric("m", "x" * 65537, "", None), "at most 65,536"),
    "lone surrogate": (lambda: scalar_metric("m", "\ud800", "", None), "UTF-8"),
    "description": (lambda: scalar_metric("m", 1, "d" * 1001, None), "at most 1,000"),
    "number as description": (lambda: scalar_metric("m", 1, 5, None), "string as description"),
    "step": (lambda: scalar_metric("m", 1, "", 0.5), "integer of 64 bits as step"),
    "large step": (lambda: scalar_metric("m", 1, "", 2**63), "integer of 64 bits as step"),
    "text as list": (lambda: list_metrics("m", "abc", ""), "must be a list"),
    "dict as list": (lambda: list_metrics("m", {}, ""), "must be a list"),
    "number as list": (lambda: list_metrics("m", 3, ""), "must be a list"),
    "list in a list": (lambda: list_metrics("m", [[1]], ""), "number or a string, not list"),
    "row of 100 columns": (
        lambda: row_metric("m", None, {f"c{n}": n for n in range(100)}),
        f"has 100 columns; at most {MAX_COLUMNS}",
    ),
    "row without columns": (lambda: row_metric("m", None, {}), "at least one column"),
    "object in a row": (lambda: row_metric("m", None, {"a": object()}), "'m.a' must be a number"),
    "large row": (
        lambda: row_metric("m", None, {f"c{n}": "x" * 120_000 for n in range(10)}),
        "as JSON has 1,2",
    ),
    "list as table": (lambda: table_metrics("m", [1], ""), "must be a dict of columns"),
    "uneven table": (lambda: table_metrics("m", {"a": [1], "b": [1, 2]}, ""), "of one length"),
    "numbered column": (lambda: table_metrics("m", {1: [1]}, ""), "names of columns"),
    "long column": (lambda: table_metrics("m", {"c" * 256: [1]}, ""), "has 256 bytes"),
    "no document": (lambda: document_metric("residuals", "m", 3, ""), "must be a dict"),
    "no JSON": (lambda: document_metric("residuals", "m", "{", ""), "must be a dict or a JSON"),
    "no schema": (lambda: document_metric("residuals", "m", {}, ""), "schema_version, data"),
    "other schema": (
        lambda: document_metric(
            "residuals", "m", {"schema_type": "x", "schema_version": "1", "data": {}}, ""
        ),
        "schema_type 'residuals'",
    ),
    "object in a document": (
        lambda: document_metric(
            "residuals",
            "m",
            {"schema_type": "residuals", "schema_version": "1", "data": object()},
            "",
        ),
        "only numbers, strings, lists and dicts",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    make, said = REFUSED[name]
    with pytest.raises(UserErrorException, match=said):
        make()


def test_a_circle_is_refused() -> None:
    circle: List[Any] = []
    circle.append(circle)
    document = {"schema_type": "residuals", "schema_version": "1", "data": circle}
    with pytest.raises(UserErrorException, match="only numbers"):
        document_metric("residuals", "m", document, "")


def test_an_endless_list_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_metric_values, "MAX_CELLS", 1000)
    with pytest.raises(UserErrorException, match="more than 1,000 values"):
        list_metrics("m", iter(int, 1), "")


def test_long_lists_and_tables_become_several_values() -> None:
    texts = [str(n) * 100 for n in range(20_000)]
    values = list_metrics("m", texts, "")
    assert len(values) > 1
    assert all(len(value.json) <= 1 << 20 for value in values)
    assert metrics_of(values) == {"m": texts}
    tables = table_metrics("t", {"a": texts, "b": range(20_000)}, "")
    assert len(tables) > 1
    assert metrics_of(tables) == {"t": {"a": texts, "b": list(range(20_000))}}


def image(name: str) -> Any:
    """As the client in a job logs it."""
    kind = api().METRIC_KIND_IMAGE
    return api().MetricValue(name="m", kind=kind, json=json.dumps({"file": name}))


MATRIX = {"schema_type": "confusion_matrix", "schema_version": "1.0.0", "data": {"m": [[1, 2]]}}
ROUND_TRIPS: Dict[str, Any] = {
    "one scalar": (lambda: [scalar_metric("m", 1, "", None)], 1),
    "scalars": (lambda: [scalar_metric("m", n, "", None) for n in (1, 0.5, "x")], [1, 0.5, "x"]),
    "list": (lambda: list_metrics("m", iter([1, "a"]), ""), [1, "a"]),
    "list of one": (lambda: list_metrics("m", [1], ""), [1]),
    "empty list": (lambda: list_metrics("m", [], ""), []),
    "lists": (lambda: list_metrics("m", [1], "") + list_metrics("m", [INF], ""), [1, INF]),
    "list and scalar": (
        lambda: [*list_metrics("m", [1, 2], ""), scalar_metric("m", 3, "", None)],
        [1, 2, 3],
    ),
    "row": (lambda: [row_metric("m", None, {"a": 1, "b": "x"})], {"a": 1, "b": "x"}),
    "rows": (
        lambda: [row_metric("m", None, {"a": n, "b": "x"}) for n in range(2)],
        {"a": [0, 1], "b": ["x", "x"]},
    ),
    "image": (lambda: [image("x.png")], "x.png"),
    "images": (lambda: [image("x.png"), image("y.png")], ["x.png", "y.png"]),
    "uneven rows": (
        lambda: [row_metric("m", None, r) for r in ({"a": 1}, {"b": -INF}, {"a": 3, "b": 4})],
        {"a": [1, None, 3], "b": [None, -INF, 4]},
    ),
    "table": (
        lambda: table_metrics("m", {"a": (1, 2), "b": ["x", "y"]}, ""),
        {"a": [1, 2], "b": ["x", "y"]},
    ),
    "table and row": (
        lambda: [*table_metrics("m", {"a": [1, 2]}, ""), row_metric("m", None, {"c": 3})],
        {"a": [1, 2, None], "c": [None, None, 3]},
    ),
    "table of single cells": (lambda: table_metrics("m", {"a": 1}, ""), {"a": [1]}),
    "empty table": (lambda: table_metrics("m", {"a": []}, ""), {"a": []}),
    "document": (lambda: [document_metric("confusion_matrix", "m", MATRIX, "")], MATRIX),
    "its JSON": (
        lambda: [document_metric("confusion_matrix", "m", json.dumps(MATRIX), "")],
        MATRIX,
    ),
    "documents": (
        lambda: [document_metric("confusion_matrix", "m", MATRIX, "") for _ in range(2)],
        [MATRIX, MATRIX],
    ),
    "a column named as the mark is": (
        lambda: [row_metric("m", None, {"f": "x"})],
        {"f": "x"},
    ),
    "kinds that do not go together": (
        lambda: [scalar_metric("m", 1, "", None), row_metric("m", None, {"a": 2})],
        [1, {"a": 2}],
    ),
}


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_round_trips(name: str) -> None:
    make: Callable[[], List[Any]] = ROUND_TRIPS[name][0]
    wire = [api().MetricValue.FromString(value.SerializeToString()) for value in make()]
    assert metrics_of(wire) == {"m": ROUND_TRIPS[name][1]}


def test_nan_comes_back_from_everywhere() -> None:
    nan = {"schema_type": "residuals", "schema_version": "1", "data": {"r": [NAN]}}
    values = [
        scalar_metric("s", NAN, "", None),
        *list_metrics("l", [1, NAN], ""),
        row_metric("r", None, {"a": NAN}),
        document_metric("residuals", "d", nan, ""),
    ]
    found = metrics_of(values)
    assert math.isnan(found["s"])
    assert math.isnan(found["l"][1])
    assert math.isnan(found["r"]["a"])
    assert math.isnan(found["d"]["data"]["r"][0])


def test_names_keep_their_order() -> None:
    values = [scalar_metric(name, n, "", None) for n, name in enumerate("zazb")]
    assert list(metrics_of(values)) == ["z", "a", "b"]


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [("abc", 3, "abc"), ("abcd", 3, "abc"), ("éé", 3, "é"), (None, 3, ""), ("\ud800", 3, "?")],
)
def test_a_clipped_text_is_whole_characters(text: Any, limit: int, expected: str) -> None:
    assert clipped(text, limit) == expected
