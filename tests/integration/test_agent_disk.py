"""A node's disk: full, short, and kept from filling with what no job needs."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest

from support.cluster import Cluster
from support.wait import wait_for

MIB = 1 << 20


def blobs_of(cluster: Cluster, node: str) -> list[str]:
    return sorted(str(file) for file in (cluster.directory / node / "blobs/objects").rglob("*") if file.is_file())


def test_snapshots_that_no_attempt_names_go_above_the_quota(cluster: Cluster) -> None:
    cluster.add_node("n1", settings={"blob_cache_max_bytes": 0})
    first = cluster.submit({"main.py": "print('first')"})
    assert cluster.wait_end(first)["status"] == "JOB_STATUS_COMPLETED"
    old = blobs_of(cluster, "n1")
    second = cluster.submit({"main.py": "print('second')"})
    assert cluster.wait_end(second)["status"] == "JOB_STATUS_COMPLETED"
    wait_for(lambda: not set(old) & set(blobs_of(cluster, "n1")), "the first snapshot to go")
    # It comes again when it is needed again.
    again = cluster.submit({"main.py": "print('first')"})
    assert cluster.wait_end(again)["status"] == "JOB_STATUS_COMPLETED"


def test_an_agents_start_clears_what_nobody_uses(cluster: Cluster) -> None:
    cluster.add_node("n1")
    node = cluster.directory / "n1"
    cluster.agents["n1"].terminate()
    cluster.agents["n1"].wait(10)
    transfer = node / "incoming" / ("ab" * 32)
    transfer.write_text("half")
    programs = node / "bin" / "0123456789abcdef"
    programs.mkdir()
    (programs / "muster-shim").write_text("an older one")
    cluster.start_agent("n1")
    wait_for(lambda: not transfer.exists() and not programs.exists(), "the agent to clear up")
    job = cluster.submit({"main.py": "print(1)"})
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
def test_a_full_disk_fails_the_attempt_and_the_node_waits_for_room(cluster: Cluster) -> None:
    """The node's directory is a small file system of the agent's own mount namespace."""
    node = cluster.directory / "n1"
    node.mkdir(mode=0o711)
    log = open(cluster.directory / "n1.log", "ab")
    keeper = subprocess.Popen(
        ["unshare", "-m", "sh", "-c",
         f"mount -t tmpfs -o size=64m,mode=0711 tmpfs {node} && echo up && exec sleep 600"],
        stdout=subprocess.PIPE, stderr=log)
    try:
        assert keeper.stdout is not None and keeper.stdout.readline() == b"up\n"
        inside = ["nsenter", f"--target={keeper.pid}", "--mount"]
        cluster.agents["n1"] = subprocess.Popen(
            [*inside, cluster.bin / "muster-agent", "--virtual", "--node-id", "n1", "--directory", node, "--server",
             cluster.address, "--slots", "2", "--disk-reserve-bytes", str(16 * MIB), "--join-token-file",
             cluster.state / "join.token"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(lambda: cluster.node("n1").get("connected"), "the node to connect")

        project = cluster.project("large", {"main.py": "print(1)"})
        (project / "data").write_bytes(os.urandom(56 * MIB))
        large = cluster.json("job", "submit", "--experiment", "e", "--source-directory", project, "--entry-script",
                             "main.py")["job_id"]
        ended = cluster.wait_end(large)
        assert ended["status"] == "JOB_STATUS_FAILED"
        assert ended["cause"]["code"] == "CAUSE_CODE_NODE_DISK_FULL" and "n1" in str(ended["cause"])
        # Nothing of it stays in the way of the next.
        small = cluster.submit({"main.py": "print('small')"})
        assert cluster.wait_end(small)["status"] == "JOB_STATUS_COMPLETED"

        ballast = pathlib.Path(node / "ballast")
        subprocess.run([*inside, "sh", "-c", f"head -c {50 * MIB} /dev/zero > {ballast}"], check=True)
        wait_for(lambda: int(cluster.node("n1").get("free_disk_bytes", 64 * MIB)) < 16 * MIB,
                 "the node to say that its disk is low")
        waiting = cluster.submit({"main.py": "print('there is room')"})
        wait_for(lambda: "short of disk" in str(cluster.job(waiting)), "the reason why the job waits")
        assert cluster.job(waiting)["status"] == "JOB_STATUS_QUEUED"
        subprocess.run([*inside, "rm", str(ballast)], check=True)
        assert cluster.wait_end(waiting)["status"] == "JOB_STATUS_COMPLETED"
    finally:
        cluster.agents["n1"].terminate()
        cluster.agents["n1"].wait(10)
        keeper.kill()
        keeper.wait()
