"""What a script logs, checked and turned into the server's MetricValue. Pure but for the clock.

All faults are UserErrorExceptions that name the metric, what was given and the limit.
"""

from __future__ import annotations

import itertools
import json
import reprlib
import time
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Union

from muster._proto import api
from muster.exceptions import UserErrorException

# The server's limits, bytes of UTF-8.
MAX_NAME_BYTES = 255
MAX_TEXT_BYTES = 64 << 10
MAX_JSON_BYTES = 1 << 20
MAX_DESCRIPTION_BYTES = 1000
# Of a row or a table, as in Azure ML.
MAX_COLUMNS = 15
# Of one list or table; a run may have as many values in all, as the server is set up at first.
MAX_CELLS = 10_000_000

_INT64 = 1 << 63
Scalar = Union[int, float, str]

_DOCUMENTS = {
    "accuracy_table": "METRIC_KIND_ACCURACY_TABLE",
    "confusion_matrix": "METRIC_KIND_CONFUSION_MATRIX",
    "residuals": "METRIC_KIND_RESIDUALS",
    "predictions": "METRIC_KIND_PREDICTIONS",
}
_DOCUMENT_KEYS = ("schema_type", "schema_version", "data")


def scalar_metric(name: Any, value: Any, description: Any, step: Any) -> Any:
    """A number or a string; `step`: an integer or None."""
    made = _metric(name, "METRIC_KIND_SCALAR", description)
    if step is not None:
        made.step = _step(name, step)
    plain = _cell(name, value)
    if isinstance(plain, str):
        if _bytes_of(name, plain) > MAX_TEXT_BYTES:
            raise _too_long(name, "its text", _bytes_of(name, plain), MAX_TEXT_BYTES)
        made.text = plain
    elif isinstance(plain, int) and -_INT64 <= plain < _INT64:
        made.integer = plain
    else:
        made.number = _float(name, plain)
    return made


def list_metrics(name: Any, value: Any, description: Any) -> List[Any]:
    """Any iterable of numbers and strings; a long one becomes several values."""
    if isinstance(value, (str, bytes, Mapping)) or not _is_iterable(value):
        raise _refused(name, "must be a list or another iterable of numbers and strings", value)
    cells = [_cell(name, item) for item in _bounded(name, value)]

    def part(start: int, end: int) -> Any:
        return cells[start:end]

    texts = _texts(name, part, 0, len(cells))
    return [_json_metric(name, "METRIC_KIND_LIST", description, text) for text in texts]


def row_metric(name: Any, description: Any, columns: Mapping[str, Any]) -> Any:
    """One row of a table: column -> number or string."""
    _check_columns(name, columns)
    row = {column: _cell(f"{name}.{column}", value) for column, value in columns.items()}
    return _json_metric(name, "METRIC_KIND_ROW", description, _json(name, row))


def table_metrics(name: Any, value: Any, description: Any) -> List[Any]:
    """A dict of columns, all of one length; a single cell stands for a column of one. A long table
    becomes several values."""
    if not isinstance(value, Mapping):
        raise _refused(name, "must be a dict of columns", value)
    _check_columns(name, value)
    columns: Dict[str, List[Scalar]] = {}
    for column, cells in value.items():
        place = f"{name}.{column}"
        is_column = _is_iterable(cells) and not isinstance(cells, (str, bytes, Mapping))
        given = _bounded(name, cells) if is_column else [cells]
        columns[column] = [_cell(place, cell) for cell in given]
    lengths = {column: len(cells) for column, cells in columns.items()}
    rows = max(lengths.values())
    if min(lengths.values()) != rows:
        raise _refused(name, "must have columns of one length", lengths)

    def part(start: int, end: int) -> Any:
        return {column: cells[start:end] for column, cells in columns.items()}

    texts = _texts(name, part, 0, rows)
    return [_json_metric(name, "METRIC_KIND_TABLE", description, text) for text in texts]


def image_metric(name: Any, file_name: str, description: Any) -> Any:
    """A picture that is the run's file `file_name`."""
    return _json_metric(name, "METRIC_KIND_IMAGE", description, _json(name, {"file": file_name}))


def document_metric(schema: str, name: Any, value: Any, description: Any) -> Any:
    """An accuracy table, a confusion matrix, residuals or predictions: a dict, or its JSON, with
    ``schema_type`` (`schema`), ``schema_version`` and ``data``."""
    document = value
    if isinstance(value, str):
        try:
            document = json.loads(value)
        except (ValueError, RecursionError):
            raise _refused(name, "must be a dict or a JSON text", value) from None
    if not isinstance(document, Mapping):
        raise _refused(name, "must be a dict or the JSON text of one", value)
    missing = [key for key in _DOCUMENT_KEYS if key not in document]
    if missing:
        raise _refused(name, f"must have the keys {', '.join(_DOCUMENT_KEYS)}", document)
    if document["schema_type"] != schema:
        raise _refused(name, f"must have the schema_type '{schema}'", document["schema_type"])
    return _json_metric(name, _DOCUMENTS[schema], description, _json(name, document))


