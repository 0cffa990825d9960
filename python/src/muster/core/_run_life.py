"""The part of a Run that begins and ends it."""

from __future__ import annotations

import logging
import traceback
from types import TracebackType
from typing import Any, Optional, Type

from muster._client.runs import RUN_ENDED
from muster._proto import api
from muster.core._metric_values import clipped
from muster.core._run_logging import RunLogging
from muster.exceptions import AzureMLException, UserErrorException

# The server's limits, bytes.
_MAX_CODE_BYTES = 100
_MAX_MESSAGE_BYTES = 3000

_log = logging.getLogger("muster")


class RunLife(RunLogging):
    """The status of a submitted script is that of its processes: only ``cancel`` changes it from
    here. Interactive runs and children are ended by who reports for them, from anywhere."""

    def start(self) -> None:
        """Marks a run that has not begun as Running."""
        self._update(status=api().JOB_STATUS_RUNNING)

    def complete(self, _set_status: bool = True) -> None:
        """Waits until what was logged here is stored, and marks the run as Completed. Raises
        UserErrorException when it has ended otherwise, or is a submitted script that goes on, or
        where the server has refused a part of what was logged (the run is Completed then)."""
        self._end("COMPLETED", _set_status)

    def fail(
        self,
        error_details: Any = None,
        error_code: Optional[str] = None,
        _set_status: bool = True,
    ) -> None:
        """As ``complete``, with Failed. `error_details`: a text or an exception, the first 3,000
        bytes of which are kept; `error_code`: for programs, at most 100 bytes."""
        error = api().RunError(
            code=clipped("" if error_code is None else str(error_code), _MAX_CODE_BYTES),
            message=clipped(_text_of(error_details), _MAX_MESSAGE_BYTES),
        )
        self._end("FAILED", _set_status, error=error)

    def cancel(self) -> bool:
        """Asks a submitted script to end, and returns at once; marks another run as Canceled. True;
        a run that has ended stays as it is."""
        if self._is_job():
            self._server.jobs.cancel(self._run_id)
            return True
        try:
            self._set_status("CANCELED")
        except UserErrorException as error:
            if error.reference_code != RUN_ENDED:
                raise
        return True

    def __enter__(self: Any) -> Any:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        """Completes the run, or marks it as Failed with the exception; one that has ended stays as
        it is. Of a submitted script only what was logged is waited for."""
        is_clean = error is None or (isinstance(error, SystemExit) and error.code in (None, 0))
        try:
            if self._is_job():
                self.flush()
            elif is_clean:
                self.complete()
            else:
                self.fail(error)
        except AzureMLException as failure:
            if failure.reference_code == RUN_ENDED:
                return
            if is_clean:
                raise
            # Not in the way of the script's own exception.
            _log.warning("the run %s cannot be marked as Failed: %s", self._run_id, failure)

    def _end(self, status: str, set_status: bool, **changes: Any) -> None:
        refusal: Optional[UserErrorException] = None
        try:
            self.flush()
        except UserErrorException as error:
            refusal = error
        if set_status and not self._has_said(status):
            self._set_status(status, **changes)
        if refusal is not None:
            raise refusal

    def _has_said(self, status: str) -> bool:
        """Whether it is a submitted script that has ended in this way by itself."""
        wanted = getattr(api(), f"JOB_STATUS_{status}")
        return self._is_job() and bool(self._settled().status == wanted)

    def _set_status(self, status: str, **changes: Any) -> None:
        self._update(status=getattr(api(), f"JOB_STATUS_{status}"), **changes)
        self._server.heartbeats.remove(self._run_id)


def _text_of(error: Any) -> str:
    """What people read of an exception: its last lines, the sentence first."""
    if not isinstance(error, BaseException):
        return "" if error is None else str(error)
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return lines[-1] + "".join(lines[:-1])
