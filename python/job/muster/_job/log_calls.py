"""Run's methods that log metrics: check, make JSON, store a line."""

import itertools
import time

from muster._job import checks, uploads, values

# Name -> its JSON, of names that passed the checks; bounded, as scripts may make up names.
_names = {}
_MAX_NAMES = 1000


class LogCalls:
    """Never wait for agent or server, and raise UserErrorException alone: for what cannot be kept.

    `name`: 1..255 bytes. `description`: at most 1,000 bytes. Numbers and texts may be numpy's, or
    of whatever has ``item()``.
    """

    def log(self, name: str, value, description: str = "", step: int = None) -> None:
        """A number or a text; the values of one name are a series. `step`: what plots have as x."""
        kind = type(value)
        if kind is float and value - value == 0.0:
            text = repr(value)
        else:
            text = values.scalar_json(value, _what("value", name))
        self._log("scalar", name, value, text, description, step)

    def log_list(self, name: str, value, description: str = "") -> None:
        """Numbers and texts of a list, an array or an iterator, at most 10 million; what is longer
        than 1 MiB as JSON is stored in parts."""
        if hasattr(value, "__next__"):
            value = list(itertools.islice(value, values.MAX_CELLS + 1))
        for text in values.list_texts(value, _what("list", name)):
            self._log("list", name, value, text, description)

    def log_row(self, name: str, description: str = None, **kwargs) -> None:
        """One row of a table: a number or a text a column, at most 15."""
        text = values.row_json(kwargs, _what("row", name))
        self._log("row", name, kwargs, text, description)

    def log_table(self, name: str, value: dict, description: str = "") -> None:
        """Rows of a table as column -> list, at most 15 columns, all of one length; stored in parts
        as a list is."""
        for text in values.table_texts(value, _what("table", name)):
            self._log("table", name, value, text, description)

    def log_image(self, name: str, path: str = None, plot=None, description: str = "") -> None:
        """A picture: the file at `path`, or what ``plot.savefig`` writes (matplotlib has it)."""
        checks.check_metric_name(name)
        uploads.check_picture(path, plot)
        file_name = self._keep_picture(name, path, plot)
        text = values.to_json({"file": file_name})
        self._log("image", name, path or plot, text, description)

    def log_accuracy_table(self, name: str, value, description: str = "") -> None:
        """A dict or its JSON with schema_type 'accuracy_table', schema_version and data."""
        self._log_schema("accuracy_table", name, value, description)

    def log_confusion_matrix(self, name: str, value, description: str = "") -> None:
        """A dict or its JSON with schema_type 'confusion_matrix', schema_version and data."""
        self._log_schema("confusion_matrix", name, value, description)

    def log_predictions(self, name: str, value, description: str = "") -> None:
        """A dict or its JSON with schema_type 'predictions', schema_version and data."""
        self._log_schema("predictions", name, value, description)

    def log_residuals(self, name: str, value, description: str = "") -> None:
        """A dict or its JSON with schema_type 'residuals', schema_version and data."""
        self._log_schema("residuals", name, value, description)

    def _log_schema(self, kind: str, name: str, value, description: str) -> None:
        text = values.schema_json(value, kind, _what(kind, name))
        self._log(kind, name, value, text, description)

    def _log(self, kind: str, name: str, value, text: str, description, step=None) -> None:
        """Stores `text`, the JSON of `value`."""
        tail = ""
        if step is not None:
            tail = ',"step":%d' % checks.checked_step(step)
        if description:
            checks.check_description(description)
            tail += ',"desc":' + values.to_json(description)
        line = '%s%d,"name":%s,"kind":"%s","value":%s%s}\n' % (
            self._log_head,
            int(time.time() * 1e6),
            name_json(name),
            kind,
            text,
            tail,
        )
        self._store_line(line, kind, name, value)


def name_json(name: str) -> str:
    """Raises UserErrorException for a wrong one."""
    known = _names.get(name) if type(name) is str else None
    if known is None:
        checks.check_metric_name(name)
        known = values.to_json(name)
        if len(_names) >= _MAX_NAMES:
            _names.clear()
        _names[name] = known
    return known


def _what(kind: str, name) -> str:
    checks.check_metric_name(name)
    return "the %s of '%s'" % (kind, name)
