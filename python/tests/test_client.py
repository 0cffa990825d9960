"""Where the server's address comes from, what failed calls become, and when tries end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Tuple

import grpc
import pytest

from fakes import FakeError
from muster._client import configuration, fork_support
from muster._client.backoff import Backoff
from muster._client.configuration import Configuration
from muster._client.connection import Connection
from muster._client.errors import (
    exception_of,
    is_break,
    is_foreign_certificate,
    nobody_answered,
    reason_of,
)
from muster._client.jobs import JobClient
from muster._proto import api
from muster.core.workspace import Workspace
from muster.exceptions import (
    AuthenticationException,
    AzureMLException,
    ServiceException,
    UserErrorException,
    WorkspaceException,
)

TOKEN = "0123456789abcdef.very-secret"
LOGIN = {"server": "head.lan:7677", "workspace": "vision", "token": TOKEN, "ca_pem": "PEM"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a login, and a current directory without a project."""
    for name in ("MUSTER_CONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    here = tmp_path / "work" / "deep"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    return tmp_path / "home"


def log_in(path: Path, mode: int = 0o600, **changes: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**LOGIN, **changes}))
    path.chmod(mode)
    return path


def project_file(folder: Path, content: Any, name: str = "config.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder / name


# Where it comes from.


@pytest.mark.parametrize("call", [Workspace.from_config, lambda: Workspace("s", "g", "vision")])
def test_without_any_configuration_it_says_what_to_run(call: Any) -> None:
    with pytest.raises(UserErrorException) as caught:
        call()
    assert "muster up" in str(caught.value)
    assert "muster login" in str(caught.value)


def test_the_login_decides_where_there_is_no_project(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(home / ".config" / "muster" / "config.json")
    assert configuration.find() == Configuration("head.lan:7677", "vision", TOKEN, "PEM")
    log_in(home / "xdg" / "muster" / "config.json", workspace="xdg")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
    assert configuration.find().workspace == "xdg"
    monkeypatch.setenv("MUSTER_CONFIG", str(log_in(home / "mine", workspace="")))
    assert configuration.find().workspace == "default"


@pytest.mark.parametrize("folder", [".", ".azureml", "aml_config", "..", "../.azureml"])
def test_a_projects_file_is_found_here_and_above(home: Path, folder: str) -> None:
    log_in(home / ".config" / "muster" / "config.json")
    names = {"subscription_id": "sub", "resource_group": "rg", "workspace_name": "speech"}
    project_file(Path.cwd() / folder, names)
    found = configuration.find()
    assert (found.workspace, found.server) == ("speech", "head.lan:7677")
    assert (found.subscription_id, found.resource_group) == ("sub", "rg")


def test_the_nearest_file_wins_and_other_programs_files_are_passed_over(home: Path) -> None:
    log_in(home / ".config" / "muster" / "config.json")
    project_file(Path.cwd(), {"hidden_size": 768, "server": {"port": 80}})
    project_file(Path.cwd() / "aml_config", [1, 2])
    project_file(Path.cwd() / ".azureml", {"workspace_name": "near"})
    project_file(Path.cwd().parent, {"workspace_name": "far"})
    assert configuration.find().workspace == "near"


def test_a_path_names_a_file_or_a_directory(home: Path) -> None:
    log_in(home / ".config" / "muster" / "config.json")
    named = project_file(home / "p", {"workspace_name": "other"}, "ws.json")
    assert configuration.find(str(named)).workspace == "other"
    assert configuration.find(str(home / "p"), "ws.json").workspace == "other"
    with pytest.raises(UserErrorException, match=r"no config\.json with a workspace"):
        configuration.find(str(home / "p"))
    with pytest.raises(UserErrorException, match="does not exist"):
        configuration.find(str(home / "nowhere"))


def test_a_projects_file_with_a_token_needs_no_login() -> None:
    log_in(Path.cwd() / ".azureml" / "config.json", workspace_name="mine")
    assert configuration.find() == Configuration("head.lan:7677", "mine", TOKEN, "PEM")


def test_a_project_of_another_server_is_not_sent_the_token(home: Path) -> None:
    project_file(Path.cwd(), {"workspace_name": "w", "server": "other.lan:7677"})
    with pytest.raises(UserErrorException, match=r"muster login --server other\.lan:7677"):
        configuration.find()
    log_in(home / ".config" / "muster" / "config.json")
    with pytest.raises(UserErrorException, match=r"the login is for head\.lan:7677"):
        configuration.find()


def test_what_write_config_leaves_holds_no_secret_and_is_found_again(home: Path) -> None:
    log_in(home / ".config" / "muster" / "config.json")
    before = configuration.find()._replace(subscription_id="sub", resource_group="rg")
    Workspace._of(before, check=False).write_config()
    written = (Path.cwd() / ".azureml" / "config.json").read_text()
    assert TOKEN not in written
    assert "PEM" not in written
    assert configuration.find() == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"token": ""}, "has no token"),
        ({"server": None}, "names no server"),
        ({"ca_pem": 3}, "has no CA certificate"),
    ],
)
def test_a_login_that_lacks_something_says_so(home: Path, changes: Any, said: str) -> None:
    log_in(home / ".config" / "muster" / "config.json", **changes)
    with pytest.raises(UserErrorException, match=said) as caught:
        configuration.find()
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_login_that_others_may_read_is_refused(home: Path, mode: int) -> None:
    log_in(home / ".config" / "muster" / "config.json", mode)
    with pytest.raises(UserErrorException, match="chmod 600"):
        configuration.find()


