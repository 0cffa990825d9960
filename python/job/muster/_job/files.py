"""Files for the run: copies in the tracking directory's ``files/``, which the agent ships."""

import os
import stat
from binascii import hexlify

from muster._job import checks
from muster.exceptions import UserErrorException

_CHUNK = 1 << 20


def root_of(tracking_directory: str) -> str:
    return os.path.join(tracking_directory, "files")


def keep(root: str, name: str, source) -> None:
    """Copies a path, or what has ``read``, under the name of a run file: it appears whole or not at
    all. Raises UserErrorException when there is one of that name, or the source cannot be read."""
    checks.check_file_name(name)
    target = os.path.join(root, *name.split("/"))
    scratch = os.path.join(
        root, ".tmp-%d-%s" % (os.getpid(), hexlify(os.urandom(8)).decode("ascii"))
    )
    try:
        os.makedirs(root, 0o700, exist_ok=True)
        if os.path.lexists(target):
            raise FileExistsError(target)
        _copy(source, scratch)
        os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
        os.link(scratch, target)  # unlike a rename it leaves one that is there as it is
    except (FileExistsError, NotADirectoryError) as error:
        raise UserErrorException(
            "the run has a file '%s' already, or one where a folder of that name would be; files "
            "of a run never change: choose another name" % name,
            inner_exception=error,
        ) from None
    except OSError as error:
        raise UserErrorException(
            "the file '%s' cannot be kept: %s" % (name, error.strerror or error),
            inner_exception=error,
        ) from error
    finally:
        if os.path.lexists(scratch):
            os.unlink(scratch)


def _copy(source, target: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(target, flags, 0o600), "wb") as out:
        if hasattr(source, "read"):
            _pump(source, out)
            return
        with _opened(source) as file:
            _pump(file, out)


def _opened(path):
    try:
        # A pipe that nobody writes to is not waited for.
        fd = os.open(os.fspath(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except TypeError as error:
        raise UserErrorException(
            "a file is a path or something with read(), not %r" % (path,), inner_exception=error
        ) from None
    except OSError as error:
        raise _unreadable(path, error.strerror or error) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _unreadable(path, "not a regular file")
    return os.fdopen(fd, "rb")


def _pump(source, out) -> None:
    while True:
        data = source.read(_CHUNK)
        if not data:
            return
        out.write(data.encode("utf-8") if isinstance(data, str) else data)


def _unreadable(path, why) -> UserErrorException:
    return UserErrorException("the file '%s' cannot be read: %s" % (path, why))


def in_folder(name: str, path) -> list:
    """(run file name, path) of all regular files below `path`, in order; links to folders are not
    followed, and what is no file (a socket, a broken link) is left out. Raises UserErrorException
    for a folder that is not there, or cannot be read."""
    if not isinstance(path, (str, os.PathLike)) or not os.path.isdir(path):
        raise UserErrorException("the folder '%s' is not there" % (path,))
    return _walk(name, path, _refuse_folder)


def _refuse_folder(error) -> None:
    raise UserErrorException(
        "the folder '%s' cannot be read: %s" % (error.filename, error.strerror),
        inner_exception=error,
    )


def _walk(name: str, path, on_error) -> list:
    found = []
    for folder, _, files in sorted(os.walk(path, onerror=on_error)):
        for file in sorted(files):
            whole = os.path.join(folder, file)
            if os.path.isfile(whole):
                inner = os.path.relpath(whole, path).replace(os.sep, "/")
                found.append((name.rstrip("/") + "/" + inner, whole))
    return found


def names_in(root: str) -> list:
    """Run files that this node keeps, shipped or not."""
    if not os.path.isdir(root):
        return []
    # The agent may remove folders meanwhile.
    names = [name[1:] for name, _ in _walk("", root, None)]
    return sorted(name for name in names if not name.startswith(".tmp-"))


def is_name(name: str) -> bool:
    """Whether it is the name of a file that ``keep`` can have kept."""
    try:
        checks.check_file_name(name)
    except UserErrorException:
        return False
    return True


def plan_downloads(names, prefix, output_directory, output_paths, append_prefix) -> list:
    """(name, local path) of the files below `prefix`: below `output_directory` (default: here)
    under their names, without the prefix unless `append_prefix`; or at `output_paths`, one a file.
    """
    chosen = [name for name in names if name.startswith(prefix or "")]
    if output_paths is not None:
        paths = [output_paths] if isinstance(output_paths, str) else list(output_paths)
        if len(paths) != len(chosen):
            raise UserErrorException(
                "output_paths has %d paths for %d files: %s"
                % (len(paths), len(chosen), ", ".join(chosen))
            )
        return [(n, os.path.join(output_directory or "", p)) for n, p in zip(chosen, paths)]
    cut = 0 if append_prefix else len(prefix or "")
    root = output_directory or "."
    return [(name, below(root, name[cut:].lstrip("/") or name)) for name in chosen]


def below(root: str, name: str) -> str:
    """`name` below the directory `root`. Raises UserErrorException when it would be elsewhere."""
    parts = name.split("/")
    if os.path.isabs(name) or ".." in parts or "" in parts or "\0" in name:
        raise UserErrorException(
            "the run's file '%s' has a name that leads out of %s" % (name, root)
        )
    return os.path.join(root, *parts)


def write_whole(target: str, chunks) -> None:
    """A file of these bytes: it appears whole or not at all."""
    part = "%s.part-%d" % (target, os.getpid())
    try:
        if os.path.dirname(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(part, "wb") as file:
            for data in chunks:
                file.write(data)
        os.replace(part, target)
    except OSError as error:
        raise UserErrorException("%s cannot be written: %s" % (target, error.strerror)) from error
    finally:
        if os.path.lexists(part):
            os.unlink(part)
