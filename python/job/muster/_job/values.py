"""Values of metrics as JSON. Pure; knows numpy and its like by their methods, not by import.

Numbers that JSON lacks are ``{"f":"NaN"}``, ``{"f":"Infinity"}`` and ``{"f":"-Infinity"}``.
"""

import itertools
import json
import operator

from muster.exceptions import UserErrorException

MAX_TEXT_BYTES = 64 << 10
MAX_JSON_BYTES = 1 << 20
# As in Azure ML.
MAX_COLUMNS = 15
# Of one list or table.
MAX_CELLS = 10000000
_MAX_DEPTH = 32
_INTEGERS = (-(1 << 63), (1 << 63) - 1)
_TYPE = "a number or a text"


def scalar_json(value: object, what: str) -> str:
    """JSON of a number or text, or of what acts as one; `what` it is, for the error."""
    plain = plain_scalar(value, what)
    if isinstance(plain, str):
        size = len(plain.encode("utf-8", "replace"))
        if size > MAX_TEXT_BYTES:
            raise UserErrorException(
                "%s is a text of %d bytes; at most %d are allowed" % (what, size, MAX_TEXT_BYTES)
            )
        return to_json(plain)
    return to_json(_storable(plain))


def plain_scalar(value, what: str):
    """The int, float or str that `value` is or acts as; a bool is 0 or 1."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, (bytes, bytearray, complex)) or value is None:
        raise _wrong(value, what)
    item = getattr(value, "item", None)
    if callable(item) and not isinstance(value, type):
        try:
            inner = item()
        except Exception as error:  # whatever a stranger's class raises
            raise UserErrorException(
                "%s must be %s, not %s of several values; log_list takes those"
                % (what, _TYPE, _kind(value)),
                inner_exception=error,
            ) from None
        if isinstance(inner, (str, int, float)):
            return plain_scalar(inner, what)
    for convert in (operator.index, _as_float):
        try:
            return convert(value)
        except (TypeError, ValueError, OverflowError):
            continue
    raise _wrong(value, what)


def _as_float(value) -> float:
    if not hasattr(type(value), "__float__"):
        raise TypeError
    return float(value)


def _storable(number):
    """As JSON can have it: integers beyond 64 bits are floats, and no NaN."""
    if isinstance(number, int):
        if _INTEGERS[0] <= number <= _INTEGERS[1]:
            return number
        try:
            number = float(number)
        except OverflowError:
            raise UserErrorException(
                "an integer of %d bits is no number that a double can hold" % number.bit_length()
            ) from None
    if number - number == 0.0:
        return number
    return {"f": "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"}


def list_texts(value, what: str) -> list:
    """JSON of an iterable of numbers and texts; a long one becomes several."""
    if isinstance(value, (str, bytes, bytearray, dict)) or not _is_iterable(value):
        raise UserErrorException(
            "%s must be a list, an array or another iterable of numbers and texts, not %s"
            % (what, _kind(value))
        )
    cells = _cells(value, what)
    return _parts(lambda start, end: cells[start:end], 0, len(cells), what)


def row_json(columns: dict, what: str) -> str:
    """JSON of column -> number or text."""
    _check_columns(columns, what)
    return _bounded_json({k: _cell(v, "%s['%s']" % (what, k)) for k, v in columns.items()}, what)


def table_texts(value, what: str) -> list:
    """JSON of column -> list of numbers and texts, or one of them for a column of one; a long table
    becomes several."""
    if not isinstance(value, dict):
        raise UserErrorException("%s must be a dict of columns, not %s" % (what, _kind(value)))
    _check_columns(value, what)
    table = {}
    for key, cells in value.items():
        name = "%s['%s']" % (what, key)
        is_one = isinstance(cells, (str, bytes, bytearray, dict)) or not _is_iterable(cells)
        table[key] = [_cell(cells, name)] if is_one else _cells(cells, name)
    lengths = {key: len(cells) for key, cells in table.items()}
    rows = max(lengths.values())
    if min(lengths.values()) != rows:
        raise UserErrorException("%s must have columns of one length, not %r" % (what, lengths))
    return _parts(lambda s, e: {k: v[s:e] for k, v in table.items()}, 0, rows, what)


def _parts(part, start: int, end: int, what: str) -> list:
    """JSON of ``part(start, end)``, halved until each is small enough."""
    text = to_json(part(start, end))
    if end - start <= 1 or len(text.encode("utf-8", "replace")) <= MAX_JSON_BYTES:
        return [_bounded_json(part(start, end), what) if end - start <= 1 else text]
    middle = (start + end) // 2
    return _parts(part, start, middle, what) + _parts(part, middle, end, what)


def _cells(values, what: str) -> list:
    rows = values.tolist() if _is_array(values) else values
    if not _is_iterable(rows):
        raise _wrong(rows, what)
    found = list(itertools.islice(rows, MAX_CELLS + 1))
    if len(found) > MAX_CELLS:
        raise UserErrorException("%s has more than %d values in one call" % (what, MAX_CELLS))
    return [_cell(cell, what, i) for i, cell in enumerate(found)]


def _cell(value, what: str, place: int = None):
    if type(value) is float and value - value == 0.0:
        return value
    plain = plain_scalar(value, what if place is None else "%s[%d]" % (what, place))
    return plain if isinstance(plain, str) else _storable(plain)


def schema_json(value, schema_type: str, what: str) -> str:
    """JSON of a dict, or of a JSON text of one, with schema_type, schema_version and data."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise UserErrorException(
                "%s is a text but no JSON: %s" % (what, error), inner_exception=error
            ) from None
    if not isinstance(value, dict):
        raise UserErrorException("%s must be a dict or its JSON, not %s" % (what, _kind(value)))
    lacking = [key for key in ("schema_type", "schema_version", "data") if key not in value]
    if lacking:
        raise UserErrorException("%s lacks %s" % (what, " and ".join(lacking)))
    if value["schema_type"] != schema_type:
        raise UserErrorException(
            "%s has the schema_type %r; this call takes '%s'"
            % (what, value["schema_type"], schema_type)
        )
    return _bounded_json(_tree(value, what, 0), what)


