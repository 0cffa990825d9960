"""Fixtures: a real server, real agents, the real command line, in a directory of the test's own."""

from __future__ import annotations

import os
import pathlib
from typing import Any, Iterator

import pytest

from support.cluster import Cluster


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A running server without nodes; everything it started is gone afterwards."""
    build = pathlib.Path(os.environ["MUSTER_BUILD"])
    cluster = Cluster(build)
    try:
        cluster.start_server()
        yield cluster
    finally:
        leftovers = cluster.close()
        assert leftovers == [], f"processes left behind: {leftovers}"


@pytest.fixture
def workspace(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The SDK's workspace of the cluster; the current directory is the cluster's."""
    import build_api
    build_api.build_if_old()
    from muster.core import Workspace
    monkeypatch.setenv("MUSTER_CONFIG", str(cluster.config))
    monkeypatch.chdir(cluster.directory)
    return Workspace.from_config()
