"""What stands behind the name ``azureml``: the modules of ``muster``, or a refusal.

One import system hook for the names, one for the case that Microsoft's package would be found in
place of ours. Standard library only, and little of it: ``muster_azureml.pth`` loads this module at
each start of the interpreter.
"""

import importlib
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder

# As in typing, which is not loaded at the interpreter's start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Iterable, Optional, Sequence

NAME = "azureml"
REAL = "muster"
_MICROSOFTS = "azureml-core"
_METADATA = (".dist-info", ".egg-info")


class AliasFinder:
    """Finds ``azureml.x.y`` as ``muster.x.y``: the same object under both names."""

    @classmethod
    def find_spec(
        cls,
        fullname: str,
        path: "Optional[Sequence[str]]" = None,
        target: "Optional[ModuleType]" = None,
    ) -> "Optional[ModuleSpec]":
        if not fullname.startswith(NAME + "."):
            return None
        from importlib.util import find_spec

        real = find_spec(REAL + fullname[len(NAME) :])
        if real is None:
            return None
        loader: Any = _Alias(real.name)
        spec = ModuleSpec(fullname, loader, origin=real.origin)
        spec.submodule_search_locations = real.submodule_search_locations
        return spec


class _Alias:
    """Loads a module by importing another and leaving that one in its place."""

    def __init__(self, real_name: str) -> None:
        self._real_name = real_name

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: "ModuleType") -> None:
        # A module may put another in its place while it is loaded; importers then get that one.
        sys.modules[module.__name__] = importlib.import_module(self._real_name)


class Guard:
    """Refuses a package ``azureml`` that lies beside Microsoft's distribution.

    It would be found before ours, which is a module. Any other package of that name passes: the
    client inside jobs is one.
    """

    @classmethod
    def find_spec(
        cls,
        fullname: str,
        path: "Optional[Sequence[str]]" = None,
        target: "Optional[ModuleType]" = None,
    ) -> "Optional[ModuleSpec]":
        if fullname == NAME:
            found = PathFinder.find_spec(NAME)
            folders = found.submodule_search_locations if found is not None else None
            refuse_beside(os.path.dirname(folder) for folder in folders or ())
        return None


def refuse_beside(folders: "Iterable[str]") -> None:
    """ImportError when one of the folders has Microsoft's distribution; else nothing."""
    for folder in folders:
        found = microsofts_in(folder)
        if found is not None:
            raise ImportError(conflict(found, folder), name=NAME)


def microsofts_in(folder: str) -> "Optional[str]":
    """``azureml-core 1.61.0`` if the folder has that distribution, else None.

    Reads names alone: importlib.metadata takes longer to load than all of muster.core.
    """
    try:
        names = os.listdir(folder or os.curdir)
    except OSError:  # not there, or an archive
        return None
    for name in names:
        if name.endswith(_METADATA):
            project, _, rest = name.rpartition(".")[0].partition("-")
            if project.lower().replace("_", "-").replace(".", "-") == _MICROSOFTS:
                version = rest.partition("-")[0]
                return f"{_MICROSOFTS} {version}" if version else _MICROSOFTS
    return None


def conflict(found: str, folder: str) -> str:
    """What to do about it."""
    return (
        f"Microsoft's {found} is installed in {folder or os.curdir}, and muster-azureml gives the "
        f"same name '{NAME}' to Muster, so that neither can be meant: to work with Muster run "
        f"'pip uninstall {_MICROSOFTS}', or use another virtual environment; to work with Azure "
        "run 'pip uninstall muster-azureml' ('muster' itself may stay: 'from muster.core import "
        "Workspace' works beside it)"
    )


def watch() -> None:
    """Puts the guard before all that finds packages. Idempotent."""
    if Guard not in sys.meta_path:
        sys.meta_path.insert(0, Guard)


def provide() -> None:
    """Makes ``azureml`` another name of ``muster``. ImportError beside Microsoft's distribution."""
    refuse_beside(sys.path)
    if AliasFinder not in sys.meta_path:
        sys.meta_path.insert(0, AliasFinder)
    sys.modules[NAME] = importlib.import_module(REAL)
