"""What is known of a run, from the server's Run and Job. Pure."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, Iterable, List, Optional

from muster._client.jobs import status_name
from muster._proto import api

RUN_TYPE = "azureml.scriptrun"
# Properties that are not in the record: the server knows them of the job.
SOURCE_PROPERTY = "azureml.runsource"
SNAPSHOT_PROPERTY = "ContentSnapshotId"
LOG_PREFIX = "azureml-logs/"
_RANK_LOG = f"{LOG_PREFIX}70_driver_log"
# The target of a run whose program runs somewhere else.
_HERE = "sdk"
_COMMUNICATORS = {
    "COMMUNICATOR_MPI": "Mpi",
    "COMMUNICATOR_GLOO": "Gloo",
    "COMMUNICATOR_NCCL": "Nccl",
    "COMMUNICATOR_PARAMETER_SERVER": "ParameterServer",
}


def status_of(run_or_job: Any) -> str:
    """Azure ML's name of the status."""
    return status_name(run_or_job.status)


def is_job(run: Any) -> bool:
    """Whether it was submitted to a pool; else it only reports."""
    kind: bool = run.kind == api().RUN_KIND_JOB
    return kind


def type_of(run: Any) -> Optional[str]:
    """Of a submitted script its type; interactive runs and children have none."""
    return RUN_TYPE if is_job(run) else None


def tags_of(run: Any) -> Dict[str, Optional[str]]:
    """Key -> value; None: a tag without a value."""
    return {tag.key: tag.value if tag.HasField("value") else None for tag in run.tags}


def properties_of(run: Any, job: Any) -> Dict[str, str]:
    """What never changes: what was added to the run, and of a job (None: it is none) what the
    server knows of it."""
    found = dict(run.properties)
    if is_job(run):
        found.setdefault(SOURCE_PROPERTY, "experiment")
    if job is not None:
        found.setdefault(SNAPSHOT_PROPERTY, job.spec.snapshot_digest)
    return found


def details_of(run: Any, job: Any, log_files: Dict[str, str]) -> Dict[str, Any]:
    """What Run.get_details() gives; keys of what has not happened yet are left out. `job`: None of
    a run that is none."""
    details: Dict[str, Any] = {
        "runId": run.id,
        "displayName": run.display_name or None,
        "parentRunId": run.parent_id or None,
        "target": _HERE if job is None else job.pool,
        "status": status_of(run if job is None else job),
        "createdTimeUtc": utc(run.created_us),
        "startTimeUtc": utc((run if job is None else job).started_us),
        "endTimeUtc": utc((run if job is None else job).ended_us),
        "submittedBy": run.user,
        "properties": properties_of(run, job),
        "tags": tags_of(run),
        "inputDatasets": [],
        "outputDatasets": [],
        "runDefinition": None if job is None else definition_of(job.resolved_spec),
        "logFiles": log_files,
        "error": tracked_error_of(run) if job is None else error_of(job),
        "warnings": [] if job is None else warnings_of(job),
    }
    return {key: value for key, value in details.items() if value is not None}


def definition_of(spec: Any) -> Dict[str, Any]:
    """The run configuration that the server ran, with the keys of a ``.runconfig``."""
    communicator = api().name_of("Communicator", spec.communicator)
    return {
        "script": spec.script,
        "arguments": list(spec.arguments),
        "target": spec.pool,
        "framework": spec.framework or "Python",
        "communicator": _COMMUNICATORS.get(communicator, "None"),
        "maxRunDurationSeconds": spec.max_run_duration_ms // 1000 or None,
        "nodeCount": spec.node_count,
        "priority": spec.priority,
        "environment": {"python": {"interpreterPath": spec.environment.interpreter_path or None}},
        "environmentVariables": dict(spec.environment_variables),
        "mpi": {"processCountPerNode": spec.process_count_per_node},
        "dataReferences": {ref.name: _reference(ref) for ref in spec.data_references},
    }


def _reference(reference: Any) -> Dict[str, Any]:
    mode = api().name_of("DataMode", reference.mode).replace("DATA_MODE_", "").lower()
    return {
        "dataStoreName": reference.datastore,
        "pathOnDataStore": reference.path or None,
        "mode": mode,
        "pathOnCompute": reference.path_on_compute or None,
        "overwrite": reference.overwrite,
    }


def error_of(job: Any) -> Optional[Dict[str, Any]]:
    """Why the run failed, in the form of Azure's; None unless it did."""
    if status_of(job) != "Failed":
        return None
    code = api().name_of("CauseCode", job.cause.code).replace("CAUSE_CODE_", "")
    return {
        "error": {
            "code": "UserError" if code.startswith("SCRIPT_") else "ServiceError",
            "message": job.cause.message or "the run failed",
            "messageParameters": {},
            "details": [{"code": code, "message": last_log_lines(job)}],
        },
        "time": utc(job.ended_us),
    }


def tracked_error_of(run: Any) -> Optional[Dict[str, Any]]:
    """Why a run that is no job failed, as its program said; None unless it did."""
    if status_of(run) != "Failed":
        return None
    error: Dict[str, Any] = {
        "code": run.error.code or "UserError",
        "message": run.error.message or "the run failed",
        "messageParameters": {},
        "details": [],
    }
    return {"error": error, "time": utc(run.ended_us)}


def warnings_of(job: Any) -> List[Dict[str, str]]:
    """Why a run was cancelled, where there is a reason."""
    if status_of(job) == "Failed" or not job.cause.message:
        return []
    return [{"source": "muster", "message": job.cause.message}]


def last_log_lines(job: Any) -> str:
    """Of the rank to blame; '' where none is."""
    lines: str = job.attempts[-1].last_log_lines if job.attempts else ""
    return lines


def tracked_failure_sentence(run: Any) -> str:
    """For the exception of a failed run that is no job."""
    return f"the run {run.id} failed: {run.error.message or 'its program gave no cause'}"


def failure_sentence(job: Any) -> str:
    """For the exception of a job that failed."""
    text = f"the run {job.id} failed: {job.cause.message or 'the server says no cause'}"
    lines = last_log_lines(job).rstrip("\n")
    whose = f"rank {job.cause.rank}'s log" if job.cause.HasField("rank") else "its log"
    return f"{text}\nLast lines of {whose}:\n{lines}" if lines else text


def utc(micros: int) -> Optional[str]:
    """``2026-01-31T12:00:00.000000Z``; None for 0, which stands for not yet."""
    if not micros:
        return None
    moment = datetime.fromtimestamp(micros // 1_000_000, timezone.utc)
    return moment.replace(microsecond=micros % 1_000_000).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def driver_log(job: Any) -> str:
    """Name of the log of rank 0."""
    ranks = max(1, job.node_count) * max(1, job.process_count_per_node)
    return f"{_RANK_LOG}{'' if ranks == 1 else '_0'}.txt"


def shown_logs(job: Any, names: Iterable[str]) -> List[str]:
    """Of the run's files, the logs that are shown: of the ranks' only that of rank 0, of the nodes'
    only that of the head node. In the order of their names, which is that of a run's life."""
    nodes = list(job.attempts[-1].node_ids) if job.attempts else []
    ends = tuple(f"{mark}{node}.txt" for node in nodes[1:] for mark in "-_")
    shown = []
    for name in sorted(names):
        is_log = name.startswith(LOG_PREFIX) and name.endswith(".txt")
        is_other_rank = name.startswith(_RANK_LOG) and name != driver_log(job)
        if is_log and not is_other_rank and not (ends and name.endswith(ends)):
            shown.append(name)
    return shown
