"""What is wrong with a name, a tag, a step: UserErrorException with value and limit. Pure."""

import operator
import re

from muster.exceptions import UserErrorException

MAX_METRIC_NAME_BYTES = 255
MAX_DESCRIPTION_BYTES = 1000
MAX_ENTRIES = 50
MAX_KEY_BYTES = 100
MAX_VALUE_BYTES = 1000
MAX_DISPLAY_NAME_BYTES = 256
MAX_FILE_NAME_BYTES = 1024
MAX_FILE_PART_BYTES = 255
MAX_FILE_PARTS = 32
MAX_ERROR_CODE_BYTES = 100
MAX_ERROR_MESSAGE_BYTES = 3000
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,255}\Z")


def size_of(text: str) -> int:
    """Bytes in UTF-8."""
    return len(text.encode("utf-8", "replace"))


def check_text(field: str, value, least: int, most: int) -> None:
    if not isinstance(value, str):
        raise UserErrorException("%s must be a text, not %r" % (field, value))
    size = size_of(value)
    if not least <= size <= most:
        shown = value if len(value) <= 60 else value[:57] + "..."
        raise UserErrorException(
            "%s must have %d to %d bytes, '%s' has %d" % (field, least, most, shown, size)
        )


def check_metric_name(name) -> None:
    check_text("the name of a metric", name, 1, MAX_METRIC_NAME_BYTES)


def check_description(description) -> None:
    check_text("the description of a metric", description, 0, MAX_DESCRIPTION_BYTES)


def checked_step(step) -> int:
    """The integer that it is."""
    try:
        number = operator.index(step)
    except TypeError:
        raise UserErrorException("step must be an integer, not %r" % (step,)) from None
    if not -(1 << 63) <= number < 1 << 63:
        raise UserErrorException("step %d does not fit into 64 bits" % number)
    return number


def checked_tags(tags) -> dict:
    """Key -> text or None, as they are stored, of a dict or of the key of one tag."""
    if isinstance(tags, str):
        tags = {tags: None}
    return _entries("tags", tags, can_be_none=True)


def checked_properties(properties) -> dict:
    """Key -> text, as they are stored."""
    return _entries("properties", properties, can_be_none=False)


def checked_keys(tags) -> list:
    """Of what remove_tags takes: a key or several."""
    keys = [tags] if isinstance(tags, str) else tags
    if not isinstance(keys, (list, tuple, set, frozenset, dict)):
        raise UserErrorException("tags must be a key or a list of keys, not %r" % (tags,))
    keys = list(keys)
    for key in keys:
        check_text("the key of a tag", key, 1, MAX_KEY_BYTES)
    if len(keys) > MAX_ENTRIES:
        raise UserErrorException(
            "%d tags are too many for one call; at most %d are allowed" % (len(keys), MAX_ENTRIES)
        )
    return keys


def _entries(field: str, entries, can_be_none: bool) -> dict:
    if not isinstance(entries, dict):
        raise UserErrorException("%s must be a dict, not %r" % (field, entries))
    if len(entries) > MAX_ENTRIES:
        raise UserErrorException(
            "%d %s are too many; a run has at most %d" % (len(entries), field, MAX_ENTRIES)
        )
    out = {}
    for key, value in entries.items():
        check_text("a key of " + field, key, 1, MAX_KEY_BYTES)
        if value is None and not can_be_none:
            raise UserErrorException("the property '%s' has no value; it must be a text" % key)
        if value is not None:
            value = _as_text(field, key, value)
            check_text("%s['%s']" % (field, key), value, 0, MAX_VALUE_BYTES)
        out[key] = value
    return out


def _as_text(field: str, key: str, value) -> str:
    try:
        value = getattr(value, "item", lambda: value)()
    except Exception:  # whatever a stranger's class raises
        pass  # it is no text then
    if isinstance(value, (str, bool, int, float)):
        return str(value)
    raise UserErrorException(
        "%s['%s'] must be a text or a number, not a value of type '%s'"
        % (field, key, type(value).__name__)
    )


def check_run_id(run_id) -> None:
    if not isinstance(run_id, str) or not _RUN_ID.match(run_id):
        raise UserErrorException(
            "the run id %r must have 1..256 characters of A-Z, a-z, 0-9, '_', '.' and '-', the "
            "first a letter or digit" % (run_id,)
        )


def check_file_name(name) -> None:
    """A run file's: relative, with '/' between its parts, leading nowhere else; as the server has
    it."""
    check_text("the name of a run file", name, 1, MAX_FILE_NAME_BYTES)
    parts = name.split("/")
    if _CONTROLS.search(name) or any(
        part in ("", ".", "..") or size_of(part) > MAX_FILE_PART_BYTES for part in parts
    ):
        raise UserErrorException(
            "the name of a run file %r must be a relative path without '.', '..', empty parts and "
            "control characters, each part of at most %d bytes" % (name, MAX_FILE_PART_BYTES)
        )
    if len(parts) > MAX_FILE_PARTS:
        raise UserErrorException(
            "the name of a run file %r has %d parts; at most %d are allowed"
            % (name, len(parts), MAX_FILE_PARTS)
        )
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise UserErrorException(
            "the name of a run file %r must be text that UTF-8 can write" % name
        ) from None
    if parts[0].startswith(".tmp-") or parts[0] == "azureml-logs":
        raise UserErrorException(
            "the name of a run file '%s' begins with '%s', which Muster keeps for itself"
            % (name, ".tmp-" if parts[0].startswith(".tmp-") else "azureml-logs")
        )


def cut(text: str, most: int) -> str:
    """At most so many bytes of it, with an ellipsis where it was cut."""
    data = text.encode("utf-8", "replace")
    if len(data) <= most:
        return data.decode("utf-8")
    return data[: most - 3].decode("utf-8", "ignore") + "..."
