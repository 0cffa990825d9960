"""Datastores, and references to what is in them."""

from __future__ import annotations
