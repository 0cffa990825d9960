"""Files of runs through the Python SDK: uploads to jobs and to runs that are none, and back."""

from __future__ import annotations

import io
import pathlib
import random
import textwrap
from typing import Any, Iterator

import pytest

from support.cluster import Cluster
from support.sdk import PYTHON, UserScript

from muster._content import FileContent
from muster.core import Experiment, Run, ScriptRunConfig, Workspace
from muster.exceptions import AuthenticationException, UserErrorException

# As a training script that is run by hand.
CONTEXT_SCRIPT = """
import io
from muster.core import Run
run = Run.get_context()
run.log('loss', 0.5)
run.upload_file('note.txt', io.BytesIO(b'note'))
run.description = 'by hand'
print('described', run.description, 'id', run.id)
"""


class Plot:
    """As matplotlib's."""

    def savefig(self, out: Any, format: str) -> None:
        out.write(f"a picture, {format}".encode())


@pytest.fixture(autouse=True)
def no_heartbeats_afterwards(workspace: Workspace) -> Iterator[None]:
    """gRPC 1.51 can crash a process that forks while calls wait for a server that is gone, and later tests fork."""
    yield
    beats = workspace._server.heartbeats
    for run_id in list(beats._runs):
        beats.remove(run_id)


def submitted(cluster: Cluster, workspace: Workspace, body: str = "print('hello')\n") -> Run:
    source = cluster.project(f"p{abs(hash(body))}", {"train.py": textwrap.dedent(body)})
    config = ScriptRunConfig(str(source), "train.py", compute_target="default")
    return Experiment(workspace, "e").submit(config)


def tree(cluster: Cluster) -> dict[str, bytes]:
    """A folder "tree" of 0 bytes, 5 MB and some; name below it -> content."""
    content = {
        "empty": b"", "big.bin": random.Random(3).randbytes(5_000_000), "模型 ü/à b.txt": "tëxt".encode(),
        "deep/er/same": b"x", "same too": b"x"}
    for name, data in content.items():
        path = cluster.directory / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return content


def downloaded(run: Run, folder: pathlib.Path, prefix: str) -> dict[str, bytes]:
    run.download_files(prefix=prefix, output_directory=str(folder), append_prefix=False)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", ["job", "interactive", "child"])
def test_a_folder_comes_back_as_it_was(cluster: Cluster, workspace: Workspace, kind: str) -> None:
    content = tree(cluster)
    run = submitted(cluster, workspace) if kind == "job" else Experiment(workspace, "e").start_logging()
    if kind == "child":
        run = run.child_run()
    run.upload_folder("kept/tree", "tree")
    run.upload_file("kept/tree/one.bin", "tree/big.bin")
    run.upload_files(["a.txt", "b.txt"], ["tree/empty", "tree/same too"])
    run.upload_file("stream.bin", io.BytesIO(content["big.bin"]))
    cluster.kill_server()
    cluster.start_server()
    run = workspace.get_run(run.id)
    expected = sorted([*(f"kept/tree/{name}" for name in content), "kept/tree/one.bin", "a.txt", "b.txt",
                       "stream.bin"], key=str.encode)
    assert run.get_file_names() == expected
    found = downloaded(run, cluster.directory / "back", "kept/tree/")
    assert found == {**content, "one.bin": content["big.bin"]}
    run.download_file("stream.bin", "here.bin")
    assert (cluster.directory / "here.bin").read_bytes() == content["big.bin"]
    run.download_file("a.txt")
    assert (cluster.directory / "a.txt").read_bytes() == b""
    assert run.get_all_logs() == []
    with pytest.raises(UserErrorException, match="none.txt"):
        run.download_file("none.txt")


def test_files_of_a_job_lie_beside_what_it_wrote(cluster: Cluster, workspace: Workspace) -> None:
    cluster.add_node("n1", settings={"job_python_dir": str(PYTHON / "job")})
    run = submitted(cluster, workspace, """
        import io
        from muster.core import Run
        open('outputs/model.pt', 'w').write('weights')
        run = Run.get_context()
        run.upload_file('from the job.txt', io.BytesIO(b'job'))
        run.log('of', 1)
        child = run.child_run(run_id='the-child')
        child.log('of', 2)
        child.upload_file('note.txt', io.BytesIO(b'of the child'))
        child.complete()
        print('merged', run.get_metrics('of', recursive=True))
        """)
    run.upload_file("from outside.txt", io.BytesIO(b"outside"))
    assert run.wait_for_completion()["status"] == "Completed"
    names = ["children/the-child/note.txt", "from outside.txt", "from the job.txt", "outputs/model.pt"]
    assert [name for name in run.get_file_names() if not name.startswith("azureml-logs/")] == names
    back = {name: (run.download_file(name, "got"), (cluster.directory / "got").read_bytes())[1] for name in names}
    assert list(back.values()) == [b"of the child", b"outside", b"job", b"weights"]
    (child,) = run.get_children()
    child.upload_file("own.txt", io.BytesIO(b"own"))
    assert child.get_file_names() == ["note.txt", "own.txt"]
    assert downloaded(child, cluster.directory / "child", "") == {"note.txt": b"of the child", "own.txt": b"own"}
    with pytest.raises(UserErrorException, match="none.txt"):
        child.download_file("none.txt")
    run.upload_file("after the end.txt", io.BytesIO(b"late"))
    assert "after the end.txt" in run.get_file_names()
    logs = run.get_all_logs("logs")
    (log,) = [path for path in logs if "70_driver_log" in path]
    assert "merged {'of': [1, 2]}" in pathlib.Path(log).read_text()
    assert run.get_metrics("of", recursive=True) == {"of": [1, 2]}


