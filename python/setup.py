"""Adds to the build what pyproject.toml cannot say: the description of the server's API."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

sys.path.insert(0, str(Path(__file__).resolve().parent))
import build_api


class BuildWithApi(build_py):
    """Makes the description first; it is package data then."""

    def run(self) -> None:
        build_api.build()
        super().run()


class SourcesWithProto(sdist):
    """Takes the .proto files along: the repository is not there when a wheel is made of it."""

    def make_release_tree(self, base_dir: str, files: "list[str]") -> None:
        super().make_release_tree(base_dir, files)
        root = build_api.proto_root()
        for source in build_api.proto_files(root):
            target = Path(base_dir) / "proto" / source.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        shutil.copyfile(build_api.__file__, Path(base_dir) / "build_api.py")


setup(cmdclass={"build_py": BuildWithApi, "sdist": SourcesWithProto})
