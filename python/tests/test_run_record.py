"""Runs and their record: tags, properties, children, how they begin and end; without a server."""

from __future__ import annotations

import logging
import pickle
from typing import Any, Dict, List

import pytest

from fake_record import FakeServer
from muster._client.connection import FOLLOW_PATIENCE, READ_PATIENCE
from muster._proto import api
from muster.core import Experiment, Run, ScriptRun
from muster.core._run_children import planned_children
from muster.core._run_details import RUN_TYPE
from muster.exceptions import ServiceException, UserErrorException


def status_of(server: FakeServer, run: Run) -> str:
    return api().name_of("JobStatus", server.runs.runs[run.id].status)


# How interactive runs begin and end.


def test_an_interactive_run_is_completed_by_with(
    server: FakeServer, experiment: Experiment
) -> None:
    with experiment.start_logging(
        display_name="first", tags={"a": None, "b": 2}, properties={"p": "x"}
    ) as run:
        assert server.beating == {run.id}
        assert run.get_status() == "Running"
        assert (run.display_name, run.name, run.type, run.number) == ("first", "first", None, None)
        assert run.get_tags() == {"a": None, "b": "2"}
        assert run.get_properties() == {"p": "x"}
        assert run.get_file_names() == []
        assert run.get_snapshot_id() is None
        run.log("m", 1)
    assert run.get_status() == "Completed"
    assert server.beating == set()
    assert server.metrics.flushed == [(run.id, 300)]
    assert run.get_metrics() == {"m": 1}
    assert run.get_details()["target"] == "sdk"


def test_an_exception_fails_the_run_and_goes_on(server: FakeServer, experiment: Experiment) -> None:
    with pytest.raises(ValueError, match="of mine"), experiment.start_logging() as run:
        raise ValueError("of mine" + "!" * 4000)
    error = run.get_details()["error"]["error"]
    assert run.get_status() == "Failed"
    assert error["code"] == "UserError"
    assert error["message"].startswith("ValueError: of mine!")
    assert len(error["message"]) == 3000
    assert server.beating == set()


@pytest.mark.parametrize(
    ("raised", "status"),
    [(SystemExit(0), "Completed"), (SystemExit(1), "Failed"), (KeyboardInterrupt(), "Failed")],
    ids=repr,
)
def test_how_a_script_leaves_with(
    experiment: Experiment, raised: BaseException, status: str
) -> None:
    with pytest.raises(type(raised)), experiment.start_logging() as run:
        raise raised
    assert run.get_status() == status


@pytest.mark.parametrize("end", ["complete", "fail", "cancel"])
def test_with_leaves_a_run_that_has_ended_as_it_is(experiment: Experiment, end: str) -> None:
    with experiment.start_logging() as run:
        getattr(run, end)()
    ends = {"complete": "Completed", "fail": "Failed", "cancel": "Canceled"}
    assert run.get_status() == ends[end]


def test_a_server_that_is_away_does_not_hide_the_scripts_exception(
    server: FakeServer, experiment: Experiment, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match="of mine"), experiment.start_logging() as run:
        server.metrics.refusal = ServiceException("cannot reach the server")
        raise ValueError("of mine")
    assert f"the run {run.id} cannot be marked as Failed: cannot reach" in caplog.text


def test_what_the_server_refused_is_raised_after_the_run_has_ended(
    server: FakeServer, run: Run
) -> None:
    server.metrics.refusal = UserErrorException("max_run_metric_names")
    with pytest.raises(UserErrorException, match="max_run_metric_names"):
        run.complete()
    assert run.get_status() == "Completed"


def test_a_run_is_completed_from_elsewhere(experiment: Experiment, run: Run) -> None:
    Run(experiment, run.id).complete()
    assert run.get_status() == "Completed"
    run.complete()  # it is so already
    with pytest.raises(UserErrorException):
        run.fail()
    assert run.cancel() is True
    assert run.get_status() == "Completed"