def test_the_same_name_again(cluster: Cluster, workspace: Workspace) -> None:
    run = Experiment(workspace, "e").start_logging()
    run.upload_file("a", io.BytesIO(b"first"))
    run.upload_file("a", io.BytesIO(b"first"))
    with pytest.raises(UserErrorException, match="file a with other content") as caught:
        run.upload_file("a", io.BytesIO(b"second"))
    assert caught.value.reference_code == "NAME_TAKEN"
    (cluster.directory / "x").write_bytes(b"x")
    with pytest.raises(UserErrorException, match="b/c"):
        run.upload_file("b", "x")
        run.upload_file("b/c", "x")
    run.download_file("a")
    assert (cluster.directory / "a").read_bytes() == b"first"


def test_names_that_lead_elsewhere_are_refused_before_anything_is_sent(
        cluster: Cluster, workspace: Workspace) -> None:
    run = Experiment(workspace, "e").start_logging()
    (cluster.directory / "x").write_bytes(b"x")
    cluster.kill_server()  # whatever were sent would take a minute to fail
    for name in ("../a", "/etc/passwd", "a/../../b", "a\nb", "n" * 1025, "azureml-logs/70_driver_log.txt"):
        with pytest.raises(UserErrorException, match="run file"):
            run.upload_file(name, "x")
        with pytest.raises(UserErrorException, match="run file"):
            run.upload_files(["fine", name], ["x", "x"])
    with pytest.raises(UserErrorException, match="none' cannot be read"):
        run.upload_files(["a", "b"], ["x", "none"])
    cluster.start_server()
    assert run.get_file_names() == []


def test_a_file_that_changes_meanwhile(cluster: Cluster, workspace: Workspace,
                                       monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    run = Experiment(workspace, "e").start_logging()
    path = cluster.directory / "x"
    changes = {"it grew": lambda: path.write_bytes(bytes(3_000_001)), "No such file": path.unlink,
               "other content": lambda: path.write_bytes(b"1" * 3_000_000)}
    for n, (words, change) in enumerate(changes.items()):
        path.write_bytes(bytes([n + 1]) * 3_000_000)
        content = FileContent(path)
        change()
        with pytest.raises(UserErrorException, match=f"changed while it was uploaded: .*{words}"):
            workspace._server.files(run.id).add([("a", content)])
    assert run.get_file_names() == [] and caplog.records == []


def test_pictures_come_back(cluster: Cluster, workspace: Workspace) -> None:
    (cluster.directory / "matrix.jpeg").write_bytes(b"jpeg")
    with Experiment(workspace, "e").start_logging() as run:
        run.log_image("curve", plot=Plot(), description="of the loss")
        run.log_image("curve", plot=Plot())
        run.log_image("matrix", path="matrix.jpeg")
    run = workspace.get_run(run.id)
    found = run.get_metrics()
    assert sorted([*found["curve"], found["matrix"]]) == run.get_file_names()
    run.download_file(found["curve"][0], "curve.png")
    run.download_file(found["matrix"], "back.jpeg")
    assert (cluster.directory / "curve.png").read_bytes() == b"a picture, png"
    assert (cluster.directory / "back.jpeg").read_bytes() == b"jpeg"


def test_the_context_outside_a_job_prints(cluster: Cluster, workspace: Workspace) -> None:
    with UserScript(cluster, CONTEXT_SCRIPT) as script:
        code, said = script.wait_end()
    assert code == 0, said
    assert "Attempted to log scalar metric loss:\n0.5" in said
    assert "Attempted to upload file note.txt" in said
    assert "described by hand id OfflineRun_" in said
    assert list(workspace.experiments) == []


def test_descriptions_and_experiments(cluster: Cluster, workspace: Workspace) -> None:
    run = submitted(cluster, workspace)
    run.description = "the first"
    other = Experiment(workspace, "hand").start_logging(tags={"description": "given"})
    assert (workspace.get_run(run.id).description, other.description) == ("the first", "given")
    with pytest.raises(UserErrorException, match="0 to 1000 bytes"):
        run.description = "n" * 1001
    assert [found.name for found in Experiment.list(workspace)] == ["hand", "e"]  # newest first
    assert [found.name for found in Experiment.list(workspace, experiment_name="e")] == ["e"]


def test_who_may_only_look_uploads_nothing(cluster: Cluster, workspace: Workspace,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    run = Experiment(workspace, "e").start_logging()
    run.upload_file("a", io.BytesIO(b"mine"))
    made = cluster.json("token", "create", "--user", "eve", "--role", "viewer")
    token = cluster.directory / "viewer.token"
    token.touch(0o600)
    token.write_text(made["token"])
    config = cluster.config.with_name("viewer.json")
    cluster.run("login", "--server", cluster.address, "--token-file", token,
                env={"MUSTER_CONFIG": str(config)}).check_returncode()
    monkeypatch.setenv("MUSTER_CONFIG", str(config))
    seen = Workspace.from_config().get_run(run.id)
    seen.download_file("a", "seen")
    with pytest.raises(AuthenticationException):
        seen.upload_file("b", io.BytesIO(b"hers"))
    assert run.get_file_names() == ["a"]
