"""Makes ``azureml-stubs``: a stub for each public module of ``muster``, for type checkers.

They cannot see what an import hook does. A stub gives what the module publishes.
"""

from __future__ import annotations

import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = "azureml-stubs"
# In the repository; in a source distribution the stubs themselves lie beside this file.
MUSTER = HERE.parent / "src" / "muster"


def write(target: Path) -> None:
    """Writes the folder of stubs into `target`."""
    if not MUSTER.is_dir():
        if target != HERE:
            shutil.copytree(HERE / FOLDER, target / FOLDER, dirs_exist_ok=True)
        return
    for source in sorted(MUSTER.rglob("*.py")):
        path = source.relative_to(MUSTER)
        if all(is_public(part) for part in path.with_suffix("").parts):
            stub = target / FOLDER / path.with_suffix(".pyi")
            stub.parent.mkdir(parents=True, exist_ok=True)
            stub.write_text(stub_of(path), "utf-8")


def is_public(part: str) -> bool:
    return part == "__init__" or not part.startswith("_")


def stub_of(path: Path) -> str:
    parts = path.with_suffix("").parts
    module = ".".join(["muster", *(part for part in parts if part != "__init__")])
    return f"from {module} import *\n"
