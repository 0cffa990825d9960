"""A server and its agents as processes of this test, driven through the command line."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
from typing import Any

from support.wait import wait_for

TERMINAL = {"JOB_STATUS_COMPLETED", "JOB_STATUS_FAILED", "JOB_STATUS_CANCELED"}


def processes_below(directory: pathlib.Path) -> list[tuple[int, str]]:
    """(pid, command line) of every process whose command line names the directory."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            if f"{directory}/" in command and state != "Z":
                found.append((int(entry.name), command))
    return found


class Cluster:
    """Processes live below a short directory of /tmp, since Unix sockets do."""

    def __init__(self, build: pathlib.Path, parent: pathlib.Path = pathlib.Path("/tmp")) -> None:
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="mt", dir=parent))
        self.directory.chmod(0o711)
        self.bin = self.directory / "bin"
        self.bin.mkdir(mode=0o755)
        for program in ("musterd", "muster-agent", "muster-shim", "muster-rsh", "muster"):
            source = next(p for p in build.rglob(program) if p.is_file() and os.access(p, os.X_OK))
            shutil.copy2(source, self.bin / program)
        self.state = self.directory / "state"
        self.config = self.directory / "client" / "config.json"
        self.config.parent.mkdir(mode=0o700)
        self.server: subprocess.Popen[bytes] | None = None
        self.server_settings: dict[str, Any] = {}
        self.agents: dict[str, subprocess.Popen[bytes]] = {}
        self.agent_arguments: dict[str, list[str]] = {}
        self.address = ""
        self.logged_in = False

    # --- the server ---------------------------------------------------------------------------

    def start_server(self, **settings: Any) -> None:
        """Starts musterd (settings go into its TOML file) and waits until it serves."""
        self.server_settings.update(settings)
        config = self.directory / "musterd.toml"
        config.write_text("".join(f"{k} = {json.dumps(v)}\n" for k, v in self.server_settings.items()))
        address_file = self.state / "address"
        listen = self.address or "127.0.0.1:0"
        with contextlib.suppress(FileNotFoundError):
            address_file.unlink()
        log = open(self.directory / "musterd.log", "ab")
        self.server = subprocess.Popen(
            [self.bin / "musterd", "--config", config, "--state-dir", self.state, "--listen", listen],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.address = wait_for(lambda: self._address(address_file), "musterd to write its address")
        if not self.logged_in:
            self.muster("login", "--server", self.address, "--token-file", self.state / "admin.token")
            self.logged_in = True

    def _address(self, file: pathlib.Path) -> str:
        assert self.server is not None
        if self.server.poll() is not None:
            raise AssertionError(f"musterd ended with {self.server.returncode}:\n{self.server_log()[-3000:]}")
        with contextlib.suppress(FileNotFoundError):
            return file.read_text().strip()
        return ""

    def server_log(self) -> str:
        return (self.directory / "musterd.log").read_text(errors="replace")

    def kill_server(self) -> None:
        assert self.server is not None
        self.server.kill()
        self.server.wait()

    def stop_server(self, seconds: float = 5.0) -> int:
        """SIGTERM; the exit code, which must come within `seconds`."""
        assert self.server is not None
        self.server.terminate()
        return self.server.wait(seconds)

    # --- agents -------------------------------------------------------------------------------

    def add_node(self, name: str, *, slots: int = 2, settings: dict[str, Any] | None = None,
                 join_token: pathlib.Path | None = None, wait: bool = True) -> None:
        node = self.directory / name
        node.mkdir(mode=0o711, exist_ok=True)
        config = self.directory / f"{name}.toml"
        config.write_text("".join(f"{k} = {json.dumps(v)}\n" for k, v in (settings or {}).items()))
        self.agent_arguments[name] = [
            "--config", str(config), "--virtual", "--node-id", name, "--directory", str(node),
            "--server", self.address, "--slots", str(slots),
            "--join-token-file", str(join_token or self.state / "join.token")]
        self.start_agent(name)
        if wait:
            wait_for(lambda: self.node(name).get("connected"), f"node {name} to connect")

    def start_agent(self, name: str) -> None:
        log = open(self.directory / f"{name}.log", "ab")
        self.agents[name] = subprocess.Popen([self.bin / "muster-agent", *self.agent_arguments[name]],
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill_agent(self, name: str) -> None:
        self.agents[name].kill()
        self.agents[name].wait()

    def agent_log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text(errors="replace")

    def node(self, name: str) -> dict[str, Any]:
        for node in self.json("node", "list")["nodes"]:
            if node["id"] == name:
                return node
        return {}

    # --- the command line ---------------------------------------------------------------------

    def run(self, *arguments: Any, timeout: float = 60.0, **options: Any) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "MUSTER_CONFIG": str(self.config), **options.pop("env", {})}
        return subprocess.run([str(self.bin / "muster"), *map(str, arguments)], text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, capture_output=True, env=environment, **options)

    def muster(self, *arguments: Any, timeout: float = 60.0) -> str:
        """Standard output of a command that must succeed."""
        done = self.run(*arguments, timeout=timeout)
        assert done.returncode == 0, f"muster {arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *arguments: Any) -> Any:
        *head, = arguments
        split = head.index("--") if "--" in head else len(head)
        return json.loads(self.muster(*head[:split], "--json", *head[split:]))

    def project(self, name: str, files: dict[str, str]) -> pathlib.Path:
        """A source directory with these files; a first line "#!" makes one executable."""
        directory = self.directory / "projects" / name
        for path, text in files.items():
            file = directory / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            if text.startswith("#!"):
                file.chmod(0o755)
        return directory

    def submit(self, files: dict[str, str], *flags: Any, script: str = "main.py",
               arguments: tuple[str, ...] = (), experiment: str = "test") -> str:
        """Submits a small project; the job id."""
        source = self.project(f"p{abs(hash(tuple(files.items())))}", files)
        return self.json("job", "submit", "--experiment", experiment, "--source-directory", source,
                         "--entry-script", script, *flags, "--", *arguments)["job_id"]

    def job(self, job_id: str) -> dict[str, Any]:
        return self.json("job", "show", job_id)

    def wait_status(self, job_id: str, *statuses: str, seconds: float = 30.0) -> dict[str, Any]:
        wanted = {f"JOB_STATUS_{status}" for status in statuses}

        def reached() -> dict[str, Any] | None:
            job = self.job(job_id)
            if job["status"] in TERMINAL and job["status"] not in wanted:
                raise AssertionError(f"job ended otherwise: {json.dumps(job, indent=1)[:3000]}")
            return job if job["status"] in wanted else None

        return wait_for(reached, f"job {job_id} to be {statuses}", seconds)

    def wait_end(self, job_id: str, seconds: float = 60.0) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["status"] in TERMINAL else None

        return wait_for(ended, f"job {job_id} to end", seconds)

    def log(self, job_id: str, rank: int = 0) -> str:
        return self.muster("job", "logs", job_id, "--rank", rank)

    # --- the end ------------------------------------------------------------------------------

    def close(self) -> list[tuple[int, str]]:
        """Ends everything; what had to be killed although its owner was gone is returned."""
        for process in [*self.agents.values(), self.server]:
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in [*self.agents.values(), self.server]:
            if process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10)
        shims = processes_below(self.directory)
        for pid, _ in shims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not processes_below(self.directory), "the last processes to end")
        shutil.rmtree(self.directory, ignore_errors=True)
        # Shims outlive their agents by design; anything else that is left is a fault.
        return [(pid, command) for pid, command in shims if "muster-shim" not in command]
