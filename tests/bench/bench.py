"""Measures Muster against its targets; docs/benchmarks.md explains each figure.

usage: bench.py [NAME...] [--json FILE] [--list]
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
import uuid

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

from figures import Figure, percentile, print_table  # noqa: E402
from harness import BENCHMARKS, Bench, benchmark, resident_kib  # noqa: E402
from support.cluster import Cluster  # noqa: E402
from support.rpc import Client, client_of, stubs  # noqa: E402
from support.wait import wait_for  # noqa: E402

def fdatasync_4k_us(directory: pathlib.Path, rounds: int = 300) -> list[float]:
    """Microseconds of appending 4 KiB and fdatasync, where the state lies."""
    taken = []
    with open(directory / "fdatasync.probe", "wb", buffering=0) as file:
        for _ in range(rounds):
            started = time.perf_counter()
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - started) * 1e6)
    os.unlink(directory / "fdatasync.probe")
    return taken


@benchmark
def durable_submit(bench: Bench) -> list[Figure]:
    cluster = bench.cluster()
    try:
        cluster.muster("datastore", "register", "bench", "--path", "/tmp")
        digest = bench.snapshot(cluster, cluster.project("p", {"main.py": "print(1)"}), "main.py")
        cluster.muster("pool", "create", "full", "--slots-per-node", 1, "--max-nodes", 1)
        medians, rates, probes = [], [], []
        for _ in range(5):
            probes.append(statistics.median(fdatasync_4k_us(cluster.state)))
            one = bench.submit_load(cluster, digest, "--pool", "full", "--in-flight", 1, "--count", 1000)
            medians.append(one["p50_us"] / 1000)
            many = bench.submit_load(cluster, digest, "--pool", "full", "--in-flight", 64, "--count", 20000)
            rates.append(many["per_second"])
        probe = statistics.median(probes) / 1000
        return [Figure.of("fdatasync_4k", [p / 1000 for p in probes], "ms"),
                Figure.of("submit_latency_p50", medians, "ms", f"<= {probe + 0.45:.2f}"),
                Figure.of("submit_rate_64", rates, "1/s", ">= 8000")]
    finally:
        cluster.close()


def stamps(folder: pathlib.Path, name: str, ranks: int) -> list[int] | None:
    files = [folder / f"{name}.{rank}" for rank in range(ranks)]
    if not all(f.exists() and f.read_text().endswith("\n") for f in files):
        return None
    return [int(f.read_text()) for f in files]


def timed_starts(cluster: Cluster, digest: str, script: str, ranks: int, rounds: int, **spec: object) -> list[float]:
    """Milliseconds from just before SubmitJob to the last rank's stamp, one job after the other."""
    jobs, common = stubs()["jobs"][0], stubs()["common"][0]
    client = Client(*client_of(cluster.config))
    folder = cluster.directory / "stamps"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    taken = []
    for _ in range(rounds):
        name = f"{script}-{uuid.uuid4().hex[:8]}"
        request = jobs.SubmitJobRequest(request_id=name, spec=common.JobSpec(
            experiment="start", script=script, snapshot_digest=digest, arguments=[f"{folder}/{name}"], **spec))
        started = time.time_ns() // 1000
        job = client.call("jobs.JobService", "SubmitJob", request).job_id
        ended = wait_for(lambda: stamps(folder, name, ranks), f"job {job} to start all ranks", 30)
        taken.append((max(ended) - started) / 1000)
        cluster.wait_end(job)
        wait_for(lambda: all(n["state"] == "NODE_STATE_IDLE" for n in cluster.json("node", "list")["nodes"]),
                 "the nodes to be idle again")
    return taken


@benchmark
def start_latency(bench: Bench) -> list[Figure]:
    cluster = bench.cluster(nodes=1)
    try:
        folder = cluster.directory / "projects" / "stamp"
        bench.compile("stamp", "cc", folder)
        digest = bench.snapshot(cluster, folder, "stamp")
        taken = timed_starts(cluster, digest, "stamp", 1, 60)[10:]
        return [Figure.of("start_latency_p50", taken, "ms", "<= 15"),
                Figure.single("start_latency_p95", percentile(taken, 0.95), taken, "ms", "<= 40")]
    finally:
        cluster.close()


