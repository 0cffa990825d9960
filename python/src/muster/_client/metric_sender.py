"""Sends the values of metrics in the background: each once, in the order of logging."""

from __future__ import annotations

import collections
import logging
import threading
import time
import uuid
from typing import Any, Callable, Deque, Dict, List, Optional, Sequence, Tuple

import grpc

from muster._client.backoff import Backoff
from muster._client.errors import connection_cause, exception_of, is_break
from muster._client.process_life import ProcessBound
from muster._proto import api
from muster.exceptions import AzureMLException, ServiceException, UserErrorException

# Of one message: far below what the server takes (10,000 and 4 MiB), but for a value that is alone.
BATCH_VALUES = 5000
BATCH_BYTES = 2 << 20
# All that waits in this process, counted with what a value costs beside its bytes. More makes
# `put` wait.
QUEUE_BYTES = 64 << 20
VALUE_COST = 400
# So long small batches wait for more, seconds.
LINGER_SECONDS = 0.02
# The thread ends when nothing came for so long.
IDLE_SECONDS = 30.0
_CALL_SECONDS = 15.0
# What is left at the end of the process is sent for so long, seconds.
EXIT_SECONDS = 60.0
# Outboxes of runs of which nothing waits are forgotten beyond this number.
_IDLE_OUTBOXES = 1000

_log = logging.getLogger("muster")

# send(AppendMetricsRequest, wait) -> AppendMetricsReply; raises grpc.RpcError. `wait`: for a
# connection, where there is none.
Send = Callable[[Any, bool], Any]


class _Outbox:
    """What waits of one run. ``put`` and ``done`` count values, of all time."""

    def __init__(self) -> None:
        self.waiting: Deque[Tuple[Any, int]] = collections.deque()
        self.put = 0
        self.done = 0
        # Among the turns, or being sent.
        self.has_turn = False
        self.refusal: Optional[AzureMLException] = None
        self.begin_writer()

    def begin_writer(self) -> None:
        """A new writer, which the server has no values of."""
        self.writer = uuid.uuid4().hex
        self.next = 0


