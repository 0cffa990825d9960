"""Logs: followed live, whole after every kind of break."""

from __future__ import annotations

import os
import subprocess

from support.cluster import Cluster
from support.wait import wait_for

COUNT = "import time\nfor n in range(60):\n    print('line', n, flush=True)\n    time.sleep(0.05)\n"


def test_follow_survives_a_kill_of_server_and_agent(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = cluster.submit({"main.py": COUNT})
    follower = subprocess.Popen([cluster.bin / "muster", "job", "logs", "-f", job], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                env={**os.environ, "MUSTER_CONFIG": str(cluster.config)})
    wait_for(lambda: "line 5\n" in cluster.run("job", "logs", job).stdout, "some lines")
    cluster.kill_server()
    cluster.start_server()
    cluster.kill_agent("n1")
    cluster.start_agent("n1")
    out, _ = follower.communicate(timeout=60)
    assert follower.returncode == 0
    lines = [line for line in out.splitlines() if line.startswith("line ")]
    assert lines == [f"line {n}" for n in range(60)]
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"


def test_a_log_is_whole_when_the_job_has_ended(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = cluster.submit({"main.py": "for n in range(200000): print(n)\nimport sys; sys.exit(4)\n"})
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_FAILED"
    numbers = [int(line) for line in cluster.log(job).splitlines() if line.isdigit()]
    assert numbers == list(range(200000))


def test_output_without_a_newline_and_binary_output(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = cluster.submit({"main.py": "import sys\nsys.stdout.buffer.write(b'\\xff\\x00end')\n"})
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    raw = subprocess.run([cluster.bin / "muster", "job", "logs", job], capture_output=True,
                         env={**os.environ, "MUSTER_CONFIG": str(cluster.config)}).stdout
    assert raw.endswith(b"\xff\x00end")
