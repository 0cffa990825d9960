"""Hostile traffic: garbage connections, readers that do not read. Others are served meanwhile."""

from __future__ import annotations

import os
import socket
import time

import grpc

from support.cluster import Cluster
from support.rpc import Client, client_of, stubs
from support.wait import wait_for


def resident_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_garbage_connections_cost_little_and_others_are_served(cluster: Cluster) -> None:
    host, port = cluster.address.rsplit(":", 1)
    source = cluster.project("p", {"main.py": "print(1)"})
    submit = ("job", "submit", "--experiment", "e", "--source-directory", source, "--entry-script", "main.py")
    cluster.muster(*submit)
    assert cluster.server is not None
    before = resident_bytes(cluster.server.pid)
    slowest = 0.0
    for _ in range(10):
        connections = []
        for number in range(1000):
            connection = socket.socket()
            connection.settimeout(5)
            connection.connect((host, int(port)))
            connection.setblocking(False)
            try:
                connection.send(os.urandom(64) if number % 2 else b"GET / HTTP/1.1\r\n\r\n")
            except OSError:
                pass  # already refused
            connections.append(connection)
        started = time.monotonic()
        cluster.muster(*submit)
        slowest = max(slowest, time.monotonic() - started)
        for connection in connections:
            connection.close()
    grown = resident_bytes(cluster.server.pid) - before
    assert grown < 200 << 20, f"grew by {grown >> 20} MiB"
    assert slowest < 1.0, f"a submit took {slowest:.2f} s"


def test_readers_that_do_not_read_hold_no_memory(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = cluster.submit({"main.py": "import sys\nfor _ in range(64): sys.stdout.write('x' * (1 << 20))\n"})
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    files, jobs = stubs()["files"], stubs()["jobs"][0]
    address, ca, token = client_of(cluster.config)
    assert cluster.server is not None
    before = resident_bytes(cluster.server.pid)
    readers = [Client(address, ca, token) for _ in range(50)]
    streams = []
    for reader in readers:
        stub = files[1].RunFileServiceStub(reader.channel)
        stream = stub.ReadRunFile(files[0].ReadRunFileRequest(job_id=job, name="azureml-logs/70_driver_log.txt"),
                                  metadata=reader.metadata)
        next(stream)  # it has begun; now nothing is read any more
        streams.append(stream)
    client = Client(address, ca, token)
    started = time.monotonic()
    client.call("jobs.JobService", "ListJobs", jobs.ListJobsRequest())
    assert time.monotonic() - started < 1.0
    assert resident_bytes(cluster.server.pid) - before < 200 << 20
    for stream in streams:
        stream.cancel()


def test_messages_that_expand_when_they_are_decoded(cluster: Cluster) -> None:
    """Four MiB of empty data references, from several clients at once: two bytes make an object of a hundred."""
    address, ca, token = client_of(cluster.config)
    assert cluster.server is not None
    pid = cluster.server.pid
    spec = b"\x62\x00" * ((4 << 20) // 2 - 64)
    length = len(spec)
    varint = bytearray()
    while length >= 0x80:
        varint.append(length & 0x7F | 0x80)
        length >>= 7
    varint.append(length)
    body = b"\x12\x01r\x1a" + bytes(varint) + spec
    before = resident_bytes(pid)
    highest = before
    clients = [Client(address, ca, token) for _ in range(8)]
    for _ in range(5):
        calls = [client.channel.unary_unary("/muster.v1.JobService/SubmitJob").future(
            body, metadata=client.metadata, timeout=60) for client in clients]
        while not all(call.done() for call in calls):
            highest = max(highest, resident_bytes(pid))
            time.sleep(0.002)
        assert {call.code() for call in calls} <= {grpc.StatusCode.INVALID_ARGUMENT,
                                                   grpc.StatusCode.RESOURCE_EXHAUSTED}
    grown = highest - before
    assert grown < 200 << 20, f"grew by {grown >> 20} MiB"


def test_a_watch_resumes_after_the_server_was_killed(cluster: Cluster) -> None:
    cluster.add_node("n1")
    jobs = stubs()["jobs"]
    first = cluster.submit({"main.py": "print(1)"})
    cluster.wait_end(first)
    client = Client(*client_of(cluster.config))

    def statuses(after: int) -> list[tuple[int, str]]:
        stub = jobs[1].JobServiceStub(client.channel)
        found = []
        try:
            for event in stub.WatchJobs(jobs[0].WatchJobsRequest(job_id=first, after_sequence=after),
                                        metadata=client.metadata, timeout=5):
                found.append((event.sequence, jobs[0].JobStatus.Name(event.status)))
                if found[-1][1] in ("JOB_STATUS_COMPLETED", "JOB_STATUS_FAILED"):
                    break
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        return found

    whole = statuses(0)
    assert whole[0][1] == "JOB_STATUS_QUEUED" and whole[-1][1] == "JOB_STATUS_COMPLETED"
    cluster.kill_server()
    cluster.start_server()
    wait_for(lambda: cluster.run("job", "list").returncode == 0, "the server")
    client = Client(*client_of(cluster.config))
    middle = whole[len(whole) // 2][0]
    assert statuses(middle) == [row for row in whole if row[0] > middle]
