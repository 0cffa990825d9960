"""Names: both packages are one; what is not here comes from an installed SDK, or says so."""

import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENT = os.path.dirname(os.path.dirname(HERE))

# A made-up SDK: path below muster/ -> text.
SDK = {
    "__init__.py": "",
    "exceptions.py": "raise AssertionError('the in-job exceptions are the ones')",
    "core/__init__.py": "",
    "core/run.py": (
        "from muster.core._details import X\n"
        "class Run: made_of = X\n"
        "def rehydrated(): return Run\n"
    ),
    "core/_details.py": "X = 'details'\n",
    "core/workspace.py": "from muster.exceptions import ServiceException\nclass Workspace: pass\n",
    "core/script_run.py": "from muster.core.run import Run\nclass ScriptRun(Run): pass\n",
    "core/experiment.py": "class Experiment: pass\n",
    "core/compute/__init__.py": "from muster.core.compute.inner import AmlCompute\n",
    "core/compute/inner.py": "class AmlCompute: pass\n",
    "train/__init__.py": "",
    "train/dnn.py": "class PyTorch: pass\n",
}


class ImportsCase(unittest.TestCase):
    def script(self, text: str, *folders: str) -> str:
        """What it prints, in an interpreter with the client first on its path."""
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join((CLIENT,) + folders))
        environment.pop("MUSTER_TRACKING_DIR", None)
        done = subprocess.run(
            [sys.executable, "-B", "-c", text],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=60,
        )
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode().strip()

    def sdk(self) -> str:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name, text in SDK.items():
            path = os.path.join(folder.name, "muster", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(text)
        return folder.name

    def test_azureml_is_muster(self) -> None:
        text = (
            "import azureml.core.run, muster.core.run, azureml, muster, azureml.exceptions\n"
            "from azureml.core import Run\n"
            "from azureml.core.run import Run as again, get_run, RunStatus\n"
            "import muster.exceptions\n"
            "assert azureml.core.run is muster.core.run and azureml is muster\n"
            "assert Run is again is muster.core.run.Run is muster.core.Run is azureml.core.Run\n"
            "assert azureml.exceptions is muster.exceptions\n"
            "assert 'Run' in dir(azureml.core) and 'Workspace' in dir(azureml.core)\n"
        )
        self.script(text)
        self.script("import muster.core.run\n" + text)
        self.script("from azureml.core import *\nprint(Run, get_run)")

    def test_what_is_missing_says_what_to_install(self) -> None:
        text = (
            "for line in {lines!r}:\n"
            "    try: exec(line)\n"
            "    except ImportError as e: assert 'pip install muster' in str(e), (line, e)\n"
            "    else: raise AssertionError(line)\n"
        )
        lines = [
            "from azureml.core import Workspace",
            "import azureml.core; azureml.core.Experiment",
            "from azureml.core.workspace import Workspace",
            "from muster.core.compute import AmlCompute",
            "import azureml.train.dnn",
            "from muster.train.estimator import Estimator",
            "from azureml.core import Run; Run.get_context().submit_child(None)",
            "from azureml.core import Run; Run.list(5)",
            "from azureml.core import Run; Run(5, 'x')",
        ]
        self.script(text.format(lines=lines))

    def test_what_is_not_there_yet_says_so(self) -> None:
        for name, what in (("Model", "models"), ("Dataset", "datasets")):
            text = (
                "try: from azureml.core import {name}\n"
                "except ImportError as error: assert 'no {what}' in str(error), error\n"
                "else: raise AssertionError\n"
            )
            self.script(text.format(name=name, what=what))
            self.script(text.format(name=name, what=what), self.sdk())

    def test_what_nobody_has_is_as_usual(self) -> None:
        self.script(
            "import importlib.util, azureml.core, azureml.core.run\n"
            "assert importlib.util.find_spec('azureml.mlflow') is None\n"
            "assert importlib.util.find_spec('muster.bogus') is None\n"
            "assert not hasattr(azureml.core, 'Bogus') and not hasattr(azureml.core.run, 'Bogus')\n"
            "try: from azureml.core import Bogus\n"
            "except ImportError as error: assert 'Bogus' in str(error)\n"
            "else: raise AssertionError\n"
        )

    def test_the_rest_comes_from_an_installed_sdk(self) -> None:
        self.script(
            "from azureml.core import Run, Workspace, Experiment, ScriptRun\n"
            "from azureml.core.compute import AmlCompute\n"
            "from azureml.train.dnn import PyTorch\n"
            "import muster.train.dnn, muster.core.run, muster.core.script_run\n"
            "assert muster.train.dnn.PyTorch is PyTorch\n"
            "assert hasattr(Run, 'get_context') and muster.core.run.Run is Run\n"
            "sdk_run = muster.core.run.rehydrated()\n"
            "assert sdk_run is not Run and sdk_run.made_of == 'details'\n"
            "assert ScriptRun.__base__ is sdk_run\n"
            "assert not hasattr(muster.core.run, 'Bogus')\n",
            self.sdk(),
        )

    def test_importing_is_quick(self) -> None:
        """Modules that take long to load are not; the time itself: 30 ms."""
        slow = "typing socket uuid logging threading asyncio urllib pkgutil inspect ssl numpy"
        text = (
            "import sys, time\n"
            "before = set(sys.modules); started = time.perf_counter()\n"
            "import azureml.core\n"
            "took = time.perf_counter() - started\n"
            "from azureml.core.run import Run\n"
            "print(took, *((set(sys.modules) - before) & set({slow!r}.split())))\n"
        )
        times = []
        for _ in range(5):
            took, *loaded = self.script(text.format(slow=slow)).split()
            self.assertEqual(loaded, [])
            times.append(float(took))
        self.assertLess(min(times), 0.03)


if __name__ == "__main__":
    unittest.main()
