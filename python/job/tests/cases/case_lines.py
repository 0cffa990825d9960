"""Every method that logs or changes: the exact line it leaves, and what is refused."""

import itertools
import json
import math
import os
import unittest
from unittest import mock

from fake_agent import RUN_ID, JobCase, raised

from muster._job import values
from muster.exceptions import UserErrorException

NAN, INF = float("nan"), float("inf")


class Scalar:
    """As numpy's: knows its value by item()."""

    def __init__(self, value) -> None:
        self._value = value

    def item(self):
        return self._value


class Hostile:
    def item(self):
        raise KeyError("no item")


class Float32(Scalar):
    def __float__(self) -> float:
        return float(self._value)


class Array:
    """As numpy's of one dimension or more."""

    ndim = 1

    def __init__(self, rows) -> None:
        self._rows = rows

    def tolist(self):
        return self._rows

    def item(self):
        raise ValueError("can only convert an array of size 1")

    def __iter__(self):
        return iter(self._rows)


class NumpyFloat(float):
    """numpy.float64 is a float with a repr of its own."""

    def __repr__(self) -> str:
        return "np.float64(%s)" % float(self)


class Plot:
    def savefig(self, out, format) -> None:
        out.write(b"\x89PNG of " + format.encode())


def log(name, kind, value, **more):
    return dict({"op": "log", "run": RUN_ID, "name": name, "kind": kind, "value": value}, **more)


def schema(kind, data):
    return {"schema_type": kind, "schema_version": "1.0.1", "data": data}


