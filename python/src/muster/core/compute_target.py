"""Targets that are no clusters, and the functions of the oldest SDK about them."""

from __future__ import annotations

from typing import Any, Dict, NoReturn

from muster.exceptions import UserErrorException

__all__ = [
    "AbstractComputeTarget",
    "LocalTarget",
    "attach_legacy_compute_target",
    "is_compute_target_prepared",
    "prepare_compute_target",
    "remove_legacy_compute_target",
]


class AbstractComputeTarget:
    """A target of a project directory: its ``type`` and ``name``."""

    def __init__(self, compute_target_type: str, name: str) -> None:
        self._type = compute_target_type
        self._name = name

    @property
    def name(self) -> str:
        """The target's name."""
        return self._name

    @property
    def type(self) -> str:
        """The target's kind."""
        return self._type

    @staticmethod
    def deserialize_from_dict(
        compute_target_name: str, compute_target_dict: Dict[str, Any]
    ) -> AbstractComputeTarget:
        """The target that a project's file describes. Raises UserErrorException for another kind
        than ``local``."""
        kind = compute_target_dict.get("type", "local")
        if kind != "local":
            raise UserErrorException(
                f"the target '{compute_target_name}' of type '{kind}' is not supported; use a "
                "cluster"
            )
        return LocalTarget()


class LocalTarget(AbstractComputeTarget):
    """The target ``"local"``: on Muster the server's pool ``default``."""

    def __init__(self) -> None:
        super().__init__("local", "local")


def attach_legacy_compute_target(
    experiment: Any, source_directory: str, compute_target: Any
) -> NoReturn:
    """Raises UserErrorException: nodes join a pool by themselves."""
    raise UserErrorException(
        "machines are not attached: install muster-agent on them and let it join a pool"
    )


def remove_legacy_compute_target(
    experiment: Any, source_directory: str, compute_target_name: str
) -> NoReturn:
    """Raises UserErrorException: nothing was ever attached."""
    raise UserErrorException(f"there is no attached target '{compute_target_name}' to remove")


def is_compute_target_prepared(experiment: Any, source_directory: str, run_config: Any) -> bool:
    """True: nodes are ready for any run configuration that a submit accepts."""
    return True


def prepare_compute_target(experiment: Any, source_directory: str, run_config: Any) -> NoReturn:
    """Raises UserErrorException: there is nothing to prepare before a submit."""
    raise UserErrorException("there is nothing to prepare: submit the run itself")
