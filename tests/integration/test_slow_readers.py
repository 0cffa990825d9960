"""Readers that stop reading are cut off with a reason, and find everything when they resume."""

from __future__ import annotations

import concurrent.futures
import time
from typing import Any

import grpc

from support.cluster import Cluster
from support.rpc import Client, client_of, stubs
from support.wait import wait_for
from test_bad_input import details_of

# Cut off after STALL_S and at most 2 s, the server's interval of looking; after twice the time the
# connection ends without a word, since not even that would get through.
STALL_S = 6
# Nothing is read ahead but what one flow-control window holds.
SMALL_WINDOW = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65535)]
LONG_NAME = "e" * 200  # is part of every event


def submit_waiting_jobs(cluster: Cluster, count: int) -> None:
    """Jobs that no node will run: one event each."""
    if not any(pool["name"] == "empty" for pool in cluster.json("pool", "list")["pools"]):
        cluster.muster("pool", "create", "empty", "--slots-per-node", 1, "--max-nodes", 1)
    source = cluster.project("p", {"main.py": "print(1)"})
    first = cluster.json("job", "submit", "--experiment", "e", "--pool", "empty", "--source-directory", source,
                         "--entry-script", "main.py")["job_id"]
    digest = cluster.job(first)["resolved_spec"]["snapshot_digest"]
    jobs, common = stubs()["jobs"][0], stubs()["common"][0]
    client = Client(*client_of(cluster.config))
    spec = common.JobSpec(experiment=LONG_NAME, script="main.py", snapshot_digest=digest, pool="empty")

    def submit(number: int) -> None:
        request = jobs.SubmitJobRequest(request_id=f"{first}-{number}", spec=spec)
        client.call("jobs.JobService", "SubmitJob", request, timeout=30)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(submit, range(count)))


def watch(client: Client, after: int) -> Any:
    jobs = stubs()["jobs"]
    return jobs[1].JobServiceStub(client.channel).WatchJobs(
        jobs[0].WatchJobsRequest(after_sequence=after), metadata=client.metadata)


def read_log(client: Client, job: str, offset: int) -> Any:
    files = stubs()["files"]
    return files[1].RunFileServiceStub(client.channel).ReadRunFile(
        files[0].ReadRunFileRequest(job_id=job, name="azureml-logs/70_driver_log.txt", offset=offset),
        metadata=client.metadata)


def drain(stream: Any) -> tuple[list[Any], grpc.RpcError]:
    """What was on its way, and the error that the stream ended with."""
    messages = []
    try:
        for message in stream:
            messages.append(message)
    except grpc.RpcError as error:
        return messages, error
    raise AssertionError(f"the stream ended well after {len(messages)} messages")


def cut_off(cluster: Cluster) -> int:
    """Readers so far, by the server's log."""
    return cluster.server_log().count("event=slow_reader_cut_off")


def assert_slow_reader(error: grpc.RpcError) -> None:
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, error
    assert "too slow; resume" in error.details()
    assert details_of(error).reason == "SLOW_READER"


def test_silent_readers_of_logs_and_watches_are_cut_off_and_can_resume(cluster: Cluster) -> None:
    cluster.stop_server()
    cluster.start_server(stall_timeout_ms=STALL_S * 1000)
    cluster.add_node("n1")
    size = 8 << 20
    job = cluster.submit({"main.py": f"import sys\nsys.stdout.write('x' * {size})\n"})
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    submit_waiting_jobs(cluster, 1500)
    client = Client(*client_of(cluster.config), options=SMALL_WINDOW)
    log, events = read_log(client, job, 0), watch(client, 1)
    first_chunk, first_event = next(log), next(events)
    # Nothing is read until both are cut off.
    wait_for(lambda: cut_off(cluster) == 2, "the server to cut both readers off", STALL_S + 10)

    chunks, error = drain(log)
    assert_slow_reader(error)
    end = [first_chunk, *chunks][-1]
    offset = end.offset + len(end.data)
    assert 0 < offset < size
    rest = b"".join(chunk.data for chunk in read_log(client, job, offset))
    assert rest.endswith(b"x") and offset + len(rest) >= size

    seen, error = drain(events)
    assert_slow_reader(error)
    sequences = [event.sequence for event in [first_event, *seen]]
    resumed = watch(client, sequences[-1])
    while len(sequences) < 1500:
        sequences.append(next(resumed).sequence)
    resumed.cancel()
    again = watch(client, 1)
    assert [next(again).sequence for _ in sequences] == sequences, "events were lost or came twice"
    again.cancel()


def test_a_live_watch_that_falls_too_far_behind_is_cut_off_before_the_stall_limit(cluster: Cluster) -> None:
    cluster.stop_server()
    cluster.start_server(max_watch_lag=200)  # the stall limit is its default, a minute
    client = Client(*client_of(cluster.config), options=SMALL_WINDOW)
    submit_waiting_jobs(cluster, 1)
    live = watch(client, 0)
    submit_waiting_jobs(cluster, 1)
    first = next(live)
    started = time.monotonic()
    # Fills the window, and then the lag: the events so far fit into one page of the server.
    submit_waiting_jobs(cluster, 1500)
    wait_for(lambda: cut_off(cluster) == 1, "the server to cut the reader off", 30)
    seen, error = drain(live)
    assert_slow_reader(error)
    assert time.monotonic() - started < 50
    last = [first, *seen][-1].sequence
    resumed = watch(client, last)
    assert next(resumed).sequence > last
    resumed.cancel()
