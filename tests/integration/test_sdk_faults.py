"""The Python SDK when something is wrong: no server, another server, no rights, a restart in between."""

from __future__ import annotations

import json
import logging
import pathlib
import shutil
import threading
from typing import Any, Iterator

import pytest

from support.cluster import Cluster
from support.sdk import SUBMITTING_SCRIPT, WAITING_SCRIPT, UserScript, data_directory
from support.wait import wait_for

from muster.core import Datastore, Experiment, Run, ScriptRunConfig, Workspace
from muster.exceptions import AuthenticationException, ServiceException, UserErrorException


def log_in_as(cluster: Cluster, role: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, pathlib.Path]:
    """(id of the token, its login's file); the SDK uses that login from now on."""
    made = cluster.json("token", "create", "--user", role, "--role", role)
    token = cluster.directory / f"{role}.token"
    token.touch(0o600)
    token.write_text(made["token"])
    config = cluster.config.with_name(f"{role}.json")
    cluster.run("login", "--server", cluster.address, "--token-file", token,
                env={"MUSTER_CONFIG": str(config)}).check_returncode()
    monkeypatch.setenv("MUSTER_CONFIG", str(config))
    return made["token_id"], config


def edited_login(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> pathlib.Path:
    values = {**json.loads(cluster.config.read_text()), **changes}
    edited = cluster.config.with_name("edited.json")
    edited.touch(0o600)
    edited.write_text(json.dumps(values))
    monkeypatch.setenv("MUSTER_CONFIG", str(edited))
    return edited


def hello(cluster: Cluster) -> ScriptRunConfig:
    return ScriptRunConfig(str(cluster.project("hello", {"train.py": "print('hello')\n"})), "train.py",
                           compute_target="default")


class Told:
    """Set once the SDK says that it has lost the server and tries again."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.handler = logging.Handler(logging.INFO)
        self.handler.emit = self._emit  # type: ignore[method-assign]

    def _emit(self, record: logging.LogRecord) -> None:
        if "lost the server" in record.getMessage():
            self.event.set()


@pytest.fixture
def told() -> Iterator[Told]:
    made = Told()
    log = logging.getLogger("muster")
    before = log.level
    log.setLevel(logging.INFO)
    log.addHandler(made.handler)
    yield made
    log.removeHandler(made.handler)
    log.setLevel(before)


def test_the_server_is_killed_while_a_run_is_followed(cluster: Cluster, workspace: Workspace) -> None:
    cluster.add_node("n1")
    data = data_directory(cluster)
    Datastore.register_local(workspace, "digits", str(data))
    cluster.project("p", {"train.py": WAITING_SCRIPT})
    with UserScript(cluster, SUBMITTING_SCRIPT) as script:
        run_id = script.wait_line("submitted ").split()[-1]
        script.wait_line("the script has begun")
        cluster.kill_server()
        (data / "go").touch()  # it ends while nobody listens
        attempts = cluster.directory / "n1" / "attempts"
        wait_for(lambda: "the script ends" in "".join(
            path.read_text() for path in attempts.rglob("*70_driver_log*")), "the script to end")
        assert script.process.poll() is None
        cluster.start_server()
        code, said = script.wait_end(60)
    assert code == 0, said
    assert said.count("the script has begun") == said.count("the script ends") == 1
    assert "returned Completed" in said
    assert Run.get(workspace, run_id).get_status() == "Completed"


def test_a_wait_without_output_bridges_a_restart(cluster: Cluster, workspace: Workspace, told: Told) -> None:
    cluster.add_node("n1")
    data = data_directory(cluster)
    Datastore.register_local(workspace, "digits", str(data))
    source = cluster.project("p", {"train.py": WAITING_SCRIPT})
    ds = workspace.get_default_datastore()
    config = ScriptRunConfig(str(source), "train.py", ["--data_dir", ds], compute_target="default")
    run = Experiment(workspace, "e").submit(config)
    ended: list[Any] = []
    waiter = threading.Thread(target=lambda: ended.append(run.wait_for_completion()))
    waiter.start()
    wait_for(lambda: run.get_status() == "Running", "the run to be running")
    cluster.kill_server()
    assert told.event.wait(20)
    cluster.start_server()
    (data / "go").touch()
    waiter.join(60)
    assert ended and ended[0]["status"] == "Completed"


def test_a_submit_bridges_a_restart_and_submits_once(cluster: Cluster, workspace: Workspace, told: Told) -> None:
    config = hello(cluster)
    cluster.kill_server()
    runs: list[Run] = []
    submitter = threading.Thread(target=lambda: runs.append(Experiment(workspace, "e").submit(config)))
    submitter.start()
    assert told.event.wait(20)
    cluster.start_server()
    submitter.join(60)
    assert [run.id for run in Experiment(workspace, "e").get_runs()] == [run.id for run in runs]
    assert len(runs) == 1


def test_a_server_that_is_away_is_named_with_the_cause(cluster: Cluster, workspace: Workspace) -> None:
    cluster.kill_server()
    with pytest.raises(ServiceException) as caught:
        workspace.datastores
    assert cluster.address in str(caught.value) and "Connection refused" in str(caught.value)
    assert caught.value.status_code == "UNAVAILABLE"


def test_a_wrong_token_is_refused_and_not_shown(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    token = json.loads(cluster.config.read_text())["token"]
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
    edited_login(cluster, monkeypatch, token=wrong)
    with pytest.raises(AuthenticationException, match="muster login") as caught:
        Workspace.from_config()
    assert wrong not in str(caught.value) + repr(caught.value) + repr(caught.value.inner_exception)


def test_a_token_that_is_revoked_in_between(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    token_id, _ = log_in_as(cluster, "user", monkeypatch)
    workspace = Workspace.from_config()
    run = Experiment(workspace, "e").submit(hello(cluster))
    cluster.muster("token", "revoke", token_id)
    with pytest.raises(AuthenticationException, match="revoked"):
        run.wait_for_completion()


def test_who_may_only_look_cannot_submit(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    log_in_as(cluster, "viewer", monkeypatch)
    workspace = Workspace.from_config()
    with pytest.raises(AuthenticationException):
        Experiment(workspace, "e").submit(hello(cluster))
    with pytest.raises(AuthenticationException):
        Datastore.register_local(workspace, "ds", "/data")
    assert list(Experiment(workspace, "e").get_runs()) == []


def test_another_server_behind_the_address_is_not_talked_to(cluster: Cluster, monkeypatch: pytest.MonkeyPatch,
                                                            workspace: Workspace) -> None:
    """Set up anew at the same address: it has another authority."""
    cluster.kill_server()
    shutil.rmtree(cluster.state)
    cluster.start_server()
    with pytest.raises(AuthenticationException, match="certificate of another authority"):
        Workspace.from_config()


def test_no_configuration_says_what_to_run(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_CONFIG", str(cluster.directory / "none.json"))
    monkeypatch.chdir(cluster.directory)
    with pytest.raises(UserErrorException, match="muster up.*muster login"):
        Workspace.from_config()


def test_a_source_that_cannot_be_packed_leaves_no_run(cluster: Cluster, workspace: Workspace) -> None:
    source = cluster.project("p", {"train.py": "print('hello')\n"})
    (source / "out").symlink_to("/etc/passwd")
    with pytest.raises(Exception, match="absolute path"):
        Experiment(workspace, "e").submit(ScriptRunConfig(str(source), "train.py"))
    assert list(Experiment(workspace, "e").get_runs()) == []
