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


def test_follow_goes_on_with_the_next_attempt_of_a_retried_job(cluster: Cluster) -> None:
    cluster.add_node("n1")
    # Whoever is on n1 stays until it is lost.
    job = cluster.submit({"main.py": "import os, time\nprint('on', os.uname().nodename, flush=True)\n"
                                     "while os.uname().nodename == 'n1': time.sleep(0.1)\nprint('done')\n"},
                         "--node-loss-retries", 1)
    follower = subprocess.Popen([cluster.bin / "muster", "job", "logs", "-f", job], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                env={**os.environ, "MUSTER_CONFIG": str(cluster.config)})
    assert follower.stdout is not None
    assert any(line == "on n1\n" for line in follower.stdout)  # reads up to there
    cluster.add_node("n2")
    cluster.kill_agent("n1")
    cluster.muster("node", "declare-lost", "n1")
    out, err = follower.communicate(timeout=60)
    assert follower.returncode == 0, err
    assert out.splitlines()[-2:] == ["on n2", "done"], out
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    cluster.start_agent("n1")
    wait_for(lambda: cluster.node("n1").get("connected"), "the lost node to return")
