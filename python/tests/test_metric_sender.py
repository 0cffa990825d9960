"""Values on their way to the server: in order, each once, bounded, and what becomes of refusals."""

from __future__ import annotations

import logging
import os
import threading
from collections import defaultdict
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import grpc
import pytest

from fakes import FakeError
from muster._client import metric_delivery, metric_sender, process_life
from muster._client.heartbeats import Heartbeats
from muster._client.metric_sender import MetricSender
from muster._proto import api
from muster.core._metric_values import scalar_metric
from muster.exceptions import AuthenticationException, ServiceException, UserErrorException

CODE = grpc.StatusCode
AWAY = FakeError(CODE.UNAVAILABLE, "Failed to connect to remote host: Connection refused")


class FakeRecord:
    """AppendMetrics as the server does it: values that a writer has sent before are skipped.

    `answers`: what the next calls do instead, in order: an error to raise, or "lost" to store the
    values and then lose the answer. ``gate``: calls wait for it.
    """

    def __init__(self, *answers: Any, refused: Optional[Callable[[Any], Any]] = None) -> None:
        self.answers = list(answers)
        self.refused = refused or (lambda request: None)
        self.stored: Dict[str, List[Any]] = defaultdict(list)
        self.next: Dict[Tuple[str, str], int] = defaultdict(int)
        self.sizes: List[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def send(self, request: Any, wait: bool) -> Any:
        assert self.gate.wait(20)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        error = self.refused(request)
        if error is not None:
            raise error
        key = (request.run_id, request.writer)
        if request.first > self.next[key]:
            raise FakeError(CODE.OUT_OF_RANGE, "a gap")
        self.sizes.append(len(request.values))
        new = list(request.values)[self.next[key] - request.first :]
        self.stored[request.run_id] += [value.integer for value in new]
        self.next[key] += len(new)
        if answer == "lost":
            raise FakeError(CODE.DEADLINE_EXCEEDED)
        return api().AppendMetricsReply(next=self.next[key])


class NoThreads:
    """While ``are_none``, no thread can be started."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.are_none = True
        self._start = threading.Thread.start
        monkeypatch.setattr(threading.Thread, "start", lambda thread: self.start(thread))

    def start(self, thread: threading.Thread) -> None:
        if self.are_none:
            raise RuntimeError("can't start new thread")
        self._start(thread)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> NoThreads:
    return NoThreads(monkeypatch)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Threads that end when a test does, and short waits between tries."""
    monkeypatch.setattr(metric_sender, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr("muster._client.backoff._SHORTEST_SECONDS", 0.001)
    yield


def values(*numbers: int, name: str = "m") -> List[Any]:
    return [scalar_metric(name, number, "", None) for number in numbers]


def sender(record: FakeRecord) -> MetricSender:
    return MetricSender("w", "h:1", record.send)


def test_values_arrive_in_order_and_in_batches() -> None:
    record = FakeRecord()
    made = sender(record)
    for number in range(12_000):
        made.put("r", values(number))
    made.flush("r", 20)
    assert record.stored["r"] == list(range(12_000))
    assert max(record.sizes) <= metric_sender.BATCH_VALUES
    assert len(record.sizes) < 1200
    assert made.waiting() == 0


def test_large_values_make_small_batches() -> None:
    sizes: List[int] = []

    def send(request: Any, wait: bool) -> Any:
        sizes.append(request.ByteSize())
        return api().AppendMetricsReply(next=request.first + len(request.values))

    made = MetricSender("w", "h:1", send)
    made.put("r", [scalar_metric("m", "x" * 60_000, "", None) for _ in range(200)])
    made.flush("r", 20)
    assert len(sizes) > 1
    assert max(sizes) < (4 << 20)


@pytest.mark.parametrize(
    "answers",
    [
        ["lost"],
        [AWAY, AWAY, "lost", FakeError(CODE.RESOURCE_EXHAUSTED, "full"), "lost"],
        [FakeError(CODE.CANCELLED), FakeError(CODE.INTERNAL), FakeError(CODE.UNKNOWN)],
    ],
    ids=["answer lost", "away and full", "broken"],
)
def test_after_failures_each_value_is_there_once(answers: List[Any]) -> None:
    record = FakeRecord(*answers)
    made = sender(record)
    for number in range(100):
        made.put("r", values(number))
    made.flush("r", 20)
    assert record.stored["r"] == list(range(100))
    assert record.answers == []


def test_several_runs_have_writers_of_their_own() -> None:
    record = FakeRecord()
    made = sender(record)
    for number in range(50):
        for run in range(200):
            made.put(f"r{run}", values(number))
    for run in range(200):
        made.flush(f"r{run}", 20)
        assert record.stored[f"r{run}"] == list(range(50))
    assert len({writer for _, writer in record.next}) == 200


def test_a_writer_that_the_server_has_forgotten_begins_anew() -> None:
    record = FakeRecord()
    made = sender(record)
    made.put("r", values(1))
    made.flush("r", 20)
    record.next.clear()  # set up from a backup
    made.put("r", values(2))
    made.flush("r", 20)
    assert record.stored["r"] == [1, 2]


def refuse_name(name: str) -> Callable[[Any], Any]:
    error = FakeError(CODE.FAILED_PRECONDITION, "max_run_metric_names is 1000", "TOO_MANY")
    return lambda request: error if any(v.name == name for v in request.values) else None


def test_a_refused_name_takes_no_others_with_it(caplog: pytest.LogCaptureFixture) -> None:
    record = FakeRecord(refused=refuse_name("bad"))
    made = sender(record)
    made.put("r", values(1) + values(2, name="bad") + values(3, name="other"))
    with pytest.raises(UserErrorException, match="max_run_metric_names"):
        made.flush("r", 20)
    assert record.stored["r"] == [1, 3]
    made.put("r", values(4))
    made.flush("r", 20)  # told once
    assert record.stored["r"] == [1, 3, 4]
    assert "1 values of metrics of the run r, of 'bad'" in caplog.text


def test_who_may_not_write_is_told_so() -> None:
    error = FakeError(CODE.PERMISSION_DENIED, "run r belongs to ann")
    record = FakeRecord(error)
    made = sender(record)
    made.put("r", values(1) + values(2, name="n"))
    with pytest.raises(AuthenticationException, match="belongs to ann"):
        made.flush("r", 20)
    assert record.stored["r"] == []


def test_flush_gives_up_in_time_and_the_values_still_come(
    caplog: pytest.LogCaptureFixture,
) -> None:
    record = FakeRecord(*[AWAY] * 3)
    record.gate.clear()
    made = sender(record)
    made.put("r", values(1, 2))
    with pytest.raises(ServiceException, match=r"2 values .* at h:1 after 0\.05 s") as caught:
        made.flush("r", 0.05)
    assert caught.value.status_code == "DEADLINE_EXCEEDED"
    record.gate.set()
    made.flush("r", 20)
    assert record.stored["r"] == [1, 2]
    assert caplog.text.count("not stored at the server at h:1 at present (Connection refused)") == 1


def test_log_waits_when_too_much_is_under_way(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(metric_sender, "QUEUE_BYTES", 10_000)
    record = FakeRecord()
    record.gate.clear()
    made = sender(record)
    done = threading.Event()

    def log() -> None:
        for number in range(500):
            made.put("r", values(number))
        done.set()

    thread = threading.Thread(target=log, daemon=True)
    with caplog.at_level(logging.WARNING):
        thread.start()
        while "log() waits too" not in caplog.text:
            assert thread.is_alive()
            thread.join(0.01)
        assert not done.is_set()
        assert made.waiting() < 100
        record.gate.set()
        thread.join(20)
    made.flush("r", 20)
    assert record.stored["r"] == list(range(500))


def test_the_end_of_the_process_sends_what_is_left() -> None:
    record = FakeRecord(AWAY)
    made = sender(record)
    made.put("r", values(1, 2, 3))
    process_life._at_exit()
    assert record.stored["r"] == [1, 2, 3]


def test_the_end_of_the_process_does_not_wait_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(metric_sender, "EXIT_SECONDS", 0.1)
    record = FakeRecord()
    record.gate.clear()
    made = sender(record)
    made.put("r", values(1, 2))
    process_life._at_exit()
    assert "2 values of metrics were not stored" in caplog.text
    record.gate.set()


def test_without_threads_flush_sends(threads: NoThreads) -> None:
    record = FakeRecord(AWAY, "lost")
    made = sender(record)
    for number in range(100):
        made.put("r", values(number))
    made.put("other", values(7))
    made.flush("r", 20)
    assert record.stored["r"] == list(range(100))
    threads.are_none = False
    made.put("r", values(100))
    made.flush("r", 20)
    assert made._thread is not None
    assert record.stored == {"r": list(range(101)), "other": [7]}


def test_without_threads_the_end_of_the_process_sends(threads: NoThreads) -> None:
    record = FakeRecord(AWAY)
    made = sender(record)
    made.put("r", values(1, 2))
    process_life._at_exit()
    assert record.stored["r"] == [1, 2]
    made.put("r", values(3))  # nobody ends it again
    assert record.stored["r"] == [1, 2, 3]


def test_without_threads_log_makes_room(
    threads: NoThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metric_sender, "QUEUE_BYTES", 10_000)
    record = FakeRecord()
    made = sender(record)
    for number in range(500):
        made.put("r", values(number))
    assert made.waiting() < 100
    made.flush("r", 20)
    assert record.stored["r"] == list(range(500))


def test_without_threads_flush_gives_up_in_time_and_nothing_is_lost(threads: NoThreads) -> None:
    record = FakeRecord(*[AWAY] * 10_000, refused=refuse_name("bad"))
    made = sender(record)
    made.put("r", values(1) + values(2, name="bad") + values(3))
    with pytest.raises(ServiceException, match="3 values"):
        made.flush("r", 0.05)
    record.answers.clear()
    made.put("r", values(4))
    with pytest.raises(UserErrorException, match="max_run_metric_names"):
        made.flush("r", 20)
    assert record.stored["r"] == [1, 3, 4]


@pytest.mark.parametrize("where", ["sending", "building"])
def test_a_passing_fault_of_ours_loses_nothing(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    faults: List[Exception] = [ValueError("Cannot invoke RPC on closed channel!")] * 3
    record = FakeRecord(*faults if where == "sending" else ())
    made = sender(record)
    if where == "building":

        def failing() -> Any:
            if faults:
                raise faults.pop()
            return api()

        monkeypatch.setattr(metric_delivery, "api", failing)
    made.put("r", values(1, 2))
    made.flush("r", 20)
    assert record.stored["r"] == [1, 2]


def test_a_fault_of_ours_that_stays_is_told_and_ends_nothing() -> None:
    record = FakeRecord(*[ValueError("of ours")] * metric_delivery.MAX_FAULTS)
    made = sender(record)
    made.put("r", values(1))
    with pytest.raises(ServiceException, match="cannot be sent: of ours"):
        made.flush("r", 20)
    made.put("r", values(2))
    made.flush("r", 20)
    assert record.stored["r"] == [2]


def test_wait_leaves_what_was_refused_to_flush() -> None:
    record = FakeRecord(refused=refuse_name("bad"))
    made = sender(record)
    made.put("r", values(1) + values(2, name="bad"))
    made.put("other", values(3))
    assert made.wait(["r", "other", "unknown"], 20)
    assert record.stored == {"r": [1], "other": [3]}
    with pytest.raises(UserErrorException, match="max_run_metric_names"):
        made.flush("r", 20)
    record.gate.clear()
    made.put("r", values(4))
    assert not made.wait(["r"], 0.02)
    assert made.wait(["other"], 0)
    record.gate.set()


def in_a_child(work: Callable[[], None]) -> int:
    """Exit code of a child made by fork(): 0 when `work` returned."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_forked_child_has_nothing_of_its_parents() -> None:
    record = FakeRecord()
    record.gate.clear()
    made = sender(record)
    made.put("r", values(1))

    def child() -> None:
        record.gate = threading.Event()
        record.gate.set()
        made.flush("r", 0)  # nothing of its own
        made.put("r", values(2))
        made.flush("r", 20)
        assert record.stored["r"] == [2]

    with made._lock:  # held in the child for ever
        assert in_a_child(child) == 0
    record.gate.set()
    made.flush("r", 20)
    assert record.stored["r"] == [1]


def test_what_a_forked_child_logs_is_stored_before_log_returns() -> None:
    """Its parent may kill it at any time, as multiprocessing.Pool does."""
    record = FakeRecord()
    made = sender(record)

    def child() -> None:
        made.put("r", values(1, 2))
        assert record.stored["r"] == [1, 2]

    assert in_a_child(child) == 0


def test_a_forked_child_does_not_wait_long_while_the_server_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metric_sender, "PUT_SECONDS", 0.05)
    monkeypatch.setattr("muster._client.backoff._SHORTEST_SECONDS", 0.05)
    record = FakeRecord(*[AWAY] * 3)
    made = sender(record)

    def child() -> None:
        for number in range(100):
            made.put("r", values(number))
        assert record.stored["r"] == []
        made.flush("r", 20)
        assert record.stored["r"] == list(range(100))

    assert in_a_child(child) == 0


class FakeBeats:
    """UpdateRun with heartbeats; `answers` of a run: statuses and errors, then Running."""

    def __init__(self, **answers: List[Any]) -> None:
        self.answers = answers
        self.seen: List[str] = []
        self.enough = threading.Event()

    def beat(self, request: Any) -> Any:
        assert request.heartbeat
        assert request.request_id
        self.seen.append(request.run_id)
        if len(self.seen) >= 20:
            self.enough.set()
        left = self.answers.get(request.run_id, [])
        answer = left.pop(0) if left else api().JOB_STATUS_RUNNING
        if isinstance(answer, Exception):
            raise answer
        return api().UpdateRunReply(status=answer)


def test_a_run_has_heartbeats_until_it_has_ended() -> None:
    beats = FakeBeats(
        away=[AWAY, ValueError("Cannot invoke RPC on closed channel!"), AWAY],
        elsewhere=[api().JOB_STATUS_COMPLETED],
        refused=[FakeError(CODE.PERMISSION_DENIED, "not yours")],
    )
    made = Heartbeats("w", "h:1", beats.beat, seconds=0.001)
    for run in ("away", "elsewhere", "refused", "running"):
        made.add(run)
    assert beats.enough.wait(20)
    assert beats.seen.count("elsewhere") == beats.seen.count("refused") == 1
    assert beats.seen.count("away") > 2
    thread = made._thread
    made.remove("away")
    made.remove("running")
    assert thread is not None
    thread.join(20)
    assert not thread.is_alive()


def test_heartbeats_begin_when_there_is_a_thread(
    threads: NoThreads, caplog: pytest.LogCaptureFixture
) -> None:
    beats = FakeBeats()
    made = Heartbeats("w", "h:1", beats.beat, seconds=0.001)
    made.add("r")
    assert "the run r has no heartbeats (can't start new thread)" in caplog.text
    threads.are_none = False
    made.add("s")
    assert beats.enough.wait(20)
    assert set(beats.seen) == {"r", "s"}
    made.remove("r")
    made.remove("s")


def test_a_forked_child_sends_no_heartbeats() -> None:
    beats = FakeBeats()
    made = Heartbeats("w", "h:1", beats.beat, seconds=3600)
    made.add("r")

    def child() -> None:
        assert made._runs == set()
        assert made._thread is None

    assert in_a_child(child) == 0
    made.remove("r")
