"""The part of a Run that has files: logs, outputs, uploads, pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional, Sequence

from muster._client.connection import READ_PATIENCE

# What the client inside jobs checks, this one does.
from muster._job import checks, uploads
from muster.core._metric_values import image_metric
from muster.core._run_details import LOG_PREFIX, is_job
from muster.core._run_downloads import below, download_many, download_one, plan_downloads
from muster.core._run_logging import RunLogging
from muster.core._run_uploads import upload_all

if TYPE_CHECKING:
    from muster._client.run_files import RunFiles


class RunArtifacts(RunLogging):
    """Files of a run have relative names of at most 1,024 bytes, with ``/`` between their parts and
    without ``..``; ``azureml-logs/`` is Muster's. They never change: an upload under a name that
    the run has is a UserErrorException unless the content is the same."""

    # Of a child, the run at the top: whether it is a job never changes.
    _root: Any = None

    def upload_file(
        self, name: str, path_or_stream: Any, datastore_name: Optional[str] = None
    ) -> None:
        """Adds the file at a path, or what a stream gives, to the run, as `name`."""
        uploads.refuse_datastore(datastore_name)
        checks.check_file_name(name)
        upload_all(self._server.files(self._run_id), [(name, path_or_stream)])

    def upload_files(
        self,
        names: Sequence[str],
        paths: Sequence[str],
        return_artifacts: bool = False,
        timeout_seconds: Optional[int] = None,
        datastore_name: Optional[str] = None,
    ) -> None:
        """Adds each path as the name in the same place. Raises UserErrorException after
        `timeout_seconds`. `return_artifacts` has no effect."""
        uploads.refuse_datastore(datastore_name)
        plan = uploads.plan_files(names, paths)
        upload_all(self._server.files(self._run_id), plan, timeout_seconds)

    def upload_folder(self, name: str, path: str, datastore_name: Optional[str] = None) -> None:
        """Adds all files below the folder `path`, as files below `name`. Links to folders are not
        followed; what is no file, such as a socket or a broken link, is left out."""
        uploads.refuse_datastore(datastore_name)
        upload_all(self._server.files(self._run_id), uploads.plan_folder(name, path))

    def log_image(
        self,
        name: str,
        path: Optional[str] = None,
        plot: Any = None,
        description: Optional[str] = "",
    ) -> None:
        """A picture: the file at `path`, or what ``plot.savefig`` writes (matplotlib has it). It
        becomes a file of the run, whose name is the metric's value."""
        uploads.check_picture(path, plot)
        checks.check_metric_name(name)
        file_name = uploads.picture_name(name, path)
        metric = image_metric(name, file_name, description)
        self.upload_file(file_name, path if plot is None else uploads.picture_of(plot))
        self._send([metric])

    def get_file_names(self) -> List[str]:
        """Names of what is at the server: logs and outputs of a job's newest attempt, and what was
        uploaded."""
        return [file.name for file in self._files.list()]

    def download_file(
        self,
        name: str,
        output_file_path: Optional[str] = None,
        _validate_checksum: bool = False,
    ) -> None:
        """Writes the file `name` to `output_file_path`: a path, or a directory; default: here,
        under the last part of its name. Raises UserErrorException when the run has no such file."""
        download_one(self._files, name, output_file_path)

    def download_files(
        self,
        prefix: Optional[str] = None,
        output_directory: Optional[str] = None,
        output_paths: Optional[Sequence[str]] = None,
        batch_size: int = 100,
        append_prefix: bool = True,
        timeout_seconds: Optional[int] = None,
    ) -> None:
        """Writes the files whose names begin with `prefix` (default: all) below `output_directory`
        (default: here) under their names, without the prefix unless `append_prefix`; or at
        `output_paths`, one path a file in the order of their names. `batch_size` has no effect:
        files come one after another. Raises UserErrorException."""
        names = self.get_file_names()
        plan = plan_downloads(names, prefix, output_directory, output_paths, append_prefix)
        download_many(self._files, plan, timeout_seconds)

    def get_all_logs(self, destination: Optional[str] = None) -> List[str]:
        """Writes all logs below `destination` (default: a directory with the run's id, here); their
        paths."""
        root = destination or self._run_id
        plan = [(name, below(root, name)) for name in self._log_names()]
        download_many(self._files, plan)
        return [path for _, path in plan]

    # Within.

    @property
    def _files(self) -> RunFiles:
        root_id = self._known().root_id
        if self._is_job() or root_id in ("", self._run_id):
            return self._server.files(self._run_id)
        if self._root is None:
            self._root = self._server.runs.get(root_id)
        return self._server.files(self._run_id, root_id if is_job(self._root) else None)

    def _log_names(self, patience: float = READ_PATIENCE) -> List[str]:
        names = [file.name for file in self._files.list(patience=patience)]
        return [name for name in names if name.startswith(LOG_PREFIX)]

    def _text(self, name: str) -> str:
        data = b"".join(self._files.read(name))
        return data.decode("utf-8", "replace")
