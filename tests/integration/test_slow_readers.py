"""Readers of logs that take nothing: cut off with a reason, and they resume after what they have read."""

from __future__ import annotations

import time
from typing import Any, Callable

import grpc

from support.cluster import Cluster
from support.rpc import Client, client_of, stubs

STALL_SECONDS = 8.0
# Between the limit and twice the limit, when not even the reason is kept for the reader any more.
PAUSE_SECONDS = 11.0
LOG_BYTES = 64 << 20


def with_a_short_limit(cluster: Cluster) -> None:
    cluster.stop_server()
    cluster.start_server(stall_timeout_ms=int(STALL_SECONDS * 1000))


def cut_off(stream: Any, take: Callable[[Any], None]) -> None:
    """Reads once, pauses, and reads on until the server's word that the reader is too slow."""
    take(next(stream))
    time.sleep(PAUSE_SECONDS)  # the pause is what is tested
    try:
        for message in stream:
            take(message)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, error
        assert "too slow" in error.details() and "resume" in error.details()
        return
    raise AssertionError("the slow reader was not cut off")


def test_a_slow_reader_of_a_log_is_cut_off_and_resumes(cluster: Cluster) -> None:
    with_a_short_limit(cluster)
    cluster.add_node("n1")
    job = cluster.submit({"main.py": f"import sys\nfor n in range({LOG_BYTES >> 20}):"
                                     " sys.stdout.write(chr(97 + n % 26) * (1 << 20))\n"})
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    files = stubs()["files"]
    client = Client(*client_of(cluster.config))
    stub = files[1].RunFileServiceStub(client.channel)

    def read(offset: int) -> Any:
        return stub.ReadRunFile(files[0].ReadRunFileRequest(
            job_id=job, name="azureml-logs/70_driver_log.txt", offset=offset), metadata=client.metadata)

    got = bytearray()
    cut_off(read(0), lambda chunk: got.extend(chunk.data))
    assert len(got) < LOG_BYTES
    for chunk in read(len(got)):
        got.extend(chunk.data)
    # After the wrapper's own lines.
    assert bytes(got[-LOG_BYTES:]) == b"".join(bytes([97 + n % 26]) * (1 << 20) for n in range(LOG_BYTES >> 20))
