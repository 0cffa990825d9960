"""Makes ``muster/_proto/api.binpb``, the description of the server's API, from ``proto/``.

Runs when the wheel is built (``setup.py``) and before tests; by hand: ``python3 build_api.py``.
Needs protoc: that of grpcio-tools, or one on the PATH. The description is a serialized
FileDescriptorSet: it is the same whatever made it, and any protobuf reads it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List

HERE = Path(__file__).resolve().parent
# In the repository; in a source distribution they lie beside this file.
SOURCES = [HERE / "proto", HERE.parent / "proto"]
PACKAGE = "muster/v1"
FILES = ("common", "jobs", "files", "cluster", "admin", "tracking")
TARGET = HERE / "src" / "muster" / "_proto" / "api.binpb"


def proto_root() -> Path:
    """The folder that has ``muster/v1/*.proto``."""
    for folder in SOURCES:
        if (folder / PACKAGE).is_dir():
            return folder
    raise FileNotFoundError(f"no {PACKAGE} in {' or '.join(map(str, SOURCES))}")


def proto_files(root: Path) -> List[Path]:
    return [root / PACKAGE / f"{name}.proto" for name in FILES]


def compiler() -> List[str]:
    """The command that is protoc."""
    try:
        import grpc_tools  # noqa: F401
    except ImportError:
        found = shutil.which("protoc")
        if found is None:
            raise RuntimeError(
                "protoc is needed: pip install grpcio-tools, or apt install protobuf-compiler"
            ) from None
        return [found]
    return [sys.executable, "-m", "grpc_tools.protoc"]


def build(target: Path = TARGET) -> Path:
    """Writes the description; readers see the old one or the whole new one."""
    root = proto_root()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".api") as scratch:
        made = Path(scratch) / target.name
        names = [str(path) for path in proto_files(root)]
        command = [*compiler(), f"--proto_path={root}", f"--descriptor_set_out={made}"]
        subprocess.run([*command, "--include_imports", *names], check=True)
        os.replace(made, target)
    return target


def build_if_old(target: Path = TARGET) -> Path:
    """Builds unless the description is newer than every file that it is made from."""
    made_from = [*proto_files(proto_root()), Path(__file__)]
    newest = max(path.stat().st_mtime for path in made_from)
    if not target.exists() or target.stat().st_mtime <= newest:
        build(target)
    return target


if __name__ == "__main__":
    print(build())
