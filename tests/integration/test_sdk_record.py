"""The run record through the Python SDK: metrics, tags, children, interactive runs, and faults."""

from __future__ import annotations

import math
import textwrap
import threading
import time
from typing import Any

import pytest

from support.cluster import Cluster
from support.sdk import UserScript
from support.wait import wait_for

from muster._client import fork_support
from muster.core import Experiment, Run, ScriptRunConfig, Workspace
from muster.exceptions import AuthenticationException, ExperimentExecutionException, UserErrorException

# Begins an interactive run, logs, and goes on until it is killed.
INTERACTIVE_SCRIPT = """
import threading
from muster.core import Experiment, Workspace
run = Experiment(Workspace.from_config(), 'e').start_logging()
run.log('loss', 1)
run.flush()
print('run', run.id, flush=True)
threading.Event().wait()
"""

# Logs without waiting for anything, and ends.
HASTY_SCRIPT = """
from muster.core import Experiment, Workspace
run = Experiment(Workspace.from_config(), 'e').start_logging()
print('run', run.id, flush=True)
for n in range(5000):
    run.log('n', n)
print('ends', flush=True)
"""


def ids(runs: Any) -> list[str]:
    return [run.id for run in runs]


def submitted(cluster: Cluster, workspace: Workspace, body: str = "print('hello')\n", **options: Any) -> Run:
    source = cluster.project(f"p{abs(hash(body))}", {"train.py": textwrap.dedent(body)})
    config = ScriptRunConfig(str(source), "train.py", compute_target="default")
    return Experiment(workspace, "e").submit(config, **options)


def test_metrics_of_all_kinds_come_back_after_a_kill(cluster: Cluster, workspace: Workspace) -> None:
    matrix = {"schema_type": "confusion_matrix", "schema_version": "1.0.0",
              "data": {"class_labels": ["a", "b"], "matrix": [[1, 0], [0, math.inf]]}}
    with Experiment(workspace, "e").start_logging(display_name="first") as run:
        run.log("one", 3, step=7)
        for value in (0.5, -math.inf, math.inf, 2**62, "é\0"):
            run.log("several", value)
        run.log("nan", math.nan, description="of nothing")
        run.log_list("list", iter([1, 2.5, "x"]))
        for n in range(3):
            run.log_row("rows", x=n, y=math.inf if n else "none")
        run.log_table("table", {"x": [1, 2], "y": [3.5, -math.inf]})
        run.log_confusion_matrix("matrix", matrix)
    cluster.kill_server()
    cluster.start_server()
    run = workspace.get_run(run.id)
    assert (run.get_status(), run.display_name) == ("Completed", "first")
    found = run.get_metrics()
    assert math.isnan(found.pop("nan"))
    assert found == {
        "one": 3, "several": [0.5, -math.inf, math.inf, 2**62, "é\0"], "list": [1, 2.5, "x"],
        "rows": {"x": [0, 1, 2], "y": ["none", math.inf, math.inf]},
        "table": {"x": [1, 2], "y": [3.5, -math.inf]}, "matrix": matrix}
    assert run.get_metrics("one") == {"one": 3} and run.get_metrics("none") == {}


def test_a_hundred_thousand_rows(cluster: Cluster, workspace: Workspace) -> None:
    run = Experiment(workspace, "e").start_logging()
    started = time.monotonic()
    for n in range(100_000):
        run.log_row("rows", step=n, loss=n / 2)
    logged = time.monotonic()
    run.flush()
    flushed = time.monotonic()
    rows = run.get_metrics("rows")["rows"]
    read = time.monotonic()
    print(f"100,000 rows: logged in {logged - started:.2f} s, then stored after {flushed - logged:.2f} s, "
          f"read in {read - flushed:.2f} s")
    assert rows == {"step": list(range(100_000)), "loss": [n / 2 for n in range(100_000)]}
    # The measure is in scripts/bench; here only what nobody could call quick.
    assert read - flushed < 5


