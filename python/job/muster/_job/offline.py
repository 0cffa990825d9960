"""The run outside a job: says what it would record, and keeps tags and properties in memory."""

from muster._job import checks, uploads, values
from muster._job.record_calls import new_run_id
from muster._job.run import Run
from muster.exceptions import UserErrorException

_MAX_SHOWN = 2000
_MAX_CHILDREN = 1000
_current = []


def _say(text: str) -> None:
    """Prints, as far as standard output can."""
    try:
        try:
            print(text)
        except UnicodeEncodeError:
            print(text.encode("ascii", "backslashreplace").decode("ascii"))
    except (OSError, ValueError):
        pass  # it is closed


def offline_run():
    """The one of this process."""
    if not _current:
        _current.append(OfflineRun("OfflineRun_" + new_run_id()))
    return _current[0]


class OfflineRun(Run):
    """Checks what it is told as a job's run does, prints it, and keeps no files."""

    def __new__(cls, run_id, parent=None):
        return object.__new__(cls)

    def __init__(self, run_id: str, parent=None) -> None:
        self._context = None
        self._parent = parent
        self._birth = None
        self._has_ended = False
        self._own_properties = {}
        self._run_id = run_id
        self._is_own = parent is None
        self._log_head = '{"op":"log","run":"%s","t":' % run_id
        self._tags = {}
        self._properties = {}
        self._name = ""
        self._status = "Running"
        self._error = None
        self._made = []

    @property
    def experiment(self):
        """AttributeError, which scripts look for: the run belongs to none."""
        raise AttributeError("an offline run belongs to no experiment")

    def flush(self, timeout_seconds: float = 300) -> None:
        """Nothing is kept."""

    def get_portal_url(self) -> str:
        """Says that there is none."""
        return "(an offline run has no page)"

    # What would go to the server.

    def _store_line(self, line: str, kind: str, name: str, value) -> None:
        shown = str(value)
        if len(shown) > _MAX_SHOWN:
            shown = shown[:_MAX_SHOWN] + "..."
        _say("Attempted to log %s metric %s:\n%s" % (kind.replace("_", " "), name, shown))

    def _keep(self, name: str, source) -> None:
        checks.check_file_name(name)
        _say("Attempted to upload file %s" % name)

    def _keep_picture(self, name: str, path, plot) -> str:
        if plot is not None:
            uploads.picture_of(plot)
        return name

    def _change_all(self, op: str, changes: list) -> list:
        for change in changes:
            getattr(self, "_on_" + op)(change)
        return [b""] * len(changes)

    def _on_tags(self, change: dict) -> None:
        self._bounded("tags", self._tags, change["set"])
        for key in change["remove"]:
            self._tags.pop(key, None)
        if change["set"]:
            _say("Attempted to set tags %s" % values.to_json(change["set"]))

    def _on_properties(self, change: dict) -> None:
        self._bounded("properties", self._properties, change["add"])
        _say("Attempted to add properties %s" % values.to_json(change["add"]))

    def _bounded(self, field: str, known: dict, added: dict) -> None:
        if len(set(known) | set(added)) > checks.MAX_ENTRIES:
            raise UserErrorException("a run has at most %d %s" % (checks.MAX_ENTRIES, field))
        known.update(added)

    def _on_name(self, change: dict) -> None:
        self._name = change["value"]

    def _on_create(self, change: dict) -> None:
        child = OfflineRun(change["run"], parent=self)
        child._name = change["name"] or ""
        child._tags = dict(change["tags"])
        self._made.append(child)
        del self._made[:-_MAX_CHILDREN]
        _say("Attempted to create child run %s" % child.id)

    def _on_end(self, change: dict) -> None:
        self._status = change["status"]
        self._error = change.get("error")
        told = "" if not self._error else ": %s" % self._error["message"]
        _say("Attempted to end run as %s%s" % (self._status, told))

    def _made_child(self, run_id: str, line: bytes):
        kept = (child for child in self._made if child.id == run_id)
        return next(kept, None) or OfflineRun(run_id, parent=self)

    def _child(self, run_id: str):
        return next(child for child in self._made if child.id == run_id)

    # What would come from it.

    def _call(self, method: str, **request) -> dict:
        if method == "CancelJob":
            self._on_end({"status": "Canceled"})
        elif method == "GetJob" or method == "ListRunFiles":
            return {}
        elif method == "ReadRunFile":
            raise UserErrorException("an offline run has no file '%s'" % request["name"])
        elif method == "ListRuns":
            return {"runs": [child._ask() for child in reversed(self._made)]}
        elif method == "GetRun":
            return {"run": self._state()}
        return {}

    def _state(self) -> dict:
        tags = [{"key": k} if v is None else {"key": k, "value": v} for k, v in self._tags.items()]
        return {
            "id": self._run_id,
            "displayName": self._name,
            "status": "JOB_STATUS_" + self._status.upper(),
            "tags": tags,
            "properties": dict(self._properties),
            "error": self._error,
        }

    def _job(self) -> dict:
        return {}

    def get_file_names(self) -> list:
        """None are kept."""
        return []

    def _chunks(self, name: str, deadline: float = None):
        raise UserErrorException("an offline run has no file '%s'" % name)

    def __reduce__(self):
        return offline_run, ()

    def __repr__(self) -> str:
        return "Run(Id: %s)" % self._run_id
