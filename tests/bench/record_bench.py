"""Benchmarks of the Python SDK, the client in jobs, the run record and the logs."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time
import warnings
from typing import Any, Callable, Iterator

from figures import Figure, percentile
from harness import ROOT, Bench, benchmark, resident_kib
from support.cluster import Cluster
from support.rpc import Client, client_of, stubs
from support.wait import wait_for

sys.path[:0] = [str(ROOT / "python" / "src"), str(ROOT / "python")]


@contextlib.contextmanager
def workspace_of(cluster: Cluster) -> Iterator[Any]:
    """The SDK's workspace of a cluster."""
    import build_api
    build_api.build_if_old()
    from muster.core import Workspace
    os.environ["MUSTER_CONFIG"] = str(cluster.config)
    yield Workspace.from_config()


def import_ms(module: str, path: pathlib.Path) -> list[float]:
    """Milliseconds of the import in new interpreters, the first two left out."""
    code = (f"import time; t = time.perf_counter(); import {module}; "
            "print((time.perf_counter() - t) * 1000)")
    environment = {**os.environ, "PYTHONPATH": str(path)}
    return [float(subprocess.run([sys.executable, "-c", code], env=environment, text=True, capture_output=True,
                                 check=True).stdout) for _ in range(22)][2:]


@benchmark
def imports(bench: Bench) -> list[Figure]:
    return [Figure.of("import_sdk", import_ms("muster.train.dnn", ROOT / "python" / "src"), "ms", "<= 250"),
            Figure.of("import_in_job", import_ms("azureml.core", ROOT / "python" / "job"), "ms", "<= 30")]


LOGGING_SCRIPT = """
import sys, time
from azureml.core.run import Run
run = Run.get_context()
started = time.perf_counter()
for number in range(100_000):
    run.log('loss', number * 0.5)
print('each', (time.perf_counter() - started) * 10, 'last', time.time(), flush=True)
"""


def words_after(text: str, *names: str) -> list[float]:
    """The numbers that follow these words."""
    words = text.split()
    return [float(words[words.index(name) + 1]) for name in names]


@benchmark
def run_log(bench: Bench) -> list[Figure]:
    cluster = bench.cluster(nodes=1)
    each, stored = [], []
    try:
        client = Client(*client_of(cluster.config))
        tracking = stubs()["tracking"][0]

        def values(job: str) -> int:
            request = tracking.GetRunRequest(run_id=job)
            return client.call("tracking.TrackingService", "GetRun", request).run.metric_values

        for _ in range(3):
            job = cluster.submit({"main.py": LOGGING_SCRIPT})
            wait_for(lambda: values(job) >= 100_000, "100,000 values to be stored", 120, pause=0.05)
            seen = time.time()
            cluster.wait_end(job)
            assert values(job) == 100_000
            call, last = words_after(cluster.log(job), "each", "last")
            each.append(call)
            stored.append(max(0.0, seen - last))
        return [Figure.of("run_log_call", each, "us", "<= 20"),
                Figure.of("run_log_stored_100k", stored, "s", "<= 5")]
    finally:
        cluster.close()


class Watched(io.TextIOBase):
    """A text stream that notes when each of its lines came."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, str]] = []
        self._rest = ""

    def write(self, text: str) -> int:
        now = time.time()
        *whole, self._rest = (self._rest + text).split("\n")
        self.lines += [(now, line) for line in whole]
        return len(text)

    def when(self, accept: Callable[[str], bool]) -> float:
        return next(time for time, line in self.lines if accept(line))


def estimator(source: pathlib.Path) -> Any:
    from muster.train.estimator import Estimator
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Estimator(str(source), compute_target="default", entry_script="main.py")


@benchmark
def sdk_submit(bench: Bench) -> list[Figure]:
    """From submit to the script's first line as the client shows it, less the interpreter's own start."""
    cluster = bench.cluster(nodes=1)
    try:
        files = {f"part{number}.py": f"# {number}\n" * 100 for number in range(9)}
        source = cluster.project("ten", {"main.py": "print('first line', flush=True)\n", **files})
        starts, taken = [], []
        with workspace_of(cluster) as workspace:
            from muster.core import Experiment
            experiment = Experiment(workspace, "first")
            for _ in range(15):
                started = time.perf_counter()
                subprocess.run(["/usr/bin/python3", "-c", "pass"], check=True)
                starts.append(time.perf_counter() - started)
                shown = Watched()
                with contextlib.redirect_stdout(shown):
                    submitted = time.time()
                    experiment.submit(estimator(source)).wait_for_completion(show_output=True)
                taken.append(shown.when(lambda line: line == "first line") - submitted)
        return [Figure.of("python_start", starts, "s"),
                Figure.of("sdk_submit_to_first_line", taken, "s", f"<= {statistics.median(starts) + 0.4:.3f}")]
    finally:
        cluster.close()


@benchmark
def read_record(bench: Bench) -> list[Figure]:
    cluster = bench.cluster()
    try:
        with workspace_of(cluster) as workspace:
            from muster.core import Experiment
            run = Experiment(workspace, "rows").start_logging(snapshot_directory=None)
            client, tracking = Client(*client_of(cluster.config)), stubs()["tracking"][0]
            for first in range(0, 100_000, 10_000):
                client.call("tracking.TrackingService", "AppendMetrics", tracking.AppendMetricsRequest(
                    run_id=run.id, writer="bench", first=first, values=[
                        tracking.MetricValue(name="row", kind=tracking.METRIC_KIND_ROW,
                                             json=json.dumps({"epoch": number, "loss": number * 0.5}))
                        for number in range(first, first + 10_000)]), timeout=60)
            rows = []
            for _ in range(5):
                started = time.perf_counter()
                metrics = run.get_metrics()
                rows.append(time.perf_counter() - started)
                assert len(metrics["row"]["loss"]) == 100_000
            run.complete()

            digest = bench.snapshot(cluster, cluster.project("p", {"main.py": "print(1)"}), "main.py")
            cluster.muster("datastore", "register", "bench", "--path", "/tmp")
            cluster.muster("pool", "create", "full", "--slots-per-node", 1, "--max-nodes", 1)
            bench.submit_load(cluster, digest, "--pool", "full", "--in-flight", 128, "--count", 100_000,
                              "--experiment", "many")
            firsts = []
            for _ in range(10):
                started = time.perf_counter()
                runs = list(itertools.islice(Experiment(workspace, "many").get_runs(), 100))
                firsts.append(time.perf_counter() - started)
                assert len(runs) == 100
        return [Figure.of("get_metrics_100k_rows", rows, "s", "<= 1"),
                Figure.of("get_runs_first_100", firsts, "s", "<= 0.1")]
    finally:
        cluster.close()


TALKING_SCRIPT = """
import time
for number in range(300):
    print('line', time.time(), flush=True)
    time.sleep(0.02)