@benchmark
def gang_start(bench: Bench) -> list[Figure]:
    cluster = bench.cluster(nodes=4)
    try:
        folder = cluster.directory / "projects" / "stamp"
        bench.compile("stamp", "cc", folder)
        digest = bench.snapshot(cluster, folder, "stamp")
        gloo = stubs()["common"][0].COMMUNICATOR_GLOO
        taken = timed_starts(cluster, digest, "stamp", 8, 35, node_count=4, process_count_per_node=2,
                             communicator=gloo)[5:]
        return [Figure.of("gang_start_p50", taken, "ms", "<= 60"),
                Figure.single("gang_start_p95", percentile(taken, 0.95), taken, "ms")]
    finally:
        cluster.close()


@benchmark
def mpi_start(bench: Bench) -> list[Figure]:
    cluster = bench.cluster(nodes=4)
    try:
        folder = cluster.directory / "projects" / "mpi"
        program = bench.compile("init_stamp", "mpicc", folder)
        agent = bench.compile("launch_agent", "cc", cluster.directory / "launcher")
        digest = bench.snapshot(cluster, folder, "init_stamp")
        mpi = stubs()["common"][0].COMMUNICATOR_MPI
        ours, plain = [], []
        timed_starts(cluster, digest, "init_stamp", 8, 2, node_count=4, process_count_per_node=2, communicator=mpi)
        folder_of_stamps = cluster.directory / "stamps"
        for number in range(12):
            for file in folder_of_stamps.iterdir():
                file.unlink()
            name = f"plain-{number}"
            started = time.time_ns() // 1000
            subprocess.run(
                [agent, "b0", "--", "mpirun", *(["--allow-run-as-root"] if os.geteuid() == 0 else []),
                 "--mca", "plm_rsh_agent", agent, "--mca", "plm_rsh_no_tree_spawn", "1",
                 "--leave-session-attached", "--mca", "pml", "ob1", "--mca", "btl", "self,vader,tcp",
                 "--mca", "oob_tcp_if_include", "lo", "--mca", "btl_tcp_if_include", "lo", "--bind-to", "none",
                 "--mca", "btl_vader_single_copy_mechanism", "none", "--mca", "if_base_do_not_resolve", "1",
                 "-host", "b0:2,b1:2,b2:2,b3:2", "-n", "8", program, folder_of_stamps / name],
                check=True, capture_output=True, timeout=60)
            plain.append((max(stamps(folder_of_stamps, name, 8) or [0]) - started) / 1000)
            ours += timed_starts(cluster, digest, "init_stamp", 8, 1, node_count=4, process_count_per_node=2,
                                 communicator=mpi)
        target = statistics.median(plain) + 80
        return [Figure.of("mpirun_start_p50", plain, "ms"),
                Figure.of("mpi_start_p50", ours, "ms", f"<= {target:.0f}")]
    finally:
        cluster.close()


@benchmark
def short_jobs(bench: Bench) -> list[Figure]:
    rates = []
    for _ in range(3):
        cluster = bench.cluster()
        try:
            folder = cluster.project("true", {"run": "#!/bin/true\n"})
            digest = bench.snapshot(cluster, folder, "run")
            cluster.muster("pool", "create", "many", "--slots-per-node", 16, "--max-nodes", 4, "--sharing", "slots")
            token = cluster.directory / "many.token"
            token.write_text(cluster.json("node", "token", "create", "--pool", "many")["token"])
            token.chmod(0o600)
            for number in range(4):
                cluster.add_node(f"b{number}", slots=16, join_token=token)
            bench.submit_load(cluster, digest, "--pool", "many", "--script", "run", "--small", "--in-flight", 64,
                              "--count", 1000, "--experiment", "short")
            client = Client(*client_of(cluster.config))
            jobs = stubs()["jobs"][0]

            def all_ended() -> list | None:
                page = client.call("jobs.JobService", "ListJobs",
                                   jobs.ListJobsRequest(page_size=1000, experiment="short"), timeout=30).jobs
                return list(page) if all(j.status == jobs.JOB_STATUS_COMPLETED for j in page) else None

            # Seldom: the figure comes from the server's times, and listing takes time from the jobs.
            page = wait_for(all_ended, "1,000 jobs to complete", 120, pause=0.5)
            assert len(page) == 1000
            seconds = (max(j.ended_us for j in page) - min(j.submitted_us for j in page)) / 1e6
            rates.append(1000 / seconds)
        finally:
            cluster.close()
    return [Figure.of("short_jobs_rate", rates, "1/s", ">= 300")]