def test_complete_without_a_status_only_flushes(server: FakeServer, run: Run) -> None:
    run.complete(_set_status=False)
    run.fail("x", _set_status=False)
    assert run.get_status() == "Running"
    assert len(server.metrics.flushed) == 2


def test_a_given_id_may_be_that_of_a_run_that_is_there(experiment: Experiment) -> None:
    experiment.start_logging(run_id="mine").complete()
    again = experiment.start_logging(run_id="mine")
    assert again.get_status() == "Completed"
    child = again.child_run(run_id="child")
    child.fail()
    assert again.child_run(run_id="child").get_status() == "Failed"


def test_fail_keeps_what_it_is_told(run: Run) -> None:
    run.fail(error_details="no data" + "é" * 2000, error_code="D" * 200)
    error = run.get_details()["error"]["error"]
    assert error["message"].startswith("no data")
    assert len(error["message"].encode()) <= 3000
    assert error["code"] == "D" * 100


@pytest.mark.parametrize(
    "parameters",
    [{"bogus": 1}, {"run_id": 3}, {"display_name": 3}, {"tags": 3}, {"properties": []}],
    ids=str,
)
def test_start_logging_refuses(experiment: Experiment, parameters: Dict[str, Any]) -> None:
    if parameters == {"properties": []}:
        parameters = {"properties": ["a"]}
    with pytest.raises(UserErrorException):
        experiment.start_logging(**parameters)
    with pytest.raises(UserErrorException, match="by name"):
        experiment.start_logging(3)


