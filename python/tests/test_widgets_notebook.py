"""RunDetails in a notebook, which is executed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

TESTS = Path(__file__).parent
SHOW = """
import sys
sys.path[:0] = [{source!r}, {tests!r}]
from scripted_run import Moment, ScriptedRun
from muster.widgets import RunDetails
log = b"step 0\\nstep 1\\nstep 2\\n"
steps = [Moment("Running", log[:7 * n], {{"loss": [1 / (i + 1) for i in range(n + 2)]}},
                [(0, "n1", -1)]) for n in range(3)]
run = ScriptedRun([Moment("Queued", reason="no node is free"), *steps,
                   Moment("Completed", log + b"<b>the end</b>\\n", {{"loss": [3, 2, 1]}},
                          [(0, "n1", 0)])])
import muster.widgets._run_details
muster.widgets._run_details._INTERVAL = 0.05
RunDetails(run).show()
print("show has returned at", run.now.status)
"""
WAIT = """
import threading
for thread in threading.enumerate():
    if thread.name == "muster-run-details":
        thread.join(30)
print("the view ends at", run.now.status)
"""


@pytest.fixture(scope="module")
def outputs() -> Any:
    """Of the two cells, after both have run."""
    source = SHOW.format(source=str(TESTS.parent / "src"), tests=str(TESTS))
    cells = [nbformat.v4.new_code_cell(text) for text in (source, WAIT)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return [cell["outputs"] for cell in notebook["cells"]]


def text_of(outputs: Any) -> str:
    return "".join(out["text"] for out in outputs if out["output_type"] == "stream")


def test_show_returns_at_once_and_the_view_goes_on(outputs: Any) -> None:
    assert text_of(outputs[0]) == "show has returned at Queued\n"
    assert text_of(outputs[1]) == "the view ends at Completed\n"


def test_one_output_has_been_updated_to_the_end(outputs: Any) -> None:
    (shown,) = [out for out in outputs[0] if out["output_type"] == "display_data"]
    page = shown["data"]["text/html"]
    assert "Completed" in page and "Queued" not in page
    assert "&lt;b&gt;the end&lt;/b&gt;" in page and "step 2" in page
    assert page.count("<svg") == 1 and "1 done" in page
    assert "<script" not in page and "http" not in page
    assert shown["data"]["text/plain"] == "mnist_1_2: Completed after 1:02:03\n  loss: 1"
    assert not [out for out in outputs[1] if out["output_type"] != "stream"]
