"""kill -9 of the server at random moments: no acknowledged job lost, none twice, no id reused."""

from __future__ import annotations

import multiprocessing
import random
import time

import grpc
import pytest

from support.cluster import Cluster
from support.rpc import Client, client_of, stubs

CLIENTS = 8


def submit_many(connection: tuple, digest: str, client_number: int, count: int, results) -> None:
    """Submits `count` jobs, each with a key of its own, retrying with the key until it is acknowledged."""
    jobs, common = stubs()["jobs"][0], stubs()["common"][0]
    client = Client(*connection)
    answers = {}
    for number in range(count):
        key = f"client-{client_number}-{number}"
        request = jobs.SubmitJobRequest(request_id=key, spec=common.JobSpec(
            experiment="storm", script="main.py", snapshot_digest=digest))
        while True:
            try:
                answers[key] = client.call("jobs.JobService", "SubmitJob", request, timeout=5,
                                           wait_for_ready=True).job_id
                break
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED,
                                        grpc.StatusCode.CANCELLED):
                    results.put((client_number, f"{error.code()}: {error.details()}"))
                    return
    results.put((client_number, answers))


def storm(cluster: Cluster, submits: int, kills: int, seed: int) -> None:
    cluster.muster("pool", "create", "empty", "--slots-per-node", 1, "--max-nodes", 1)
    source = cluster.project("p", {"main.py": "print(1)"})
    first = cluster.json("job", "submit", "--experiment", "storm", "--source-directory", source,
                         "--entry-script", "main.py")["job_id"]
    digest = cluster.job(first)["resolved_spec"]["snapshot_digest"]
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    connection = client_of(cluster.config)
    clients = [context.Process(target=submit_many, args=(connection, digest, n, submits // CLIENTS, results))
               for n in range(CLIENTS)]
    for process in clients:
        process.start()
    randomness = random.Random(seed)
    killed = 0
    while killed < kills and any(p.is_alive() for p in clients):
        time.sleep(randomness.uniform(0.05, 0.6))  # the random moment
        cluster.kill_server()
        killed += 1
        cluster.start_server()
    answers: dict[str, str] = {}
    for _ in clients:
        number, answer = results.get(timeout=300)
        assert isinstance(answer, dict), f"client {number}: {answer}"
        answers.update(answer)
    for process in clients:
        process.join(10)
    assert killed == kills, f"only {killed} kills while clients ran: raise the number of submits"

    assert len(answers) == submits
    assert len(set(answers.values())) == submits, "two keys share one job id"
    stored: list[str] = []
    token = ""
    client = Client(*connection)
    jobs = stubs()["jobs"][0]
    while True:
        page = client.call("jobs.JobService", "ListJobs",
                           jobs.ListJobsRequest(page_size=1000, page_token=token), timeout=30)
        stored += [job.id for job in page.jobs]
        token = page.next_page_token
        if not token:
            break
    assert len(stored) == len(set(stored))
    assert set(stored) - {first} == set(answers.values())


def test_no_acknowledged_job_is_lost_at_a_kill(cluster: Cluster) -> None:
    storm(cluster, submits=10_000, kills=20, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 7))
def test_many_storms(cluster: Cluster, seed: int) -> None:
    storm(cluster, submits=20_000, kills=40, seed=seed)
