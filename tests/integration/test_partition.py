"""A real partition: the node is a network namespace whose link goes down."""

from __future__ import annotations

import os
import subprocess
from typing import Iterator

import pytest

from support.cluster import Cluster
from support.wait import wait_for
from test_gangs import pids_of
from test_nodes import QUICK

SUBNET = f"10.213.{os.getpid() % 200 + 1}"


@pytest.fixture
def link() -> Iterator[str]:
    """A namespace with one veth pair to this one; its name. Needs root."""
    if os.geteuid() != 0:
        pytest.skip("making network namespaces with a link to this one needs root")
    name = f"mt{os.getpid()}"
    outside = f"mt{os.getpid()}o"[:15]

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    ip("netns", "add", name)
    try:
        ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("addr", "add", f"{SUBNET}.1/24", "dev", outside)
        ip("link", "set", outside, "up")
        ip("-n", name, "addr", "add", f"{SUBNET}.2/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)
        subprocess.run(["ip", "link", "del", outside], check=False, stderr=subprocess.DEVNULL)


def test_under_a_partition_the_ranks_are_dead_before_the_retry_starts(cluster: Cluster, link: str) -> None:
    cluster.stop_server()
    cluster.address = f"{SUBNET}.1:{cluster.address.rsplit(':', 1)[1]}"
    cluster.start_server(**QUICK, addresses=[f"{SUBNET}.1"])
    cluster.muster("login", "--server", cluster.address, "--token-file", cluster.state / "admin.token")

    node = cluster.directory / "away"
    node.mkdir(mode=0o711)
    log = open(cluster.directory / "away.log", "ab")
    cluster.agents["away"] = subprocess.Popen(
        ["ip", "netns", "exec", link, cluster.bin / "muster-agent", "--virtual", "--node-id", "away",
         "--directory", node, "--server", cluster.address, "--slots", "1", "--address", f"{SUBNET}.2",
         "--join-token-file", cluster.state / "join.token"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    wait_for(lambda: cluster.node("away").get("connected"), "the node to connect")
    stamps = cluster.directory / "stamps"
    stamps.mkdir()
    stamps.chmod(0o777)
    # Each attempt writes the time as long as it lives.
    job = cluster.submit(
        {"main.py": "import os, sys, time\nname = f'{sys.argv[1]}/{os.uname().nodename}'\n"
                    "open(name + '.first', 'w').write(str(time.time()))\n"
                    "while True:\n"
                    "    open(name + '.tmp', 'w').write(str(time.time()))\n"
                    "    os.rename(name + '.tmp', name + '.last')\n"
                    "    time.sleep(0.01)\n"},
        "--node-loss-retries", 1, arguments=(str(stamps),))
    cluster.wait_status(job, "RUNNING")
    cluster.add_node("here")
    subprocess.run(["ip", "-n", link, "link", "set", "eth0", "down"], check=True)

    wait_for(lambda: (stamps / "here.last").exists(), "the second attempt", 30)
    dead = float((stamps / "away.last").read_text())
    begun = float((stamps / "here.first").read_text())
    assert dead < begun, f"the first attempt lived {dead - begun:.3f} s into the second"
    wait_for(lambda: len(pids_of(f"main.py {stamps}")) == 1, "one attempt to be alive")

    subprocess.run(["ip", "-n", link, "link", "set", "eth0", "up"], check=True)
    wait_for(lambda: cluster.node("away").get("connected"), "the node to return", 30)
    cluster.muster("job", "cancel", job)
    cluster.wait_end(job)


def test_without_retries_a_partitioned_job_runs_on(cluster: Cluster, link: str) -> None:
    cluster.stop_server()
    cluster.address = f"{SUBNET}.1:{cluster.address.rsplit(':', 1)[1]}"
    cluster.start_server(**{**QUICK, "lost_after_ms": 60000}, addresses=[f"{SUBNET}.1"])
    cluster.muster("login", "--server", cluster.address, "--token-file", cluster.state / "admin.token")
    node = cluster.directory / "away"
    node.mkdir(mode=0o711)
    log = open(cluster.directory / "away.log", "ab")
    cluster.agents["away"] = subprocess.Popen(
        ["ip", "netns", "exec", link, cluster.bin / "muster-agent", "--virtual", "--node-id", "away",
         "--directory", node, "--server", cluster.address, "--slots", "1", "--address", f"{SUBNET}.2",
         "--join-token-file", cluster.state / "join.token"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    wait_for(lambda: cluster.node("away").get("connected"), "the node to connect")
    job = cluster.submit({"main.py": "import time\nprint('a', flush=True)\ntime.sleep(6)\nprint('b')\n"})
    cluster.wait_status(job, "RUNNING")
    subprocess.run(["ip", "-n", link, "link", "set", "eth0", "down"], check=True)
    cluster.wait_status(job, "NOT_RESPONDING", seconds=15)
    subprocess.run(["ip", "-n", link, "link", "set", "eth0", "up"], check=True)
    ended = cluster.wait_end(job, 60)
    assert ended["status"] == "JOB_STATUS_COMPLETED"
    assert len(ended["attempts"]) == 1
    assert cluster.log(job).splitlines()[-2:] == ["a", "b"]