def test_a_broken_file_is_named_and_not_quoted(home: Path) -> None:
    path = log_in(home / ".config" / "muster" / "config.json")
    path.write_text('{"token": "' + TOKEN)
    with pytest.raises(UserErrorException, match="is no JSON file") as caught:
        configuration.find()
    assert TOKEN not in str(caught.value)
    assert caught.value.__cause__ is None


def test_no_representation_shows_the_token(home: Path) -> None:
    log_in(home / ".config" / "muster" / "config.json")
    found = configuration.find()
    workspace = Workspace._of(found, check=False)
    shown = [found, workspace, workspace._server, workspace._server.connection]
    for thing in shown:
        assert TOKEN not in repr(thing) + str(thing) + f"{thing}"


def test_an_auth_object_is_refused_with_what_to_do() -> None:
    with pytest.raises(UserErrorException, match="muster login"):
        Workspace.from_config(auth=object())


# What failed calls become.


CODE = grpc.StatusCode
REFUSED = (
    "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Failed to connect "
    "to remote host: Connection refused"
)


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (FakeError(CODE.UNAVAILABLE, REFUSED), ServiceException, "h:1: Connection refused. Check"),
        (FakeError(CODE.DEADLINE_EXCEEDED), ServiceException, "no answer in time"),
        (FakeError(CODE.UNAVAILABLE, "CERTIFICATE_VERIFY_FAILED"), AuthenticationException, "h:1"),
        (
            FakeError(CODE.UNAUTHENTICATED, "bad"),
            AuthenticationException,
            "bad; run `muster login`",
        ),
        (FakeError(CODE.PERMISSION_DENIED, "no"), AuthenticationException, "no"),
        (FakeError(CODE.NOT_FOUND, "no w", "UNKNOWN_WORKSPACE"), WorkspaceException, "no w"),
        (FakeError(CODE.NOT_FOUND, "no job", "UNKNOWN_JOB"), UserErrorException, "no job"),
        (FakeError(CODE.RESOURCE_EXHAUSTED, "full", "DISK_RESERVE"), ServiceException, "full"),
        (FakeError(CODE.UNIMPLEMENTED), ServiceException, "older than this SDK"),
        (FakeError(CODE.INTERNAL), ServiceException, "without saying why"),
    ],
)
def test_a_status_becomes_an_exception(error: FakeError, kind: type, said: str) -> None:
    made = exception_of(error, "h:1")
    assert type(made) is kind
    assert said in str(made)
    assert made.inner_exception is error
    assert isinstance(made, AzureMLException)
    if isinstance(made, ServiceException):
        assert made.status_code == error.code().name


