"""Tells the server that interactive runs of this process are alive."""

from __future__ import annotations

import logging
import threading
from typing import Any, Callable, Optional, Set

import grpc

from muster._client.connection import new_request_id
from muster._client.errors import exception_of, is_break
from muster._client.jobs import TERMINAL_STATUSES, status_name
from muster._client.process_life import ProcessBound, calling
from muster._proto import api

# A sixth of the time after which the server takes a run for dead.
BEAT_SECONDS = 10.0
_CALL_SECONDS = 8.0

_log = logging.getLogger("muster")

# beat(UpdateRunRequest) -> UpdateRunReply; raises grpc.RpcError.
Beat = Callable[[Any], Any]


class Heartbeats(ProcessBound):
    """One daemon thread, which ends with the last run or with the process. The runs are those of
    the process that began them: a child made by fork() has none."""

    def __init__(
        self, workspace: str, address: str, beat: Beat, seconds: float = BEAT_SECONDS
    ) -> None:
        super().__init__()
        self._workspace = workspace
        self._address = address
        self._beat = beat
        self._seconds = seconds
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._lock = threading.Condition()
        self._runs: Set[str] = set()
        self._thread: Optional[threading.Thread] = None

    def add(self, run_id: str) -> None:
        """From now on the run has heartbeats, the first after 10 s."""
        with self._lock:
            self._runs.add(run_id)
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._run, name="muster-heartbeats", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # as many threads as there may be
                _log.warning(
                    "the run %s has no heartbeats (%s): after 60 s it is NotResponding, until it "
                    "is ended",
                    run_id,
                    error,
                )
                return
            self._thread = thread

    def remove(self, run_id: str) -> None:
        """The run has ended."""
        with self._lock:
            self._runs.discard(run_id)
            self._lock.notify_all()

    def _run(self) -> None:
        while True:
            with self._lock:
                self._lock.wait_for(lambda: not self._runs, self._seconds)
                if not self._runs:
                    self._thread = None
                    return
                runs = sorted(self._runs)
            for run_id in runs:
                if not self._send(run_id):
                    break  # nobody there: the others would wait for as long

    def _send(self, run_id: str) -> bool:
        """Whether the server has answered."""
        request = api().UpdateRunRequest(
            workspace=self._workspace, run_id=run_id, request_id=new_request_id(), heartbeat=True
        )
        try:
            if status_name(self._beat(request).status) in TERMINAL_STATUSES:
                self.remove(run_id)  # ended from elsewhere
        except grpc.RpcError as error:
            if is_break(error):
                return False
            self.remove(run_id)
            _log.warning(
                "the run %s has no heartbeats any more: %s",
                run_id,
                exception_of(error, self._address),
            )
        except Exception as error:  # of ours, such as a channel that another thread has closed
            _log.debug("a heartbeat of the run %s was not sent: %s", run_id, error)
            return False
        return True


def heartbeats_of(connection: Any) -> Heartbeats:
    """Heartbeats over a connection that is their own."""

    def beat(request: Any) -> Any:
        with calling():
            return connection.call_once(
                "TrackingService.UpdateRun", request, _CALL_SECONDS, wait_for_ready=True
            )

    return Heartbeats(connection.workspace, connection.configuration.server, beat)