"""


@benchmark
def log_latency(bench: Bench) -> list[Figure]:
    cluster = bench.cluster(nodes=1)
    try:
        source = cluster.project("talk", {"main.py": TALKING_SCRIPT})
        shown = Watched()
        with workspace_of(cluster) as workspace:
            from muster.core import Experiment
            with contextlib.redirect_stdout(shown):
                Experiment(workspace, "talk").submit(estimator(source)).wait_for_completion(show_output=True)
        taken = [(seen - float(line.split()[1])) * 1000 for seen, line in shown.lines if line.startswith("line ")]
        assert len(taken) == 300
        return [Figure.of("log_line_p50", taken, "ms"),
                Figure.single("log_line_p95", percentile(taken, 0.95), taken, "ms", "<= 150")]
    finally:
        cluster.close()


# 25 MB a second for 20 s from each rank; says how long that took.
FLOODING_SCRIPT = """
import os, sys, time
chunk = (b'x' * 99 + b'\\n') * 2500  # 250 kB
started = time.time()
for number in range(2000):
    os.write(1, chunk)
    ahead = started + (number + 1) / 100 - time.time()
    if ahead > 0:
        time.sleep(ahead)
sys.stderr.write('took %.3f\\n' % (time.time() - started))
"""


class PeakMemory(threading.Thread):
    """Samples how much the resident memory of processes has grown, the worst of them."""

    def __init__(self, pids: list[int]) -> None:
        super().__init__(daemon=True)
        self._before = {pid: resident_kib(pid) for pid in pids}
        self._ended = threading.Event()
        self.growth_mib = 0.0

    def run(self) -> None:
        while not self._ended.wait(0.1):
            for pid, before in self._before.items():
                self.growth_mib = max(self.growth_mib, (resident_kib(pid) - before) / 1024)

    def end(self) -> float:
        self._ended.set()
        self.join()
        return self.growth_mib


@benchmark
def log_flood(bench: Bench) -> list[Figure]:
    """100 MB/s of output from 4 ranks for 20 s: what the ranks and the daemons feel of it."""
    cluster = bench.cluster(nodes=2)
    try:
        assert cluster.server is not None
        memory = PeakMemory([cluster.server.pid, *(agent.pid for agent in cluster.agents.values())])
        memory.start()
        job = cluster.submit({"main.py": FLOODING_SCRIPT}, "--node-count", 2, "--process-count-per-node", 2,
                             "--distributed-backend", "gloo")
        ended = cluster.wait_end(job, 300)
        growth = memory.end()
        assert ended["status"] == "JOB_STATUS_COMPLETED", ended
        client, files = Client(*client_of(cluster.config)), stubs()["files"][0]
        listed = client.call("files.RunFileService", "ListRunFiles", files.ListRunFilesRequest(job_id=job)).files
        logs = {file.name: file.size_bytes for file in listed if "70_driver_log" in file.name}
        assert len(logs) == 4 and min(logs.values()) >= 500_000_000, logs
        taken = [float(cluster.muster("job", "logs", "--rank", rank, job, timeout=300).rsplit("took ", 1)[1].split()[0])
                 for rank in range(4)]
        return [Figure.single("log_flood_writing", max(taken), taken, "s", "<= 21"),
                Figure.of("log_flood_memory_growth", [growth], "MiB", "<= 64")]
    finally:
        cluster.close()