def test_what_start_logging_cannot_do_is_said(
    experiment: Experiment, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        experiment.start_logging(outputs=None, snapshot_directory=".")
        assert caplog.text == ""
        experiment.start_logging(outputs="o", snapshot_directory="/src")
    assert "outputs and snapshot_directory of start_logging have no effect" in caplog.text


# Submitted scripts.


def test_a_script_has_tags_and_its_jobs_properties(server: FakeServer, script: Run) -> None:
    assert (script.type, script.number) == (RUN_TYPE, 7)
    assert script.get_tags() == {"a": "1"}
    script.tag("b")
    script.add_properties({"p": 1})
    assert script.get_tags() == {"a": "1", "b": None}
    expected = {"azureml.runsource": "experiment", "ContentSnapshotId": "ab" * 32, "p": "1"}
    assert script.get_properties() == expected
    assert script.get_snapshot_id() == "ab" * 32


def test_only_cancel_ends_a_script_from_here(server: FakeServer, script: Run) -> None:
    with pytest.raises(UserErrorException):
        script.complete()
    with script as same:
        assert same is script
    assert script.cancel() is True
    assert server.jobs.cancelled == ["e_1_2"]
    server.runs.runs["e_1_2"].status = api().JOB_STATUS_COMPLETED
    script.complete()  # it has said so itself


def test_get_gives_the_class_of_the_kind(experiment: Experiment, script: Run, run: Run) -> None:
    world = experiment.workspace
    assert type(Run.get(world, script.id)) is ScriptRun
    assert type(Run.get(world, run.id)) is Run
    made: List[str] = []

    def factory(experiment: Experiment, run_id: str) -> Run:
        made.append(run_id)
        return run

    Run.add_type_provider(RUN_TYPE, factory)
    try:
        assert Run.get(world, script.id) is run
    finally:
        del Run._factories[RUN_TYPE]
    assert made == [script.id]
    with pytest.raises(UserErrorException, match="no run"):
        Run.get(world, "none")


def test_a_run_of_another_experiment_is_refused(experiment: Experiment, run: Run) -> None:
    other = Experiment(experiment.workspace, "other")
    with pytest.raises(UserErrorException, match="belongs to the experiment 'e'"):
        Run(other, run.id)


# Tags and properties.


def test_tags_are_set_and_removed(run: Run) -> None:
    run.set_tags({"a": "1", "b": None, "c": 0.5, "d": True})
    run.set_tags("bare")
    run.tag("a", "2")
    assert run.tags == {"a": "2", "b": None, "bare": None, "c": "0.5", "d": "True"}
    assert run.remove_tags(["a", "none"]) == {"a": "2"}
    assert run.remove_tags("b") == {"b": None}
    assert run.get_tags() == {"bare": None, "c": "0.5", "d": "True"}


def test_names_for_people(run: Run) -> None:
    run.display_name = "x"
    assert run.name == "x"
    run.name = "y"
    assert run.display_name == "y"
    wrong: Any = 3
    with pytest.raises(UserErrorException, match="must be a string"):
        run.display_name = wrong


class OneNumber:
    """As numpy's scalars are."""

    def item(self) -> float:
        return 0.5


def test_tags_of_one_number_of_anothers(run: Run) -> None:
    run.set_tags({"a": OneNumber()})
    run.add_properties({"p": OneNumber()})
    assert (run.get_tags(), run.get_properties()) == ({"a": "0.5"}, {"p": "0.5"})


def test_a_run_that_was_there_gets_what_is_given(
    server: FakeServer, experiment: Experiment, run: Run
) -> None:
    run.set_tags({"old": "1", "a": "1"})
    again = experiment.start_logging(
        run_id=run.id, display_name="shown", tags={"a": "2"}, properties={"p": "x"}
    )
    assert again.get_tags() == {"a": "2", "old": "1"}
    assert (again.get_properties(), again.display_name) == ({"p": "x"}, "shown")
    run.child_run(run_id="child").complete()
    assert run.child_run("named", run_id="child").display_name == "named"
    assert run.child_run(run_id="child").display_name == "named"


def test_a_run_says_how_it_goes_to_another_process(run: Run) -> None:
    with pytest.raises(TypeError, match=rf"Run\(experiment, '{run.id}'\) of the experiment 'e'"):
        pickle.dumps(run)


WRONG = [
    lambda run: run.tag("a", type("Several", (), {"item": lambda self: [1]})()),
    lambda run: run.tag(3),
    lambda run: run.tag(""),
    lambda run: run.tag("a", object()),
    lambda run: run.tag("a", ["b"]),
    lambda run: run.tag("\ud800"),
    lambda run: run.set_tags(["a"]),
    lambda run: run.set_tags(None),
    lambda run: run.remove_tags(3),
    lambda run: run.remove_tags([3]),
    lambda run: run.add_properties("a"),
    lambda run: run.add_properties({"a": None}),
    lambda run: run.add_properties({3: "a"}),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_what_is_no_tag_or_property(run: Run, number: int) -> None:
    with pytest.raises(UserErrorException):
        WRONG[number](run)


# Children.


def ids(runs: Any) -> List[str]:
    return [run.id for run in runs]


def test_children_and_theirs(server: FakeServer, run: Run) -> None:
    first = run.child_run("one", run_id="first")
    second = run.child_run()
    grand = first.child_run()
    elsewhere = run.experiment.start_logging().child_run()
    assert (first.id, first.display_name) == ("first", "one")
    assert ids(run.get_children()) == [second.id, first.id]
    assert ids(run.get_children(recursive=True)) == [grand.id, second.id, first.id]
    assert ids(first.get_children(recursive=True)) == [grand.id]
    assert ids(elsewhere.get_children(recursive=True)) == []
    parent = grand.parent
    assert parent is not None
    assert parent.id == first.id
    assert run.parent is None
    assert server.beating >= {run.id}
    assert first.id not in server.beating
    with second as child:
        child.log("m", 1)
    assert second.get_status() == "Completed"


def test_a_script_has_children_too(script: Run) -> None:
    child = script.child_run()
    assert ids(script.get_children()) == [child.id]
    parent = child.parent
    assert type(parent) is ScriptRun


def test_children_are_filtered(server: FakeServer, run: Run) -> None:
    children = run.create_children(tag_key="n", tag_values=[1, 2, 3])
    children[1].complete()
    recursive = run.get_children(recursive=True, tags={"n": 2}, status="completed")
    assert ids(recursive) == [children[1].id]
    assert ids(run.get_children(type=RUN_TYPE)) == []
    assert ids(run.get_children(type="hyperdrive")) == []
    list(run.get_children(tags={"n": "2", "x": None}, properties="p", status="Running"))
    asked = server.runs.lists[-1]
    assert asked["parent_id"] == run.id
    assert [(t.key, t.value, t.HasField("value")) for t in asked["tags"]] == [
        ("n", "2", True),
        ("x", "", False),
    ]
    assert [t.key for t in asked["properties"]] == ["p"]
    assert asked["statuses"] == [api().JOB_STATUS_RUNNING]


PLANS: Dict[str, Any] = {
    "count": ((3, None, None), 3),
    "values": ((None, "k", ["a", None, 3]), 3),
    "both": ((2, "k", ["a", "b"]), 2),
    "neither": ((None, None, None), "count must be"),
    "count of another type": (("3", None, None), "count must be"),
    "true": ((True, None, None), "count must be"),
    "none": ((0, None, None), "1..100,000"),
    "many": ((100_001, None, None), "1..100,000"),
    "key alone": ((None, "k", None), "go together"),
    "values alone": ((None, None, ["a"]), "go together"),
    "text": ((None, "k", "abc"), "must be a list"),
    "no values": ((None, "k", []), "1..100,000"),
    "another count": ((3, "k", ["a"]), "tag_values has 1"),
    "object": ((None, "k", [object()]), "value of the tag 'k'"),
}


@pytest.mark.parametrize("name", PLANS)
def test_plans_of_children(name: str) -> None:
    arguments, expected = PLANS[name]
    if isinstance(expected, str):
        with pytest.raises(UserErrorException, match=expected):
            planned_children("p", *arguments)
        return
    planned = planned_children("p", *arguments)
    assert len({new.id for new in planned}) == expected
    assert {new.parent_id for new in planned} == {"p"}


def test_a_description_is_a_tag(run: Run) -> None:
    assert run.description is None
    run.description = "of it"
    assert (run.description, run.get_tags()) == ("of it", {"description": "of it"})
    run.description = None
    assert run.description is None


def test_descendants_have_times_of_other_clocks(server: FakeServer, run: Run) -> None:
    slow, other = run.child_run(), run.child_run()
    grand = slow.child_run()
    server.runs.runs[other.id].created_us = server.runs.runs[grand.id].created_us = 1
    assert ids(run.get_children(recursive=True)) == [grand.id, other.id, slow.id]
    assert ids(slow.get_children(recursive=True)) == [grand.id]


# Metrics.


def test_what_was_just_logged_is_read(
    server: FakeServer, run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    child = run.child_run()
    run.log("x", 1)
    child.log("x", 2)
    server.metrics.refusal = UserErrorException("of another value")
    assert run.get_metrics() == {"x": 1}
    assert run.get_metrics(recursive=True) == {"x": [1, 2]}
    with pytest.raises(UserErrorException, match="of another value"):
        run.flush()
    assert caplog.text == ""
    monkeypatch.setattr(server.metrics, "wait", lambda run_ids, seconds: False)
    run.log("x", 3)
    assert run.get_metrics() == {"x": 1}
    assert "not all that was logged here" in caplog.text


def test_cells_that_look_like_marks(run: Run) -> None:
    run.log_row("text", f="NaN")
    run.log_row("number", f=float("inf"))
    run.log_table("table", {"f": "Infinity"})
    run.log_list("list", [float("-inf"), 1])
    assert run.get_metrics() == {
        "text": {"f": "NaN"},
        "number": {"f": float("inf")},
        "table": {"f": ["Infinity"]},
        "list": [float("-inf"), 1],
    }


def test_metrics_of_a_family(run: Run) -> None:
    older, newer = run.child_run(), run.child_run()
    for child, value in ((newer, 3), (older, 2), (run, 1)):
        child.log("m", value)
    newer.log("only", "x")
    assert run.get_metrics() == {"m": 1}
    assert run.get_metrics(recursive=True) == {"m": [1, 2, 3], "only": "x"}
    assert run.get_metrics("only", recursive=True) == {"only": "x"}
    assert run.get_metrics("only") == {}
    assert run.get_metrics("") == {}
    assert run.get_metrics(recursive=True, run_type=RUN_TYPE) == {}
    with pytest.raises(UserErrorException, match="name must be"):
        run.get_metrics(3)  # type: ignore[arg-type]


def test_metrics_of_every_kind(run: Run) -> None:
    run.log("step", 0.5, "d", 3)
    run.log_list("list", (n for n in range(2)))
    run.log_row("row", x=1, y="a")
    run.log_row("described", "of it", x=1)
    run.log_table("table", {"x": [1, 2]})
    for schema in ("accuracy_table", "confusion_matrix", "predictions", "residuals"):
        document: Dict[str, Any] = {"schema_type": schema, "schema_version": "1.0.0", "data": {}}
        getattr(run, f"log_{schema}")(schema, document)
        assert run.get_metrics(schema) == {schema: document}
    found = run.get_metrics()
    assert (found["step"], found["list"], found["row"]) == (0.5, [0, 1], {"x": 1, "y": "a"})
    assert (found["described"], found["table"]) == ({"x": 1}, {"x": [1, 2]})


# Lists of runs.


def test_a_filter_by_what_only_jobs_have(
    server: FakeServer, experiment: Experiment, script: Run, run: Run
) -> None:
    assert ids(experiment.get_runs()) == [run.id, script.id]
    assert ids(experiment.get_runs(type=RUN_TYPE)) == [script.id]
    assert ids(experiment.get_runs(properties="azureml.runsource")) == [script.id]
    assert ids(experiment.get_runs(properties={"ContentSnapshotId": "ab" * 32})) == [script.id]
    assert ids(experiment.get_runs(properties={"ContentSnapshotId": "x"})) == []
    assert server.runs.lists[-1]["properties"] == []
    count = len(server.runs.lists)
    assert ids(experiment.get_runs(type="hyperdrive")) == []
    assert ids(Run.list(experiment, status="Paused")) == []
    assert len(server.runs.lists) == count


def test_children_are_listed_on_demand(experiment: Experiment, run: Run) -> None:
    child = run.child_run()
    assert child.id not in ids(experiment.get_runs())
    assert child.id in ids(experiment.get_runs(include_children=True))
    assert child.id in ids(Run.list(experiment, include_children=True, _rehydrate_runs=False))


def test_a_wait_is_patient_to_its_end(
    server: FakeServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.complete()
    asked: List[float] = []
    get = server.runs.get

    def noted(run_id: str, patience: float = 0) -> Any:
        asked.append(patience)
        return get(run_id, patience)

    monkeypatch.setattr(server.runs, "get", noted)
    files = server.files(run.id)
    run.wait_for_completion()
    assert set(asked[1:] + files.patience) == {FOLLOW_PATIENCE}
    assert asked[0] in (READ_PATIENCE, FOLLOW_PATIENCE)
    run.get_details()
    assert asked[-1] == files.patience[-1] == READ_PATIENCE


def test_waiting_for_a_run_that_is_no_job(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.fail("no data")
    details = run.wait_for_completion(show_output=True, raise_on_error=False)
    assert details["status"] == "Failed"
    shown = capsys.readouterr().out
    assert f"RunId: {run.id}\nFailed\n" in shown
    assert '"message": "no data"' in shown
    from muster.exceptions import ExperimentExecutionException

    with pytest.raises(ExperimentExecutionException, match="failed: no data"):
        run.wait_for_completion()
