"""What all compute targets have."""

from __future__ import annotations

from abc import ABC
from typing import Any, Dict, List, Optional

from muster._services import services_of
from muster.exceptions import ComputeTargetException

__all__ = [
    "ComputeTarget",
    "ComputeTargetAttachConfiguration",
    "ComputeTargetProvisioningConfiguration",
    "ComputeTargetUpdateConfiguration",
]


class ComputeTargetProvisioningConfiguration(ABC):  # noqa: B024 (abstract in name only)
    """How a compute target is to be made: its ``compute_type`` and ``location``."""

    def __init__(self, type: object, location: Optional[str]) -> None:
        self._compute_type = type
        self.location = location

    def validate_configuration(self) -> None:  # noqa: B027
        """Raises ComputeTargetException when the settings do not fit together."""


class ComputeTargetAttachConfiguration(ABC):  # noqa: B024
    """How an existing machine is to be attached; Muster attaches none."""

    def __init__(self, type: object) -> None:
        self._compute_type = type

    def validate_configuration(self) -> None:  # noqa: B027
        """Raises ComputeTargetException when the settings do not fit together."""


class ComputeTargetUpdateConfiguration(ABC):  # noqa: B024
    """How a compute target is to be changed."""

    def __init__(self, type: object) -> None:
        self._compute_type = type

    def validate_configuration(self) -> None:  # noqa: B027
        """Raises ComputeTargetException when the settings do not fit together."""


class ComputeTarget(ABC):  # no method is abstract: type checkers would refuse to call it
    """A compute target of a workspace. ``ComputeTarget(workspace, name)`` gives the object of its
    kind, AmlCompute, and raises ComputeTargetException when there is none of that name."""

    name: str

    def __new__(cls, workspace: Any, name: str) -> ComputeTarget:
        if cls is ComputeTarget:
            from muster.core.compute.amlcompute import AmlCompute

            cls = AmlCompute
        return object.__new__(cls)

    def __init__(self, workspace: Any, name: str) -> None:
        found = services_of(workspace).compute.find(name)
        if found is None:
            raise ComputeTargetException(
                f"there is no compute target '{name}' in this workspace; ws.compute_targets lists "
                "those there are"
            )
        self._workspace = workspace
        self._load(found)

    def _load(self, object_dict: Dict[str, Any]) -> None:
        """Takes over what the server said of the target."""
        raise NotImplementedError

    @property
    def workspace(self) -> Any:
        """The workspace it belongs to."""
        return self._workspace

    @staticmethod
    def create(workspace: Any, name: str, provisioning_configuration: Any) -> ComputeTarget:
        """Makes a compute target and returns at once; ``wait_for_completion`` waits for it.

        Raises ComputeTargetException for settings that do not fit, or a name that is taken.
        """
        if not isinstance(provisioning_configuration, ComputeTargetProvisioningConfiguration):
            raise ComputeTargetException(
                "provisioning_configuration must be what AmlCompute.provisioning_configuration() "
                f"returns, not {provisioning_configuration!r}"
            )
        provisioning_configuration.validate_configuration()
        from muster.core.compute.amlcompute import AmlCompute, AmlComputeProvisioningConfiguration

        if not isinstance(provisioning_configuration, AmlComputeProvisioningConfiguration):
            raise ComputeTargetException("Muster makes compute targets of the kind AmlCompute only")
        created = services_of(workspace).compute.create(name, provisioning_configuration)
        return AmlCompute.deserialize(workspace, created)

    @staticmethod
    def attach(workspace: Any, name: str, attach_configuration: Any) -> ComputeTarget:
        """Raises ComputeTargetException: nodes join a pool by themselves."""
        raise ComputeTargetException(
            f"'{name}' cannot be attached: install muster-agent on the machine and let it join a "
            "pool"
        )

    @staticmethod
    def list(workspace: Any) -> List[ComputeTarget]:
        """All compute targets of the workspace, by name."""
        from muster.core.compute.amlcompute import AmlCompute

        found = services_of(workspace).compute.list()
        return [AmlCompute.deserialize(workspace, item) for item in found]

    @staticmethod
    def deserialize(workspace: Any, object_dict: Dict[str, Any]) -> ComputeTarget:
        """The object that ``serialize`` made the dict of."""
        from muster.core.compute.amlcompute import AmlCompute

        return AmlCompute.deserialize(workspace, object_dict)

    def serialize(self) -> Dict[str, Any]:
        """The target as a dict that ``json`` can write."""
        raise NotImplementedError

    def get_status(self) -> Any:
        """What the target is doing now, asked of the server."""
        raise NotImplementedError

    def refresh_state(self) -> None:
        """Asks the server for the target's state."""
        raise NotImplementedError

    def delete(self) -> None:
        """Removes the target."""
        raise NotImplementedError

    def detach(self) -> None:
        """Forgets a target that was attached."""
        raise NotImplementedError

    def wait_for_completion(  # noqa: B027 (AmlCompute's has other parameters)
        self, show_output: bool = False, is_delete_operation: bool = False
    ) -> None:
        """Waits until the target is made (or gone)."""
