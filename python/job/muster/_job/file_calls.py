"""Run's methods for its files: uploads, downloads, pictures."""

import base64
import os
import time

from muster._job import checks, files, uploads, views
from muster.exceptions import UserErrorException

# The most that the server gives at once.
_CHUNK_BYTES = 256 << 10


class FileCalls:
    """Uploads copy into the attempt's directory and return; the agent ships the copies meanwhile.

    Names are relative paths of at most 1,024 bytes. The files of a child lie with the job's, below
    ``children/<id of the child>/``.
    """

    def upload_file(self, name: str, path_or_stream, datastore_name: str = None) -> None:
        """Keeps a file, or what a stream gives, as the run file `name`. Raises UserErrorException
        when there is one of that name."""
        uploads.refuse_datastore(datastore_name)
        self._keep(name, path_or_stream)

    def upload_files(
        self,
        names: list,
        paths: list,
        return_artifacts: bool = False,
        timeout_seconds: int = None,
        datastore_name: str = None,
    ) -> None:
        """Keeps each path under the name in the same place. The copies take no time worth a
        `timeout_seconds`; `return_artifacts` has no effect."""
        uploads.refuse_datastore(datastore_name)
        for name, path in uploads.plan_files(names, paths):
            self._keep(name, path)

    def upload_folder(self, name: str, path: str, datastore_name: str = None) -> None:
        """Keeps all files below the folder `path`, as run files below `name`."""
        uploads.refuse_datastore(datastore_name)
        for file_name, source in uploads.plan_folder(name, path):
            self._keep(file_name, source)

    def get_file_names(self) -> list:
        """Names of the logs and outputs at the server, and of what this node has kept so far."""
        folder = self._folder
        found = set(files.names_in(self._root))
        token, attempt = "", 0
        while True:
            reply = self._call(
                "ListRunFiles", jobId=self._context.run_id, pageToken=token, attempt=attempt
            )
            found.update(file.get("name", "") for file in reply.get("files", []))
            # A newer attempt may have begun.
            token, attempt = reply.get("nextPageToken", ""), reply.get("attempt", 0)
            if not token:
                break
        return sorted(name[len(folder) :] for name in found if name.startswith(folder))

    def download_file(
        self, name: str, output_file_path: str = None, _validate_checksum: bool = False
    ) -> None:
        """Writes the file `name` to `output_file_path`: a path, or a directory; default: here,
        under the last part of its name. Raises UserErrorException when the run has no such file."""
        if not isinstance(name, str):
            raise UserErrorException("the name of a run file must be a text, not %r" % (name,))
        base = os.path.basename(name)
        target = output_file_path or base
        if target.endswith("/") or os.path.isdir(target):
            target = os.path.join(target, base)
        files.write_whole(target, self._chunks(name))

    def download_files(
        self,
        prefix: str = None,
        output_directory: str = None,
        output_paths: list = None,
        batch_size: int = 100,
        append_prefix: bool = True,
        timeout_seconds: int = None,
    ) -> None:
        """Writes the files whose names begin with `prefix` below `output_directory` (default: here)
        under their names, without the prefix unless `append_prefix`; or at `output_paths`, one path
        a file in the order of their names. `batch_size` has no effect."""
        names = self.get_file_names()
        plan = files.plan_downloads(names, prefix, output_directory, output_paths, append_prefix)
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        for name, target in plan:
            files.write_whole(target, self._chunks(name, deadline))

    def get_all_logs(self, destination: str = None) -> list:
        """Writes all logs below `destination` (default: a directory with the run's id, here); their
        paths."""
        root = destination or self._run_id
        names = [name for name in self.get_file_names() if name.startswith(views.LOG_PREFIX)]
        plan = [(name, files.below(root, name)) for name in names]
        for name, target in plan:
            files.write_whole(target, self._chunks(name))
        return [path for _, path in plan]

    @property
    def _folder(self) -> str:
        return "" if self._is_own else "children/%s/" % self._run_id

    @property
    def _root(self) -> str:
        return files.root_of(self._context.directory)

    def _keep(self, name: str, source) -> None:
        checks.check_file_name(name)
        files.keep(self._root, self._folder + name, source)

    def _keep_picture(self, name: str, path, plot) -> str:
        """The run file's name, without a child's folder."""
        file_name = uploads.picture_name(name, path)
        self._keep(file_name, path if plot is None else uploads.picture_of(plot))
        return file_name

    def _chunks(self, name: str, deadline: float = None):
        whole = self._folder + name
        kept = os.path.join(self._root, *whole.split("/"))
        if files.is_name(whole) and os.path.isfile(kept):
            with open(kept, "rb") as file:
                for data in iter(lambda: file.read(_CHUNK_BYTES), b""):
                    yield data
            return
        offset, attempt = 0, 0
        while True:
            if deadline is not None and time.monotonic() > deadline:
                raise UserErrorException("the time for the download was over at '%s'" % name)
            reply = self._call(
                "ReadRunFile",
                jobId=self._context.run_id,
                attempt=attempt,
                name=whole,
                offset=str(offset),
                maxBytes=_CHUNK_BYTES,
            )
            data = base64.b64decode(reply.get("data", ""))
            attempt = reply.get("attempt", attempt)
            if not data:
                return
            offset += len(data)
            yield data

    def _file_text(self, name: str) -> str:
        return b"".join(self._chunks(name)).decode("utf-8", "replace")
