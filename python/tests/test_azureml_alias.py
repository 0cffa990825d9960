"""The distribution muster-azureml: both wheels installed, and what imports then do."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import muster

PYTHON = Path(__file__).parent.parent
ALIAS = PYTHON / "azureml"


def run(*command: Any, **options: Any) -> subprocess.CompletedProcess[str]:
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=300,
        env={**outside, **options.pop("env", {})},
        **options,
    )


def checked(*command: Any, **options: Any) -> str:
    done = run(*command, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copies of the sources: builds leave things beside them."""
    root = tmp_path_factory.mktemp("tree")
    left = shutil.ignore_patterns("tests", ".*", "build", "dist", "*.egg-info", "__pycache__")
    for name in ("python", "proto"):
        shutil.copytree(PYTHON.parent / name, root / name, ignore=left, symlinks=True)
    return root


@pytest.fixture(scope="module")
def wheels(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-index", "--no-build-isolation"]
    checked(*pip, "--no-deps", "-w", folder, tree / "python", tree / "python" / "azureml")
    return folder


def environment(folder: Path) -> Path:
    """The interpreter of a new virtual environment that sees what this one has installed."""
    checked(sys.executable, "-m", "venv", "--without-pip", folder)
    seen = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "seen.pth").write_text("".join(f"{path}\n" for path in seen))
    return folder / "bin" / "python"


def install(python: Path, wheels: Path, *names: str) -> None:
    pip = [python, "-m", "pip", "install", "-q", "--no-index", "--find-links", wheels]
    checked(*pip, "--no-deps", "--ignore-installed", *names)


