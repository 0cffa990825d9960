"""Where names come from: ``azureml`` is ``muster``; what is not here is the SDK's, or missing.

An installed SDK has a package ``muster`` too, which the in-job client hides. Its modules that have
no counterpart here are found all the same; those of them that import ``muster.core.run`` get the
SDK's own, so that a run submitted from inside a job is an SDK's Run.
"""

import importlib
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

NAME = "azureml"
REAL = "muster"
RUN = "muster.core.run"
SDK_RUN = "muster.core._sdk_run"
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Modules of the SDK, below muster, and those below them.
_SDK_MODULES = (
    "core.compute core.compute_target core.conda_dependencies core.container_registry "
    "core.datastore core.environment core.experiment core.runconfig core.script_run "
    "core.script_run_config core.workspace data train widgets"
).split()
# Names of muster.core that neither has.
_NOT_YET = {"Dataset": "datasets", "Model": "models", "Webservice": "web services"}


class AliasFinder:
    """Finds ``azureml.x.y`` as ``muster.x.y``: the same object under both names."""

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if not fullname.startswith(NAME + "."):
            return None
        real = _spec_of(REAL + fullname[len(NAME) :])
        if real is None:
            return None
        spec = ModuleSpec(fullname, _Alias(real.name), origin=real.origin)
        spec.submodule_search_locations = real.submodule_search_locations
        return spec


def _spec_of(fullname):
    """As importlib.util.find_spec, which loads typing in some versions."""
    loaded = sys.modules.get(fullname)
    if loaded is not None:
        return loaded.__spec__
    path = getattr(importlib.import_module(fullname.rpartition(".")[0]), "__path__", None)
    found = (finder.find_spec(fullname, path) for finder in sys.meta_path if path is not None)
    return next((spec for spec in found if spec is not None), None)


class _Alias:
    """Loads a module by importing another and leaving that one in its place."""

    def __init__(self, real_name: str) -> None:
        self._real_name = real_name

    def create_module(self, spec):
        return None

    def exec_module(self, module) -> None:
        sys.modules[module.__name__] = importlib.import_module(self._real_name)


class SdkFinder:
    """Finds modules that the client lacks in an installed SDK; the last of all finders. Raises
    ModuleNotFoundError, with what to install, for a module of the SDK when there is none."""

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        package, _, rest = fullname.partition(".")
        if package != REAL or not rest:
            return None
        parts = rest.split(".")
        roots = sdk_roots()
        for root in roots:
            spec = PathFinder.find_spec(fullname, [os.path.join(root, *parts[:-1])])
            if spec is not None and spec.loader is not None:
                spec.loader = _WithSdkRun(spec.loader)
                return spec
        if not roots and (".".join(parts[:2]) in _SDK_MODULES or parts[0] in _SDK_MODULES):
            raise ModuleNotFoundError(missing(fullname), name=fullname)
        return None


class _WithSdkRun:
    """Loads a module of the SDK while ``muster.core.run`` is the SDK's."""

    def __init__(self, loader) -> None:
        self._loader = loader

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module) -> None:
        with _SdkRunInPlace():
            self._loader.exec_module(module)


class _SdkRunInPlace:
    """A context in which ``from muster.core.run import Run`` gives the SDK's."""

    def __enter__(self) -> None:
        self._ours = sys.modules.get(RUN)
        sys.modules[RUN] = _SdkRun(RUN)

    def __exit__(self, *error) -> None:
        if self._ours is None:
            del sys.modules[RUN]
        else:
            sys.modules[RUN] = self._ours


class _SdkRun(ModuleType):
    """Stands for the SDK's ``muster.core.run``, which is loaded when a name of it is asked for."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(sdk_run(), name)


def sdk_run():
    """The SDK's module ``muster.core.run``. Raises ImportError when no SDK is installed."""
    loaded = sys.modules.get(SDK_RUN)
    if loaded is not None:
        return loaded
    from importlib.util import module_from_spec, spec_from_file_location

    if _is_sdk(HERE):
        return importlib.import_module(RUN)
    roots = sdk_roots()
    if not roots:
        raise ImportError(missing("what " + RUN + " has in the SDK"), name=SDK_RUN)
    spec = spec_from_file_location(SDK_RUN, os.path.join(roots[0], "core", "run.py"))
    module = module_from_spec(spec)
    sys.modules[SDK_RUN] = module
    try:
        with _SdkRunInPlace():
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[SDK_RUN]
        raise
    return module


def has_sdk() -> bool:
    """Whether an SDK is installed where this interpreter finds packages."""
    return _is_sdk(HERE) or bool(sdk_roots())


def sdk_roots():
    """Folders of other packages ``muster`` on the path, in its order."""
    found = []
    for entry in sys.path:
        folder = os.path.join(os.path.abspath(entry or os.curdir), REAL)
        if folder != HERE and folder not in found and _is_sdk(folder):
            found.append(folder)
    return found


def _is_sdk(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "core", "workspace.py"))


def missing(what: str) -> str:
    """What to do about a name that only the SDK has."""
    return (
        what + " is not part of the client that Muster puts into a job; it comes with the SDK: add "
        "the package 'muster' to the job's environment (pip install muster; Python 3.9 or newer)"
    )


def is_sdk_module(fullname: str) -> bool:
    return fullname[len(REAL) + 1 :] in _SDK_MODULES


class LazyModule(ModuleType):
    """A module that loads names when they are first used: ``_PLACES`` has name -> its module.

    Instead of a module's ``__getattr__``, which Python 3.6 does not know.
    """

    def __getattr__(self, name):
        place = self.__dict__.get("_PLACES", {}).get(name)
        if place is None:
            if name in _NOT_YET and self.__name__ == REAL + ".core":
                raise ImportError(
                    "%s.%s is not there yet: Muster has no %s"
                    % (self.__name__, name, _NOT_YET[name])
                )
            raise AttributeError("module '%s' has no attribute '%s'" % (self.__name__, name))
        if place != RUN and is_sdk_module(place) and not has_sdk():
            raise ImportError(missing(self.__name__ + "." + name), name=place)
        value = getattr(importlib.import_module(place), name)
        setattr(self, name, value)
        return value

    def __dir__(self):
        return sorted(set(self.__dict__) | set(self.__dict__.get("_PLACES", {})))
