"""Gangs: MPI and plain, started whole, ended whole."""

from __future__ import annotations

import os
import pathlib
import signal

import pytest

from support.cluster import Cluster
from support.wait import wait_for

ALLREDUCE = """
import os, socket, sys, time
from mpi4py import MPI
comm = MPI.COMM_WORLD
total = comm.allreduce(comm.Get_rank())
print('rank', comm.Get_rank(), 'of', comm.Get_size(), 'on', os.uname().nodename, 'sum', total, flush=True)
for step in range(int(sys.argv[1])):
    comm.allreduce(1)
    time.sleep(0.1)
print('done', flush=True)
"""

MPI_FLAGS = ("--node-count", 2, "--process-count-per-node", 2, "--distributed-backend", "mpi")


def pids_of(marker: str) -> list[int]:
    """Processes whose command line holds the marker, this one left out."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if marker in command and state != "Z" and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def running_mpi(cluster: Cluster, steps: int) -> str:
    """Submits the allreduce loop on 2 nodes x 2 and waits until all ranks have spoken."""
    job = cluster.submit({"main.py": ALLREDUCE}, *MPI_FLAGS, arguments=(str(steps), cluster.directory.name))
    cluster.wait_status(job, "RUNNING")
    for rank in range(4):
        wait_for(lambda: "sum 6" in cluster.run("job", "logs", job, "--rank", rank).stdout,
                 f"rank {rank} to have its sum")
    return job


def test_mpi_on_two_nodes(cluster: Cluster) -> None:
    for name in ("n1", "n2", "n3"):
        cluster.add_node(name)
    job = cluster.submit({"main.py": ALLREDUCE}, *MPI_FLAGS, arguments=("1",))
    ended = cluster.wait_end(job)
    assert ended["status"] == "JOB_STATUS_COMPLETED", ended
    logs = [cluster.log(job, rank) for rank in range(4)]
    hosts = []
    for rank, log in enumerate(logs):
        line = next(line for line in log.splitlines() if line.startswith("rank "))
        words = line.split()
        assert words[1:4] == [str(rank), "of", "4"] and words[-1] == "6"
        hosts.append(words[5])
        assert log.rstrip().endswith("done")
    assert hosts[0] == hosts[1] and hosts[2] == hosts[3] and hosts[0] != hosts[2]
    ranks = ended["attempts"][0]["ranks"]
    assert sorted(r["rank"] for r in ranks) == [0, 1, 2, 3]
    assert all(r["exit_code"] == 0 for r in ranks)


def test_plain_gang_gets_the_torch_variables(cluster: Cluster) -> None:
    for name in ("n1", "n2"):
        cluster.add_node(name)
    job = cluster.submit(
        {"main.py": "import os\nprint(*[os.environ[k] for k in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', "
                    "'NODE_RANK', 'MASTER_ADDR', 'MASTER_PORT')])\n"},
        "--node-count", 2, "--process-count-per-node", 2, "--distributed-backend", "gloo")
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    rows = [cluster.log(job, rank).splitlines()[-1].split() for rank in range(4)]
    assert [row[:4] for row in rows] == [["0", "4", "0", "0"], ["1", "4", "1", "0"],
                                         ["2", "4", "0", "1"], ["3", "4", "1", "1"]]
    assert len({tuple(row[4:]) for row in rows}) == 1


@pytest.mark.parametrize("backend", ["mpi", "gloo"])
@pytest.mark.parametrize("death, field, value", [("sys.exit(7)", "exit_code", 7),
                                                 ("os.kill(os.getpid(), 9)", "signal", 9)])
def test_one_rank_dies_and_all_die(cluster: Cluster, backend: str, death: str, field: str,
                                   value: int) -> None:
    for name in ("n1", "n2"):
        cluster.add_node(name)
    rank = "OMPI_COMM_WORLD_RANK" if backend == "mpi" else "RANK"
    job = cluster.submit(
        {"main.py": "import os, sys, time\n"
                    f"rank = int(os.environ['{rank}'])\n"
                    "time.sleep(1.0 if rank == 2 else 0)\n"
                    f"if rank == 2: {death}\n"
                    "time.sleep(600)\n"},
        "--node-count", 2, "--process-count-per-node", 2, "--distributed-backend", backend,
        arguments=(cluster.directory.name,))
    ended = cluster.wait_end(job, 30)
    assert ended["status"] == "JOB_STATUS_FAILED"
    assert ended["cause"]["rank"] == 2
    assert ended["cause"][field] == value
    ranks = {r["rank"]: r for r in ended["attempts"][0]["ranks"]}
    assert sorted(ranks) == [0, 1, 2, 3]
    assert ranks[2][field] == value
    assert all("exit_code" in r or "signal" in r for r in ranks.values())
    assert pids_of(f"main.py {cluster.directory.name}") == []


def test_cancel_lets_mpi_ranks_on_all_nodes_finish_their_work(cluster: Cluster) -> None:
    for name in ("n1", "n2"):
        cluster.add_node(name)
    results = cluster.directory / "results"
    results.mkdir()
    results.chmod(0o777)
    job = cluster.submit(
        {"main.py": "import os, signal, sys, time\n"
                    "from mpi4py import MPI\n"
                    "rank = MPI.COMM_WORLD.Get_rank()\n"
                    "def stop(*_):\n"
                    "    time.sleep(3)\n"
                    "    open(f'{sys.argv[1]}/{rank}', 'w').write('saved')\n"
                    "    os._exit(0)\n"
                    "signal.signal(signal.SIGTERM, stop)\n"
                    "print('sum 6', flush=True)\n"
                    "while True: time.sleep(1)\n"},
        *MPI_FLAGS, "--grace-period", "10s", arguments=(str(results),))
    for rank in range(4):
        wait_for(lambda: "sum 6" in cluster.run("job", "logs", job, "--rank", rank).stdout, "ranks to run")
    cluster.muster("job", "cancel", job)
    ended = cluster.wait_end(job, 15)
    assert ended["status"] == "JOB_STATUS_CANCELED"
    assert sorted(p.name for p in results.iterdir()) == ["0", "1", "2", "3"]


def test_cancel_ends_what_ignores_sigterm(cluster: Cluster) -> None:
    cluster.add_node("n1")
    marker = f"stubborn-{cluster.directory.name}"
    job = cluster.submit(
        {"main.py": "import os, signal, time\n"
                    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                    "if os.fork() == 0:\n"
                    "    os.setsid()\n"
                    "    if os.fork() == 0:\n"
                    f"        os.execv('/bin/sleep', ['{marker}', '600'])\n"
                    "    os._exit(0)\n"
                    "print('ready', flush=True)\n"
                    "while True: time.sleep(1)\n"}, "--grace-period", "1s")
    wait_for(lambda: "ready" in cluster.run("job", "logs", job).stdout, "the job to run")
    cluster.muster("job", "cancel", job)
    ended = cluster.wait_end(job, 6.5)
    assert ended["status"] == "JOB_STATUS_CANCELED"
    assert pids_of(marker) == []


def test_cancel_is_bounded_when_a_node_is_away(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = cluster.submit({"main.py": "import time\nprint('ready', flush=True)\ntime.sleep(600)\n"},
                         "--grace-period", "1s", arguments=(cluster.directory.name,))
    wait_for(lambda: "ready" in cluster.run("job", "logs", job).stdout, "the job to run")
    cluster.kill_agent("n1")
    cluster.muster("job", "cancel", job)
    assert cluster.wait_end(job, 6.5)["status"] == "JOB_STATUS_CANCELED"
    assert pids_of(f"main.py {cluster.directory.name}") != []
    cluster.start_agent("n1")
    wait_for(lambda: not pids_of(f"main.py {cluster.directory.name}"), "the returned node to stop the job")
    again = cluster.submit({"main.py": "print('next')"})
    assert cluster.wait_end(again)["status"] == "JOB_STATUS_COMPLETED"


def test_max_run_duration_is_enforced(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = cluster.submit({"main.py": "import time\ntime.sleep(600)\n"}, "--max-run-duration", "1s",
                         "--grace-period", "1s")
    ended = cluster.wait_end(job, 20)
    assert ended["status"] == "JOB_STATUS_CANCELED"
    assert ended["cause"]["code"] == "CAUSE_CODE_MAX_RUN_DURATION"


@pytest.mark.parametrize("victims", [("server",), ("n1",), ("n2",), ("server", "n1", "n2")])
def test_kill_9_of_daemons_leaves_a_running_mpi_job_alone(cluster: Cluster,
                                                          victims: tuple[str, ...]) -> None:
    for name in ("n1", "n2"):
        cluster.add_node(name)
    job = running_mpi(cluster, 40)
    for victim in victims:
        if victim == "server":
            cluster.kill_server()
        else:
            cluster.kill_agent(victim)
    for victim in victims:
        if victim == "server":
            cluster.start_server()
        else:
            cluster.start_agent(victim)
    ended = cluster.wait_end(job, 60)
    assert ended["status"] == "JOB_STATUS_COMPLETED", ended
    assert len(ended["attempts"]) == 1
    assert all(r["exit_code"] == 0 for r in ended["attempts"][0]["ranks"])
    for rank in range(4):
        log = cluster.log(job, rank)
        assert log.count("sum 6") == 1 and log.count("\ndone") == 1


def test_kill_9_of_a_shim_ends_the_attempt_and_all_of_it(cluster: Cluster) -> None:
    for name in ("n1", "n2"):
        cluster.add_node(name)
    job = running_mpi(cluster, 600)
    shims = [pid for pid in pids_of(f"{cluster.directory}/n2/attempts/")
             if b"muster-shim" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
             and b"\0rank\0" not in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert shims
    for pid in shims:
        os.kill(pid, signal.SIGKILL)
    ended = cluster.wait_end(job, 30)
    assert ended["status"] == "JOB_STATUS_FAILED"
    assert ended["cause"]["code"] == "CAUSE_CODE_SHIM_LOST"
    wait_for(lambda: not pids_of(f"main.py 600 {cluster.directory.name}"), "all ranks to be gone", 5)


def test_a_shim_that_does_not_answer_a_new_agent_is_ended_with_all_it_holds(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = cluster.submit({"main.py": "import time\nprint('ready', flush=True)\ntime.sleep(600)\n"},
                         arguments=(cluster.directory.name,))
    wait_for(lambda: "ready" in cluster.run("job", "logs", job).stdout, "the job to run")
    for pid in pids_of(f"muster-shim attempt {cluster.directory}/n1/"):
        os.kill(pid, signal.SIGSTOP)
    cluster.kill_agent("n1")
    cluster.start_agent("n1")
    ended = cluster.wait_end(job, 30)
    assert ended["cause"]["code"] == "CAUSE_CODE_SHIM_LOST"
    assert pids_of(f"main.py {cluster.directory.name}") == []
