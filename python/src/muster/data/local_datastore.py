"""The datastore kind that Muster has itself: a directory on the nodes."""

from __future__ import annotations

from muster.data._path_datastore import LocalDatastore

__all__ = ["LocalDatastore"]
