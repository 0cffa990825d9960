"""What the server says of runs (proto3 JSON), as Azure ML tells it. Pure."""

import json
import time

from muster._job.values import whole_from_json
from muster.exceptions import UserErrorException

STATUSES = {
    "JOB_STATUS_NOT_STARTED": "NotStarted",
    "JOB_STATUS_STARTING": "Starting",
    "JOB_STATUS_PROVISIONING": "Provisioning",
    "JOB_STATUS_PREPARING": "Preparing",
    "JOB_STATUS_QUEUED": "Queued",
    "JOB_STATUS_RUNNING": "Running",
    "JOB_STATUS_FINALIZING": "Finalizing",
    "JOB_STATUS_CANCEL_REQUESTED": "CancelRequested",
    "JOB_STATUS_COMPLETED": "Completed",
    "JOB_STATUS_FAILED": "Failed",
    "JOB_STATUS_CANCELED": "Canceled",
    "JOB_STATUS_NOT_RESPONDING": "NotResponding",
}
ENDED = ("Completed", "Failed", "Canceled")
JOB_TYPE = "azureml.scriptrun"
LOG_PREFIX = "azureml-logs/"


def status_of(run: dict) -> str:
    return STATUSES.get(run.get("status", ""), "NotStarted")


def tags_of(run: dict) -> dict:
    return {tag.get("key", ""): tag.get("value") for tag in run.get("tags", [])}


def properties_of(run: dict, job: dict) -> dict:
    """`job`: {} of a run that is none."""
    found = dict(run.get("properties", {}))
    if type_of(run):
        found.setdefault("azureml.runsource", "experiment")
    if job:
        found.setdefault("ContentSnapshotId", job.get("spec", {}).get("snapshotDigest", ""))
    return found


def type_of(run: dict) -> str:
    """``azureml.scriptrun`` of a job; None of another run."""
    return JOB_TYPE if run.get("kind") == "RUN_KIND_JOB" else None


def details_of(run: dict, job: dict, logs: list) -> dict:
    """What Run.get_details() gives; what has not happened yet has no key. `job`: {} of a child."""
    error = run.get("error") or {}
    message = error.get("message") or (job.get("cause") or {}).get("message")
    failed = status_of(run) == "Failed"
    details = {
        "runId": run.get("id"),
        "displayName": run.get("displayName") or None,
        "parentRunId": run.get("parentId") or None,
        "target": job.get("pool"),
        "status": status_of(run),
        "createdTimeUtc": utc(run.get("createdUs")),
        "startTimeUtc": utc(run.get("startedUs")),
        "endTimeUtc": utc(run.get("endedUs")),
        "submittedBy": run.get("user"),
        "properties": properties_of(run, job),
        "tags": tags_of(run),
        "inputDatasets": [],
        "outputDatasets": [],
        "runDefinition": _definition_of(job.get("resolvedSpec") or job.get("spec")),
        "logFiles": {name: name for name in logs},
        "warnings": [],
        "error": {"error": {"code": error.get("code") or "UserError", "message": message or ""}},
    }
    if not failed:
        del details["error"]
    return {key: value for key, value in details.items() if value is not None}


def _definition_of(spec: dict) -> dict:
    if not spec:
        return None
    communicator = spec.get("communicator", "").replace("COMMUNICATOR_", "").capitalize()
    return {
        "script": spec.get("script"),
        "arguments": list(spec.get("arguments", [])),
        "target": spec.get("pool"),
        "framework": spec.get("framework") or "Python",
        "communicator": {"": "None", "Unspecified": "None"}.get(communicator, communicator),
        "nodeCount": int(spec.get("nodeCount", 1)),
        "environmentVariables": dict(spec.get("environmentVariables", {})),
        "mpi": {"processCountPerNode": int(spec.get("processCountPerNode", 1))},
    }


