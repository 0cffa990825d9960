"""What the benchmarks share: their list, the build, compiled little programs, fresh clusters."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
from typing import Callable

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "integration"))

from figures import Figure  # noqa: E402
from support.cluster import Cluster  # noqa: E402
from support.wait import wait_for  # noqa: E402

BENCHMARKS: dict[str, Callable[["Bench"], list[Figure]]] = {}


def benchmark(function: Callable[["Bench"], list[Figure]]) -> Callable[["Bench"], list[Figure]]:
    BENCHMARKS[function.__name__] = function
    return function


def spread_directory() -> pathlib.Path:
    """A directory whose entries ext4 lays out far from each other (chattr +T), removed at exit.

    Without a journal, ext4 passes over every inode that was deleted in the last minutes when it makes a file near
    them: a cluster would pay for the files of the clusters before it. Elsewhere it is a plain directory.
    """
    get_flags, set_flags, top_of_hierarchies = 0x80086601, 0x40086602, 0x00020000
    directory = pathlib.Path(tempfile.mkdtemp(prefix="mb", dir="/tmp"))
    directory.chmod(0o711)
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    descriptor = os.open(directory, os.O_RDONLY)
    with contextlib.suppress(OSError):
        flags = struct.unpack("L", fcntl.ioctl(descriptor, get_flags, struct.pack("L", 0)))[0]
        fcntl.ioctl(descriptor, set_flags, struct.pack("L", flags | top_of_hierarchies))
    os.close(descriptor)
    return directory


class Bench:
    """The build, and what is made of it."""

    def __init__(self, build: pathlib.Path) -> None:
        self.build = build
        self.directory = spread_directory()
        self.load = next(build.rglob("muster-submit-load"))

    def compile(self, name: str, compiler: str, target: pathlib.Path) -> pathlib.Path:
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run([compiler, "-O2", "-o", target / name, HERE / f"{name}.c"], check=True)
        return target / name

    def cluster(self, nodes: int = 0, slots: int = 2, **settings: object) -> Cluster:
        cluster = Cluster(self.build, self.directory)
        cluster.start_server(**settings)
        for number in range(nodes):
            cluster.add_node(f"b{number}", slots=slots, wait=False)
        if nodes:
            wait_for(lambda: sum(n["connected"] for n in cluster.json("node", "list")["nodes"]) == nodes,
                     "all nodes to connect")
        return cluster

    def snapshot(self, cluster: Cluster, folder: pathlib.Path, script: str) -> str:
        """Uploads a source directory by way of a job that can't start, and gives its digest."""
        cluster.muster("pool", "create", "never", "--slots-per-node", 1, "--max-nodes", 1)
        job = cluster.json("job", "submit", "--experiment", "snapshot", "--source-directory", folder,
                           "--entry-script", script, "--pool", "never")["job_id"]
        digest = cluster.job(job)["resolved_spec"]["snapshot_digest"]
        cluster.muster("job", "cancel", job)
        return digest

    def submit_load(self, cluster: Cluster, digest: str, *flags: object) -> dict:
        done = subprocess.run([self.load, "--config", cluster.config, "--digest", digest,
                               *map(str, flags)], text=True, capture_output=True, timeout=600)
        result = json.loads(done.stdout)
        assert result["errors"] == 0, result
        return result


def resident_kib(pid: int) -> float:
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024