# (what to call on the run, the line it leaves)
CALLS = [
    (lambda r: r.log("loss", 0.5), log("loss", "scalar", 0.5)),
    (lambda r: r.log("loss", 3), log("loss", "scalar", 3)),
    (lambda r: r.log("loss", 3.0), log("loss", "scalar", 3.0)),
    (lambda r: r.log("loss", "good"), log("loss", "scalar", "good")),
    (lambda r: r.log("loss", True), log("loss", "scalar", 1)),
    (lambda r: r.log("loss", 2**63 - 1), log("loss", "scalar", 2**63 - 1)),
    (lambda r: r.log("loss", 2**63), log("loss", "scalar", float(2**63))),
    (lambda r: r.log("loss", NAN), log("loss", "scalar", {"f": "NaN"})),
    (lambda r: r.log("loss", INF), log("loss", "scalar", {"f": "Infinity"})),
    (lambda r: r.log("loss", -INF), log("loss", "scalar", {"f": "-Infinity"})),
    (lambda r: r.log("loss", 1e300), log("loss", "scalar", 1e300)),
    (lambda r: r.log("loss", Scalar(0.25)), log("loss", "scalar", 0.25)),
    (lambda r: r.log("loss", Scalar(7)), log("loss", "scalar", 7)),
    (lambda r: r.log("loss", Scalar(NAN)), log("loss", "scalar", {"f": "NaN"})),
    (lambda r: r.log("loss", Float32(Scalar(1)._value)), log("loss", "scalar", 1)),
    (lambda r: r.log("loss", NumpyFloat(0.5)), log("loss", "scalar", 0.5)),
    (lambda r: r.log("l", 1, "how bad", 5), log("l", "scalar", 1, step=5, desc="how bad")),
    (lambda r: r.log("l", 1, step=-3), log("l", "scalar", 1, step=-3)),
    (lambda r: r.log('q"\\\n', "\u00fc\u4e2d"), log('q"\\\n', "scalar", "\u00fc\u4e2d")),
    (lambda r: r.log("x" * 255, 1), log("x" * 255, "scalar", 1)),
    (lambda r: r.log("half", "\ud800"), log("half", "scalar", "?")),
    (lambda r: r.log_list("v", [1, 0.5, "a", NAN]), log("v", "list", [1, 0.5, "a", {"f": "NaN"}])),
    (lambda r: r.log_list("v", (i * i for i in range(3))), log("v", "list", [0, 1, 4])),
    (lambda r: r.log_list("v", Array([1.5, 2])), log("v", "list", [1.5, 2])),
    (lambda r: r.log_list("v", [Scalar(1), Scalar(2)]), log("v", "list", [1, 2])),
    (lambda r: r.log_list("v", []), log("v", "list", [])),
    (lambda r: r.log_list("v", [1], description="d"), log("v", "list", [1], desc="d")),
    (lambda r: r.log_row("r", x=1, y="a"), log("r", "row", {"x": 1, "y": "a"})),
    (lambda r: r.log_row("r", "d", x=INF), log("r", "row", {"x": {"f": "Infinity"}}, desc="d")),
    (
        lambda r: r.log_table("t", {"x": (1, 2), "y": Array([3, 4])}),
        log("t", "table", {"x": [1, 2], "y": [3, 4]}),
    ),
    (
        lambda r: r.log_confusion_matrix("c", schema("confusion_matrix", {"matrix": Array([[1]])})),
        log("c", "confusion_matrix", schema("confusion_matrix", {"matrix": [[1]]})),
    ),
    (
        lambda r: r.log_accuracy_table("a", json.dumps(schema("accuracy_table", {"p": [None]}))),
        log("a", "accuracy_table", schema("accuracy_table", {"p": [None]})),
    ),
    (
        lambda r: r.log_residuals("e", schema("residuals", {"b": (1, 2)}), "d"),
        log("e", "residuals", schema("residuals", {"b": [1, 2]}), desc="d"),
    ),
    (
        lambda r: r.log_predictions("p", schema("predictions", {"b": NAN})),
        log("p", "predictions", schema("predictions", {"b": {"f": "NaN"}})),
    ),
    (lambda r: r.tag("k"), {"op": "tags", "run": RUN_ID, "set": {"k": None}, "remove": []}),
    (lambda r: r.tag("k", 5), {"op": "tags", "run": RUN_ID, "set": {"k": "5"}, "remove": []}),
    (
        lambda r: r.set_tags({"a": "b", "c": None}),
        {"op": "tags", "run": RUN_ID, "set": {"a": "b", "c": None}, "remove": []},
    ),
    (
        lambda r: r.remove_tags(["a", "b"]),
        {"op": "tags", "run": RUN_ID, "set": {}, "remove": ["a", "b"]},
    ),
    (lambda r: r.remove_tags("a"), {"op": "tags", "run": RUN_ID, "set": {}, "remove": ["a"]}),
    (
        lambda r: r.add_properties({"p": 1.5}),
        {"op": "properties", "run": RUN_ID, "add": {"p": "1.5"}},
    ),
    (
        lambda r: setattr(r, "display_name", "first"),
        {"op": "name", "run": RUN_ID, "value": "first"},
    ),
    (lambda r: setattr(r, "name", "n"), {"op": "name", "run": RUN_ID, "value": "n"}),
    (
        lambda r: setattr(r, "description", "about"),
        {"op": "tags", "run": RUN_ID, "set": {"description": "about"}, "remove": []},
    ),
    (
        lambda r: r.child_run("fold", run_id="c-1"),
        {
            "op": "create",
            "run": "c-1",
            "parent": RUN_ID,
            "name": "fold",
            "tags": {},
            "properties": {},
        },
    ),
    (lambda r: r.complete(), {"op": "end", "run": RUN_ID, "status": "Completed"}),
    (lambda r: r.fail(), {"op": "end", "run": RUN_ID, "status": "Failed"}),
    (
        lambda r: r.fail("no data", error_code="Data"),
        {
            "op": "end",
            "run": RUN_ID,
            "status": "Failed",
            "error": {"code": "Data", "message": "no data"},
        },
    ),
    (
        lambda r: r.fail(ValueError("bad")),
        {
            "op": "end",
            "run": RUN_ID,
            "status": "Failed",
            "error": {"code": "UserError", "message": "ValueError: bad\n"},
        },
    ),
]

DEEP = []
for _ in range(40):
    DEEP = [DEEP]