@pytest.fixture(scope="module")
def installed(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with both distributions."""
    python = environment(tmp_path_factory.mktemp("environment"))
    install(python, wheels, "muster", "muster-azureml")
    return python


@pytest.fixture
def alone(wheels: Path, tmp_path: Path) -> Path:
    """One to install more into."""
    python = environment(tmp_path / "environment")
    install(python, wheels, "muster")
    return python


def microsofts(folder: Path, has_init: bool) -> Path:
    """A wheel named as Microsoft's, with files of our own where theirs lie."""
    made = folder / "azureml_core-1.61.0-py3-none-any.whl"
    info = "azureml_core-1.61.0.dist-info"
    files = {
        "azureml/core/__init__.py": "OWNER = 'microsoft'\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: azureml-core\nVersion: 1.61.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if has_init:
        extend = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
        files["azureml/__init__.py"] = extend
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return made


SAME = """
import importlib, pkgutil
import azureml, azureml.core, azureml.train.dnn, azureml.exceptions
import azureml.data.data_reference, azureml.core.compute.amlcompute
from azureml.core import Workspace, Experiment, Run as FromCore
from azureml.core.run import Run
from azureml.core.runconfig import RunConfiguration
from azureml.train.dnn import *
import muster, muster.core.run, muster.core.runconfig, muster.train.dnn
assert Run is muster.core.run.Run is FromCore
assert RunConfiguration is muster.core.runconfig.RunConfiguration
assert PyTorch is muster.train.dnn.PyTorch
assert azureml.core.VERSION == muster.__version__
assert azureml is muster and azureml.core.run is muster.core.run
for module in pkgutil.walk_packages(muster.__path__, "muster."):
    other = importlib.import_module(module.name.replace("muster", "azureml", 1))
    assert other is importlib.import_module(module.name), module.name
    assert other.__name__ == other.__spec__.name == module.name
print("same")
"""

PICKLES = """
import pickle
import azureml.core.runconfig as a
made = a.MpiConfiguration()
made.process_count_per_node = 3
data = pickle.dumps(made)
assert b"muster.core" in data and b"azureml" not in data
assert pickle.loads(data).process_count_per_node == 3
assert pickle.loads(b"cazureml.core.runconfig\\nMpiConfiguration\\n.") is a.MpiConfiguration
print("same")
"""

MISSING = """
import importlib.util
assert importlib.util.find_spec("azureml.train.hyperdrive") is None
assert importlib.util.find_spec("azureml.core").origin.endswith("core/__init__.py")
try:
    import azureml.train.hyperdrive
except ModuleNotFoundError as error:
    assert error.name == "azureml.train.hyperdrive", error
    print("same")
"""

THREADS = """
import importlib, threading
start = threading.Barrier(8)
found = []
def load(index):
    start.wait()
    root = ("azureml", "muster")[index % 2]
    found.append(importlib.import_module(root + ".core.run").Run)
threads = [threading.Thread(target=load, args=(i,)) for i in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
assert len(found) == 8 and len(set(found)) == 1, found
print("same")
"""


@pytest.mark.parametrize(
    "script", [SAME, PICKLES, MISSING, THREADS], ids=["same", "pickles", "missing", "threads"]
)
def test_modules_of_muster_under_the_name_azureml(installed: Path, script: str) -> None:
    assert checked(installed, "-I", "-c", script) == "same\n"


def test_an_import_loads_what_muster_loads(installed: Path) -> None:
    """No more modules than the same import of muster, but the alias's own."""
    listing = "; import sys; print(*sorted(n for n in sys.modules if 'azureml' not in n))"
    theirs = checked(installed, "-c", "import muster.core, importlib.util" + listing).split()
    ours = checked(installed, "-c", "import azureml.core, importlib.util" + listing).split()
    assert set(ours) <= set(theirs)
    assert "muster.core.run" not in ours


def test_the_interpreters_start_loads_little(installed: Path) -> None:
    script = "import sys; print('_muster_azureml' in sys.modules, *sys.modules)"
    loaded = checked(installed, "-c", script).split()
    assert loaded[0] == "True"
    assert not {"typing", "re", "importlib.metadata", "muster", "azureml"} & set(loaded)


CONTEXT = """
from azureml.core import Run
from azureml.core.run import _OfflineRun
run = Run.get_context()
run.log("loss", 0.5)
print(isinstance(run, _OfflineRun), Run.get_submitted_run().id == run.id)
"""


def test_the_wheel_has_the_client_inside_jobs(wheels: Path, installed: Path) -> None:
    """It is a link in the sources, and files in the wheel."""
    (made,) = wheels.glob("muster-*.whl")
    ours = {path.name for path in (PYTHON / "job" / "muster" / "_job").glob("*.py")}
    names = set(zipfile.ZipFile(made).namelist())
    assert {"run.py", "offline.py"} <= ours
    assert {f"muster/_job/{name}" for name in ours} <= names
    assert checked(installed, "-c", CONTEXT, cwd=wheels).splitlines() == [
        "Attempted to log scalar metric loss:",
        "0.5",
        "True True",
    ]


def test_the_wheel_has_stubs_and_no_commands(wheels: Path) -> None:
    (made,) = wheels.glob("muster_azureml-*.whl")
    names = zipfile.ZipFile(made).namelist()
    assert {"azureml.py", "muster_azureml.pth", "azureml-stubs/core/run.pyi"} <= set(names)
    assert not [name for name in names if "entry_points" in name or "/_" in name.replace("/__", "")]
    assert not [name for name in names if name.startswith("azureml/")]
    info = next(name for name in names if name.endswith(".dist-info/METADATA"))
    metadata = zipfile.ZipFile(made).read(info).decode()
    assert re.search(rf"^Requires-Dist: muster ?\(?=={muster.__version__}\)?$", metadata, re.M)
    assert f"\nVersion: {muster.__version__}\n" in metadata


def test_each_stub_gives_what_its_module_publishes(wheels: Path) -> None:
    """A type checker takes ``import *`` as all that ``__all__`` names."""
    (made,) = wheels.glob("muster_azureml-*.whl")
    archive = zipfile.ZipFile(made)
    stubs = [name for name in archive.namelist() if name.endswith(".pyi")]
    assert len(stubs) > 20
    for name in stubs:
        path = name[len("azureml-stubs/") : -len(".pyi")].replace("/", ".")
        module = ".".join(filter(None, ["muster", path.replace("__init__", "").strip(".")]))
        assert archive.read(name).decode() == f"from {module} import *\n"
        assert hasattr(importlib.import_module(module), "__all__") or name.endswith("__init__.pyi")


@pytest.mark.parametrize(
    ("folder", "name"), [("python", "muster"), ("python/azureml", "muster_azureml")]
)
def test_a_wheel_of_the_source_distribution_is_the_same(
    tree: Path, wheels: Path, tmp_path: Path, folder: str, name: str
) -> None:
    setup = [sys.executable, "setup.py", "-q", "sdist", "-d", tmp_path / "sdist"]
    checked(*setup, cwd=tree / folder)
    (source,) = (tmp_path / "sdist").iterdir()
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-index", "--no-build-isolation"]
    checked(*pip, "--no-deps", "-w", tmp_path / "again", source)
    (again,) = (tmp_path / "again").iterdir()
    (made,) = wheels.glob(f"{name}-*.whl")
    assert sorted(zipfile.ZipFile(again).namelist()) == sorted(zipfile.ZipFile(made).namelist())


@pytest.mark.parametrize("is_first", [True, False], ids=["before-ours", "after-ours"])
@pytest.mark.parametrize("has_init", [True, False], ids=["package", "namespace"])
def test_beside_microsofts_package_it_says_what_to_do(
    alone: Path, wheels: Path, tmp_path: Path, has_init: bool, is_first: bool
) -> None:
    theirs = microsofts(tmp_path, has_init)
    order = [theirs, "muster-azureml"] if is_first else ["muster-azureml", theirs]
    for name in order:
        install(alone, wheels, str(name))

    done = run(alone, "-c", "import azureml.core")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: Microsoft's azureml-core 1.61.0 is installed in ")
    assert "'pip uninstall azureml-core'" in last and "'pip uninstall muster-azureml'" in last
    assert checked(alone, "-c", "import muster.core.run; print('works')") == "works\n"

    # What it says to do helps, whichever of the two goes, and leaves the other whole.
    gone, stays = ("azureml-core", "muster") if is_first else ("muster-azureml", "microsoft")
    checked(alone, "-m", "pip", "uninstall", "-q", "-y", gone)
    script = "import azureml.core as c; print(getattr(c, 'OWNER', c.__name__.partition('.')[0]))"
    assert checked(alone, "-c", script) == f"{stays}\n"


def test_another_package_of_the_name_comes_first(installed: Path, tmp_path: Path) -> None:
    """As the client inside jobs, which lies on PYTHONPATH."""
    (tmp_path / "azureml").mkdir()
    (tmp_path / "azureml" / "__init__.py").write_text("OWNER = 'job'\n")
    script = "import azureml; print(azureml.OWNER)"
    assert checked(installed, "-c", script, env={"PYTHONPATH": str(tmp_path)}) == "job\n"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("azureml_core-1.61.0.dist-info", "azureml-core 1.61.0"),
        ("azureml_core-1.0.10-py3.6.egg-info", "azureml-core 1.0.10"),
        ("azureml.core-1.0.dist-info", "azureml-core 1.0"),
        ("azureml_core.egg-info", "azureml-core"),
        ("azureml_core_extra-1.0.dist-info", None),
        ("muster_azureml-0.1.0.dist-info", None),
        ("azureml_core-1.61.0", None),
    ],
)
def test_how_microsofts_distribution_is_known(
    tmp_path: Path, name: str, found: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ALIAS / "src"))
    import _muster_azureml

    (tmp_path / name).mkdir()
    assert _muster_azureml.microsofts_in(str(tmp_path)) == found
    assert _muster_azureml.microsofts_in(str(tmp_path / "absent")) is None


def test_an_installation_from_source_refuses(
    alone: Path, tmp_path: Path, tree: Path, wheels: Path
) -> None:
    install(alone, wheels, str(microsofts(tmp_path, has_init=True)))
    pip = [alone, "-m", "pip", "install", "--no-index", "--no-build-isolation", "--no-deps"]
    done = run(*pip, tree / "python" / "azureml")
    assert done.returncode != 0
    assert "'pip uninstall azureml-core'" in done.stdout + done.stderr
