"""Run's methods that change the record: tags, properties, names, children, the end."""

import itertools

from muster._job import checks
from muster.exceptions import UserErrorException

_MAX_CHILDREN = 100000


class RecordCalls:
    """Store a line and return; raise UserErrorException for what the server would refuse anyway.

    At most 50 tags and 50 properties a run; keys up to 100 bytes, values up to 1,000.
    """

    def tag(self, key: str, value: str = None) -> None:
        """Sets a tag; without a value it is None."""
        self.set_tags({key: value})

    def set_tags(self, tags: dict) -> None:
        """Sets tags; other tags stay. What is no text becomes one."""
        self._change("tags", set=checks.checked_tags(tags), remove=[])

    def remove_tags(self, tags) -> None:
        """Removes the tag or tags of these keys. Gives nothing back, unlike outside jobs: what was
        there only the server knows, and it is not waited for."""
        keys = checks.checked_keys(tags)
        if keys:
            self._change("tags", set={}, remove=keys)

    def add_properties(self, properties: dict) -> None:
        """Adds properties. One that is there keeps its value: the server refuses another (so it is
        told in the run file ``azureml-logs/tracking_refused.log``), or at once if it was set here.
        """
        added = checks.checked_properties(properties)
        for key, value in added.items():
            if self._own_properties.get(key, value) != value:
                raise UserErrorException(
                    "the property '%s' is '%s' and never changes, so it cannot become '%s'"
                    % (key, self._own_properties[key], value)
                )
        self._own_properties.update(added)
        if added:
            self._change("properties", add=added)

    def _set_display_name(self, name: str) -> None:
        checks.check_text("display_name", name, 0, checks.MAX_DISPLAY_NAME_BYTES)
        self._change("name", value=name)

    # Children.

    def child_run(self, name: str = None, run_id: str = None, outputs: str = None):
        """A new run, part of this one; as a context manager it completes, or fails, at the end.
        `run_id`: default a UUID. `outputs` has no effect."""
        if run_id is not None:
            checks.check_run_id(run_id)
        if name is not None:
            checks.check_text("the name of a child run", name, 0, checks.MAX_DISPLAY_NAME_BYTES)
        return self._create([(run_id, name, {})])[0]

    def create_children(
        self, count: int = None, tag_key: str = None, tag_values: list = None
    ) -> list:
        """New children: `count`, or one for each of `tag_values`, tagged with it under `tag_key`;
        at most 100,000."""
        if (tag_key is None) != (tag_values is None):
            raise UserErrorException("create_children takes tag_key and tag_values together")
        if tag_values is None:
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise UserErrorException(
                    "create_children takes a count of at least 1, or tag_key and tag_values; the "
                    "count is %r" % (count,)
                )
            marks = [{}] * min(count, _MAX_CHILDREN + 1)
        else:
            if isinstance(tag_values, (str, bytes)) or not hasattr(tag_values, "__iter__"):
                raise UserErrorException("tag_values must be a list, not %r" % (tag_values,))
            values = list(itertools.islice(tag_values, _MAX_CHILDREN + 1))
            if count is not None and count != len(values):
                raise UserErrorException(
                    "create_children has a count of %r for %d tag_values" % (count, len(values))
                )
            marks = [checks.checked_tags({tag_key: value}) for value in values]
        if len(marks) > _MAX_CHILDREN:
            raise UserErrorException(
                "create_children makes at most %d children a call" % _MAX_CHILDREN
            )
        return self._create([(None, None, tags) for tags in marks])

    def _create(self, children: list) -> list:
        """Of (run id or None, name or None, tags) each."""
        made = []
        for run_id, name, tags in children:
            made.append((run_id or new_run_id(), name, tags))
        lines = self._change_all(
            "create",
            [
                {
                    "run": run_id,
                    "parent": self._run_id,
                    "name": name,
                    "tags": tags,
                    "properties": {},
                }
                for run_id, name, tags in made
            ],
        )
        return [self._made_child(entry[0], line) for entry, line in zip(made, lines)]

    # The end.

    def start(self) -> None:
        """Nothing: a run that a script has is running."""

    def complete(self, _set_status: bool = True) -> None:
        """Marks a child as Completed. Of the job's own run it is noted: the job ends with its
        processes."""
        if _set_status:
            self._has_ended = True
            self._change("end", status="Completed")

    def fail(self, error_details=None, error_code: str = None, _set_status: bool = True) -> None:
        """Marks the run as Failed, the job's own even if its processes exit with 0.
        `error_details`: a text, or an exception."""
        if not _set_status:
            return
        message = _text_of(error_details)
        if isinstance(error_details, BaseException):
            error_code = error_code or "UserError"
        error = None
        if message or error_code:
            error = {
                "code": checks.cut(str(error_code or ""), checks.MAX_ERROR_CODE_BYTES),
                "message": checks.cut(message, checks.MAX_ERROR_MESSAGE_BYTES),
            }
        self._has_ended = True
        self._change("end", status="Failed", error=error)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace) -> None:
        """Of a run that was ended here before, in whatever way, nothing more is told."""
        if self._has_ended:
            return
        if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
            self.complete()
        else:
            self.fail(error_details=error)

    def _change(self, op: str, **fields) -> None:
        self._change_all(op, [dict(fields, run=self._run_id)])


def _text_of(error) -> str:
    """What people read of an exception: its last lines, the sentence first."""
    if not isinstance(error, BaseException):
        return "" if error is None else str(error)
    import traceback  # slow to load

    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return lines[-1] + "".join(lines[:-1])


def new_run_id() -> str:
    """A random UUID."""
    import uuid  # slow to load

    return str(uuid.uuid4())