# (what to call, what the sentence has to say)
REFUSED = [
    (lambda r: r.log("n" * 300, 1), "1 to 255 bytes"),
    (lambda r: r.log("\u00fc" * 200, 1), "has 400"),
    (lambda r: r.log("", 1), "1 to 255 bytes"),
    (lambda r: r.log(5, 1), "must be a text, not 5"),
    (lambda r: r.log(["x"], 1), "must be a text"),
    (lambda r: r.log("a", object()), "not a value of type 'object'"),
    (lambda r: r.log("a", None), "not None"),
    (lambda r: r.log("a", b"x"), "type 'bytes'"),
    (lambda r: r.log("a", 1j), "type 'complex'"),
    (lambda r: r.log("a", Scalar(1j)), "type 'Scalar'"),
    (lambda r: r.log("a", [1]), "type 'list'"),
    (lambda r: r.log("a", {}), "type 'dict'"),
    (lambda r: r.log("a", float), "type 'type'"),
    (lambda r: r.log("a", Array([1, 2])), "log_list takes those"),
    (lambda r: r.log("a", "x" * 65537), "at most 65536"),
    (lambda r: r.log("a", 1, "d" * 1001), "0 to 1000 bytes"),
    (lambda r: r.log("a", 1, 5), "must be a text"),
    (lambda r: r.log("a", 1, step=1.5), "step must be an integer"),
    (lambda r: r.log("a", 1, step=2**63), "64 bits"),
    (lambda r: r.log_list("a", "text"), "must be a list"),
    (lambda r: r.log_list("a", {"x": 1}), "must be a list"),
    (lambda r: r.log_list("a", 5), "must be a list"),
    (lambda r: r.log_list("a", [1, [2]]), "'a'[1] must be a number or a text"),
    (lambda r: r.log_list("a", ["x" * 1100000]), "at most 1048576"),
    (lambda r: r.log_residuals("a", schema("residuals", ["x" * 1100000])), "at most 1048576"),
    (lambda r: r.log_row("a"), "no columns"),
    (lambda r: r.log_row("a", **{"c%d" % i: i for i in range(100)}), "100 columns; at most 15"),
    (lambda r: r.log_row("a", x=object()), "['x'] must be"),
    (lambda r: r.log_table("a", [1]), "must be a dict of columns"),
    (lambda r: r.log_table("a", {}), "no columns"),
    (lambda r: r.log_table("a", {"x": [object()]}), "['x'][0] must be"),
    (lambda r: r.log_table("a", {1: [1]}), "names are texts"),
    (lambda r: r.log_table("a", {"x": [1], "y": [1, 2]}), "columns of one length"),
    (lambda r: r.log_row("a", **{"": 1}), "names are texts of 1 to 255 bytes"),
    (lambda r: r.log_confusion_matrix("a", {"data": {}}), "lacks schema_type and schema_version"),
    (lambda r: r.log_confusion_matrix("a", "{"), "no JSON"),
    (lambda r: r.log_confusion_matrix("a", "[]"), "must be a dict"),
    (lambda r: r.log_residuals("a", schema("predictions", {})), "takes 'residuals'"),
    (lambda r: r.log_residuals("a", schema("residuals", DEEP)), "more than 32 deep"),
    (lambda r: r.log_image("a"), "either a path or a plot"),
    (lambda r: r.log_image("a", path="p", plot=Plot()), "either a path or a plot"),
    (lambda r: r.log_image("a", path="/none.png"), "/none.png' cannot be read"),
    (lambda r: r.log_image("a", plot=5), "savefig"),
    (lambda r: r.tag("k" * 101), "1 to 100 bytes"),
    (lambda r: r.tag(5), "must be a text"),
    (lambda r: r.tag("k", "v" * 1001), "0 to 1000 bytes"),
    (lambda r: r.set_tags({str(i): "" for i in range(51)}), "at most 50"),
    (lambda r: r.set_tags(["a"]), "must be a dict"),
    (lambda r: r.add_properties({"p": None}), "has no value"),
    (lambda r: (r.add_properties({"p": 1}), r.add_properties({"p": 2})), "never changes"),
    (lambda r: setattr(r, "display_name", "n" * 257), "0 to 256 bytes"),
    (lambda r: r.child_run(run_id="../x"), "first a letter or digit"),
    (lambda r: r.create_children(), "a count of at least 1"),
    (lambda r: r.create_children(0), "a count of at least 1"),
    (lambda r: r.create_children(100001), "at most 100000"),
    (lambda r: r.log("a", 10**400), "that a double can hold"),
    (lambda r: r.log("a", Hostile()), "log_list takes those"),
    (lambda r: r.log_residuals("a", "[" * 100000), "no JSON"),
    (lambda r: r.tag("k", Hostile()), "must be a text or a number"),
    (lambda r: r.remove_tags(5), "a list of keys"),
    (lambda r: r.create_children(tag_key="a", tag_values=5), "must be a list"),
    (lambda r: r.create_children(tag_key="a", tag_values="abc"), "must be a list"),
    (lambda r: r.upload_files(None, None), "must be a list"),
    (lambda r: r.upload_folder("a", None), "is not there"),
    (lambda r: r.download_file(5), "must be a text"),
    (lambda r: r.log_image("a", path=5), "a file is a path"),
    (lambda r: r.tag("k", object()), "must be a text or a number"),
    (lambda r: r.create_children(tag_key="k"), "together"),
    (lambda r: r.create_children(3, "k", ["a"]), "count of 3 for 1"),
    (lambda r: r.wait_for_completion(), "its own end"),
    (lambda r: r.register_model("m"), "no models yet"),
    (lambda r: r.get_secret("s"), "environment variables"),
]