def fill(bench: Bench, cluster: Cluster, digest: str, count: int) -> None:
    bench.submit_load(cluster, digest, "--pool", "full", "--in-flight", 128, "--count", count)


@benchmark
def large_queue(bench: Bench) -> list[Figure]:
    cluster = bench.cluster()
    figures = []
    try:
        cluster.muster("datastore", "register", "bench", "--path", "/tmp")
        digest = bench.snapshot(cluster, cluster.project("p", {"main.py": "print(1)"}), "main.py")
        cluster.muster("pool", "create", "full", "--slots-per-node", 1, "--max-nodes", 1)
        assert cluster.server is not None
        fill(bench, cluster, digest, 1000)  # warm, so that what is measured is per job
        before = resident_kib(cluster.server.pid)
        fill(bench, cluster, digest, 9000)
        figures += boot(cluster, digest, "10k", "<= 0.3")
        fill(bench, cluster, digest, 90000)
        figures += boot(cluster, digest, "100k", "<= 1.5")
        after_boot = resident_kib(cluster.server.pid)
        figures.append(Figure.of("memory_per_queued_job", [(after_boot - before) / 99000], "KiB", "<= 3"))
        client = Client(*client_of(cluster.config))
        jobs = stubs()["jobs"][0]
        taken = []
        for _ in range(300):
            started = time.perf_counter()
            page = client.call("jobs.JobService", "ListJobs", jobs.ListJobsRequest(page_size=100))
            taken.append((time.perf_counter() - started) * 1000)
            assert len(page.jobs) == 100
        figures.append(Figure.single("list_first_page_p95", percentile(taken, 0.95), taken, "ms", "<= 20"))
        return figures
    finally:
        cluster.close()


def boot(cluster: Cluster, digest: str, suffix: str, target: str) -> list[Figure]:
    """exec after kill -9 to the first correct GetJob and the first acknowledged submit; the worse is the figure."""
    jobs, common = stubs()["jobs"][0], stubs()["common"][0]
    address, ca, token = client_of(cluster.config)
    known = cluster.json("job", "list", "--limit", 1)["jobs"][0]["id"]
    shows, submits = [], []
    for number in range(5):
        cluster.kill_server()
        started = time.perf_counter()
        log = open(cluster.directory / "musterd.log", "ab")
        cluster.server = subprocess.Popen(
            [cluster.bin / "musterd", "--config", cluster.directory / "musterd.toml", "--state-dir", cluster.state,
             "--listen", cluster.address], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        client = Client(address, ca, token)
        shown = submitted = 0.0
        while not submitted:
            try:
                if not shown:
                    answer = client.call("jobs.JobService", "GetJob", jobs.GetJobRequest(job_id=known), timeout=5,
                                         wait_for_ready=True)
                    assert answer.job.status == jobs.JOB_STATUS_QUEUED
                    shown = time.perf_counter() - started
                client.call("jobs.JobService", "SubmitJob", jobs.SubmitJobRequest(
                    request_id=f"boot-{suffix}-{number}",
                    spec=common.JobSpec(experiment="boot", pool="full", script="main.py", snapshot_digest=digest)),
                    timeout=5)
                submitted = time.perf_counter() - started
            except Exception as error:  # the server is not up yet
                if time.perf_counter() - started > 60:
                    raise
                if getattr(error, "code", lambda: None)() is None:
                    raise
        client.close()
        shows.append(shown)
        submits.append(submitted)
    return [Figure.of(f"boot_to_show_{suffix}", shows, "s", target),
            Figure.of(f"boot_to_submit_{suffix}", submits, "s", target)]


import record_bench  # noqa: E402, F401  # its benchmarks come after those above


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures Muster against its targets.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run (default: all)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--list", action="store_true", help="name the benchmarks and stop")
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.list:
        print("\n".join(BENCHMARKS))
        return 0
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark named {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}")
    bench = Bench(options.build)
    figures: list[Figure] = []
    for name in options.names or BENCHMARKS:
        print(f"-- {name}", file=sys.stderr, flush=True)
        figures += BENCHMARKS[name](bench)
        if options.json:
            options.json.write_text(json.dumps([f.as_json() for f in figures], indent=1) + "\n")
    print_table(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
