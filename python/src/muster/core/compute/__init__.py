"""Compute targets: the pools of nodes that jobs run on."""

from __future__ import annotations

from muster.core.compute.amlcompute import AmlCompute
from muster.core.compute.compute import ComputeTarget

__all__ = ["AmlCompute", "ComputeTarget"]
