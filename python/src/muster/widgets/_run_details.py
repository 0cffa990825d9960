"""RunDetails: shows a run while it goes on, in a notebook or in a terminal."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from typing import Any, Callable, Dict, Iterator, Optional

from muster.exceptions import AzureMLException, UserErrorException
from muster.widgets._lines import changes, new_log_lines, status_line, summary
from muster.widgets._observer import Observer
from muster.widgets._page import page_of
from muster.widgets._plain import line_of
from muster.widgets._view import View

# Seconds between two looks; seconds for which a server that is away is asked again.
_INTERVAL = 1.0
_PATIENCE = 3600.0
_NEEDED = ("get_details", "get_metrics", "experiment")
# Names its thread.
THREAD_NAME = "muster-run-details"


class RunDetails:
    """A live view of a run: status, nodes, the last lines of its log, metrics as line charts.

    ``RunDetails(run).show()`` returns at once in a notebook, where the view goes on by itself; in a
    terminal, or where the output is no terminal, it prints what happens until the run has ended.
    Raises UserErrorException for something that is no run.
    """

    def __init__(self, run_instance: Any) -> None:
        if not all(hasattr(run_instance, name) for name in _NEEDED):
            raise UserErrorException(
                f"RunDetails takes a run, as Experiment.submit returns it, not {run_instance!r}"
            )
        self._run = run_instance
        self._observer = Observer(run_instance)

    def get_widget_data(self, widget_settings: Any = None) -> Dict[str, Any]:
        """What ``show`` would show now, as a dict: ``status``, ``nodes``, ``metrics`` and more.
        `widget_settings` has no effect. Raises as the run's methods do."""
        view = self._observer.look()
        nodes = [
            {"name": node.name, "ranks": [rank._asdict() for rank in node.ranks]}
            for node in view.nodes
        ]
        return {**view._asdict(), "nodes": nodes, "log": list(view.log)}

    def show(self, render_lib: Any = None, widget_settings: Any = None) -> None:
        """Shows the run. Both parameters have no effect.

        Ctrl-C in a terminal ends the view, not the run: KeyboardInterrupt. Raises as the run's
        methods do when the first look at it fails; later a view says what is the matter, and goes
        on for an hour.
        """
        if _is_notebook():
            self._show_in_notebook()
        elif sys.stdout.isatty():
            _show_in_terminal(self._views())
        else:
            _show_as_lines(self._views())

    def _views(self) -> Iterator[View]:
        """One a look, the last one that of a run that has ended."""
        view = self._observer.look()
        away_since: Optional[float] = None
        while True:
            yield view
            if view.is_final:
                return
            time.sleep(_INTERVAL)
            try:
                view = self._observer.look()
                away_since = None
            except AzureMLException as error:
                away_since = away_since or time.monotonic()
                given_up = time.monotonic() - away_since > _PATIENCE
                what = "not shown any more" if given_up else "shown as it was last seen"
                view = view._replace(trouble=f"The run is {what}: {line_of(error)}")
                if given_up:
                    yield view
                    return

    def _show_in_notebook(self) -> None:
        from IPython.display import display

        views = self._views()
        view = next(views)
        handle = display(_bundle(view), raw=True, display_id=True)
        threading.Thread(
            target=_update,
            args=(views, view, lambda found: handle.update(_bundle(found), raw=True)),
            name=THREAD_NAME,
            daemon=True,
        ).start()


def _is_notebook() -> bool:
    """Whether a kernel shows what is displayed. IPython is not loaded for it."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def _bundle(view: View) -> Dict[str, str]:
    """For those who show HTML, and for those who do not."""
    return {"text/html": page_of(view), "text/plain": "\n".join(summary(view))}


def _update(views: Iterator[View], shown: View, show: Callable[[View], None]) -> None:
    for view in views:
        if view != shown:
            show(view)
        shown = view


def _show_in_terminal(views: Iterator[View]) -> None:
    """The log as it grows, and below it one line that says how it is now."""
    old: Optional[View] = None
    try:
        for view in views:
            lines = new_log_lines(old or view._replace(log_count=0), view)
            text = "".join(f"\r\x1b[K{line}\n" for line in lines)
            width = shutil.get_terminal_size().columns - 1
            _write(f"{text}\r\x1b[K{status_line(view, width)}")
            old = view
    finally:
        _write("\r\x1b[K")
    if old is not None:
        _write("\n".join(summary(old)) + "\n")


def _show_as_lines(views: Iterator[View]) -> None:
    """Where lines cannot be overwritten: the log, and a line for each change of the status."""
    old = View("", "", "")
    for view in views:
        lines = changes(old, view) + new_log_lines(old, view)
        _write("".join(f"{line}\n" for line in lines))
        old = view
    _write("\n".join(summary(old)) + "\n")


def _write(text: str) -> None:
    # Not kept from before: notebooks and tests replace sys.stdout.
    stream = sys.stdout
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()
