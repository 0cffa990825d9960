"""The part of a Run that logs metrics and reads them."""

from __future__ import annotations

import itertools
import logging
from typing import Any, Dict, Iterator, List, Optional, Sequence, Union

from muster.core._metric_reading import metrics_of
from muster.core._metric_values import (
    document_metric,
    list_metrics,
    row_metric,
    scalar_metric,
    table_metrics,
)
from muster.core._run_base import _RunBase
from muster.core._run_children import descendants
from muster.core._run_details import type_of
from muster.exceptions import UserErrorException

# What was logged here is waited for, before metrics are read, for so long, seconds.
_OWN_SECONDS = 10.0

_log = logging.getLogger("muster")


class RunLogging(_RunBase):
    """What is logged goes to the server in the background, each value once, also across breaks and
    restarts; ``flush``, ``complete`` and the end of the process wait for it. ``log`` itself waits
    only while 64 MiB are under way; but in a child made by fork(), or by multiprocessing, which may
    be killed when it has done its work, until the value is stored, for up to 10 s.

    All raise UserErrorException for a value that cannot be a metric's: names have at most 255
    bytes, strings 64 KiB, rows and tables 15 columns, and numbers are Python's, numpy's or what is
    like them. What only the server can refuse, such as one name too many, ``flush`` raises.
    """

    def log(
        self, name: str, value: Any, description: Optional[str] = "", step: Optional[int] = None
    ) -> None:
        """A number or a string. Repeated calls make a list of the values."""
        self._send([scalar_metric(name, value, description, step)])

    def log_list(self, name: str, value: Any, description: Optional[str] = "") -> None:
        """Numbers and strings of any iterable."""
        self._send(list_metrics(name, value, description))

    def log_row(self, name: str, description: Optional[str] = None, **kwargs: Any) -> None:
        """One row of the table `name`: column -> number or string."""
        self._send([row_metric(name, description, kwargs)])

    def log_table(self, name: str, value: Dict[str, Any], description: Optional[str] = "") -> None:
        """Several rows of the table `name`: column -> list of numbers or strings."""
        self._send(table_metrics(name, value, description))

    def log_accuracy_table(
        self, name: str, value: Union[str, Dict[str, Any]], description: Optional[str] = ""
    ) -> None:
        """A dict, or its JSON, with schema_type ``"accuracy_table"``, schema_version and data."""
        self._send([document_metric("accuracy_table", name, value, description)])

    def log_confusion_matrix(
        self, name: str, value: Union[str, Dict[str, Any]], description: Optional[str] = ""
    ) -> None:
        """A dict, or its JSON, with schema_type ``"confusion_matrix"``, schema_version and data."""
        self._send([document_metric("confusion_matrix", name, value, description)])

    def log_predictions(
        self, name: str, value: Union[str, Dict[str, Any]], description: Optional[str] = ""
    ) -> None:
        """A dict, or its JSON, with schema_type ``"predictions"``, schema_version and data."""
        self._send([document_metric("predictions", name, value, description)])

    def log_residuals(
        self, name: str, value: Union[str, Dict[str, Any]], description: Optional[str] = ""
    ) -> None:
        """A dict, or its JSON, with schema_type ``"residuals"``, schema_version and data."""
        self._send([document_metric("residuals", name, value, description)])

    def flush(self, timeout_seconds: Optional[float] = 300) -> None:
        """Waits until all that was logged here of this run is stored. Raises ServiceException when
        that takes longer (None: it may take any time); UserErrorException for what the server has
        refused since the last time."""
        seconds = float("inf") if timeout_seconds is None else timeout_seconds
        self._server.metrics.flush(self._run_id, seconds)

    def get_metrics(
        self,
        name: Optional[str] = None,
        recursive: bool = False,
        run_type: Optional[str] = None,
        populate: bool = False,
    ) -> Dict[str, Any]:
        """Name -> value of what is stored, which is waited for of what was logged here, for up to
        10 s: of one number or string the value, of several a list;
        of rows and tables a dict of columns; of images the name of the run's file; of confusion
        matrices and the like the dict logged.

        `name`: only this metric; {} when there is none. `recursive`: with those of its children and
        theirs, the run's own first, then from the oldest child to the newest. `run_type`: only of
        runs of this type. `populate`: no effect, nothing of a value lies elsewhere.
        """
        if name is not None and not isinstance(name, str):
            raise UserErrorException(f"name must be a string, not {name!r}")
        if name == "":
            return {}
        runs: List[Any] = [self._known()]
        if recursive:
            runs += reversed(list(descendants(self._server, runs[0])))
        wanted = [run.id for run in runs if run_type in (None, type_of(run))]
        if not self._server.metrics.wait(wanted, _OWN_SECONDS):
            _log.warning(
                "not all that was logged here of the run %s is stored yet: its metrics lack it",
                self._run_id,
            )
        return metrics_of(itertools.chain.from_iterable(self._values(wanted, name or "")))

    def _values(self, run_ids: Sequence[str], name: str) -> Iterator[Iterator[Any]]:
        for run_id in run_ids:
            yield self._server.runs.metrics(run_id, name)

    def _send(self, values: Sequence[Any]) -> None:
        self._server.metrics.put(self._run_id, values)