def _bounded_json(value, what: str) -> str:
    text = to_json(value)
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_JSON_BYTES:
        raise UserErrorException(
            "%s is %d bytes as JSON; at most %d are allowed: log it in parts"
            % (what, size, MAX_JSON_BYTES)
        )
    return text


def to_json(value) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def whole_from_json(value):
    """As ``from_json``, of a whole list, row, table or document: that is never a number."""
    if isinstance(value, dict):
        return {k: from_json(v) for k, v in value.items()}
    return from_json(value)


def from_json(value):
    """What ``{"f":...}`` stands for, all through a value that was read."""
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(value.get("f"), str):
            return float(value["f"]) if value["f"] in ("NaN", "Infinity", "-Infinity") else value
        return {k: from_json(v) for k, v in value.items()}
    return [from_json(v) for v in value] if isinstance(value, list) else value


def _tree(value, what: str, depth: int):
    if depth > _MAX_DEPTH:
        raise UserErrorException("%s is nested more than %d deep" % (what, _MAX_DEPTH))
    if isinstance(value, dict):
        return {str(k): _tree(v, what, depth + 1) for k, v in value.items()}
    if _is_array(value):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_tree(v, what, depth + 1) for v in value]
    return value if value is None or isinstance(value, bool) else _cell(value, what)


def _check_columns(columns: dict, what: str) -> None:
    if not columns:
        raise UserErrorException("%s has no columns" % what)
    if len(columns) > MAX_COLUMNS:
        raise UserErrorException(
            "%s has %d columns; at most %d are allowed" % (what, len(columns), MAX_COLUMNS)
        )
    for key in columns:
        if not isinstance(key, str) or not 1 <= len(key.encode("utf-8", "replace")) <= 255:
            raise UserErrorException(
                "%s has a column %.60r; names are texts of 1 to 255 bytes" % (what, key)
            )


def _is_array(value) -> bool:
    return callable(getattr(value, "tolist", None)) and not isinstance(value, type)


def _is_iterable(value) -> bool:
    # An array of no dimensions has __iter__ and is none.
    if getattr(value, "ndim", None) == 0 or isinstance(value, type):
        return False
    return hasattr(value, "__iter__")


def _wrong(value, what: str) -> UserErrorException:
    return UserErrorException("%s must be %s, not %s" % (what, _TYPE, _kind(value)))


def _kind(value) -> str:
    return "None" if value is None else "a value of type '%s'" % type(value).__name__
