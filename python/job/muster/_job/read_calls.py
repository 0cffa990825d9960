"""Run's methods that ask the server."""

import time

from muster._job import views
from muster._job.record_calls import new_run_id
from muster.exceptions import ExperimentExecutionException, UserErrorException

_PAGE = 1000
_LONGEST_POLL = 5.0


class ReadCalls:
    """Wait, some time, for what this process logged, so that it is seen; then for the answer, for
    up to a minute while nobody answers. Raise ServiceException, UserErrorException and
    AuthenticationException."""

    def get_status(self) -> str:
        """NotStarted, Starting, Provisioning, Preparing, Queued, Running, Finalizing,
        CancelRequested, Completed, Failed, Canceled or NotResponding."""
        return views.status_of(self._ask())

    @property
    def status(self) -> str:
        """As ``get_status``."""
        return self.get_status()

    def get_detailed_status(self) -> dict:
        """``status``, and ``details``: None, as a run with a process waits for nothing."""
        return {"status": self.get_status(), "details": None}

    def get_details(self) -> dict:
        """runId, target, status, startTimeUtc, properties, runDefinition, logFiles and more; what
        has not happened yet has no key. The values of ``logFiles`` are names for download_file."""
        run = self._ask()
        job = self._job() if views.type_of(run) else {}
        logs = [name for name in self.get_file_names() if name.startswith(views.LOG_PREFIX)]
        return views.details_of(run, job, logs)

    def get_details_with_logs(self) -> dict:
        """As ``get_details``, with the text of each log as the value in ``logFiles``."""
        details = self.get_details()
        for name in details["logFiles"]:
            details["logFiles"][name] = self._file_text(name)
        return details

    def get_tags(self) -> dict:
        """Key -> text or None."""
        return views.tags_of(self._ask())

    @property
    def tags(self) -> dict:
        """As ``get_tags``."""
        return self.get_tags()

    def get_properties(self) -> dict:
        """Those added, and of the job ``ContentSnapshotId`` and the like."""
        return views.properties_of(self._ask(), self._job() if self._is_own else {})

    @property
    def properties(self) -> dict:
        """As ``get_properties``."""
        return self.get_properties()

    def get_metrics(
        self,
        name: str = None,
        recursive: bool = False,
        run_type: str = None,
        populate: bool = False,
    ) -> dict:
        """What was logged, by name: a series of scalars is a list, and a single one itself; rows
        and tables are columns, and a single row its cells; an image is the name of its run file.

        `name`: only that one; {} when there is none. `recursive`: with those of its children and
        theirs, the run's own first, then from the oldest child to the newest. `run_type`: only of
        runs of that type. `populate` has no effect.
        """
        if name is not None and not isinstance(name, str):
            raise UserErrorException("name must be a text, not %r" % (name,))
        if name == "":
            return {}
        runs = [self] if run_type in (None, self.type) else []
        if recursive:
            below = reversed(list(self.get_children(recursive=True, type=run_type)))
            runs += sorted(below, key=lambda run: run._created_us)
        return views.metrics_of(value for run in runs for value in run._metric_values(name))

    def _metric_values(self, name):
        pages = self._pages("ReadMetrics", "values", runId=self._run_id, name=name or "")
        return (value for page in pages for value in page)

    def get_children(
        self,
        recursive: bool = False,
        tags=None,
        properties=None,
        type: str = None,
        status=None,
        _rehydrate_runs: bool = True,
    ):
        """An iterator of the runs that are part of this one, newest first, asked for as needed.

        `recursive`: and theirs. `tags`, `properties`: a key, a list of keys, or a dict of keys and
        values. `status`: one or a list.
        """
        wanted = views.filter_request(tags, properties, status)
        return self._children(recursive, type, wanted)

    def _children(self, recursive: bool, type: str, wanted: dict):
        # With a filter, children of those that it leaves out are looked for all the same.
        request = {} if recursive else wanted
        below = wanted if recursive else {}
        for page in self._pages("ListRuns", "runs", parentId=self._run_id, **request):
            for run in page:
                child = self._child(run.get("id", ""))
                child._created_us = int(run.get("createdUs") or 0)
                if type in (None, views.type_of(run)) and views.matches(run, below):
                    yield child
                if recursive:
                    for inner in child._children(True, type, wanted):
                        yield inner

    @property
    def parent(self):
        """The run that this one is part of, or None."""
        if self._parent is None:
            parent_id = self._ask().get("parentId")
            self._parent = self._other(parent_id) if parent_id else None
        return self._parent

    @property
    def number(self) -> int:
        """Of a job its place in the order of submission; None of a child, which is not counted."""
        number = self._ask().get("job", {}).get("sequence")
        return None if number is None else int(number)

    @property
    def type(self) -> str:
        """``"azureml.scriptrun"`` of a job, None of a child."""
        return views.JOB_TYPE if self._is_own else views.type_of(self._ask())

    def get_snapshot_id(self) -> str:
        """Digest of the packed source directory, SHA-256 in 64 hex characters; None of a child."""
        return self.get_properties().get("ContentSnapshotId")

    def wait_for_completion(
        self,
        show_output: bool = False,
        wait_post_processing: bool = False,
        raise_on_error: bool = True,
    ) -> dict:
        """Waits for the end of another run, and gives its details. Not for that of the job's own:
        UserErrorException. With `raise_on_error` ExperimentExecutionException when it failed."""
        if self._is_own:
            raise UserErrorException(
                "the run %s waits for its own end: wait_for_completion is for other runs"
                % self._run_id
            )
        pause = 0.05
        while self.get_status() not in views.ENDED:
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_POLL)
        details = self.get_details()
        if raise_on_error and details["status"] == "Failed":
            raise ExperimentExecutionException(
                "the run %s failed: %s"
                % (self._run_id, details["error"]["error"]["message"] or "no reason was given")
            )
        return details

    def cancel(self) -> bool:
        """Asks the job to end, or marks a child as Canceled; returns at once: True."""
        if self._is_own:
            self._call("CancelJob", jobId=self._run_id, requestId=new_run_id())
        else:
            self._has_ended = True
            self._change("end", status="Canceled")
        return True

    def _ask(self) -> dict:
        return self._call("GetRun", runId=self._run_id).get("run", {})

    def _job(self) -> dict:
        return self._call("GetJob", jobId=self._context.run_id).get("job", {})

    def _pages(self, method: str, field: str, **request):
        token = ""
        while True:
            reply = self._call(method, pageSize=_PAGE, pageToken=token, **request)
            yield reply.get(field, [])
            token = reply.get("nextPageToken", "")
            if not token:
                return
