"""Nodes that go away, come back, or are declared lost."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess

from support.cluster import Cluster, processes_below
from support.wait import wait_for
from test_gangs import pids_of

QUICK = {"heartbeat_interval_ms": 200, "not_responding_after_ms": 1000, "lost_after_ms": 4000,
         "default_lease_ms": 2000, "lease_margin_ms": 500}
FOREVER = {"main.py": "import os, time\n"
                      "print('alive', os.environ['AZUREML_RUN_ID'], flush=True)\ntime.sleep(600)\n"}
# Each attempt writes the time as long as it lives. A node's directory is in the script's.
STAMPS = {"main.py": "import os, sys, time\n"
                     "name = f'{sys.argv[1]}/{os.getcwd().split(\"/\")[-4]}'\n"
                     "open(name + '.tmp', 'w').write(str(time.time()))\n"
                     "os.rename(name + '.tmp', name + '.first')\n"
                     "while True:\n"
                     "    open(name + '.tmp', 'w').write(str(time.time()))\n"
                     "    os.rename(name + '.tmp', name + '.last')\n"
                     "    time.sleep(0.01)\n"}


def quick(cluster: Cluster) -> None:
    cluster.stop_server()
    cluster.start_server(**QUICK)


def test_an_agent_that_never_comes_back_fails_the_job(cluster: Cluster) -> None:
    quick(cluster)
    cluster.add_node("n1")
    job = cluster.submit(FOREVER, arguments=(cluster.directory.name,))
    cluster.wait_status(job, "RUNNING")
    cluster.kill_agent("n1")
    cluster.wait_status(job, "NOT_RESPONDING", seconds=10)
    ended = cluster.wait_end(job, 20)
    assert ended["status"] == "JOB_STATUS_FAILED"
    assert ended["cause"]["code"] == "CAUSE_CODE_NODE_LOST" and "n1" in ended["cause"]["message"]
    assert pids_of(f"main.py {cluster.directory.name}") != []

    cluster.start_agent("n1")
    wait_for(lambda: not pids_of(f"main.py {cluster.directory.name}"),
             "the returned agent to stop what was given up")
    assert cluster.wait_end(cluster.submit({"main.py": "print(1)"}))["status"] == "JOB_STATUS_COMPLETED"


def test_a_short_absence_is_not_responding_and_then_running_again(cluster: Cluster) -> None:
    quick(cluster)
    cluster.add_node("n1")
    job = cluster.submit({"main.py": "import time\nprint('a', flush=True)\ntime.sleep(5)\nprint('b')\n"})
    cluster.wait_status(job, "RUNNING")
    cluster.kill_agent("n1")
    cluster.wait_status(job, "NOT_RESPONDING", seconds=10)
    cluster.start_agent("n1")
    cluster.wait_status(job, "RUNNING", "COMPLETED")
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    assert cluster.log(job).splitlines()[-2:] == ["a", "b"]


def test_the_servers_own_absence_does_not_count(cluster: Cluster) -> None:
    quick(cluster)
    cluster.add_node("n1")
    job = cluster.submit({"main.py": "import time\ntime.sleep(8)\nprint('whole')\n"})
    cluster.wait_status(job, "RUNNING")
    cluster.kill_server()
    pid = pids_of(f"{cluster.directory}/n1/attempts/")
    assert pid
    # Longer than lost_after: the job itself is the clock.
    wait_for(lambda: not pids_of("main.py"), "the job to end by itself", 20)
    cluster.start_server()
    ended = cluster.wait_end(job)
    assert ended["status"] == "JOB_STATUS_COMPLETED"
    assert "whole" in cluster.log(job)


def test_a_lost_node_is_retried_after_its_lease(cluster: Cluster) -> None:
    quick(cluster)
    cluster.add_node("n1")
    stamps = cluster.directory / "stamps"
    stamps.mkdir()
    stamps.chmod(0o777)
    job = cluster.submit(STAMPS, "--node-loss-retries", 1, arguments=(str(stamps),))
    cluster.wait_status(job, "RUNNING")
    wait_for(lambda: (stamps / "n1.last").exists(), "the first attempt")
    cluster.add_node("n2")
    # The agent is stopped, not killed: it cannot renew and cannot act, as under a partition of its process.
    os.kill(cluster.agents["n1"].pid, signal.SIGSTOP)
    wait_for(lambda: (stamps / "n2.first").exists(), "the second attempt", 20)
    # Nothing of the first is there, the shim included; the second attempt's word on when it began counts.
    assert processes_below(cluster.directory / "n1" / "attempts") == []
    assert len(pids_of(f"main.py {stamps}")) == 1
    dead = float((stamps / "n1.last").read_text())
    begun = float((stamps / "n2.first").read_text())
    assert dead < begun, f"the first attempt lived {dead - begun:.3f} s into the second"
    assert cluster.job(job)["attempts"][1]["node_ids"] == ["n2"]

    os.kill(cluster.agents["n1"].pid, signal.SIGCONT)
    wait_for(lambda: cluster.node("n1").get("connected"), "the first node to return")
    cluster.wait_status(job, "RUNNING")
    assert len(pids_of(f"main.py {stamps}")) == 1
    cluster.muster("job", "cancel", job)
    cluster.wait_end(job)


def test_declared_lost_is_retried_at_once(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = cluster.submit(FOREVER, "--node-loss-retries", 1, arguments=(cluster.directory.name,))
    cluster.wait_status(job, "RUNNING")
    cluster.add_node("n2")
    cluster.kill_agent("n1")
    cluster.muster("node", "declare-lost", "n1")
    wait_for(lambda: len(cluster.job(job)["attempts"]) == 2, "the second attempt", 5)
    cluster.wait_status(job, "RUNNING")
    cluster.start_agent("n1")
    wait_for(lambda: len(pids_of(f"main.py {cluster.directory.name}")) == 1, "the first attempt to be stopped")
    cluster.muster("job", "cancel", job)
    cluster.wait_end(job)


def test_a_new_boot_id_is_a_known_loss(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = cluster.submit(FOREVER, "--node-loss-retries", 1, arguments=(cluster.directory.name,))
    cluster.wait_status(job, "RUNNING")
    cluster.kill_agent("n1")
    for pid in pids_of(f"{cluster.directory}/n1/attempts/"):
        os.kill(pid, signal.SIGKILL)
    (cluster.directory / "n1" / "boot-id").write_text("second-boot")
    cluster.start_agent("n1")
    wait_for(lambda: len(cluster.job(job)["attempts"]) == 2, "the second attempt", 10)
    cluster.wait_status(job, "RUNNING")
    cluster.muster("job", "cancel", job)
    cluster.wait_end(job)


def expire_certificate(identity: pathlib.Path) -> None:
    """Puts a certificate for the node's key in place that ended yesterday."""
    request = subprocess.run(["openssl", "req", "-new", "-key", identity / "key.pem", "-subj", "/CN=n1"],
                             check=True, capture_output=True).stdout
    subprocess.run(["openssl", "x509", "-req", "-signkey", identity / "key.pem", "-days", "-1", "-out",
                    identity / "cert.pem"], input=request, check=True, capture_output=True)


