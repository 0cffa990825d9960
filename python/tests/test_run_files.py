"""Files of runs: what is refused before anything is sent, what is sent, and pictures."""

from __future__ import annotations

import io
import logging
import os
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import grpc
import pytest

from fake_record import FakeFiles, FakeServer
from fakes import FakeError
from muster._client.blobs import upload_missing
from muster._client.run_files import ChildFiles, RunFiles
from muster._content import FileContent, spooled_stream
from muster._proto import api
from muster.core import Run
from muster.core._run_uploads import upload_all
from muster.exceptions import RunEnvironmentException, ServiceException, UserErrorException

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
WRONG_NAMES: List[Any] = [
    "",
    "/etc/passwd",
    "..",
    "../x",
    "a/../b",
    "a//b",
    "a/",
    "./a",
    "a\0b",
    "a\nb",
    "\x7f",
    "n" * 256,
    "d/" * 512 + "n",
    "d/" * 32 + "n",
    "azureml-logs/70_driver_log.txt",
    "\udcff",
    None,
    5,
]


class Plot:
    """As matplotlib's: pyplot, and figures."""

    def savefig(self, out: Any, format: str) -> None:
        out.write(f"a picture, {format}".encode())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "model.pt"
    made.write_bytes(b"weights")
    return made


def test_what_is_uploaded_comes_back(run: Run, path: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    run.upload_file("a/模型.pt", str(path))
    run.upload_file("b", path)  # a Path too
    run.upload_file("c", io.BytesIO(b"bytes"))
    run.upload_file("d", io.StringIO("t\u00fcxt"))
    run.upload_files(["e", "f/g"], [str(path), str(tmp_path / "empty")])
    assert run.get_file_names() == ["a/模型.pt", "b", "c", "d", "e", "f/g"]
    run.download_files(output_directory=str(tmp_path / "out"))
    got = {str(p.relative_to(tmp_path / "out")): p.read_bytes() for p in files(tmp_path / "out")}
    assert got == {
        "a/模型.pt": b"weights",
        "b": b"weights",
        "c": b"bytes",
        "d": "t\u00fcxt".encode(),
        "e": b"weights",
        "f/g": b"",
    }


def files(folder: Path) -> List[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_submitted_script_takes_files_too(server: FakeServer, script: Run, path: Path) -> None:
    script.upload_file("a", str(path))
    assert server.kept[script.id].kept == {"a": b"weights"}


@pytest.mark.parametrize("name", WRONG_NAMES, ids=lambda name: ascii(name)[:20])
def test_a_wrong_name_is_refused_before_anything_is_sent(
    server: FakeServer, run: Run, path: Path, name: Any
) -> None:
    calls: List[Callable[[], Any]] = [
        lambda: run.upload_file(name, path),
        lambda: run.upload_files(["fine", name], [str(path)] * 2),
    ]
    if name != "a/":  # of a folder that is a name
        calls.append(lambda: run.upload_folder(name, str(path.parent)))
    for call in calls:
        with pytest.raises(UserErrorException, match="run file"):
            call()
    assert not any(kept.adds for kept in server.kept.values())


WRONG_CALLS = [
    (lambda r, p: r.upload_file("a", "none"), "'none' cannot be read: No such file"),
    (lambda r, p: r.upload_file("a", p.parent), "not a regular file"),
    (lambda r, p: r.upload_file("a", p.parent / "pipe"), "not a regular file"),
    (lambda r, p: r.upload_file("a", p.parent / "broken"), "No such file"),
    (lambda r, p: r.upload_file("a", 5.5), "a path or something with read"),
    (lambda r, p: r.upload_file("a", "a\0b"), "a path or something with read"),
    (lambda r, p: r.upload_file("a", p, datastore_name="ds"), "leave out datastore_name"),
    (lambda r, p: r.upload_files(["a"], [p], datastore_name="ds"), "leave out datastore_name"),
    (lambda r, p: r.upload_folder("a", p.parent, "ds"), "leave out datastore_name"),
    (lambda r, p: r.upload_files(["a", "b"], [p]), "2 names for 1 paths"),
    (lambda r, p: r.upload_files(["a", "a"], [p, p]), "'a' is there twice"),
    (lambda r, p: r.upload_files("a", p), "names must be a list"),
    (lambda r, p: r.upload_files(["a"], None), "paths must be a list"),
    (lambda r, p: r.upload_files(["a", "b"], [p, "none"]), "'none' cannot be read"),
    (lambda r, p: r.upload_folder("a", p), "is not there"),
    (lambda r, p: r.upload_folder("a", None), "is not there"),
    (lambda r, p: r.log_image("i"), "either a path or a plot"),
    (lambda r, p: r.log_image("i", p, Plot()), "either a path or a plot"),
    (lambda r, p: r.log_image("i", "none.png"), "cannot be read"),
    (lambda r, p: r.log_image("i", plot=5), "savefig"),
    (lambda r, p: r.log_image("", p), "name of a metric"),
    (lambda r, p: r.log_image("i", p, description=5), "a string as description"),
]


@pytest.mark.parametrize(("call", "words"), WRONG_CALLS)
def test_a_wrong_call_sends_nothing(
    server: FakeServer, run: Run, path: Path, call: Callable[[Run, Path], None], words: str
) -> None:
    os.mkfifo(path.parent / "pipe")
    (path.parent / "broken").symlink_to("nowhere")
    with pytest.raises(UserErrorException, match=words):
        call(run, path)
    assert not any(kept.adds for kept in server.kept.values())
    assert run.get_metrics() == {}


def test_the_same_name_again(server: FakeServer, run: Run, path: Path) -> None:
    run.upload_file("a", path)
    run.upload_file("a", path)
    path.write_bytes(b"other")
    with pytest.raises(UserErrorException, match="has a file a"):
        run.upload_file("a", path)
    assert server.kept[run.id].kept == {"a": b"weights"}


def test_a_folder_with_everything_in_it(server: FakeServer, run: Run, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x").touch()
    (tree / "a").write_bytes(b"a")
    (tree / "sub" / "deep" / "ü").write_bytes(b"b")
    (tree / "same").symlink_to("a")
    (tree / "link").symlink_to("../elsewhere")
    (tree / "broken").symlink_to("nowhere")
    os.mkfifo(tree / "pipe")
    run.upload_folder("out/", str(tree))
    expected = {"out/a": b"a", "out/same": b"a", "out/sub/deep/ü": b"b"}
    assert server.kept[run.id].kept == expected
    run.upload_folder("none", str(tmp_path / "tree" / "sub" / "deep"))
    (tree / "bad\n").touch()
    with pytest.raises(UserErrorException, match="control characters"):
        run.upload_folder("again", str(tree))


def test_many_files_go_a_thousand_at_a_time(server: FakeServer, run: Run, tmp_path: Path) -> None:
    for n in range(2100):
        (tmp_path / f"{n:04}").write_text(str(n))
    run.upload_folder("f", str(tmp_path))
    assert [len(names) for names in server.kept[run.id].adds] == [1000, 1000, 100]
    assert len(run.get_file_names()) == 2100


def test_the_time_for_an_upload_is_over(run: Run, path: Path) -> None:
    with pytest.raises(UserErrorException, match="not over after -1 s"):
        run.upload_files(["a"], [str(path)], timeout_seconds=-1)
    assert run.get_file_names() == []


def test_pictures_are_files_and_metrics(
    server: FakeServer, run: Run, path: Path, tmp_path: Path
) -> None:
    run.log_image("loss/curve\n", plot=Plot(), description="d")
    run.log_image("confusion", path=str(path.rename(tmp_path / "matrix.jpeg")))
    found = run.get_metrics()
    assert set(found) == {"loss/curve\n", "confusion"}
    kept = server.kept[run.id].kept
    assert kept[found["loss/curve\n"]] == b"a picture, png"
    assert kept[found["confusion"]] == b"weights"
    assert found["confusion"].startswith("confusion_") and found["confusion"].endswith(".jpeg")
    stored, _ = server.runs.values[run.id]
    assert (stored.kind, stored.description) == (api().METRIC_KIND_IMAGE, "d")
    assert stored.json == '{"file": "%s"}' % found["loss/curve\n"]
    run.log_image("confusion", plot=Plot())
    assert len(run.get_metrics("confusion")["confusion"]) == 2
    run.log_image("..." + "n" * 250, plot=Plot())
    assert len(run.get_file_names()) == 4


# What the server is sent.


class FakeConnection:
    """Has blobs; checks what comes as the server does. ``calls``: method -> requests."""

    workspace = "w"

    def __init__(self) -> None:
        self.blobs: List[str] = []
        self.calls: List[Any] = []
        self.during: Callable[[], None] = lambda: None

    def call(self, method: str, **fields: Any) -> Any:
        options = {k: fields.pop(k) for k in ("patience", "seconds") if k in fields}
        assert options["patience"] == 60
        request = api().method(method).request(**fields)
        self.calls.append((method, request))
        if method == "BlobService.FindMissingBlobs":
            missing = [d for d in request.digests if d not in self.blobs]
            return api().FindMissingBlobsReply(missing_digests=[*missing, "ff" * 32])
        return api().AddRunFilesReply()

    def upload(
        self, method: str, requests: Callable[[], Iterator[Any]], patience: float
    ) -> Optional[Any]:
        self.during()
        received = list(requests())
        header = received[0].header
        assert all(len(part.chunk) <= 256 * 1024 for part in received[1:])
        data = b"".join(part.chunk for part in received[1:])
        content = spooled_stream(io.BytesIO(data), "it")
        if (content.digest, len(data)) != (header.digest, header.size_bytes):
            raise UserErrorException("the blob is not what its header says")
        self.blobs.append(header.digest)
        return None


def test_content_that_the_server_has_is_not_sent(path: Path) -> None:
    connection: Any = FakeConnection()
    run_files = RunFiles(connection, "r")
    big = path.with_name("big")
    big.write_bytes(bytes(600_000))
    same = FileContent(path)
    run_files.add([("a", same), ("b", same), ("c", FileContent(big))])
    assert connection.blobs == [same.digest, FileContent(big).digest]
    run_files.add([("d", same)])
    assert len(connection.blobs) == 2
    method, request = connection.calls[1]
    assert method == "RunFileService.AddRunFiles"
    assert (request.workspace, request.run_id) == ("w", "r")
    assert [(file.name, file.digest) for file in request.files] == [
        ("a", same.digest),
        ("b", same.digest),
        ("c", FileContent(big).digest),
    ]


def test_an_empty_file_is_content_too(tmp_path: Path) -> None:
    (tmp_path / "e").touch()
    connection: Any = FakeConnection()
    content = FileContent(tmp_path / "e")
    assert (content.digest, content.size_bytes) == (EMPTY, 0)
    assert upload_missing(connection, [content]) == 1


CHANGES: List[Any] = [
    (lambda p: p.unlink(), "No such file"),
    (lambda p: p.write_bytes(b"weights and more"), "it grew"),
    (lambda p: p.write_bytes(b"weight"), "other content"),
    (lambda p: p.write_bytes(b"WEIGHTS"), "other content"),
    (lambda p: (p.unlink(), p.mkdir()), "not a regular file"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES, ids=[words for _, words in CHANGES])
def test_a_file_that_changes_meanwhile(
    path: Path, change: Callable[[Path], Any], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    connection: Any = FakeConnection()
    connection.during = lambda: change(path)
    with pytest.raises(UserErrorException, match=rf"{path}' changed while .*{words}"):
        upload_all(RunFiles(connection, "r"), [("a", str(path))])
    assert [method for method, _ in connection.calls] == ["BlobService.FindMissingBlobs"]
    assert connection.blobs == []
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_another_failure_stays_what_it_is(path: Path) -> None:
    connection: Any = FakeConnection()

    def away() -> None:
        raise ServiceException("cannot reach the server")

    connection.during = away
    with pytest.raises(ServiceException):
        upload_missing(connection, [FileContent(path)])


def test_the_time_is_looked_at_in_the_middle_of_a_file(path: Path) -> None:
    connection: Any = FakeConnection()

    def over() -> None:
        raise UserErrorException("over")

    with pytest.raises(UserErrorException, match=r"^over$"):
        upload_missing(connection, [FileContent(path)], over)
    assert connection.blobs == []


def test_a_stream_of_something_else() -> None:
    class Numbers:
        def read(self, size: int) -> Any:
            return [1]

    with pytest.raises(UserErrorException, match="bytes or text, not list"):
        spooled_stream(Numbers(), "the stream")


def test_what_the_server_says_of_a_name_that_is_taken_is_the_users_error() -> None:
    from muster._client.errors import exception_of

    error = FakeError(grpc.StatusCode.ALREADY_EXISTS, "the run has a file a", "NAME_TAKEN")
    made = exception_of(error, "head:1")
    assert isinstance(made, UserErrorException) and made.reference_code == "NAME_TAKEN"


# Where files lie.


class Listing:
    """A server that has files: run -> name -> content."""

    workspace = "w"

    def __init__(self, kept: Dict[str, Dict[str, bytes]]) -> None:
        self.kept = kept

    def call(self, method: str, **fields: Any) -> Any:
        assert method == "RunFileService.ListRunFiles"
        names = sorted(self.kept.get(fields["job_id"], {}))
        return api().ListRunFilesReply(files=[{"name": name} for name in names])

    def open_stream(self, method: str, **fields: Any) -> Iterator[Any]:
        of_run = self.kept.get(fields["job_id"], {})
        if fields["name"] not in of_run:
            is_job = fields["job_id"].startswith("e_")
            reason = "UNKNOWN_RUN_FILE" if is_job else "UNKNOWN_JOB"
            raise FakeError(grpc.StatusCode.NOT_FOUND, "there is none", reason)
        data = of_run[fields["name"]]
        if data:
            yield api().RunFileChunk(offset=0, data=data)

    def wait_after_break(self, error: Any, backoff: Any) -> None:
        from muster._client.errors import exception_of

        raise exception_of(error, "head:1")


def test_a_childs_files_lie_in_two_places() -> None:
    kept = {
        "c": {"both": b"own", "own": b""},
        "e_1_2": {"children/c/both": b"job's", "children/c/a/b": b"deep", "children/d/x": b""},
    }
    connection: Any = Listing(kept)
    found = ChildFiles(connection, "c", "e_1_2")
    assert [file.name for file in found.list()] == ["a/b", "both", "own"]
    got = {file.name: b"".join(found.read(file.name)) for file in found.list()}
    assert got == {"a/b": b"deep", "both": b"own", "own": b""}
    with pytest.raises(UserErrorException) as caught:
        list(found.read("none"))
    assert caught.value.reference_code == "UNKNOWN_RUN_FILE"


def test_a_file_that_a_tracked_run_lacks() -> None:
    connection: Any = Listing({})
    with pytest.raises(UserErrorException, match="the run r has no file 'none'"):
        list(RunFiles(connection, "r").read("none"))


def test_only_a_childs_job_is_asked_for_its_files(
    server: FakeServer, run: Run, script: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: List[Any] = []

    def files_of(*ids: Any) -> FakeFiles:
        asked.append(ids)
        return FakeFiles()

    monkeypatch.setattr(server, "files", files_of)
    for one in (run, script, run.child_run(), script.child_run()):
        one.get_file_names()
    assert [ids[1:] for ids in asked] == [(), (), (None,), (script.id,)]


# Where a script runs.


def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("MUSTER_", "AZUREML_")):
            monkeypatch.delenv(name)


def test_outside_a_job_the_context_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from muster.core.run import _OfflineRun

    outside(monkeypatch)
    run = Run.get_context()
    assert isinstance(run, _OfflineRun)
    assert run.id.startswith("OfflineRun_") and run.id == Run.get_submitted_run().id
    run.log("loss", 0.5)
    run.upload_file("a", "none")
    said = "Attempted to log scalar metric loss:\n0.5\nAttempted to upload file a\n"
    assert capsys.readouterr().out == said
    with pytest.raises(UserErrorException):
        run.upload_file("../a", "none")
    with pytest.raises(RunEnvironmentException):
        Run.get_context(allow_offline=False)
    with pytest.raises(AttributeError):
        import muster.core.run

        _ = muster.core.run.Bogus


def test_in_a_job_the_context_is_the_jobs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    outside(monkeypatch)
    monkeypatch.setenv("MUSTER_TRACKING_DIR", str(tmp_path))
    monkeypatch.setenv("AZUREML_RUN_ID", "e_1_2")
    run = Run.get_context(allow_offline=False)
    assert run.id == "e_1_2"
    run.log("loss", 0.5)
    (spool,) = tmp_path.glob("*.jsonl")
    assert '"name":"loss"' in spool.read_text()
    run.upload_file("a", io.BytesIO(b"x"))
    assert (tmp_path / "files" / "a").read_bytes() == b"x"
