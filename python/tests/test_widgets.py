"""RunDetails: what it draws and prints, of whatever a run may say."""

from __future__ import annotations

import inspect
import io
import json
import math
import re
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

import pytest

from muster.exceptions import ServiceException, UserErrorException
from muster.widgets import RunDetails, _run_details
from muster.widgets._charts import (
    MOST_CHARTS,
    MOST_POINTS,
    Chart,
    Series,
    labels_of,
    last_values,
    shown_of,
    svg_of,
    thinned,
    ticks_between,
)
from muster.widgets._lines import changes, new_log_lines, status_line, summary
from muster.widgets._log_tail import MOST_LINES, LogTail
from muster.widgets._observer import _MOST_BYTES, Observer
from muster.widgets._page import page_of
from muster.widgets._plain import duration_text, line_of
from muster.widgets._view import Node, Rank, View
from scripted_run import Moment, ScriptedRun

SOURCE = Path(__file__).parent.parent / "src"
NAN = math.nan
VIEW = View("mnist_1_2", "mnist", "Running", elapsed=3.0)


class Page(HTMLParser):
    """The elements and texts of a page, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: List[str] = []
        self.attributes: List[Tuple[str, Optional[str]]] = []
        self.texts: List[str] = []
        self._open: List[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "br":
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


# Texts from outside.

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> &amp; \x1b]0;t\x07\u202eabc"
KNOWN_TAGS = {
    *("div", "span", "b", "code", "table", "tr", "td", "figure", "figcaption", "pre", "br"),
    *("svg", "title", "path", "text", "polyline", "circle"),
}


def evil_view() -> View:
    return View(
        run_id=EVIL,
        experiment=EVIL,
        status=EVIL,
        name=EVIL,
        reason=EVIL,
        target=EVIL,
        nodes=[Node(EVIL, [Rank(0, EVIL)])],
        tags={EVIL: EVIL, "bare": None},
        log_name=EVIL,
        log=[EVIL],
        log_rest=EVIL,
        metrics={EVIL: [1, 2], "text": EVIL, "table": {EVIL: [1, 2], "b": [3, 4]}, "d": {EVIL: 1}},
        error=EVIL,
        trouble=EVIL,
    )


def test_nothing_from_outside_becomes_a_part_of_the_page() -> None:
    page = Page(page_of(evil_view()))
    assert set(page.tags) <= KNOWN_TAGS
    assert not [name for name, _ in page.attributes if name.startswith("on") or "href" in name]
    assert not [v for _, v in page.attributes if v and ("url(" in v or "<" in v)]
    shown = "".join(page.texts)
    assert shown.count("<script>alert(1)</script>") == 20  # each of them is there
    assert "\x1b" not in shown and "\u202e" not in shown


def test_nothing_from_outside_moves_a_terminals_cursor() -> None:
    view = evil_view()
    texts = [status_line(view, 10_000), *changes(VIEW, view), *summary(view)]
    texts += new_log_lines(VIEW._replace(log_count=-1), view._replace(log_count=1))
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e]", "".join(texts))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("  0%\r 50%\r100%", "100%"),
        ("done\r\n", "done"),
        ("a\tb", "a   b"),
        ("a\x00b\x9bc\u2028d", "a\ufffdb\ufffdc\ufffdd"),
        ("\ud800", "\ufffd"),
        (None, "None"),
        ("x" * 500, "x" * 399 + "…"),
    ],
)
def test_lines_are_what_was_seen_last(text: Any, shown: str) -> None:
    assert line_of(text) == shown


def test_durations() -> None:
    given = (None, -1, 0.9, 61, 360_000)
    assert [duration_text(seconds) for seconds in given] == [
        *("", "0:00:00", "0:00:00", "0:01:01", "100:00:00")
    ]


# Charts.


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ([1, 2, 3], [("m", [1, 2, 3])]),
        ([1, NAN, 3], [("m", [1, NAN, 3])]),
        ([1, None, math.inf, 2], [("m", [1, NAN, NAN, 2])]),
        ([10**400, 1, 2], [("m", [NAN, 1, 2])]),
        ([True, False], [("m", [1, 0])]),
        (["a", 1, 2], [("m", [NAN, 1, 2])]),
        ({"x": [1, 2], "name": ["a", "b"], "y": [3, 4]}, [("x", [1, 2]), ("y", [3, 4])]),
        ({"x": [1]}, None),
        ({"schema_type": "confusion_matrix", "data": {}}, None),
        ([[1, 2], [3, 4]], None),
        ([1], None),
        ([1, NAN], None),
        (["a", "b"], None),
        ([], None),
        (3.5, None),
        ("adam", None),
        (None, None),
    ],
)
def test_what_makes_a_line(value: Any, lines: Any) -> None:
    shown = shown_of({"m": value})
    assert len(shown.charts) + len(shown.values) == 1
    made = [(s.name, list(s.values)) for chart in shown.charts for s in chart.series]
    assert repr(made) == repr([(n, [float(v) for v in vs]) for n, vs in lines or []])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1234567, "0.12346"),
        (7, "7"),
        ("adam", "adam"),
        (["a", "b"], "b (the last of 2)"),
        ([], "none (the last of 0)"),
        ({"a": 1, "b": 2}, "2 columns: a, b"),
        ({}, "empty"),
        (NAN, "nan"),
    ],
)
def test_what_is_written_in_place_of_a_line(value: Any, text: str) -> None:
    assert shown_of({"m": value}).values == [("m", text)]


@pytest.mark.parametrize(
    "values",
    [
        [0.0, 1.0],
        [5.0, 5.0],
        [0.0, 0.0],
        [-1e308, 1e308],
        [1.7e308, 1.7e308],
        [5e-324, 1e-323],
        [1e15, 1e15 + 0.25],
        [1.0, 1.0 + 2**-52],
        [1e16, 1e16 + 2],
        [-3.0, NAN, 7.0],
        [2.5e-9, 1.0],
    ],
)
def test_every_range_has_ticks_and_stays_on_the_paper(values: List[float]) -> None:
    numbers = [v for v in values if not math.isnan(v)]
    ticks = ticks_between(min(numbers), max(numbers))
    assert 2 <= len(ticks) <= 9 and ticks == sorted(set(ticks))
    assert len(set(labels_of(ticks))) == len(ticks)
    drawn = svg_of(Chart("t", [Series("a", values)]))
    points = re.findall(r'c[xy]="([^"]*)"', drawn)
    points += re.findall(r"[-\d.einfa]+", " ".join(re.findall(r'points="([^"]*)"', drawn)))
    assert points and all(0 <= float(point) <= 340 for point in points)


def test_round_numbers() -> None:
    assert ticks_between(0.12, 2.3) == [0, 1, 2, 3]
    assert ticks_between(0, 1) == [0, 0.25, 0.5, 0.75, 1]
    assert labels_of([0.1, 0.2]) == ["0.1", "0.2"]


def test_long_lines_are_thinned_and_keep_their_peaks() -> None:
    values = [0.0] * 100_000
    values[54_321], values[77_777] = 9.0, -9.0
    kept = thinned(values)
    assert len(kept) == MOST_POINTS and {9.0, -9.0} <= set(kept)
    assert kept.index(9.0) < kept.index(-9.0)
    assert all(math.isnan(v) for v in thinned([NAN] * 1_000))
    assert ">99999<" in svg_of(Chart("t", [Series("a", values)]))


def test_a_page_is_bounded_whatever_was_logged() -> None:
    metrics: Dict[str, Any] = {f"m{i}" * 100: list(range(50_000)) for i in range(40)}
    metrics.update({f"s{i}": "x" * 10_000 for i in range(1_000)})
    metrics["wide"] = {f"c{i}": [1, 2] for i in range(500)}
    nodes = [Node(f"n{i}", [Rank(r, "exit code 1") for r in range(100)]) for i in range(5_000)]
    view = VIEW._replace(
        metrics=metrics, nodes=nodes, log=["x" * 100_000] * 200, log_name="l", error="e\n" * 10_000
    )
    page = page_of(view)
    assert len(page) < 500_000
    assert page.count("<svg") == MOST_CHARTS
    assert "and 4936 more nodes" in page and " more: run.get_metrics() has all" in page


# Pages and lines.


def test_a_page_tells_what_is_known() -> None:
    nodes = [
        Node("n1", [Rank(0, ""), Rank(1, "exit code 0")]),
        Node("n2", [Rank(2, "signal 9")]),
        Node("n3", []),
    ]
    view = VIEW._replace(
        target="gpu", nodes=nodes, tags={"a": "b", "bare": None}, log_name="70.txt", log=["l1"]
    )
    text = "|".join(Page(page_of(view)).texts)
    for part in ("Running", "mnist_1_2", "gpu", "0:00:03", "70.txt", "l1", "bare"):
        assert part in text
    assert "|n1|1 running, 1 done|n2|rank 2: signal 9|n3|no process yet" in text
    assert "Metrics" not in text and "Values" not in text
    waiting = View("r", "e", "Queued", reason="2 nodes of 3 are free")
    assert "2 nodes of 3 are free" in page_of(waiting) and "Nodes" not in page_of(waiting)


def test_the_status_line_fits() -> None:
    view = VIEW._replace(
        nodes=[Node("n1", [Rank(0, ""), Rank(1, "")]), Node("n2", [])],
        metrics={"loss": [3, 0.25], "name": "adam"},
    )
    assert status_line(view, 200) == (
        "Running · 0:00:03 · 2 nodes, 2 processes running · loss 0.25 · mnist_1_2"
    )
    assert status_line(view, 20) == "Running · 0:00:03 ·…"
    assert last_values({"a": 1, "b": True, "c": [], "d": [2.5]}, 9) == [("a", "1"), ("d", "2.5")]


def test_a_log_line_is_shown_once() -> None:
    first = VIEW._replace(log_name="l", log=["a", "b"], log_count=2, log_rest="c")
    assert new_log_lines(VIEW, first) == ["a", "b"]
    assert new_log_lines(first, first) == []
    second = first._replace(log=["a", "b", "cd"], log_count=3, log_rest="e")
    assert new_log_lines(first, second) == ["cd"]
    assert new_log_lines(second, second._replace(status="Completed")) == ["e"]
    many = second._replace(log=["x"] * 5, log_count=1_000)
    assert new_log_lines(second, many) == ["... 992 lines are not shown ...", *["x"] * 5]
    again = first._replace(log=["z"], log_count=1)
    assert new_log_lines(second, again) == ["z"]


def test_a_log_is_put_together_from_pieces() -> None:
    tail = LogTail()
    for piece in ("é".encode()[:1], "é\nb".encode()[1:], b"", b"c\n\xc3"):
        tail.feed(piece)
    assert (list(tail.lines), tail.rest, tail.count, tail.offset) == (["é", "bc"], "", 2, 7)
    tail.feed(b"\n")
    assert list(tail.lines)[-1] == "\ufffd"
    tail.skip_to(3)
    tail.skip_to(100)
    assert list(tail.lines)[-1] == "... 92 bytes are not shown ..." and tail.offset == 100
    tail.feed(b"x" * 1_000_000)
    assert len(tail.rest) == 16 << 10
    tail.feed(b"\n" * 1_000)
    assert (len(tail.lines), tail.count) == (MOST_LINES, 1_004)


# Looking.


def test_a_look_tells_how_it_is() -> None:
    run = ScriptedRun(
        [
            Moment("Queued", reason="1 node of 2 is free"),
            Moment("Running", b"a\nb", {"loss": 1}, [(0, "n1", -1), (1, "n2", 3)]),
            Moment("Failed", b"a\nbc\n", {"loss": [1, 2]}, [(0, "n1", 0)], error="it fails"),
        ]
    )
    observer = Observer(run)
    queued, running, failed = observer.look(), observer.look(), observer.look()
    assert (queued.status, queued.reason) == ("Queued", "1 node of 2 is free")
    assert (queued.nodes, queued.log_name) == ([], "")
    assert running.nodes == [Node("n1", [Rank(0, "")]), Node("n2", [Rank(1, "exit code 3")])]
    assert (running.log, running.log_rest, running.metrics) == (["a"], "b", {"loss": 1})
    assert (failed.log, failed.error, failed.elapsed) == (["a", "bc"], "it fails", 3723.5)
    # Of a run that has ended everything is read, once.
    assert failed.metrics == {"loss": [1, 2]} and failed.is_final
    assert observer.look() is failed
    assert run.reads == [(0, 3), (3, 2)]


def test_a_new_attempts_log_begins_anew() -> None:
    run = ScriptedRun([Moment("Running", b"a\n" * 9), Moment("Running", b"new\n", attempt=2)])
    observer = Observer(run)
    observer.look()
    assert observer.look().log == ["new"]


def test_of_a_large_log_the_end_is_read() -> None:
    line = b"x" * 99 + b"\n"
    run = ScriptedRun(
        [Moment("Running", line * 100_000), Moment("Completed", line * 100_000 + b"the end\n")]
    )
    observer = Observer(run)
    observer.look()
    assert observer.look().log[-1] == "the end"
    assert sum(count for _, count in run.reads) < 2 * _MOST_BYTES


def test_metrics_that_take_long_are_read_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 2.0, 21.0, 23.0, 23.1])
    monkeypatch.setattr("muster.widgets._observer.time.monotonic", lambda: next(clock))
    run = ScriptedRun([Moment("Running", metrics={"a": 1})])
    observer = Observer(run)
    for _ in range(3):
        assert observer.look().metrics == {"a": 1}
    assert run.metric_reads == 2


def test_a_run_that_is_no_job_has_no_nodes() -> None:
    run = ScriptedRun([Moment("Running", b"", {"a": 1}), Moment("Completed")], is_job=False)
    view = Observer(run).look()
    assert (view.nodes, view.log_name, view.metrics) == ([], "", {"a": 1})


# Showing.

STORY: List[Union[Moment, Exception]] = [
    Moment("Queued", reason="no node is free"),
    Moment("Running", b"one\ntw", {"loss": 0.5}, [(0, "n1", -1)]),
    ServiceException("head.lan:7677 cannot be reached"),
    Moment("Completed", b"one\ntwo\n", {"loss": [0.5, 0.25]}, [(0, "n1", 0)]),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_run_details, "_INTERVAL", 0.0)


def test_plain_output_has_each_thing_once(
    quickly: None, capsys: pytest.CaptureFixture[str]
) -> None:
    RunDetails(ScriptedRun(STORY)).show()
    assert capsys.readouterr().out.splitlines() == [
        "Queued: no node is free",
        "Running",
        "one",
        "The run is shown as it was last seen: head.lan:7677 cannot be reached",
        "Completed",
        "two",
        "mnist_1_2: Completed after 1:02:03",
        "  loss: 0.25",
    ]


def test_a_terminal_has_the_log_and_one_line_below(
    quickly: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "60")
    RunDetails(ScriptedRun(STORY)).show()
    written = terminal.getvalue()
    lines = written.split("\n")
    assert [line.rpartition("\x1b[K")[2] for line in lines] == [
        *("one", "two", "mnist_1_2: Completed after 1:02:03", "  loss: 0.25", "")
    ]
    assert "\r\x1b[KRunning · 1:02:03 · 2 nodes, 1 process running" in written
    assert all(len(part) < 60 for part in re.split("\r\x1b\\[K|\n", written))


def test_ctrl_c_leaves_a_clean_line(quickly: None, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    run = ScriptedRun([Moment("Running")])
    monkeypatch.setattr(time, "sleep", raise_interrupt)
    with pytest.raises(KeyboardInterrupt):
        RunDetails(run).show()
    assert terminal.getvalue().endswith("\r\x1b[K")


def raise_interrupt(seconds: float) -> None:
    raise KeyboardInterrupt


def test_a_server_that_stays_away_ends_the_view(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [1.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda _: now.__setitem__(0, now[0] + 600))
    away = ServiceException("away")
    RunDetails(ScriptedRun([Moment("Running"), away])).show()
    assert "The run is not shown any more: away" in capsys.readouterr().out
    assert now[0] == pytest.approx(600 * 8 + 1)


def test_a_first_look_that_fails_raises() -> None:
    with pytest.raises(ServiceException, match="away"):
        RunDetails(ScriptedRun([ServiceException("away")])).show()


def test_the_names_and_parameters_of_azures_class() -> None:
    assert str(inspect.signature(RunDetails)).replace("'", "") == "(run_instance: Any) -> None"
    for method, parameters in {
        "show": ["self", "render_lib", "widget_settings"],
        "get_widget_data": ["self", "widget_settings"],
    }.items():
        found = inspect.signature(getattr(RunDetails, method)).parameters
        assert list(found) == parameters
        assert all(p.default is None for p in list(found.values())[1:])


def test_its_data_can_be_written_as_json() -> None:
    data = RunDetails(ScriptedRun(STORY[1:])).get_widget_data()
    again = json.loads(json.dumps(data))
    assert (again["status"], again["metrics"], again["log"]) == ("Running", {"loss": 0.5}, ["one"])
    assert again["nodes"][0] == {"name": "n1", "ranks": [{"number": 0, "end": ""}]}


def test_only_a_run_is_taken() -> None:
    with pytest.raises(UserErrorException, match="takes a run, as Experiment"):
        RunDetails("mnist_1_2")


def test_ipython_is_not_loaded() -> None:
    script = "import muster.widgets, sys; print({'IPython', 'grpc'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "set()\n"
