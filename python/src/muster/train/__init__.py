"""Estimators: a training script and everything that it needs, in one object."""

from __future__ import annotations
