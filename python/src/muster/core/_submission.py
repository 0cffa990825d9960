"""What Experiment.submit does before it talks to the server. Reads files, changes nothing."""

from __future__ import annotations

import os
from typing import Any, Dict, List, NamedTuple, Optional

from muster.core._job_spec import job_fields
from muster.core.runconfig import RunConfiguration
from muster.core.script_run_config import ScriptRunConfig, get_run_config_from_script_run
from muster.exceptions import UserErrorException


class Submission(NamedTuple):
    """What to upload and what to ask for.

    ``source_directory``: absolute. ``spec``: keyword arguments of JobSpec, without experiment, tags
    and snapshot. ``run_config``: as submitted, for the run's definition. ``notes``: sentences for
    the user.
    """

    source_directory: str
    run_config: RunConfiguration
    spec: Dict[str, Any]
    notes: List[str]


def prepare(config: Any) -> Submission:
    """Checks a ScriptRunConfig or an estimator and turns it into a job.

    Raises UserErrorException: no configuration, source directory or entry script that is missing or
    lies elsewhere, more nodes than the target has, and all that ``job_fields`` refuses.
    """
    if isinstance(config, ScriptRunConfig):
        run_config = get_run_config_from_script_run(config)
    elif isinstance(getattr(config, "run_config", None), RunConfiguration):
        run_config = config.run_config._copy()
    else:
        raise UserErrorException(
            f"a ScriptRunConfig or an estimator can be submitted, not {type(config).__name__}"
        )
    source_directory = checked_source_directory(config.source_directory)
    if run_config.script:
        run_config.script = checked_script(source_directory, run_config.script)
    check_node_count(run_config.node_count, getattr(config, "_compute_target", None))
    translated = job_fields(run_config, source_directory)
    notes = translated.notes + list(getattr(config, "_notes", ()))
    return Submission(source_directory, run_config, translated.fields, notes)


def checked_source_directory(source_directory: Any) -> str:
    """The absolute path. Raises UserErrorException when it is no directory."""
    if not isinstance(source_directory, (str, os.PathLike)) or not str(source_directory):
        raise UserErrorException(
            f"source_directory must be the path of a directory, not {source_directory!r}"
        )
    path = os.path.abspath(os.fspath(source_directory))
    if not os.path.isdir(path):
        what = "is a file, not a directory" if os.path.exists(path) else "does not exist"
        raise UserErrorException(f"the source directory {path} {what}")
    return path


def checked_script(source_directory: str, script: Any) -> str:
    """The script's path relative to the source directory, with ``/``. Raises UserErrorException
    when it lies elsewhere, is missing, is a directory or a notebook."""
    if not isinstance(script, (str, os.PathLike)):
        raise UserErrorException(f"the entry script must be a path, not {script!r}")
    path = os.path.normpath(os.path.join(source_directory, os.fspath(script)))
    if os.path.commonpath([source_directory, path]) != source_directory:
        raise UserErrorException(
            f"the entry script {script} lies outside the source directory {source_directory}"
        )
    if not os.path.isfile(path):
        what = "is a directory" if os.path.isdir(path) else "does not exist"
        raise UserErrorException(
            f"the entry script {script} {what} in the source directory {source_directory}"
        )
    if path.endswith(".ipynb"):
        raise UserErrorException(
            f"the entry script {script} is a notebook, which cannot be run as a job; export it as "
            ".py"
        )
    return os.path.relpath(path, source_directory).replace(os.sep, "/")


def check_node_count(node_count: Any, compute_target: Any) -> None:
    """Raises UserErrorException when the target is known to have fewer nodes."""
    scale = getattr(compute_target, "scale_settings", None)
    most: Optional[int] = getattr(scale, "maximum_node_count", None)
    if most is not None and isinstance(node_count, int) and node_count > most:
        raise UserErrorException(
            f"node_count {node_count} is more than the {most} nodes that the compute target "
            f"'{compute_target.name}' may have (max_nodes)"
        )
