"""What gRPC does in children made by fork(), and where it must not.

It starts threads of its own in every such child. Before Python 3.10 ``subprocess`` forks too, and
closes what those threads work with before it becomes the other program: with grpcio 1.80 one in ten
is killed by that (none with 1.76, which is less eager). There gRPC is told to leave children alone;
then a child that goes on as Python cannot use it.
"""

from __future__ import annotations

import os
import sys
from importlib import metadata
from typing import Tuple

_VARIABLE = "GRPC_ENABLE_FORK_SUPPORT"
_FIRST_EAGER = (1, 77)
_FIRST_WITHOUT_FORK = (3, 10)


def must_leave_children_alone(python: Tuple[int, ...], grpc_version: str) -> bool:
    """Whether these two do not go together. Pure."""
    parts = grpc_version.split(".")[:2]
    if python[:2] >= _FIRST_WITHOUT_FORK or not all(part.isdigit() for part in parts):
        return False
    return tuple(map(int, parts)) >= _FIRST_EAGER


def prepare() -> None:
    """To be called before gRPC is imported, which reads the variable then."""
    python = sys.version_info[:2]
    if python >= _FIRST_WITHOUT_FORK or "grpc" in sys.modules:
        return
    try:
        version = metadata.version("grpcio")
    except metadata.PackageNotFoundError:
        return
    if must_leave_children_alone(python, version):
        os.environ.setdefault(_VARIABLE, "0")


def children_can_talk() -> bool:
    """Whether a child made by fork() can use gRPC."""
    return os.environ.get(_VARIABLE, "").lower() not in ("0", "false", "no")