def utc(micros: str) -> str:
    """``2026-01-31T12:00:00.000000Z``; None for what has not happened."""
    value = int(micros or 0)
    if not value:
        return None
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(value // 1000000))
    return "%s.%06dZ" % (moment, value % 1000000)


def metrics_of(pages) -> dict:
    """Name -> what was logged under it, of the server's MetricValues: a series of scalars is a list
    and one of them itself; lists are joined; rows and tables are joined to columns, and a row that
    is alone is a dict of its cells."""
    found = {}
    for metric in pages:
        found.setdefault(metric.get("name", ""), []).append(metric)
    return {name: _joined(metrics) for name, metrics in found.items()}


def _joined(metrics: list):
    kinds = {metric.get("kind", "")[len("METRIC_KIND_") :] for metric in metrics}
    values = [_value_of(metric) for metric in metrics]
    if kinds == {"SCALAR"}:
        return _one_or_all(values)
    if kinds <= {"SCALAR", "LIST"}:
        parts = (value if isinstance(value, list) else [value] for value in values)
        return [value for part in parts for value in part]
    if kinds <= {"ROW", "TABLE"} and all(isinstance(value, dict) for value in values):
        return values[0] if kinds == {"ROW"} and len(values) == 1 else _columns(values)
    if kinds == {"IMAGE"}:
        values = [v.get("file", v) if isinstance(v, dict) else v for v in values]
    return _one_or_all(values)


def _value_of(metric: dict):
    if "json" in metric:
        return whole_from_json(json.loads(metric["json"]))
    if "integer" in metric:
        return int(metric["integer"])
    if "number" in metric:
        return float(metric["number"])
    return metric.get("text", "")


def _columns(rows: list) -> dict:
    """Column -> list; a cell that a row lacks is None."""
    columns = {}
    count = 0
    for row in rows:
        lists = {k: v if isinstance(v, list) else [v] for k, v in row.items()}
        for key, cells in lists.items():
            column = columns.setdefault(key, [])
            column.extend([None] * (count - len(column)))
            column.extend(cells)
        count += max([len(cells) for cells in lists.values()] or [0])
    for column in columns.values():
        column.extend([None] * (count - len(column)))
    return columns


def _one_or_all(values: list):
    return values[0] if len(values) == 1 else values


def filter_request(tags, properties, status) -> dict:
    """The part of ListRuns that says which runs: a key, keys, or a dict of keys and values."""
    names = [status] if isinstance(status, str) else list(status or [])
    known = {name.lower(): number for number, name in STATUSES.items()}
    unknown = [name for name in names if str(name).lower() not in known]
    if unknown:
        raise UserErrorException(
            "%r is no status of a run; they are %s" % (unknown[0], ", ".join(STATUSES.values()))
        )
    return {
        "tags": _wanted("tags", tags),
        "properties": _wanted("properties", properties),
        "statuses": [known[str(name).lower()] for name in names],
    }


def _wanted(field: str, entries) -> list:
    if not entries:
        return []
    if isinstance(entries, str):
        return [{"key": entries}]
    if isinstance(entries, dict):
        return [
            {"key": str(k)} if v is None else {"key": str(k), "value": str(v)}
            for k, v in entries.items()
        ]
    if isinstance(entries, (list, tuple, set)):
        return [{"key": str(key)} for key in entries]
    raise UserErrorException(
        "%s must be a key, a list of keys or a dict, not %r" % (field, entries)
    )


def matches(run: dict, wanted: dict) -> bool:
    """Whether a run is one that ``filter_request`` asks for."""
    statuses = wanted.get("statuses")
    return (
        (not statuses or run.get("status") in statuses)
        and _has(tags_of(run), wanted.get("tags", ()))
        and _has(run.get("properties", {}), wanted.get("properties", ()))
    )


def _has(present: dict, wanted) -> bool:
    return all(
        entry["key"] in present
        and entry.get("value", present[entry["key"]]) == present[entry["key"]]
        for entry in wanted
    )