def test_faults_are_listed_with_their_fields() -> None:
    faults: List[Dict[str, str]] = [
        {"field": "node_count", "value": "0", "message": "must be 1..10,000"},
        {"field": "pool", "message": "there is none"},
    ]
    error = FakeError(CODE.INVALID_ARGUMENT, "2 faults\nnode_count: ...", "INVALID_SPEC", faults)
    made = exception_of(error, "h:1")
    assert str(made) == "2 faults\n  node_count: must be 1..10,000\n  pool: there is none"
    assert made.reference_code == "INVALID_SPEC"
    assert reason_of(error) == "INVALID_SPEC"


def test_details_that_are_no_message_are_passed_over() -> None:
    error = FakeError(CODE.NOT_FOUND, "gone")
    error._metadata = [("grpc-status-details-bin", b"\xff\xff\xff")]
    assert str(exception_of(error, "h:1")) == "gone"
    error._metadata = None  # type: ignore[assignment]
    assert reason_of(error) == ""


@pytest.mark.parametrize(
    ("code", "details", "again", "reopened"),
    [
        (CODE.UNAVAILABLE, "reset", True, True),
        (CODE.DEADLINE_EXCEEDED, "", True, True),
        (CODE.CANCELLED, "", False, True),
        (CODE.NOT_FOUND, "", False, False),
        (CODE.UNAUTHENTICATED, "", False, False),
        (CODE.UNAVAILABLE, "SSL: CERTIFICATE_VERIFY_FAILED", False, False),
        (CODE.UNAVAILABLE, "SSL routines::certificate verify failed", False, False),
    ],
)
def test_what_is_tried_again(
    code: grpc.StatusCode, details: str, again: bool, reopened: bool
) -> None:
    error = FakeError(code, details)
    assert nobody_answered(error) is again
    assert is_break(error) is reopened
    assert is_foreign_certificate(error) is ("SSL" in details)


def test_backoff_doubles_up_to_a_bound_and_ends() -> None:
    backoff = Backoff(30.0)
    waits = [backoff.after_failure(float(now)) for now in range(8)]
    for wait, most in zip(waits, (0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0)):
        assert wait is not None
        assert most * 0.75 <= wait <= most
    assert backoff.failing
    last = backoff.after_failure(29.5)
    assert last is not None
    assert last <= 0.5
    assert backoff.after_failure(30.0) is None
    backoff.reset()
    assert not backoff.failing
    assert backoff.after_failure(100.0) is not None


class FakeChannel:
    """Answers unary calls with what is written down, and keeps what it was asked."""

    def __init__(self, answers: List[Any]) -> None:
        self.answers = answers
        self.requests: List[Any] = []
        self.metadata: List[Any] = []
        self.closed = False

    def unary_unary(self, path: str, **_: Any) -> Any:
        def call(request: Any, timeout: float, metadata: Any) -> Any:
            assert 0 < timeout <= 60
            self.requests.append(request)
            self.metadata.append(metadata)
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def close(self) -> None:
        self.closed = True


class Ready:
    """A connection that is there at once."""

    def result(self, timeout: float) -> None:
        assert timeout > 0

    def cancel(self) -> None:
        pass


