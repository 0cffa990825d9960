"""What is to be uploaded, checked before anything is kept or sent; the SDK's uploads use it too."""

import io
import os
import re
import time

from muster._job import checks, files
from muster.exceptions import UserErrorException

# Of a picture's file: so that time and ending fit beside it.
_MAX_STEM_BYTES = 200
_MAX_ENDING_BYTES = 16


def plan_files(names, paths) -> list:
    """(run file name, path) of each pair. Raises UserErrorException for a wrong name, one that is
    there twice, and lists of different lengths."""
    for field, given in (("names", names), ("paths", paths)):
        if isinstance(given, (str, bytes)) or not hasattr(given, "__iter__"):
            raise UserErrorException("%s must be a list, not %r" % (field, given))
    names, paths = list(names), list(paths)
    if len(names) != len(paths):
        raise UserErrorException(
            "upload_files has %d names for %d paths" % (len(names), len(paths))
        )
    known = set()
    for name in names:
        checks.check_file_name(name)
        if name in known:
            raise UserErrorException("the name of a run file '%s' is there twice" % name)
        known.add(name)
    return list(zip(names, paths))


def plan_folder(name, path) -> list:
    """(run file name, path) of all files below the folder `path`, checked as by ``plan_files``."""
    checks.check_file_name(name.rstrip("/") if isinstance(name, str) else name)
    plan = files.in_folder(name, path)
    for file_name, _ in plan:
        checks.check_file_name(file_name)
    return plan


def picture_name(name: str, path) -> str:
    """A run file's name for a picture of the metric `name`: with the time, as there may be more."""
    ending = os.path.splitext(path)[1] if isinstance(path, (str, os.PathLike)) else ""
    if not 1 < checks.size_of(ending) <= _MAX_ENDING_BYTES:
        ending = ".png"
    stem = re.sub("[/\\x00-\\x1f\\x7f]", "_", name).lstrip(".") or "image"
    stem = stem.encode("utf-8", "replace")[:_MAX_STEM_BYTES].decode("utf-8", "ignore")
    return "%s_%d%s" % (stem, int(time.time() * 1e6), ending)


def picture_of(plot):
    """A stream of what a plot looks like, PNG."""
    if not callable(getattr(plot, "savefig", None)):
        raise UserErrorException(
            "a plot is something with savefig(), as matplotlib has it, not a value of type '%s'"
            % type(plot).__name__
        )
    out = io.BytesIO()
    plot.savefig(out, format="png")
    out.seek(0)
    return out


def check_picture(path, plot) -> None:
    if (path is None) == (plot is None):
        raise UserErrorException("log_image takes either a path or a plot")


def refuse_datastore(datastore_name) -> None:
    if datastore_name is not None:
        raise UserErrorException(
            "the run's files are kept by the Muster server, not in the datastore %r; leave out "
            "datastore_name" % (datastore_name,)
        )