class Logger(threading.Thread):
    """Logs 0, 1, 2... until it is told to end."""

    def __init__(self, run: Run, name: str) -> None:
        super().__init__(daemon=True)
        self.metric_run, self.metric = run, name
        self.count = 0
        self.ending = threading.Event()

    def run(self) -> None:
        while not self.ending.wait(0.0005):
            self.metric_run.log(self.metric, self.count)
            self.count += 1


def test_a_server_that_is_killed_loses_and_doubles_nothing(cluster: Cluster, workspace: Workspace) -> None:
    run = Experiment(workspace, "e").start_logging()
    child = run.child_run()
    loggers = [Logger(run, "a"), Logger(run, "b"), Logger(child, "c")]
    for logger in loggers:
        logger.start()
    for _ in range(5):
        stored = [logger.metric_run.get_metrics(logger.metric) for logger in loggers]
        wait_for(lambda: all(logger.metric_run.get_metrics(logger.metric) != before
                             for logger, before in zip(loggers, stored)), "all to get on")
        cluster.kill_server()
        counts = [logger.count for logger in loggers]
        wait_for(lambda: all(logger.count > before for logger, before in zip(loggers, counts)),
                 "log to go on without a server")
        cluster.start_server()
    for logger in loggers:
        logger.ending.set()
        logger.join(10)
    run.complete()
    child.complete()
    for logger in loggers:
        assert logger.metric_run.get_metrics().get(logger.metric) == list(range(logger.count))


def test_a_script_that_ends_at_once_has_logged_all(cluster: Cluster, workspace: Workspace) -> None:
    with UserScript(cluster, HASTY_SCRIPT) as script:
        run_id = script.wait_line("run ").split()[-1]
        code, said = script.wait_end()
    assert code == 0, said
    run = workspace.get_run(run_id)
    assert run.get_metrics() == {"n": list(range(5000))}
    assert run.get_status() == "Running"  # nobody has said that it is complete


def test_a_script_that_ends_while_the_server_is_away_waits_for_it(cluster: Cluster, workspace: Workspace) -> None:
    text = HASTY_SCRIPT.replace("for n", "run.flush()\nprint('ready', flush=True)\n"
                                         "import os, time\n"
                                         "while not os.path.exists('go'): time.sleep(0.01)\nfor n")
    with UserScript(cluster, text) as script:
        run_id = script.wait_line("run ").split()[-1]
        script.wait_line("ready")
        cluster.kill_server()
        (cluster.directory / "go").touch()
        script.wait_line("ends")
        if "not stored at the server" not in "".join(script.lines):
            script.wait_line("not stored at the server")
        assert script.process.poll() is None
        cluster.start_server()
        code, said = script.wait_end()
    assert code == 0, said
    assert workspace.get_run(run_id).get_metrics() == {"n": list(range(5000))}


CHILDREN_SCRIPT = """
import multiprocessing
from muster.core import Experiment, Workspace
run = Experiment(Workspace.from_config(), 'e').start_logging(run_id='family')
for n in range(1000):
    run.log('parent', n)

def work(number):
    for n in range(10):
        run.log(f'child {number}', n)

context = multiprocessing.get_context('fork')
children = [context.Process(target=work, args=(number,)) for number in range(3)]
for child in children:
    child.start()
for child in children:
    child.join(30)
run.complete()
print('codes', [child.exitcode for child in children])
"""


@pytest.mark.skipif(not fork_support.children_can_talk(), reason="this gRPC cannot be used in forked children")
def test_a_child_process_logs_too(cluster: Cluster, workspace: Workspace) -> None:
    with UserScript(cluster, CHILDREN_SCRIPT) as script:
        code, said = script.wait_end(120)
    assert code == 0 and "codes [0, 0, 0]" in said, said
    found = workspace.get_run("family").get_metrics()
    assert found.pop("parent") == list(range(1000))
    assert found == {f"child {number}": list(range(10)) for number in range(3)}


POOL_SCRIPT = """
import multiprocessing
from muster.core import Experiment, Workspace
run = Experiment(Workspace.from_config(), 'e').start_logging(run_id='pooled')

def work(number):
    run.log('n', number)

with multiprocessing.get_context('fork').Pool(4) as pool:
    pool.map(work, range(40))  # then it kills its workers
run.complete()
"""