@pytest.fixture
def wired(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a connection to a FakeChannel with these answers."""

    def make(*answers: Any) -> Tuple[Connection, FakeChannel]:
        channel = FakeChannel(list(answers))
        monkeypatch.setattr(grpc, "secure_channel", lambda *_, **__: channel)
        monkeypatch.setattr(grpc, "ssl_channel_credentials", lambda **_: None)
        monkeypatch.setattr(grpc, "channel_ready_future", lambda _: Ready())
        return Connection(Configuration("h:1", "w", TOKEN, "PEM")), channel

    return make


def test_a_repeated_submit_is_the_same_request(wired: Any) -> None:
    """Its answer may have been lost: with another request id the job would be there twice."""
    lost = FakeError(CODE.DEADLINE_EXCEEDED)
    connection, channel = wired(lost, FakeError(CODE.UNAVAILABLE), api().SubmitJobReply(job_id="j"))
    assert JobClient(connection).submit(api().JobSpec(script="t.py")) == "j"
    keys = {request.request_id for request in channel.requests}
    assert len(channel.requests) == 3
    assert len(keys) == 1
    assert keys != {""}
    assert channel.metadata[0] == [("authorization", f"Bearer {TOKEN}")]


def test_two_submits_are_two_requests(wired: Any) -> None:
    reply = api().SubmitJobReply(job_id="j")
    connection, channel = wired(reply, reply)
    for _ in range(2):
        JobClient(connection).submit(api().JobSpec(script="t.py"))
    assert len({request.request_id for request in channel.requests}) == 2


def test_a_refusal_is_not_repeated(wired: Any) -> None:
    connection, channel = wired(FakeError(CODE.NOT_FOUND, "there is no job"))
    with pytest.raises(UserErrorException, match="there is no job"):
        JobClient(connection).get("j")
    assert len(channel.requests) == 1


def test_patience_ends_with_the_servers_address(wired: Any) -> None:
    connection, channel = wired(*[FakeError(CODE.UNAVAILABLE, REFUSED)] * 50)
    with pytest.raises(ServiceException, match="h:1: Connection refused"):
        JobClient(connection).get("j", patience=0.3)
    assert 2 <= len(channel.requests) < 50


def test_lists_come_in_pages_when_they_are_needed(wired: Any) -> None:
    first = api().ListJobsReply(jobs=[{"id": "a"}, {"id": "b"}], next_page_token="t")
    connection, channel = wired(first, api().ListJobsReply(jobs=[{"id": "c"}]))
    found = JobClient(connection).list()
    assert next(found).id == "a"
    assert len(channel.requests) == 1
    assert [job.id for job in found] == ["b", "c"]
    assert [request.page_token for request in channel.requests] == ["", "t"]


# Children made by fork().


@pytest.mark.parametrize(
    ("python", "version", "expected"),
    [
        ((3, 9, 18), "1.80.1", True),
        ((3, 9, 18), "1.77.0", True),
        ((3, 9, 18), "2.0.0", True),
        ((3, 9, 18), "1.76.0", False),
        ((3, 9, 18), "1.51.1", False),
        ((3, 10, 0), "1.80.1", False),
        ((3, 13, 0), "1.85.3", False),
        ((3, 9, 18), "strange", False),
    ],
)
def test_where_grpc_must_leave_children_alone(
    python: Tuple[int, ...], version: str, expected: bool
) -> None:
    assert fork_support.must_leave_children_alone(python, version) is expected


def test_a_child_that_cannot_talk_says_so_at_once(
    wired: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, _ = wired(api().GetRunReply())
    monkeypatch.setenv("GRPC_ENABLE_FORK_SUPPORT", "0")
    monkeypatch.setattr("muster._client.connection._of_parents", [])
    connection.channel()
    connection._begin_anew()
    with pytest.raises(ServiceException, match="made by fork"):
        connection.call("TrackingService.GetRun", run_id="r")


def test_a_child_has_a_channel_of_its_own(wired: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    connection, channel = wired(api().GetRunReply())
    monkeypatch.delenv("GRPC_ENABLE_FORK_SUPPORT", raising=False)
    monkeypatch.setattr("muster._client.connection._of_parents", [])
    connection.channel()
    connection._lock.acquire()  # by a thread that the child does not have
    connection._begin_anew()
    assert not channel.closed
    connection.call("TrackingService.GetRun", run_id="r")
