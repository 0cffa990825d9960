"""Calls with an answer: what is asked, what comes of the answer, and what when there is none."""

import json
import math
import threading
import time
import unittest
from unittest import mock

from fake_agent import RUN_ID, Error, JobCase, raised

from muster._job import context, rpc
from muster.exceptions import (
    AuthenticationException,
    ExperimentExecutionException,
    ServiceException,
    UserErrorException,
)

JOB = {
    "id": RUN_ID,
    "kind": "RUN_KIND_JOB",
    "experiment": "mnist",
    "user": "ann",
    "displayName": "first",
    "status": "JOB_STATUS_RUNNING",
    "createdUs": "1700000000000001",
    "startedUs": "1700000001500000",
    "tags": [{"key": "a", "value": "b"}, {"key": "c"}],
    "properties": {"p": "q"},
    "job": {"sequence": "17", "pool": "gpu"},
}
WHOLE_JOB = {
    "sequence": "17",
    "pool": "gpu",
    "spec": {"snapshotDigest": "ab" * 32},
    "resolvedSpec": {
        "script": "train.py",
        "arguments": ["--lr", "0.1"],
        "pool": "gpu",
        "nodeCount": 2,
        "communicator": "COMMUNICATOR_MPI",
        "processCountPerNode": 4,
        "environmentVariables": {"A": "1"},
    },
}


def child(name: str, **more) -> dict:
    return dict({"id": name, "kind": "RUN_KIND_CHILD", "parentId": RUN_ID}, **more)


