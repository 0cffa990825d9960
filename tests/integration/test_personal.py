"""muster up, status and down: a server of one's own, with the real programs."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
from typing import Any, Iterator

import pytest
from support.cluster import TERMINAL, processes_below
from support.wait import wait_for

PROGRAMS = ("musterd", "muster-agent", "muster-shim", "muster-rsh", "muster")
SDK = pathlib.Path(__file__).resolve().parents[2] / "python" / "src"
SLEEPER = "import time\nprint('begun', flush=True)\ntime.sleep(600)\n"


class Home:
    """A user with an empty home directory, and the programs in a directory of their own."""

    def __init__(self, build: pathlib.Path) -> None:
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="mh", dir="/tmp"))
        self.directory.chmod(0o711)
        self.bin = self.directory / "bin"
        self.bin.mkdir(mode=0o755)
        for program in PROGRAMS:
            source = next(p for p in build.rglob(program) if p.is_file() and os.access(p, os.X_OK))
            shutil.copy2(source, self.bin / program)
        self.home = self.directory / "home"
        self.home.mkdir(mode=0o711)
        self.root = self.home / ".local" / "state" / "muster" / "personal"
        self.config = self.home / ".config" / "muster" / "config.json"
        self.environment = {k: v for k, v in os.environ.items()
                            if k not in ("MUSTER_CONFIG", "XDG_STATE_HOME", "XDG_CONFIG_HOME")}
        self.environment["HOME"] = str(self.home)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen([self.bin / "muster", *arguments], text=True, env=self.environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                cwd=self.directory)

    def run(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """(stdout, stderr) of a command that must end with `code`."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, f"{arguments}: {process.returncode}\n{out}{err}"
        return out, err

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code)[0])

    def status(self) -> Any:
        """Whatever its exit code."""
        return json.loads(self.start("status", "--json").communicate(timeout=30)[0])

    def kill_daemons(self) -> None:
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: self.status()["state"] == "down", "the daemons to be gone")

    def pids(self) -> list[int]:
        status = self.status()
        return [pid for pid in [status["pid"], *(n["pid"] for n in status["nodes"])] if pid is not None]

    def project(self, text: str) -> str:
        source = self.directory / "project"
        source.mkdir(exist_ok=True)
        (source / "train.py").write_text(text)
        return str(source)

    def submit(self, text: str, *flags: str) -> str:
        return self.json("job", "submit", "--experiment", "e", "--source-directory", self.project(text),
                         "--entry-script", "train.py", *flags)["job_id"]

    def wait_status(self, job: str, status: str) -> None:
        def reached() -> bool:
            found = self.json("job", "show", job)["status"]
            assert found == status or found not in TERMINAL, found
            return found == status
        wait_for(reached, f"{job} to be {status}")

    def processes(self) -> list[tuple[int, str]]:
        return [p for p in processes_below(self.directory) if "pytest" not in p[1]]

    def mounts(self) -> list[str]:
        table = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
        return [line for line in table if line.split()[4].startswith(f"{self.directory}/")]

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.start("down", "--force").communicate(timeout=120)
        for pid, _ in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)


@pytest.fixture
def home() -> Iterator[Home]:
    home = Home(pathlib.Path(os.environ["MUSTER_BUILD"]))
    try:
        yield home
    finally:
        home.close()


def test_a_server_of_ones_own_from_up_to_down(home: Home) -> None:
    assert home.json("status", code=3)["state"] == "down"
    home.run("up", "--nodes", "2", "--slots", "2")
    status = home.json("status")
    assert (status["state"], [n["id"] for n in status["nodes"]]) == ("up", ["node1", "node2"])
    assert all(n["connected"] and n["slots"] == 2 for n in status["nodes"])
    assert status["address"].startswith("127.0.0.1:")
    assert {p: p.stat().st_mode & 0o777 for p in (home.config, home.root / "personal.json")} == {
        home.config: 0o600, home.root / "personal.json": 0o600}
    # Daemons hold nothing of the terminal, and are of sessions of their own.
    for pid in home.pids():
        assert os.getsid(pid) == pid
        assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
        assert os.readlink(f"/proc/{pid}/fd/2").startswith(str(home.root / "logs"))
        assert b"SSH_" not in pathlib.Path(f"/proc/{pid}/environ").read_bytes()

    job = home.submit("print('hello from', __name__)\n")
    home.run("job", "wait", job)
    assert "hello from __main__" in home.run("job", "logs", job)[0]

    # The server dies; the same command brings it back with all it knew, at the same address.
    os.kill(status["pid"], signal.SIGKILL)
    wait_for(lambda: home.status()["pid"] is None, "the server to be gone")
    _, said = home.run("up")
    assert "your server is up" in said
    after = home.json("status")
    assert after["address"] == status["address"] and after["pid"] != status["pid"]
    assert [n["pid"] for n in after["nodes"]] == [n["pid"] for n in status["nodes"]]
    assert home.json("job", "show", job)["status"] == "JOB_STATUS_COMPLETED"

    pids = home.pids()
    assert "was up already" in home.run("up")[1] and home.pids() == pids
    home.run("up", "--nodes", "3")
    assert len(home.json("status")["nodes"]) == 3
    assert "all are kept" in home.run("up", "--nodes", "1")[1]

    home.run("down")
    assert home.processes() == [] and home.mounts() == []
    assert home.json("status", code=3)["state"] == "down"
    home.run("down")

    # Ended and started again, as after a reboot.
    home.run("up")
    assert len(home.json("status")["nodes"]) == 3
    assert home.json("job", "show", job)["status"] == "JOB_STATUS_COMPLETED"
    assert "removed the login" in home.run("down", "--purge")[1]
    assert not home.root.exists() and not home.config.exists() and home.processes() == []