def test_a_node_whose_certificate_has_expired_joins_again(cluster: Cluster) -> None:
    token = cluster.directory / "join.token"
    token.write_text((cluster.state / "join.token").read_text())
    token.chmod(0o600)
    cluster.add_node("n1", join_token=token)
    cluster.agents["n1"].terminate()
    cluster.agents["n1"].wait(10)
    expire_certificate(cluster.directory / "n1" / "identity")
    text = token.read_text()
    token.unlink()
    cluster.start_agent("n1")
    wait_for(lambda: "node_certificate_expired" in cluster.agent_log("n1"), "the agent to say what is wrong")
    assert "join token" in cluster.agent_log("n1") and str(token) in cluster.agent_log("n1")
    assert cluster.agents["n1"].poll() is None, "an agent that ends is started again for ever"
    token.write_text(text)
    token.chmod(0o600)
    wait_for(lambda: cluster.node("n1").get("connected"), "the node to join again by itself", 40)
    assert cluster.wait_end(cluster.submit({"main.py": "print(1)"}))["status"] == "JOB_STATUS_COMPLETED"


def test_a_removed_node_cannot_come_back(cluster: Cluster) -> None:
    cluster.add_node("n1")
    cluster.muster("node", "remove", "n1")
    assert cluster.node("n1") == {}
    wait_for(lambda: "UNAUTHENTICATED" in cluster.agent_log("n1") or "revoked" in cluster.agent_log("n1"),
             "the agent to say why it is refused")
    assert cluster.node("n1") == {}
