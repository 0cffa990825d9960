"""Brings values of metrics to the server, each once."""

from __future__ import annotations

import logging
import time
import uuid
from typing import Any, Callable, Dict, List, Optional, Tuple

import grpc

from muster._client.backoff import Backoff
from muster._client.errors import connection_cause, exception_of, is_break
from muster._proto import api
from muster.exceptions import AzureMLException, ServiceException, UserErrorException

# So many faults of ours in a row, of which some pass, and the values are given up.
MAX_FAULTS = 5

_log = logging.getLogger("muster")

# send(AppendMetricsRequest, wait) -> AppendMetricsReply; raises grpc.RpcError. `wait`: for a
# connection, where there is none.
Send = Callable[[Any, bool], Any]
# A MetricValue, and what it counts in bytes.
Entry = Tuple[Any, int]


class Writer:
    """By which the server knows what it has of a run from here; ``next``: how many values."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """A new one, which the server has no values of."""
        self.id = uuid.uuid4().hex
        self.next = 0


class _TimeIsOver(Exception):
    """Not sent before the deadline; whether the server has stored it is not known."""


class Delivery:
    """May be used by several threads, of a writer by one at a time. ``cause``: why nothing is
    stored at present; ``''`` as long as all goes well."""

    def __init__(self, workspace: str, address: str, send: Send) -> None:
        self._workspace = workspace
        self._address = address
        self._send = send
        self.cause = ""

    def deliver(
        self, run_id: str, writer: Writer, batch: List[Entry], deadline: float
    ) -> Tuple[Optional[AzureMLException], List[Entry]]:
        """Sends the values until they are stored, or refused, then why; and what is left at the
        deadline, in the order in which it must be sent then. Where one name is the fault, the
        values of the others are stored all the same."""
        try:
            refusal = self._append(run_id, writer, batch, deadline)
        except _TimeIsOver:
            return None, batch
        if refusal is None:
            return None, []
        groups: Dict[str, List[Entry]] = {}
        for entry in batch:
            groups.setdefault(entry[0].name, []).append(entry)
        lost = batch
        left: List[Entry] = []
        if len(groups) > 1 and type(refusal) is UserErrorException:
            lost, left = self._deliver_groups(run_id, writer, list(groups.values()), deadline)
        if lost:
            _log.warning(
                "%d values of metrics of the run %s, of '%s' among others, are refused and lost: "
                "%s",
                len(lost),
                run_id,
                lost[0][0].name,
                refusal,
            )
        return (refusal if lost or not left else None), left

    def _deliver_groups(
        self, run_id: str, writer: Writer, groups: List[List[Entry]], deadline: float
    ) -> Tuple[List[Entry], List[Entry]]:
        """What is refused, and what is left at the deadline."""
        lost: List[Entry] = []
        for number, group in enumerate(groups):
            try:
                if self._append(run_id, writer, group, deadline) is not None:
                    lost += group
            except _TimeIsOver:
                return lost, [entry for later in groups[number:] for entry in later]
        return lost, []

    def _append(
        self, run_id: str, writer: Writer, entries: List[Entry], deadline: float
    ) -> Optional[AzureMLException]:
        backoff = Backoff(float("inf"))
        faults = 0
        # Every other try fails at once where nobody is, and so tells the cause.
        wait = False
        while True:
            try:
                request = api().AppendMetricsRequest(
                    workspace=self._workspace,
                    run_id=run_id,
                    writer=writer.id,
                    first=writer.next,
                    values=[value for value, _ in entries],
                )
                writer.next = self._send(request, wait).next
                self.cause = ""
                return None
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.OUT_OF_RANGE and writer.next:
                    # It has lost what it had of us, as a server set up from a backup does.
                    writer.begin_anew()
                    continue
                if not is_break(error):
                    return exception_of(error, self._address)
                self._note(error)
                wait = error.code() == grpc.StatusCode.UNAVAILABLE and deadline == float("inf")
            except Exception as error:  # of ours, such as a channel that another has closed
                faults += 1
                if faults == MAX_FAULTS:
                    return ServiceException(
                        f"metrics cannot be sent: {error}", inner_exception=error
                    )
            pause = backoff.after_failure() or 0.0
            if time.monotonic() + pause > deadline:
                raise _TimeIsOver
            time.sleep(pause)

    def _note(self, error: grpc.RpcError) -> None:
        cause = connection_cause(error.details() or error.code().name)
        if not self.cause:
            _log.warning(
                "metrics are not stored at the server at %s at present (%s); they wait here",
                self._address,
                cause,
            )
        if not self.cause or error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
            self.cause = cause
