"""Sends the values of metrics in the background: each once, in the order of logging."""

from __future__ import annotations

import collections
import logging
import threading
import time
from typing import Any, Callable, Deque, Dict, Iterable, List, Optional, Sequence

import grpc

from muster._client.metric_delivery import Delivery, Entry, Send, Writer
from muster._client.process_life import ProcessBound, calling, may_be_killed
from muster.exceptions import AzureMLException, ServiceException

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
# Where the process may end without notice, `put` waits for so long until its values are stored.
PUT_SECONDS = 10.0
# Outboxes of runs of which nothing waits are forgotten beyond this number.
_IDLE_OUTBOXES = 1000

_log = logging.getLogger("muster")


class _Outbox:
    """What waits of one run. ``put`` and ``done`` count values, of all time."""

    def __init__(self) -> None:
        self.waiting: Deque[Entry] = collections.deque()
        self.put = 0
        self.done = 0
        # Among the turns, or being sent.
        self.has_turn = False
        self.refusal: Optional[AzureMLException] = None
        self.writer = Writer()


class MetricSender(ProcessBound):
    """May be used by several threads. A child made by fork() begins with nothing: what its parent
    has logged is its parent's to send. Where no thread can be started, who waits sends."""

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
        self._delivery = Delivery(self._workspace, self._address, self._send)
        self._has_ended = False
        self._thread: Optional[threading.Thread] = None

    def put(self, run_id: str, values: Sequence[Any]) -> None:
        """Takes MetricValues, all of them; waits while too much is under way. They are not sent
        yet when this returns: see ``flush``. But where the process may end without notice this
        waits for that, 10 s at most, and not while the server is known to be away."""
        sized = [(value, value.ByteSize() + VALUE_COST) for value in values]
        with self._lock:
            self._watch_end()
            self._start()
            for entry in sized:
                self._wait_for_room()
                self._add(run_id, entry)
            if (self._has_ended or may_be_killed()) and not self._delivery.cause:
                self._wait_for(self._stored([run_id]), time.monotonic() + PUT_SECONDS)

    def _add(self, run_id: str, entry: Entry) -> None:
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
            if not self._wait_for(lambda: outbox.done >= target, deadline):
                raise self._not_stored(run_id, target - outbox.done, seconds)
            refusal, outbox.refusal = outbox.refusal, None
        if refusal is not None:
            raise refusal

    def wait(self, run_ids: Iterable[str], seconds: float) -> bool:
        """Until all that was put of these runs is stored, or refused, which the next ``flush`` of
        the run tells; whether it is so in time."""
        with self._lock:
            return self._wait_for(self._stored(run_ids), time.monotonic() + seconds)

    def waiting(self) -> int:
        """Values that are not stored yet."""
        with self._lock:
            return self._count()

    # Within; under the lock.

    def _count(self) -> int:
        return sum(outbox.put - outbox.done for outbox in self._outboxes.values())

    def _because(self) -> str:
        return f" ({self._delivery.cause})" if self._delivery.cause else ""

    def _start(self) -> bool:
        """Whether there is a thread that sends. There can be none at the end of the process, or
        where it has as many as it may have; later perhaps again."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="muster-metrics", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return False
            self._thread = thread
        return True

    def _stored(self, run_ids: Iterable[str]) -> Callable[[], bool]:
        """Asks whether what is there now of these runs is stored."""
        outboxes = [self._outboxes[run_id] for run_id in run_ids if run_id in self._outboxes]
        targets = [(outbox, outbox.put) for outbox in outboxes if outbox.done < outbox.put]
        return lambda: all(outbox.done >= target for outbox, target in targets)

    def _wait_for(self, is_so: Callable[[], bool], deadline: float) -> bool:
        """False: not before the deadline. Sends meanwhile where no thread does."""
        if is_so():
            return True
        self._urgent += 1
        self._lock.notify_all()
        try:
            while not is_so():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                if self._start() or not self._turns:
                    self._lock.wait(min(left, 1.0))
                else:
                    self._send_here(deadline)
            return True
        finally:
            self._urgent -= 1

    def _wait_for_room(self) -> None:
        if self._bytes <= QUEUE_BYTES:
            return
        if not self._was_full:
            self._was_full = True
            _log.warning(
                "metrics are logged faster than the server at %s stores them%s: %d MiB wait, "
                "and log() waits too until there is room",
                self._address,
                self._because(),
                QUEUE_BYTES >> 20,
            )
        self._wait_for(lambda: self._bytes <= QUEUE_BYTES, float("inf"))

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
            self._has_ended = True
            if self._wait_for(lambda: not self._count(), time.monotonic() + EXIT_SECONDS):
                return
            _log.warning(
                "%d values of metrics were not stored at the server at %s within %g s%s and are "
                "lost",
                self._count(),
                self._address,
                EXIT_SECONDS,
                self._because(),
            )

    # Of who sends: the thread, or one that waits.

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._lock.wait_for(lambda: self._turns, IDLE_SECONDS):
                    self._thread = None  # no longer needed
                    return
                self._send_here(float("inf"))

    def _send_here(self, deadline: float) -> None:
        """Sends of the run whose turn it is; under the lock, which it gives back meanwhile."""
        run_id = self._turns.popleft()
        outbox = self._outboxes[run_id]
        if len(outbox.waiting) < BATCH_VALUES:
            self._linger()
        batch = self._batch(outbox)
        refused, left = None, batch
        self._lock.release()
        try:
            refused, left = self._delivery.deliver(run_id, outbox.writer, batch, deadline)
        finally:
            self._lock.acquire()
            outbox.refusal = outbox.refusal or refused
            outbox.done += len(batch) - len(left)
            outbox.waiting.extendleft(reversed(left))
            self._bytes -= sum(size for _, size in batch) - sum(size for _, size in left)
            if self._was_full and self._bytes < QUEUE_BYTES // 2:
                self._was_full = False
            if outbox.waiting:
                self._turns.append(run_id)
            else:
                outbox.has_turn = False
            self._lock.notify_all()

    def _linger(self) -> None:
        deadline = time.monotonic() + LINGER_SECONDS
        while not self._urgent and not self._turns:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._lock.wait(left)

    @staticmethod
    def _batch(outbox: _Outbox) -> List[Entry]:
        batch: List[Entry] = []
        size = 0
        while outbox.waiting and len(batch) < BATCH_VALUES:
            size += outbox.waiting[0][1] - VALUE_COST
            if batch and size > BATCH_BYTES:
                break
            batch.append(outbox.waiting.popleft())
        return batch


def sender_of(connection: Any) -> MetricSender:
    """A sender over a connection that is its own."""

    def send(request: Any, wait: bool) -> Any:
        try:
            with calling():
                return connection.call_once(
                    "TrackingService.AppendMetrics", request, _CALL_SECONDS, wait_for_ready=wait
                )
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                connection.reconnect()  # it may be dead without knowing
            raise

    return MetricSender(connection.workspace, connection.configuration.server, send)