def _metric(name: Any, kind: str, description: Any) -> Any:
    if not isinstance(name, str) or not name:
        raise UserErrorException(
            f"a metric's name must be a string of 1..{MAX_NAME_BYTES} bytes, not {_shown(name)}"
        )
    size = _bytes_of(name, name)
    if size > MAX_NAME_BYTES:
        raise _too_long(name, "its name", size, MAX_NAME_BYTES)
    if description is None:
        description = ""
    if not isinstance(description, str):
        raise _refused(name, "must have a string as description", description)
    size = _bytes_of(name, description)
    if size > MAX_DESCRIPTION_BYTES:
        raise _too_long(name, "its description", size, MAX_DESCRIPTION_BYTES)
    proto = api()
    made = proto.MetricValue(name=name, time_us=time.time_ns() // 1000, description=description)
    made.kind = getattr(proto, kind)
    return made


def _json_metric(name: Any, kind: str, description: Any, text: str) -> Any:
    made = _metric(name, kind, description)
    size = _bytes_of(name, text)
    if size > MAX_JSON_BYTES:
        raise _too_long(name, "its value as JSON", size, MAX_JSON_BYTES)
    made.json = text
    return made


def _texts(name: Any, part: Callable[[int, int], Any], start: int, end: int) -> List[str]:
    """JSON of `part(start, end)`, halved until each is small enough."""
    text = _json(name, part(start, end))
    # Four bytes a character at most.
    if (
        end - start <= 1
        or len(text) * 4 <= MAX_JSON_BYTES
        or _bytes_of(name, text) <= (MAX_JSON_BYTES)
    ):
        return [text]
    middle = (start + end) // 2
    return _texts(name, part, start, middle) + _texts(name, part, middle, end)


def _json(name: Any, value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, default=_plain_tree)
    except ValueError:
        pass  # NaN or an infinity, or a circle
    except (TypeError, RecursionError):
        raise _refused(name, "must hold only numbers, strings, lists and dicts", value) from None
    try:
        return json.dumps(_marked(value), allow_nan=False, ensure_ascii=False)
    except (ValueError, TypeError, RecursionError):
        raise _refused(name, "must hold only numbers, strings, lists and dicts", value) from None


def _marked(value: Any) -> Any:
    """With what JSON lacks as the server wants it: ``{"f": "NaN"}``."""
    if isinstance(value, float):
        if value != value:
            return {"f": "NaN"}
        if value in (float("inf"), float("-inf")):
            return {"f": "Infinity" if value > 0 else "-Infinity"}
        return value
    if isinstance(value, Mapping):
        return {key: _marked(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_marked(item) for item in value]
    if isinstance(value, (int, str)) or value is None:
        return value
    return _marked(_plain_tree(value))


def _plain_tree(value: Any) -> Any:
    """Of something with ``tolist``, as numpy's arrays and scalars have it, the lists and numbers.
    Raises TypeError for anything else."""
    convert = getattr(value, "tolist", None)
    if isinstance(value, type) or not callable(convert):
        raise TypeError(type(value).__name__)
    plain = convert()
    if type(plain) is type(value):
        return float(plain)  # numpy's longdouble
    return plain


def _cell(name: Any, value: Any) -> Scalar:
    """A number or a string of Python's own, of something that is one."""
    if type(value) in (float, int, str):
        plain: Scalar = value
        return plain
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):  # bool too
        return int(value)
    if isinstance(value, float):
        return float(value)
    item = getattr(value, "item", None)
    if callable(item) and not isinstance(value, type):
        try:
            inner = item()
        except Exception:  # whatever a stranger's class raises when it holds several
            raise _refused(name, "must be one number or string", value) from None
        if isinstance(inner, (int, float, str)):
            return _cell(name, inner)
    if hasattr(type(value), "__float__"):
        return _float(name, value)
    raise _refused(name, "must be a number or a string", value)


def _float(name: Any, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise _refused(name, "must be a number that a double can hold", value) from None


def _step(name: Any, step: Any) -> int:
    plain = _cell(f"{name}'s step", step)
    if not isinstance(plain, int) or not -_INT64 <= plain < _INT64:
        raise _refused(name, "must have an integer of 64 bits as step", step)
    return plain


def _check_columns(name: Any, columns: Mapping[Any, Any]) -> None:
    if not columns:
        raise UserErrorException(f"the metric {_shown(name)} must have at least one column")
    if len(columns) > MAX_COLUMNS:
        raise UserErrorException(
            f"the metric {_shown(name)} has {len(columns)} columns; at most {MAX_COLUMNS} are "
            "allowed: log some of them under another name"
        )
    for column in columns:
        if not isinstance(column, str) or not column:
            raise _refused(name, "must have strings as names of columns", column)
        if _bytes_of(name, column) > MAX_NAME_BYTES:
            raise _too_long(
                name, f"the column {_shown(column)}", _bytes_of(name, column), MAX_NAME_BYTES
            )


def _bounded(name: Any, values: Iterable[Any]) -> Sequence[Any]:
    found = list(itertools.islice(values, MAX_CELLS + 1))
    if len(found) > MAX_CELLS:
        raise UserErrorException(
            f"the metric {_shown(name)} has more than {MAX_CELLS:,} values in one call"
        )
    return found


def _is_iterable(value: Any) -> bool:
    # An array without a dimension has __iter__ and is none.
    return hasattr(type(value), "__iter__") and getattr(value, "shape", None) != ()


def _bytes_of(name: Any, text: str) -> int:
    try:
        return len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        raise _refused(name, "must be text that UTF-8 can write", text) from None


def _refused(name: Any, rule: str, value: Any) -> UserErrorException:
    kind = type(value).__name__
    return UserErrorException(f"the metric {_shown(name)} {rule}, not {kind} {_shown(value)}")


def _too_long(name: Any, what: str, size: int, limit: int) -> UserErrorException:
    return UserErrorException(
        f"the metric {_shown(name)}: {what} has {size:,} bytes; at most {limit:,} are allowed"
    )


def _shown(value: Any) -> str:
    try:
        return reprlib.repr(value)
    except Exception:  # whatever a stranger's class raises
        return "that cannot be shown"


def clipped(text: Optional[str], limit: int) -> str:
    """The text, cut to `limit` bytes of UTF-8; what UTF-8 cannot write is replaced."""
    data = (text or "").encode("utf-8", "replace")[:limit]
    return data.decode("utf-8", "ignore")
