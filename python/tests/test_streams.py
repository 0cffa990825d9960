"""Following a run over streams that break, overlap and begin anew; the server is written down."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Union

import grpc
import pytest

from muster._client import log_stream
from muster._client.connection import Connection
from muster._client.jobs import JobClient
from muster._client.log_stream import LogStream
from muster._client.run_files import RunFiles
from muster._proto import api
from muster.exceptions import AuthenticationException, UserErrorException

CODE = grpc.StatusCode
Step = Union[Any, "Break"]


class Break(grpc.RpcError):  # type: ignore[misc]
    """Ends a stream with a status."""

    def __init__(self, code: grpc.StatusCode, reason: str = "") -> None:
        super().__init__()
        self._code = code
        self._detail = api().ErrorDetail(reason=reason).SerializeToString()

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        name: str = self._code.name
        return name

    def trailing_metadata(self) -> Any:
        return [("grpc-status-details-bin", self._detail)]


class Stream:
    """What one call sends, then its end; counts its cancels."""

    def __init__(self, steps: List[Step]) -> None:
        self.steps = steps
        self.cancelled = False

    def __iter__(self) -> Iterator[Any]:
        for step in self.steps:
            if isinstance(step, Break):
                raise step
            yield step

    def cancel(self) -> None:
        self.cancelled = True


class WrittenServer(Connection):
    """Streams and jobs in the order that they are asked for; the last job stays."""

    def __init__(self, streams: List[List[Step]], jobs: List[Any]) -> None:
        self.streams = streams
        self.jobs = jobs
        self.asked: List[Dict[str, Any]] = []
        self.breaks = 0
        self.reconnects = 0

    @property
    def workspace(self) -> str:
        return "w"

    def open_stream(self, method: str, **fields: Any) -> Any:
        self.asked.append(fields)
        return Stream(self.streams.pop(0))

    def call(self, method: str, *, patience: float = 0, **fields: Any) -> Any:
        job = self.jobs.pop(0) if len(self.jobs) > 1 else self.jobs[0]
        return api().GetJobReply(job=job)

    def wait_after_break(self, error: Any, backoff: Any) -> None:
        from muster._client.errors import exception_of, is_break

        if not is_break(error):
            raise exception_of(error, "h:1")
        self.breaks += 1

    def wait_after_end(self, backoff: Any) -> None:
        self.breaks += 1

    def reconnect(self) -> None:
        self.reconnects += 1


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_stream, "_LOOK_SECONDS", 0.0)


def chunk(offset: int, data: str, attempt: int = 1) -> Any:
    return api().RunFileChunk(offset=offset, data=data.encode(), attempt=attempt)


def job(status: str, *attempts: int) -> Any:
    made = api().Job(id="e_1", attempts=[{"number": number} for number in attempts])
    made.status = getattr(api(), f"JOB_STATUS_{status}")
    return made


def followed(server: WrittenServer) -> str:
    return b"".join(LogStream(server, "e_1", "log").chunks()).decode()


def test_each_byte_comes_once_over_a_break() -> None:
    server = WrittenServer(
        [[chunk(0, "one "), Break(CODE.UNAVAILABLE)], [chunk(2, "e two "), chunk(8, "three")]],
        [job("RUNNING", 1), job("COMPLETED", 1)],
    )
    assert followed(server) == "one two three"
    assert [ask["offset"] for ask in server.asked] == [0, 4]
    assert server.breaks == 1


def test_a_new_attempt_begins_at_its_beginning() -> None:
    server = WrittenServer(
        [[chunk(0, "first"), chunk(0, "second", attempt=2)]], [job("COMPLETED", 1, 2)]
    )
    assert followed(server) == "firstsecond"


def test_the_rest_of_an_attempt_comes_before_the_next_one() -> None:
    """The server restarted, and meanwhile the job did."""
    server = WrittenServer(
        [
            [chunk(0, "fir"), Break(CODE.UNAVAILABLE)],
            [chunk(3, "st ")],
            [chunk(0, "second", attempt=2)],
        ],
        [job("RUNNING", 1, 2), job("RUNNING", 1, 2), job("COMPLETED", 1, 2)],
    )
    assert followed(server) == "first second"
    assert [(ask["attempt"], ask["offset"]) for ask in server.asked] == [(0, 0), (1, 3), (2, 0)]


def test_a_silent_stream_is_opened_on_a_new_connection() -> None:
    server = WrittenServer(
        [[Break(CODE.DEADLINE_EXCEEDED)], [chunk(0, "x"), Break(CODE.DEADLINE_EXCEEDED)], []],
        [job("RUNNING", 1), job("COMPLETED", 1)],
    )
    assert followed(server) == "x"
    assert server.reconnects == 1  # the second one was not silent


def test_a_log_that_never_was_is_empty() -> None:
    server = WrittenServer([[Break(CODE.NOT_FOUND, "UNKNOWN_RUN_FILE")]], [job("CANCELED")])
    assert followed(server) == ""


def test_a_stream_that_ends_too_early_is_looked_at_again() -> None:
    server = WrittenServer(
        [[chunk(0, "a")], [chunk(1, "b")]], [job("FINALIZING", 1), job("COMPLETED", 1)]
    )
    assert followed(server) == "ab"


def test_what_the_server_refuses_is_raised() -> None:
    server = WrittenServer([[chunk(0, "a"), Break(CODE.UNAUTHENTICATED)]], [job("RUNNING", 1)])
    with pytest.raises(AuthenticationException):
        followed(server)


def event(sequence: int, status: str) -> Any:
    return api().JobEvent(sequence=sequence, status=getattr(api(), f"JOB_STATUS_{status}"))


def test_events_go_on_after_the_last_one_seen() -> None:
    server = WrittenServer(
        [
            [event(3, "QUEUED"), event(5, "RUNNING"), Break(CODE.UNAVAILABLE)],
            [Break(CODE.DEADLINE_EXCEEDED)],
            [event(9, "COMPLETED"), event(10, "FAILED")],
        ],
        [job("COMPLETED")],
    )
    events = list(JobClient(server).events("e_1"))
    assert [found.sequence for found in events] == [3, 5, 9]
    assert [ask["after_sequence"] for ask in server.asked] == [0, 5, 5]
    assert (server.breaks, server.reconnects) == (1, 1)


def test_events_that_end_too_early_are_waited_for() -> None:
    server = WrittenServer([[event(3, "QUEUED")], [event(9, "CANCELED")]], [job("CANCELED")])
    assert len(list(JobClient(server).events("e_1"))) == 2
    assert server.breaks == 1


def test_events_of_no_job_are_an_error() -> None:
    server = WrittenServer([[Break(CODE.NOT_FOUND, "UNKNOWN_JOB")]], [job("QUEUED")])
    with pytest.raises(UserErrorException):
        list(JobClient(server).events("e_1"))


def test_a_file_is_read_on_where_the_connection_broke() -> None:
    server = WrittenServer(
        [[chunk(0, "ab", attempt=2), Break(CODE.UNAVAILABLE)], [chunk(2, "cd", attempt=2)]],
        [job("RUNNING", 2)],
    )
    assert b"".join(RunFiles(server, "e_1").read("log")) == b"abcd"
    assert [(ask["offset"], ask["attempt"]) for ask in server.asked] == [(0, 0), (2, 2)]
    assert not any(ask["follow"] for ask in server.asked)
