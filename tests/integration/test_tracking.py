"""The run record with a real server: what was acknowledged stays, and counts once."""

from __future__ import annotations

import math
import random
import sqlite3
import stat
import threading
from typing import Any

import grpc
import pytest

from support.cluster import Cluster
from support.rpc import Client, client_of, stubs
from support.wait import wait_for

SERVICE = "tracking.TrackingService"
AGAIN = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED,
         grpc.StatusCode.RESOURCE_EXHAUSTED}


def messages() -> Any:
    return stubs()["tracking"][0]


def call(client: Client, method: str, **fields: Any) -> Any:
    """The reply of e.g. GetRun; the server may be away for a while."""
    request = getattr(messages(), f"{method}Request")(**fields)
    while True:
        try:
            return client.call(SERVICE, method, request, timeout=10, wait_for_ready=True)
        except grpc.RpcError as error:
            if error.code() not in AGAIN:
                raise


def create(client: Client, run_id: str, **fields: Any) -> None:
    run = {"id": run_id, **({} if "parent_id" in fields else {"experiment": "digits"}), **fields}
    call(client, "CreateRuns", request_id=f"create {run_id}", runs=[run])


def scalar(name: str, number: float) -> Any:
    return messages().MetricValue(name=name, kind=messages().METRIC_KIND_SCALAR, number=number)


def read(client: Client, run_id: str, **fields: Any) -> list[Any]:
    """All values, page by page."""
    values: list[Any] = []
    token = ""
    while True:
        page = call(client, "ReadMetrics", run_id=run_id, page_token=token, **fields)
        values += page.values
        token = page.next_page_token
        if not token:
            return values


class Appender(threading.Thread):
    """Appends values 0, 1, 2... of one writer; sends a batch again until it is acknowledged."""

    def __init__(self, connection: tuple, run_id: str, writer: str) -> None:
        super().__init__(daemon=True)
        self.client = Client(*connection)
        self.run_id, self.writer = run_id, writer
        self.acknowledged = 0
        self.ending = threading.Event()
        self.failure = ""

    def run(self) -> None:
        randomness = random.Random(self.writer)
        try:
            while not self.ending.is_set():
                count = randomness.randint(1, 200)
                reply = call(self.client, "AppendMetrics", run_id=self.run_id, writer=self.writer,
                             first=self.acknowledged,
                             values=[scalar(self.writer, self.acknowledged + i) for i in range(count)])
                if reply.next != self.acknowledged + count:
                    raise AssertionError(f"sent {self.acknowledged} + {count}, acknowledged {reply.next}")
                self.acknowledged = reply.next
        except (grpc.RpcError, AssertionError) as error:
            self.failure = str(error)


def test_a_kill_while_metrics_are_appended_loses_and_doubles_nothing(cluster: Cluster) -> None:
    connection = client_of(cluster.config)
    client = Client(*connection)
    create(client, "r1")
    appenders = [Appender(connection, "r1", f"writer-{n}") for n in range(4)]
    for appender in appenders:
        appender.start()
    for _ in range(8):
        before = [a.acknowledged for a in appenders]
        wait_for(lambda: all(a.acknowledged > b or a.failure for a, b in zip(appenders, before)),
                 "every writer to get on")
        cluster.kill_server()
        # What was acknowledged at the moment of the kill is on the disk.
        acknowledged = [a.acknowledged for a in appenders]
        cluster.start_server()
        for appender, number in zip(appenders, acknowledged):
            assert len(read(client, "r1", name=appender.writer)) >= number
    for appender in appenders:
        appender.ending.set()
    for appender in appenders:
        appender.join(30)
        assert not appender.is_alive() and appender.failure == ""
        values = [value.number for value in read(client, "r1", name=appender.writer)]
        assert values == list(range(appender.acknowledged))
    run = call(client, "GetRun", run_id="r1").run
    assert run.metric_values == sum(a.acknowledged for a in appenders)


def test_the_record_of_a_job_outlives_a_kill(cluster: Cluster) -> None:
    cluster.add_node("n1")
    client = Client(*client_of(cluster.config))
    job = cluster.submit({"main.py": "print(1)"})
    cluster.wait_end(job)
    create(client, "child", parent_id=job)
    tags = [{"key": "stage", "value": "done"}, {"key": "bare"}]
    call(client, "UpdateRun", run_id=job, request_id="u1", set_tags=tags,
         add_properties={"commit": "abc"}, display_name="the first")
    call(client, "AppendMetrics", run_id=job, writer="w", values=[scalar("loss", math.nan), scalar("loss", math.inf)])
    before = call(client, "GetRun", run_id=job).run
    cluster.kill_server()
    cluster.start_server()
    after = call(client, "GetRun", run_id=job).run
    assert after == before
    assert after.kind == messages().RUN_KIND_JOB and after.job.pool == "default"
    assert [(tag.key, tag.value, tag.HasField("value")) for tag in after.tags] == \
        [("bare", "", False), ("stage", "done", True)]
    nan, infinity = read(client, job)
    assert math.isnan(nan.number) and infinity.number == math.inf
    listed = call(client, "ListRuns", include_children=True).runs
    assert [run.id for run in listed] == ["child", job]
    with pytest.raises(grpc.RpcError) as caught:
        call(client, "UpdateRun", run_id=job, request_id="u2", add_properties={"commit": "def"})
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_a_submit_does_not_wait_behind_a_stuck_record(cluster: Cluster) -> None:
    connection = client_of(cluster.config)
    client = Client(*connection)
    create(client, "r1")
    # Another program holds the write lock of the run record: nothing of it becomes durable.
    with sqlite3.connect(cluster.state / "tracking.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        request = messages().AppendMetricsRequest(run_id="r1", writer="w", values=[scalar("loss", 1)])
        stub = stubs()["tracking"][1].TrackingServiceStub(client.channel)
        waiting = stub.AppendMetrics.future(request, metadata=client.metadata, timeout=20)
        job = cluster.submit({"main.py": "print(1)"})
        assert cluster.job(job)["status"] == "JOB_STATUS_QUEUED"
        assert not waiting.done()
        other.execute("ROLLBACK")
        assert waiting.result(timeout=20).next == 1


def test_limits_are_settings_and_errors_name_them(cluster: Cluster) -> None:
    cluster.kill_server()
    cluster.start_server(max_run_metric_names=2)
    client = Client(*client_of(cluster.config))
    create(client, "r1")
    with pytest.raises(grpc.RpcError) as caught:
        call(client, "AppendMetrics", run_id="r1", writer="w", values=[scalar(f"m{n}", n) for n in range(3)])
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert "max_run_metric_names" in (caught.value.details() or "")
    assert read(client, "r1") == []
    mode = (cluster.state / "tracking.db").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