class ReadsCase(JobCase):
    def setUp(self) -> None:
        super().setUp()
        self.agent.answers = {
            "GetRun": lambda request: {"run": JOB},
            "GetJob": lambda request: {"job": WHOLE_JOB},
            "ListRunFiles": lambda request: {"files": [{"name": "azureml-logs/70_driver_log.txt"}]},
            "CancelJob": lambda request: {},
        }

    def test_what_a_run_says_of_itself(self) -> None:
        run = self.run_
        self.assertEqual((run.id, run.experiment.name), (RUN_ID, "mnist"))
        self.assertEqual((run.experiment.workspace.name, run.type), ("lab", "azureml.scriptrun"))
        self.assertEqual((run.status, run.get_status()), ("Running", "Running"))
        self.assertEqual(run.get_detailed_status(), {"status": "Running", "details": None})
        self.assertEqual((run.tags, run.get_tags()), ({"a": "b", "c": None},) * 2)
        properties = {"p": "q", "azureml.runsource": "experiment", "ContentSnapshotId": "ab" * 32}
        self.assertEqual((run.properties, run.get_properties()), (properties,) * 2)
        self.assertEqual((run.display_name, run.name, run.description), ("first", "first", None))
        self.assertEqual((run.number, run.parent), (17, None))
        self.assertEqual((run.input_datasets, run.output_datasets), ({}, {}))
        self.assertEqual(run.get_snapshot_id(), "ab" * 32)
        self.assertEqual(run.identity, "Run#" + RUN_ID)
        self.assertIn("/experiments/mnist/runs/" + RUN_ID, run.get_portal_url())
        self.assertEqual(run.portal_url, run.get_portal_url())
        self.assertRaises(AttributeError, lambda: run.experiment.workspace.datastores)
        self.assertEqual({call[0] for call in self.agent.calls}, {"GetRun", "GetJob"})
        for method, request in self.agent.calls:
            key = "runId" if method == "GetRun" else "jobId"
            self.assertEqual(request, {key: RUN_ID, "workspace": "lab"})

    def test_details(self) -> None:
        details = self.run_.get_details()
        definition = details.pop("runDefinition")
        self.assertEqual(
            details,
            {
                "runId": RUN_ID,
                "target": "gpu",
                "status": "Running",
                "createdTimeUtc": "2023-11-14T22:13:20.000001Z",
                "startTimeUtc": "2023-11-14T22:13:21.500000Z",
                "submittedBy": "ann",
                "displayName": "first",
                "properties": {
                    "p": "q",
                    "azureml.runsource": "experiment",
                    "ContentSnapshotId": "ab" * 32,
                },
                "tags": {"a": "b", "c": None},
                "inputDatasets": [],
                "outputDatasets": [],
                "logFiles": {"azureml-logs/70_driver_log.txt": "azureml-logs/70_driver_log.txt"},
                "warnings": [],
            },
        )
        self.assertEqual(definition["arguments"], ["--lr", "0.1"])
        self.assertEqual((definition["nodeCount"], definition["communicator"]), (2, "Mpi"))

    def test_metrics(self) -> None:
        def metric(name, kind, **value):
            return dict({"name": name, "kind": "METRIC_KIND_" + kind}, **value)

        pages = {
            "": [
                metric("one", "SCALAR", number=0.5),
                metric("series", "SCALAR", integer="1"),
                metric("series", "SCALAR", number=2),
                metric("series", "SCALAR", number="NaN"),
                metric("series", "SCALAR", text="x"),
                metric("list", "LIST", json="[1]"),
                metric("row", "ROW", json='{"x":1}'),
                metric("rows", "ROW", json='{"x":1,"y":"a"}'),
            ],
            "next": [
                metric("rows", "ROW", json='{"x":{"f":"Infinity"},"z":"b"}'),
                metric("list", "SCALAR", integer="2"),
                metric("list", "LIST", json="[3]"),
                metric("table", "TABLE", json='{"x":[1,2],"y":[3,4]}'),
                metric("image", "IMAGE", json='{"file":"image_1.png"}'),
                metric("matrix", "CONFUSION_MATRIX", json='{"data":{"m":[[1]]}}'),
            ],
        }

        def read(request):
            token = request["pageToken"]
            return {"values": pages[token], "nextPageToken": "" if token else "next"}

        self.agent.answers["ReadMetrics"] = read
        found = self.run_.get_metrics()
        series = found.pop("series")
        self.assertTrue(math.isnan(series.pop(2)))
        self.assertEqual([(v, type(v)) for v in series], [(1, int), (2.0, float), ("x", str)])
        self.assertEqual(
            found,
            {
                "one": 0.5,
                "list": [1, 2, 3],
                "row": {"x": 1},
                "rows": {"x": [1, float("inf")], "y": ["a", None], "z": [None, "b"]},
                "table": {"x": [1, 2], "y": [3, 4]},
                "image": "image_1.png",
                "matrix": {"data": {"m": [[1]]}},
            },
        )
        self.run_.get_metrics(name="one")
        self.assertEqual(self.agent.calls[-1][1]["name"], "one")

    def test_metrics_of_a_family_are_merged_by_name(self) -> None:
        """As the SDK does: the run's own first, then from the oldest child to the newest."""
        families = {
            RUN_ID: [child("c3", createdUs="3"), child("c1", createdUs="1")],
            "c1": [child("g2", createdUs="2")],
        }
        self.agent.answers["ListRuns"] = lambda request: {
            "runs": families.get(request["parentId"], [])
        }

        def values(request):
            found = [("of", request["runId"]), ("only" + request["runId"], "x")]
            return {
                "values": [
                    {"name": name, "kind": "METRIC_KIND_SCALAR", "text": text}
                    for name, text in found
                    if request["name"] in ("", name)
                ]
            }

        self.agent.answers["ReadMetrics"] = values
        found = self.run_.get_metrics(recursive=True)
        self.assertEqual(found["of"], [RUN_ID, "c1", "g2", "c3"])
        self.assertEqual(found["onlyg2"], "x")
        self.assertEqual(self.run_.get_metrics("onlyc3", recursive=True), {"onlyc3": "x"})
        self.assertEqual(
            self.run_.get_metrics("of", recursive=True, run_type="azureml.scriptrun"),
            {"of": RUN_ID},
        )
        self.assertEqual(self.run_.get_metrics("of", run_type="hyperdrive"), {})
        self.assertEqual(self.run_.get_metrics(""), {})
        raised(UserErrorException, lambda: self.run_.get_metrics(3))

    def test_children_page_by_page_as_they_are_needed(self) -> None:
        pages = {"": [child("c3"), child("c2")], "next": [child("c1", status="JOB_STATUS_FAILED")]}

        def listing(request):
            if request["parentId"] != RUN_ID:
                return {
                    "runs": (
                        [child("g1", status="JOB_STATUS_FAILED")]
                        if request["parentId"] == "c2"
                        else []
                    )
                }
            token = request["pageToken"]
            return {"runs": pages[token], "nextPageToken": "" if token else "next"}

        self.agent.answers["ListRuns"] = listing
        children = self.run_.get_children(tags={"a": 1}, properties="p", status="failed")
        self.assertEqual(self.agent.calls, [])
        self.assertEqual(next(children).id, "c3")
        request = self.agent.calls[-1][1]
        self.assertEqual(
            (request["tags"], request["properties"]), ([{"key": "a", "value": "1"}], [{"key": "p"}])
        )
        self.assertEqual(
            (request["statuses"], request["workspace"]), (["JOB_STATUS_FAILED"], "lab")
        )
        self.assertEqual(len(self.agent.calls), 1)
        self.assertEqual([run.id for run in children], ["c2", "c1"])
        everyone = self.run_.get_children(recursive=True)
        self.assertEqual([run.id for run in everyone], ["c3", "c2", "g1", "c1"])
        failed = self.run_.get_children(recursive=True, status=["Failed"])
        self.assertEqual([run.id for run in failed], ["g1", "c1"])
        self.assertEqual(list(self.run_.get_children(type="azureml.scriptrun")), [])
        raised(UserErrorException, lambda: self.run_.get_children(status="Bogus"))
        raised(UserErrorException, lambda: self.run_.get_children(tags=5))

    def test_parent_of_a_run_found_by_id(self) -> None:
        from muster.core import Run, get_run

        self.agent.answers["GetRun"] = lambda request: {"run": child("c1")}
        for found in (Run.get(None, "c1"), get_run(self.run_.experiment, "c1")):
            self.assertEqual((found.parent.id, found.type), (RUN_ID, None))

    def test_cancel_of_the_job(self) -> None:
        self.assertIs(self.run_.cancel(), True)
        ((method, request),) = self.agent.calls
        self.assertRegex(request.pop("requestId"), "^[0-9a-f-]{36}$")
        self.assertEqual((method, request), ("CancelJob", {"jobId": RUN_ID, "workspace": "lab"}))

    def test_waiting_for_a_child(self) -> None:
        states = ["RUNNING", "RUNNING", "FAILED", "FAILED"]
        self.agent.answers["GetRun"] = lambda request: {
            "run": child("c1", status="JOB_STATUS_" + states.pop(0), error={"message": "no data"})
        }
        sentence = raised(
            ExperimentExecutionException, lambda: self.run_._child("c1").wait_for_completion()
        )
        self.assertEqual(sentence, "the run c1 failed: no data")

    def test_a_script_reads_what_it_wrote(self) -> None:
        self.agent.consumes = False
        answered = []
        self.run_.tag("k", "v")
        thread = threading.Thread(target=lambda: answered.append(self.run_.get_tags()))
        thread.start()
        time.sleep(0.1)  # only for the failure to show
        self.assertEqual(self.agent.calls, [])
        self.agent.consumes = True
        thread.join(30)
        self.assertEqual(len(answered), 1)
        self.assertEqual(self.agent.lines[0]["set"], {"k": "v"})

    # Without an answer.

    def test_refusals(self) -> None:
        table = [
            ("NOT_FOUND", UserErrorException),
            ("INVALID_ARGUMENT", UserErrorException),
            ("PERMISSION_DENIED", AuthenticationException),
            ("INTERNAL", ServiceException),
        ]
        for code, kind in table:
            self.agent.answers["GetRun"] = lambda _, code=code: Error(code, "no run 'x'")
            self.assertEqual(raised(kind, self.run_.get_status), "no run 'x'")
        self.assertEqual(len(self.agent.calls), len(table))

    def test_a_server_that_is_away_is_asked_again(self) -> None:
        answers = [
            Error("UNAVAILABLE", "down"),
            None,
            Error("RESOURCE_EXHAUSTED", "busy"),
            {"run": JOB},
        ]
        self.agent.answers["GetRun"] = lambda request: answers.pop(0)
        self.assertEqual(self.run_.get_status(), "Running")

    def test_a_server_that_stays_away(self) -> None:
        self.agent.answers["GetRun"] = lambda request: Error("UNAVAILABLE", "connection refused")
        with mock.patch.object(rpc, "PATIENCE", 0.3):
            sentence = raised(ServiceException, self.run_.get_status)
        self.assertIn("GetRun got no answer within 0.3 s: connection refused", sentence)
        self.assertGreater(len(self.agent.calls), 1)

    def test_no_agent(self) -> None:
        with mock.patch.object(rpc, "PATIENCE", 0.1):
            here = context.JobContext("/none", RUN_ID)
            sentence = raised(ServiceException, lambda: here.call("GetRun"))
        self.assertIn("the node's agent: No such file", sentence)

    def test_answers_that_are_none(self) -> None:
        for answer in (b"[]\n", b"nonsense\n", b'{"error":5}\n', b'{"reply":[1]}\n', b"\xff\n"):
            self.agent.answers["GetRun"] = lambda _, answer=answer: answer
            self.assertIn("no answer", raised(ServiceException, self.run_.get_status))

    def test_an_answer_without_end(self) -> None:
        self.agent.answers["GetRun"] = lambda request: b"x" * 5000
        with mock.patch.object(rpc, "MAX_REPLY_BYTES", 4000):
            self.assertIn("more than 4000", raised(ServiceException, self.run_.get_status))

    def test_a_request_that_is_too_large(self) -> None:
        tags = {"k%d" % i: "v" * 30000 for i in range(50)}
        children = self.run_.get_children(tags=tags)
        self.assertIn("at most 1048576", raised(UserErrorException, lambda: next(children)))

    def test_large_answers_are_read_whole(self) -> None:
        text = json.dumps({"reply": {"run": dict(JOB, displayName="n" * 5000000)}}).encode() + b"\n"
        self.agent.answers["GetRun"] = lambda request: text
        self.assertEqual(len(self.run_.display_name), 5000000)


if __name__ == "__main__":
    unittest.main()