def test_running_jobs_are_in_the_way_of_down(home: Home) -> None:
    home.run("up", "--slots", "1")
    running = home.submit(SLEEPER)
    waiting = home.submit(SLEEPER)
    home.wait_status(running, "JOB_STATUS_RUNNING")
    _, said = home.run("down", code=1)
    assert "1 job runs" in said and "--force" in said
    assert home.json("status")["state"] == "up"
    home.run("down", "--force")
    assert home.processes() == [] and home.mounts() == []
    home.run("up")
    assert {home.json("job", "show", j)["status"] for j in (running, waiting)} == {"JOB_STATUS_CANCELED"}


def test_jobs_of_a_server_that_died_are_found_again_or_killed(home: Home) -> None:
    home.run("up")
    job = home.submit(SLEEPER)
    home.wait_status(job, "JOB_STATUS_RUNNING")
    home.kill_daemons()
    assert "may run though the server is away" in home.run("down", code=1)[1]
    home.run("up")
    home.wait_status(job, "JOB_STATUS_RUNNING")
    home.kill_daemons()
    home.run("down", "--force")
    assert home.processes() == []


def test_the_sdk_finds_the_server_without_a_further_step(home: Home) -> None:
    import build_api
    build_api.build_if_old()
    home.run("up")
    script = ("from muster.core import Workspace\n"
              "ws = Workspace.from_config()\n"
              "print(ws.name, ws.location, sorted(ws.compute_targets))\n")
    done = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True, cwd=home.directory,
                          env={**home.environment, "PYTHONPATH": str(SDK)}, timeout=60)
    address = home.json("status")["address"]
    assert done.stdout == f"default {address} ['default']\n", done.stderr


def test_jobs_run_under_the_interpreter_that_was_chosen(home: Home) -> None:
    interpreter = home.bin / "python"
    interpreter.write_text('#!/bin/sh\nCHOSEN=yes exec /usr/bin/python3 "$@"\n')
    interpreter.chmod(0o755)
    assert "is no file" in home.run("up", "--interpreter", "bin/none", code=2)[1]
    assert not home.root.exists()
    home.run("up", "--interpreter", "bin/python")
    job = home.submit("import os\nprint('chosen', os.environ.get('CHOSEN'))\n")
    home.run("job", "wait", job)
    assert "chosen yes" in home.run("job", "logs", job)[0]


def test_a_login_to_another_server_is_replaced_only_by_force(home: Home) -> None:
    home.run("up")
    other = home.directory / "other"
    _, said = home.run("up", "--dir", str(other), code=2)
    assert home.json("status")["address"] in said and "--force" in said and "MUSTER_CONFIG" in said
    assert not other.exists()
    before = home.config.read_text()
    home.run("up", "--dir", str(other), "--force")
    assert home.config.read_text() != before
    address = home.json("status", "--dir", str(other))["address"]
    assert json.loads(home.config.read_text())["server"] == address
    # The first one's down leaves the login of the other alone.
    home.run("down", "--purge")
    assert json.loads(home.config.read_text())["server"] == address
    home.run("down", "--purge", "--dir", str(other))


def test_up_that_is_killed_midway_leaves_what_up_and_down_know(home: Home) -> None:
    """Killed at many instants; what it left is brought up once, and ended once."""
    for round_, steps in enumerate(range(0, 60, 6)):
        process = home.start("up", "--nodes", "2")
        # Not a pause for something to happen: any instant is as good as another.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(steps / 100)
        process.kill()
        process.communicate()
        if round_ % 2 == 0:
            home.run("up", "--nodes", "2")
            status = home.json("status")
            assert status["state"] == "up" and len(status["nodes"]) == 2
            daemons = [c for _, c in home.processes()]
            assert len(daemons) == 3, daemons
        home.run("down")
        wait_for(lambda: home.processes() == [], "all processes to be gone", 5)


def test_two_ups_at_once_make_one_server(home: Home) -> None:
    several = [home.start("up") for _ in range(3)]
    said = [process.communicate(timeout=120) for process in several]
    assert [process.returncode for process in several] == [0, 0, 0], said
    assert len(home.processes()) == 2, home.processes()


def test_down_waits_for_an_up_that_is_at_work(home: Home) -> None:
    home.run("up")
    with open(home.root / "lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = home.start("down")
        assert process.stderr is not None
        assert "waiting for another" in process.stderr.readline()
        assert home.json("status")["state"] == "up"
    process.communicate(timeout=60)
    assert process.returncode == 0 and home.processes() == []


def test_a_daemon_that_cannot_start_is_explained_by_its_log(home: Home) -> None:
    home.run("up")
    home.run("down")
    (home.root / "server" / "state.db").write_text("this is no database, but it is long enough to be read\n" * 99)
    _, said = home.run("up", code=3)
    assert "the server has ended; its log ends so:" in said and "musterd.log" in said and "state.db" in said
    assert home.run("down")[0].startswith("your server is down")


def test_nothing_foreign_is_ended_or_removed(home: Home) -> None:
    home.run("up")
    home.run("down")
    record = home.root / "personal.json"
    content = json.loads(record.read_text())
    with subprocess.Popen(["sleep", "600"]) as stranger:
        try:
            # The number of a former daemon now belongs to somebody else.
            boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
            content["server"] = {"pid": stranger.pid, "started_ticks": 1, "boot_id": boot}
            record.write_text(json.dumps(content))
            home.run("down", "--force")
            assert stranger.poll() is None
        finally:
            stranger.kill()
    (home.root / "mine.txt").write_text("kept")
    home.run("down", "--purge")
    assert [p.name for p in home.root.iterdir()] == ["mine.txt"]
    home.run("down", "--purge", "--dir", str(home.home))
    assert home.root.exists()