@pytest.mark.skipif(not fork_support.children_can_talk(), reason="this gRPC cannot be used in forked children")
def test_the_workers_of_a_pool_log_too(cluster: Cluster, workspace: Workspace) -> None:
    with UserScript(cluster, POOL_SCRIPT) as script:
        code, said = script.wait_end()
    assert code == 0, said
    assert sorted(workspace.get_run("pooled").get_metrics()["n"]) == list(range(40))


def test_an_interactive_run_whose_process_is_killed_is_completed_from_elsewhere(
        cluster: Cluster, workspace: Workspace) -> None:
    with UserScript(cluster, INTERACTIVE_SCRIPT) as script:
        run_id = script.wait_line("run ").split()[-1]
        script.process.kill()
        script.wait_end()
    run = Run(Experiment(workspace, "e"), run_id)
    assert run.get_status() == "Running"
    run.complete()
    assert run.wait_for_completion(show_output=True)["status"] == "Completed"
    assert run.get_metrics() == {"loss": 1}


@pytest.mark.soak
def test_silence_makes_a_run_not_responding(cluster: Cluster, workspace: Workspace) -> None:
    """Takes over a minute: the server waits for 60 s."""
    with UserScript(cluster, INTERACTIVE_SCRIPT) as alive, UserScript(cluster, INTERACTIVE_SCRIPT) as killed:
        living = workspace.get_run(alive.wait_line("run ").split()[-1])
        dead = workspace.get_run(killed.wait_line("run ").split()[-1])
        killed.process.kill()
        wait_for(lambda: dead.get_status() == "NotResponding", "the run to be given up", 90, pause=1)
        assert living.get_status() == "Running"
        dead.complete()
        assert dead.get_status() == "Completed"


def test_an_exception_fails_an_interactive_run(cluster: Cluster, workspace: Workspace) -> None:
    with pytest.raises(ZeroDivisionError), Experiment(workspace, "e").start_logging() as run:
        run.log("loss", 1 / 0)
    details = run.get_details()
    assert details["status"] == "Failed"
    assert details["error"]["error"]["code"] == "UserError"
    assert "division by zero" in details["error"]["error"]["message"]
    with pytest.raises(ExperimentExecutionException, match="division by zero"):
        run.wait_for_completion()


def test_children_and_their_filters_over_pages(cluster: Cluster, workspace: Workspace) -> None:
    experiment = Experiment(workspace, "e")
    run = experiment.start_logging(tags={"role": "parent"})
    children = run.create_children(tag_key="n", tag_values=[n % 3 for n in range(1100)])
    for n in (0, 5, 1099):
        children[n].tag("seen")
        children[n].log("n", n)
        children[n].complete()
    grand = children[5].child_run("grand", run_id="grand.1")
    grand.add_properties({"deep": "yes"})

    assert ids(run.get_children()) == ids(reversed(children))
    assert ids(run.get_children(tags="seen")) == ids([children[1099], children[5], children[0]])
    assert ids(run.get_children(tags={"n": 1})) == ids(reversed(children[1::3]))
    assert ids(run.get_children(tags={"n": "2", "seen": None}, status="Completed")) == [children[5].id]
    assert ids(run.get_children(recursive=True))[0] == "grand.1"
    assert ids(run.get_children(recursive=True, properties={"deep": "yes"})) == ["grand.1"]
    assert ids(children[5].get_children(recursive=True)) == ["grand.1"]
    assert grand.parent is not None and grand.parent.id == children[5].id
    assert run.get_metrics("n", recursive=True) == {"n": [0, 5, 1099]}
    assert ids(experiment.get_runs()) == [run.id]
    assert ids(experiment.get_runs(tags="role")) == [run.id]
    found = experiment.get_runs(include_children=True, tags={"n": 1, "seen": None})
    assert ids(found) == [children[1099].id]
    assert len(ids(experiment.get_runs(include_children=True))) == 1102


