"""Outside a job: the run that prints."""

import io
import os
import pickle
import unittest
from contextlib import redirect_stdout

from muster._job import offline
from muster.core import Run
from muster.core.run import _OfflineRun
from muster.exceptions import RunEnvironmentException, UserErrorException

SCHEMA = {"schema_type": "residuals", "schema_version": "1", "data": {}}

# (call, what is printed)
PRINTED = [
    (lambda r: r.log("acc", 0.5), "Attempted to log scalar metric acc:\n0.5\n"),
    (lambda r: r.log_list("l", [1, 2]), "Attempted to log list metric l:\n[1, 2]\n"),
    (lambda r: r.log_row("r", x=1), "Attempted to log row metric r:\n{'x': 1}\n"),
    (lambda r: r.log_table("t", {"x": [1]}), "Attempted to log table metric t:\n{'x': [1]}\n"),
    (lambda r: r.log_image("i", path="a.png"), "Attempted to log image metric i:\na.png\n"),
    (lambda r: r.log_residuals("e", SCHEMA), "Attempted to log residuals metric e:\n%s\n" % SCHEMA),
    (lambda r: r.tag("k", "v"), 'Attempted to set tags {"k":"v"}\n'),
    (lambda r: r.add_properties({"p": "q"}), 'Attempted to add properties {"p":"q"}\n'),
    (lambda r: r.upload_file("f", "none"), "Attempted to upload file f\n"),
    (lambda r: r.complete(), "Attempted to end run as Completed\n"),
    (lambda r: r.fail("why"), "Attempted to end run as Failed: why\n"),
    (lambda r: r.flush(), ""),
    (lambda r: r.remove_tags("none"), ""),
]


class OfflineCase(unittest.TestCase):
    def setUp(self) -> None:
        self.assertNotIn("MUSTER_TRACKING_DIR", os.environ)
        del offline._current[:]

    def test_prints(self) -> None:
        run = Run.get_context()
        for call, expected in PRINTED:
            out = io.StringIO()
            with redirect_stdout(out):
                call(run)
            self.assertEqual(out.getvalue(), expected)

    def test_is_one_of_its_kind(self) -> None:
        run = Run.get_context()
        self.assertIs(type(run), _OfflineRun)
        self.assertIsInstance(run, Run)
        self.assertIs(Run.get_submitted_run(), run)
        self.assertTrue(run.id.startswith("OfflineRun_"))
        self.assertIs(pickle.loads(pickle.dumps(run)), run)
        # The idiom of scripts that look whether they are in a job.
        self.assertRaises(AttributeError, lambda: run.experiment)
        self.assertFalse(hasattr(run, "experiment"))

    def test_can_be_refused(self) -> None:
        self.assertRaises(RunEnvironmentException, Run.get_context, allow_offline=False)

    def test_remembers_what_is_small(self) -> None:
        run = Run.get_context()
        with redirect_stdout(io.StringIO()):
            run.set_tags({"a": None, "b": "c"})
            run.remove_tags(["a"])
            run.add_properties({"p": "q"})
            run.display_name = "d"
            with run.child_run("x") as child:
                child.log("a", 1)
            run.create_children(2)
        self.assertEqual((run.get_tags(), run.properties, run.name), ({"b": "c"}, {"p": "q"}, "d"))
        self.assertEqual((child.status, child.parent), ("Completed", run))
        self.assertEqual(len(list(run.get_children())), 3)
        self.assertEqual((run.get_status(), run.get_metrics(), run.parent), ("Running", {}, None))
        self.assertEqual((run.get_file_names(), run.get_details()["status"]), ([], "Running"))
        with redirect_stdout(io.StringIO()):
            self.assertTrue(run.cancel())
        self.assertEqual(run.get_status(), "Canceled")

    def test_refuses_what_a_job_would_refuse(self) -> None:
        run = Run.get_context()
        for call in (
            lambda: run.log("n" * 300, 1),
            lambda: run.log("n", object()),
            lambda: run.upload_file("../x", "y"),
            lambda: run.download_file("x"),
            lambda: [run.tag("k%d" % i) for i in range(51)],
        ):
            with redirect_stdout(io.StringIO()):
                self.assertRaises(UserErrorException, call)

    def test_does_not_print_books(self) -> None:
        out = io.StringIO()
        with redirect_stdout(out):
            Run.get_context().log_list("l", range(100000))
        self.assertLess(len(out.getvalue()), 2100)

    def test_an_output_that_takes_no_text(self) -> None:
        closed = io.StringIO()
        closed.close()
        for out in (io.TextIOWrapper(io.BytesIO(), encoding="ascii"), closed):
            with redirect_stdout(out):
                Run.get_context().log("a", "\u00fc")

    def test_does_not_keep_all_children(self) -> None:
        run = Run.get_context()
        with redirect_stdout(io.StringIO()):
            for _ in range(3):
                run.create_children(1000)
        self.assertEqual(len(list(run.get_children())), 1000)


if __name__ == "__main__":
    unittest.main()