class MetricSender(ProcessBound):
    """May be used by several threads. A child made by fork() begins with nothing: what its parent
    has logged is its parent's to send."""

    def __init__(self, workspace: str, address: str, send: Send) -> None:
        super().__init__()
        self._workspace = workspace
        self._address = address
        self._send = send
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._lock = threading.Condition()
        self._outboxes: Dict[str, _Outbox] = {}
        # Runs with values that wait, each once.
        self._turns: Deque[str] = collections.deque()
        self._forget_at = _IDLE_OUTBOXES
        self._bytes = 0
        self._urgent = 0
        self._was_full = False
        self._last_cause = ""
        self._thread: Optional[threading.Thread] = None

    def put(self, run_id: str, values: Sequence[Any]) -> None:
        """Takes MetricValues, all of them; waits while too much is under way. They are not sent
        yet when this returns: see ``flush``."""
        sized = [(value, value.ByteSize() + VALUE_COST) for value in values]
        with self._lock:
            self._watch_end()
            self._start()
            for entry in sized:
                self._wait_for_room()
                self._add(run_id, entry)

    def _add(self, run_id: str, entry: Tuple[Any, int]) -> None:
        # Looked up each time: while we waited for room it may have been forgotten.
        outbox = self._outboxes.get(run_id)
        if outbox is None:
            self._forget_idle()
            outbox = self._outboxes[run_id] = _Outbox()
        if not outbox.has_turn:
            outbox.has_turn = True
            self._turns.append(run_id)
            self._lock.notify_all()
        outbox.waiting.append(entry)
        outbox.put += 1
        self._bytes += entry[1]

    def flush(self, run_id: str, seconds: float) -> None:
        """Until all that was put of the run is stored. Raises ServiceException when that takes
        longer than `seconds`, and what the server refused since the last flush."""
        deadline = time.monotonic() + seconds
        with self._lock:
            outbox = self._outboxes.get(run_id)
            if outbox is None:
                return
            target = outbox.put
            self._urgent += 1
            self._lock.notify_all()
            try:
                while outbox.done < target:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise self._not_stored(run_id, target - outbox.done, seconds)
                    self._lock.wait(min(left, 1.0))
            finally:
                self._urgent -= 1
            refusal, outbox.refusal = outbox.refusal, None
        if refusal is not None:
            raise refusal

    def waiting(self) -> int:
        """Values that are not stored yet."""
        with self._lock:
            return self._count()

    # Within; under the lock.

    def _count(self) -> int:
        return sum(outbox.put - outbox.done for outbox in self._outboxes.values())

    def _because(self) -> str:
        return f" ({self._last_cause})" if self._last_cause else ""

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="muster-metrics", daemon=True)
            self._thread.start()

    def _wait_for_room(self) -> None:
        while self._bytes > QUEUE_BYTES:
            if not self._was_full:
                self._was_full = True
                _log.warning(
                    "metrics are logged faster than the server at %s stores them%s: %d MiB wait, "
                    "and log() waits too until there is room",
                    self._address,
                    self._because(),
                    QUEUE_BYTES >> 20,
                )
            self._lock.wait(1.0)

    def _forget_idle(self) -> None:
        if len(self._outboxes) < self._forget_at:
            return
        for run_id, outbox in list(self._outboxes.items()):
            if outbox.done == outbox.put and outbox.refusal is None:
                del self._outboxes[run_id]
        self._forget_at = max(_IDLE_OUTBOXES, 2 * len(self._outboxes))

    def _not_stored(self, run_id: str, count: int, seconds: float) -> ServiceException:
        return ServiceException(
            f"{count} values of metrics of the run {run_id} are not stored at the server at "
            f"{self._address} after {seconds:g} s{self._because()}; they are still being sent",
            status_code="DEADLINE_EXCEEDED",
        )

    def _at_end(self) -> None:
        with self._lock:
            self._urgent += 1
            self._lock.notify_all()
            if self._lock.wait_for(lambda: not self._count(), EXIT_SECONDS):
                return
            _log.warning(
                "%d values of metrics were not stored at the server at %s within %g s%s and are "
                "lost",
                self._count(),
                self._address,
                EXIT_SECONDS,
                self._because(),
            )

    # The thread; the lock is taken where it is needed.

    def _run(self) -> None:
        while True:
            taken = self._next_batch()
            if taken is None:
                return
            run_id, outbox, batch = taken
            refused = self._deliver(run_id, outbox, [value for value, _ in batch])
            with self._lock:
                if refused is not None:
                    outbox.refusal = outbox.refusal or refused
                outbox.done += len(batch)
                self._bytes -= sum(size for _, size in batch)
                if self._was_full and self._bytes < QUEUE_BYTES // 2:
                    self._was_full = False
                if outbox.waiting:
                    self._turns.append(run_id)
                else:
                    outbox.has_turn = False
                self._lock.notify_all()

    def _next_batch(self) -> Optional[Tuple[str, _Outbox, List[Tuple[Any, int]]]]:
        """None: there was nothing to send for a while, and this thread is no longer needed."""
        with self._lock:
            if not self._lock.wait_for(lambda: self._turns, IDLE_SECONDS):
                self._thread = None
                return None
            run_id = self._turns[0]
            outbox = self._outboxes[run_id]
            if len(outbox.waiting) < BATCH_VALUES:
                self._linger()
            self._turns.popleft()
            batch: List[Tuple[Any, int]] = []
            size = 0
            while outbox.waiting and len(batch) < BATCH_VALUES:
                size += outbox.waiting[0][1] - VALUE_COST
                if batch and size > BATCH_BYTES:
                    break
                batch.append(outbox.waiting.popleft())
            return run_id, outbox, batch

    def _linger(self) -> None:
        deadline = time.monotonic() + LINGER_SECONDS
        while not self._urgent and len(self._turns) == 1:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._lock.wait(left)

    def _deliver(
        self, run_id: str, outbox: _Outbox, values: List[Any]
    ) -> Optional[AzureMLException]:
        """Sends the values until they are stored, or refused: then why. Where one name is the
        fault, the values of the others are stored all the same."""
        refusal = self._append(run_id, outbox, values)
        if refusal is None:
            return None
        groups: Dict[str, List[Any]] = {}
        for value in values:
            groups.setdefault(value.name, []).append(value)
        lost = values
        if len(groups) > 1 and type(refusal) is UserErrorException:
            lost = []
            for group in groups.values():
                if self._append(run_id, outbox, group) is not None:
                    lost += group
        if lost:
            _log.warning(
                "%d values of metrics of the run %s, of '%s' among others, are refused and lost: "
                "%s",
                len(lost),
                run_id,
                lost[0].name,
                refusal,
            )
        return refusal

    def _append(
        self, run_id: str, outbox: _Outbox, values: List[Any]
    ) -> Optional[AzureMLException]:
        backoff = Backoff(float("inf"))
        # Every other try fails at once where nobody is, and so tells the cause.
        wait = False
        while True:
            request = api().AppendMetricsRequest(
                workspace=self._workspace,
                run_id=run_id,
                writer=outbox.writer,
                first=outbox.next,
                values=values,
            )
            try:
                outbox.next = self._send(request, wait).next
                self._last_cause = ""
                return None
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.OUT_OF_RANGE and outbox.next:
                    # It has lost what it had of us, as a server set up from a backup does.
                    outbox.begin_writer()
                    continue
                if not is_break(error):
                    return exception_of(error, self._address)
                self._note(error)
                wait = error.code() == grpc.StatusCode.UNAVAILABLE
                time.sleep(backoff.after_failure() or 0.0)
            except Exception as error:  # a fault of ours must not end the thread
                return ServiceException(f"metrics cannot be sent: {error}", inner_exception=error)

    def _note(self, error: grpc.RpcError) -> None:
        cause = connection_cause(error.details() or error.code().name)
        if not self._last_cause:
            _log.warning(
                "metrics are not stored at the server at %s at present (%s); they wait here",
                self._address,
                cause,
            )
        if not self._last_cause or error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
            self._last_cause = cause


def sender_of(connection: Any) -> MetricSender:
    """A sender over a connection that is its own."""

    def send(request: Any, wait: bool) -> Any:
        try:
            return connection.call_once(
                "TrackingService.AppendMetrics", request, _CALL_SECONDS, wait_for_ready=wait
            )
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                connection.reconnect()  # it may be dead without knowing
            raise

    return MetricSender(connection.workspace, connection.configuration.server, send)