def test_a_submitted_run_has_tags_at_once_and_a_record(cluster: Cluster, workspace: Workspace) -> None:
    run = submitted(cluster, workspace, tags={"stage": "one", "bare": None})
    assert run.get_tags() == {"stage": "one", "bare": None}
    run.tag("stage", "two")
    run.set_tags({"n": 3})
    assert run.remove_tags(["bare", "none"]) == {"bare": None}
    run.add_properties({"commit": "abc"})
    run.display_name = "the first"
    child = run.child_run("part")
    child.log("loss", 0.5)
    child.complete()

    run = workspace.get_run(run.id)
    details = run.get_details()
    assert details["tags"] == {"stage": "two", "n": "3"} == run.tags
    assert details["properties"]["commit"] == "abc"
    assert details["properties"]["ContentSnapshotId"] == run.get_snapshot_id()
    assert details["displayName"] == "the first" == run.name
    assert ids(run.get_children()) == [child.id] and run.get_metrics(recursive=True) == {"loss": 0.5}
    experiment = Experiment(workspace, "e")
    assert ids(experiment.get_runs(tags={"stage": "two"})) == [run.id]
    assert ids(experiment.get_runs(tags={"stage": "one"})) == []
    assert ids(experiment.get_runs(properties={"commit": "abc", "azureml.runsource": "experiment"})) == [run.id]
    assert ids(experiment.get_runs(properties={"ContentSnapshotId": run.get_snapshot_id()})) == [run.id]
    with pytest.raises(UserErrorException, match="properties never change"):
        run.add_properties({"commit": "def"})
    with pytest.raises(UserErrorException, match="is a job"):
        run.complete()
    run.cancel()
    run.wait_for_completion()
    assert run.tags == {"stage": "two", "n": "3"}


def test_limits_are_told_with_their_names(cluster: Cluster, workspace: Workspace) -> None:
    cluster.kill_server()
    cluster.start_server(max_run_metric_names=2)
    run = Experiment(workspace, "e").start_logging()
    for name in ("a", "b", "c", "a"):
        run.log(name, 1)
    with pytest.raises(UserErrorException, match="max_run_metric_names is 2"):
        run.flush()
    run.log("b", 2)
    run.complete()
    assert run.get_metrics() == {"a": [1, 1], "b": [1, 2]}
    with pytest.raises(UserErrorException, match="at most 50"):
        run.set_tags({f"t{n}": "v" for n in range(51)})
    with pytest.raises(UserErrorException) as caught:
        run.set_tags({"k" * 101: "v", "t": "v" * 1001})
    assert str(caught.value).count("\n") >= 2
    with pytest.raises(UserErrorException, match="run_id|id"):
        run.child_run(run_id="../x")
    with pytest.raises(UserErrorException, match="has ended"):
        run.fail()


def test_who_may_only_look_changes_nothing(cluster: Cluster, workspace: Workspace,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    run = Experiment(workspace, "e").start_logging()
    run.log("loss", 1)
    run.flush()
    made = cluster.json("token", "create", "--user", "eve", "--role", "viewer")
    token = cluster.directory / "viewer.token"
    token.touch(0o600)
    token.write_text(made["token"])
    config = cluster.config.with_name("viewer.json")
    cluster.run("login", "--server", cluster.address, "--token-file", token,
                env={"MUSTER_CONFIG": str(config)}).check_returncode()
    monkeypatch.setenv("MUSTER_CONFIG", str(config))
    seen = Workspace.from_config().get_run(run.id)
    assert seen.get_metrics() == {"loss": 1}
    seen.log("loss", 2)
    with pytest.raises(AuthenticationException):
        seen.flush()
    with pytest.raises(AuthenticationException):
        seen.tag("mine")
    with pytest.raises(AuthenticationException):
        Experiment(seen.experiment.workspace, "e").start_logging()
    assert run.get_metrics() == {"loss": 1} and run.get_tags() == {}


def test_experiments_of_interactive_runs_are_listed(cluster: Cluster, workspace: Workspace) -> None:
    submitted(cluster, workspace)
    Experiment(workspace, "by-hand").start_logging().complete()
    assert [found.name for found in Experiment.list(workspace)] == ["by-hand", "e"]
