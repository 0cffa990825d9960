"""The state of a cluster, in the form of Azure's REST interface."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional

NODE_STATES = ("idle", "running", "preparing", "unusable", "leaving", "preempted")
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?\Z")


class ScaleSettings:
    """Between how many nodes a cluster scales, and after how many idle seconds it gives one
    back."""

    def __init__(
        self,
        minimum_node_count: Optional[int],
        maximum_node_count: Optional[int],
        idle_seconds_before_scaledown: Optional[int],
    ) -> None:
        self.minimum_node_count = minimum_node_count
        self.maximum_node_count = maximum_node_count
        self.idle_seconds_before_scaledown = idle_seconds_before_scaledown

    def serialize(self) -> Dict[str, Any]:
        """As a dict; the idle time as an ISO 8601 duration, ``PT120S``."""
        idle = self.idle_seconds_before_scaledown
        return {
            "minNodeCount": self.minimum_node_count,
            "maxNodeCount": self.maximum_node_count,
            "nodeIdleTimeBeforeScaleDown": None if idle is None else f"PT{idle}S",
        }

    @staticmethod
    def deserialize(object_dict: Optional[Dict[str, Any]]) -> Optional[ScaleSettings]:
        """The object that ``serialize`` made the dict of; None of None."""
        if object_dict is None:
            return None
        return ScaleSettings(
            object_dict.get("minNodeCount"),
            object_dict.get("maxNodeCount"),
            _seconds(object_dict.get("nodeIdleTimeBeforeScaleDown")),
        )


def _seconds(duration: object) -> Optional[int]:
    """Seconds of ``PT1H30M``; a number is taken as it is."""
    if isinstance(duration, int) or duration is None:
        return duration
    found = _DURATION.match(str(duration))
    if found is None:
        return None
    hours, minutes, seconds = (int(group or 0) for group in found.groups())
    return hours * 3600 + minutes * 60 + seconds


class AmlComputeStatus:
    """A cluster's state at one moment.

    ``allocation_state``: ``"Steady"`` or ``"Resizing"``. ``node_state_counts``: ``idleNodeCount``,
    ``runningNodeCount`` and so on. Times are as the server sent them. ``errors``: why nodes could
    not be set up.
    """

    _KEYS = {
        "allocation_state": "allocationState",
        "allocation_state_transition_time": "allocationStateTransitionTime",
        "creation_time": "creationTime",
        "current_node_count": "currentNodeCount",
        "errors": "errors",
        "modified_time": "modifiedTime",
        "node_state_counts": "nodeStateCounts",
        "provisioning_state": "provisioningState",
        "provisioning_state_transition_time": "provisioningStateTransitionTime",
        "target_node_count": "targetNodeCount",
        "vm_priority": "vmPriority",
        "vm_size": "vmSize",
    }

    def __init__(
        self,
        allocation_state: Optional[str],
        allocation_state_transition_time: Any,
        creation_time: Any,
        current_node_count: Optional[int],
        errors: Optional[List[Any]],
        modified_time: Any,
        node_state_counts: Optional[Dict[str, int]],
        provisioning_state: Optional[str],
        provisioning_state_transition_time: Any,
        scale_settings: Optional[ScaleSettings],
        target_node_count: Optional[int],
        vm_priority: Optional[str],
        vm_size: Optional[str],
    ) -> None:
        self.allocation_state = allocation_state
        self.allocation_state_transition_time = allocation_state_transition_time
        self.creation_time = creation_time
        self.current_node_count = current_node_count
        self.errors = errors
        self.modified_time = modified_time
        self.node_state_counts = node_state_counts
        self.provisioning_state = provisioning_state
        self.provisioning_state_transition_time = provisioning_state_transition_time
        self.scale_settings = scale_settings
        self.target_node_count = target_node_count
        self.vm_priority = vm_priority
        self.vm_size = vm_size

    def serialize(self) -> Dict[str, Any]:
        """As a dict that ``json`` can write."""
        found = {key: getattr(self, name) for name, key in self._KEYS.items()}
        scale = self.scale_settings
        return {**found, "scaleSettings": None if scale is None else scale.serialize()}

    @staticmethod
    def deserialize(object_dict: Optional[Dict[str, Any]]) -> Optional[AmlComputeStatus]:
        """The object that ``serialize`` made the dict of; None of None."""
        if object_dict is None:
            return None
        known = {name: object_dict.get(key) for name, key in AmlComputeStatus._KEYS.items()}
        scale = ScaleSettings.deserialize(object_dict.get("scaleSettings"))
        return AmlComputeStatus(scale_settings=scale, **known)
