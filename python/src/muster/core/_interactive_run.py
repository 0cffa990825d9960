"""How an interactive run begins: its program is the process that asks for it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Dict, Tuple

from muster.core._run_children import new_run, record_of
from muster.core._run_tags import checked_display_name, checked_properties, checked_tags
from muster.exceptions import UserErrorException

if TYPE_CHECKING:
    from muster.core.experiment import Experiment
    from muster.core.run import Run

_log = logging.getLogger("muster")


def start_interactive_run(
    experiment: Experiment, args: Tuple[Any, ...], kwargs: Dict[str, Any]
) -> Run:
    """``Experiment.start_logging``. Raises UserErrorException for parameters that there are not."""
    from muster.core.run import Run

    if args:
        raise UserErrorException("start_logging takes its parameters by name")
    given = dict(kwargs)
    outputs = given.pop("outputs", None)
    snapshot_directory = given.pop("snapshot_directory", ".")
    display_name = given.pop("display_name", None)
    run_id = given.pop("run_id", None)
    new = new_run(
        experiment=experiment.name,
        run_id=run_id,
        display_name="" if display_name is None else checked_display_name(display_name),
        tags=checked_tags(given.pop("tags", None) or {}),
        properties=checked_properties(given.pop("properties", None) or {}),
    )
    if given:
        raise UserErrorException(f"start_logging does not take {', '.join(sorted(given))}")
    if outputs is not None or snapshot_directory not in (None, "."):
        _log.warning(
            "outputs and snapshot_directory of start_logging have no effect; upload_folder of the "
            "run keeps a folder"
        )
    server = experiment.workspace._server
    server.runs.create([new])
    server.heartbeats.add(new.id)
    if run_id is not None:
        found = Run(experiment, run_id)  # it may have been there, in any state
        found._take_over(new)
        return found
    return Run(experiment, new.id, _record=record_of(new, experiment.name, new.id))
