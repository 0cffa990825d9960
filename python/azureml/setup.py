"""Adds to the build what pyproject.toml cannot say: the stubs, the line that starts with the
interpreter, and the refusal beside Microsoft's package."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))
import _muster_azureml
import build_stubs

HERE = Path(__file__).resolve().parent
START = HERE / "src" / "muster_azureml.pth"


def refuse_beside_microsofts() -> None:
    """The environment that is installed into is this interpreter's, though what is in it cannot be
    imported in a build that pip isolates; a build in an environment of its own finds nothing."""
    for folder in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        found = _muster_azureml.microsofts_in(folder)
        if found is not None:
            raise SystemExit(f"error: {_muster_azureml.conflict(found, folder)}")


class BuildWithStubs(build_py):
    """Writes what is not in a package beside the modules."""

    def run(self) -> None:
        refuse_beside_microsofts()
        super().run()
        if not self.editable_mode:
            build_stubs.write(Path(self.build_lib))
            shutil.copyfile(START, Path(self.build_lib) / START.name)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        made = [str(path) for path in Path(self.build_lib).glob(f"{build_stubs.FOLDER}/**/*.pyi")]
        start = str(Path(self.build_lib) / START.name)
        return [*super().get_outputs(include_bytecode), *made, start]


class SourcesWithStubs(sdist):
    """Takes the stubs along: muster's sources are not there when a wheel is made of it."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        build_stubs.write(Path(base_dir))
        for source in (START, Path(build_stubs.__file__)):
            target = Path(base_dir) / source.relative_to(HERE)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


setup(cmdclass={"build_py": BuildWithStubs, "sdist": SourcesWithStubs})