class LinesCase(JobCase):
    def test_each_call_leaves_its_line(self) -> None:
        self.agent.consumes = False
        for call, _ in CALLS:
            call(self.run_)
        lines = self.lines()
        self.assertEqual(len(lines), len(CALLS))
        for line, (_, expected) in zip(lines, CALLS):
            self.assertEqual(line, expected)
            if isinstance(expected.get("value"), (int, float)):
                self.assertIs(type(line["value"]), type(expected["value"]))

    def test_lines_begin_as_the_contract_has_them(self) -> None:
        self.agent.consumes = False
        self.run_.log("a", 1.5, step=2)
        self.run_.tag("k")
        first, second = self.agent.text().decode("ascii").splitlines()
        start, end = (
            '{"op":"%s","run":"' + RUN_ID + '","t":',
            ',"name":"a","kind":"scalar","value":1.5,"step":2}',
        )
        self.assertTrue(first.startswith(start % "log") and first.endswith(end), first)
        self.assertTrue(second.startswith(start % "tags"), second)

    def test_what_cannot_be_kept_is_refused_with_its_limit(self) -> None:
        self.agent.consumes = False
        for call, words in REFUSED:
            before = len(self.agent.text())
            sentence = raised(UserErrorException, call, self.run_)
            self.assertIn(words, sentence)
            self.assertLessEqual(len(self.agent.text()) - before, 200, sentence)
        self.assertEqual([line["op"] for line in self.lines()], ["properties"])

    def test_a_long_error_is_cut_not_refused(self) -> None:
        self.agent.consumes = False
        self.run_.fail("\u00fc" * 3000, error_code="c" * 200)
        error = self.lines()[0]["error"]
        self.assertEqual(error["code"], "c" * 97 + "...")
        self.assertTrue(error["message"].endswith("..."))
        self.assertTrue(2990 <= len(error["message"].encode("utf-8")) <= 3000)

    def test_children_log_to_themselves_and_end(self) -> None:
        self.agent.consumes = False
        with self.run_.child_run("fold") as child:
            child.log("acc", 1)
            child.tag("t", "x")
        created, logged, tagged, ended = self.lines()
        self.assertEqual({line["run"] for line in (created, logged, tagged, ended)}, {child.id})
        self.assertEqual((created["parent"], ended["status"]), (RUN_ID, "Completed"))
        self.assertIs(child.parent, self.run_)

    def test_a_child_whose_block_fails_has_failed(self) -> None:
        self.agent.consumes = False
        with self.assertRaises(ZeroDivisionError), self.run_.child_run():
            raise ZeroDivisionError("division by zero")
        error = self.lines()[1]["error"]
        self.assertEqual(error["code"], "UserError")
        self.assertTrue(error["message"].startswith("ZeroDivisionError: division by zero\nTrace"))

    def test_a_block_that_leaves_the_script_has_not_failed(self) -> None:
        self.agent.consumes = False
        for code, status in ((None, "Completed"), (0, "Completed"), (1, "Failed")):
            with self.assertRaises(SystemExit), self.run_.child_run():
                raise SystemExit(code)
            self.assertEqual(self.lines()[-1]["status"], status)

    def test_long_lists_and_tables_are_stored_in_parts(self) -> None:
        self.agent.consumes = False
        numbers = [i / 7 for i in range(150000)]
        self.run_.log_list("l", (n for n in numbers))
        lists = self.lines()
        self.assertTrue(2 < len(lists) < 10)
        self.assertEqual([value for line in lists for value in line["value"]], numbers)
        self.run_.log_table("t", {"x": numbers, "y": [str(n) for n in numbers]})
        tables = self.lines()[len(lists) :]
        for key, convert in (("x", float), ("y", str)):
            joined = [value for line in tables for value in line["value"][key]]
            self.assertEqual(joined, [convert(n) for n in numbers])
        self.assertLess(max(map(len, self.agent.text().splitlines())), 1100000)

    def test_an_endless_iterator_is_refused(self) -> None:
        with mock.patch.object(values, "MAX_CELLS", 100):
            raised(UserErrorException, self.run_.log_list, "l", itertools.count())

    def test_what_was_ended_in_its_block_stays_so(self) -> None:
        self.agent.consumes = False
        with self.run_.child_run() as child:
            child.fail("x")
        self.assertEqual([line.get("status") for line in self.lines()], [None, "Failed"])

    def test_a_row_that_looks_like_a_number(self) -> None:
        self.assertEqual(values.whole_from_json({"f": "NaN"}), {"f": "NaN"})
        self.assertTrue(math.isnan(values.whole_from_json({"f": {"f": "NaN"}})["f"]))

    def test_booleans_of_documents_stay(self) -> None:
        self.agent.consumes = False
        self.run_.log_residuals("r", schema("residuals", [True]))
        self.assertIn(b'"data":[true]', self.agent.text())

    def test_children_cancel_themselves(self) -> None:
        self.agent.consumes = False
        self.assertTrue(self.run_.child_run().cancel())
        self.assertEqual(self.lines()[1]["status"], "Canceled")

    def test_many_children(self) -> None:
        self.agent.consumes = False
        children = self.run_.create_children(3)
        marked = self.run_.create_children(tag_key="lr", tag_values=[0.1, "x"])
        lines = self.lines()
        self.assertEqual([line["run"] for line in lines], [c.id for c in children + marked])
        self.assertEqual([line["tags"] for line in lines], [{}, {}, {}, {"lr": "0.1"}, {"lr": "x"}])
        self.assertEqual(len({c.id for c in children + marked}), 5)
        self.assertEqual(len(self.run_.create_children(1000)), 1000)
        self.assertEqual(len(self.lines()), 1005)

    def test_pictures(self) -> None:
        self.agent.consumes = False
        self.run_.log_image("a/b", plot=Plot())
        path = os.path.join(self.agent.top, "x.jpg")
        with open(path, "wb") as file:
            file.write(b"jpg")
        self.run_.log_image("c", path=path, description="d")
        first, second = self.lines()
        self.assertRegex(first["value"]["file"], r"^a_b_\d+\.png$")
        self.assertRegex(second["value"]["file"], r"^c_\d+\.jpg$")
        self.assertEqual((first["kind"], second["kind"], second["desc"]), ("image", "image", "d"))
        for line, content in ((first, b"\x89PNG of png"), (second, b"jpg")):
            with open(
                os.path.join(self.agent.directory, "files", line["value"]["file"]), "rb"
            ) as f:
                self.assertEqual(f.read(), content)

    def test_tiny_names_of_many_metrics_do_not_fill_the_memory(self) -> None:
        from muster._job import log_calls

        for i in range(2500):
            self.run_.log("m%d" % i, i)
        self.assertLessEqual(len(log_calls._names), 1000)

    def test_read_back(self) -> None:
        value = json.loads(values.to_json([1, {"f": "NaN"}, {"x": {"f": "-Infinity"}}, {"f": "y"}]))
        back = values.from_json(value)
        self.assertTrue(math.isnan(back[1]))
        self.assertEqual(back[2:], [{"x": -INF}, {"f": "y"}])


if __name__ == "__main__":
    unittest.main()
