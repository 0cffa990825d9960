"""Objects that several tests need."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import build_api
import pytest

from fake_record import FakeServer, World
from muster._proto import api
from muster.core import Experiment, Run
from muster.core.compute import AmlCompute
from muster.data.local_datastore import LocalDatastore

build_api.build_if_old()


class RecordingDatastores:
    """A DatastoreService that keeps what it was asked."""

    def __init__(self, workspace: Any) -> None:
        self.workspace = workspace
        self.calls: List[Tuple[Any, ...]] = []

    def get(self, name: str) -> LocalDatastore:
        return LocalDatastore(self.workspace, name, "/data")

    def get_default(self) -> LocalDatastore:
        return self.get("workspaceblobstore")

    def register(self, registration: Any) -> LocalDatastore:
        self.calls.append(("register", registration))
        return self.get(registration.name)

    def __getattr__(self, method: str) -> Any:
        def call(*arguments: Any) -> int:
            self.calls.append((method, *arguments))
            return len(self.calls)

        return call


class RecordingCompute:
    """A ComputeService of written-down pools."""

    def __init__(self) -> None:
        self.pools: Dict[str, Dict[str, Any]] = {}
        self.calls: List[Tuple[Any, ...]] = []

    def find(self, name: str) -> Optional[Dict[str, Any]]:
        return self.pools.get(name)

    def list(self) -> Sequence[Dict[str, Any]]:
        return list(self.pools.values())

    def create(self, name: str, configuration: Any) -> Dict[str, Any]:
        self.pools[name] = pool(name, configuration.max_nodes)
        return self.pools[name]

    def delete(self, name: str) -> None:
        del self.pools[name]

    def __getattr__(self, method: str) -> Any:
        def call(*arguments: Any) -> List[Any]:
            self.calls.append((method, *arguments))
            return []

        return call


class FakeWorkspace:
    """A workspace without a server."""

    def __init__(self) -> None:
        self.datastores = RecordingDatastores(self)
        self.compute = RecordingCompute()

    @property
    def _services(self) -> FakeWorkspace:
        return self


def pool(name: str, max_nodes: int = 4, **changes: Any) -> Dict[str, Any]:
    """A pool as the server's answer has it."""
    inner = {
        "vmSize": "Standard_NC6",
        "vmPriority": "dedicated",
        "scaleSettings": {
            "minNodeCount": 0,
            "maxNodeCount": max_nodes,
            "nodeIdleTimeBeforeScaleDown": "PT30M",
        },
        "allocationState": "Steady",
        "currentNodeCount": 2,
        "targetNodeCount": 2,
        "nodeStateCounts": {"idleNodeCount": 2},
        "errors": [],
        **changes,
    }
    outer = {"computeType": "AmlCompute", "provisioningState": "Succeeded", "properties": inner}
    return {"name": name, "tags": {}, "properties": outer}


@pytest.fixture
def workspace() -> FakeWorkspace:
    made = FakeWorkspace()
    made.compute.pools["gpu"] = pool("gpu")
    return made


@pytest.fixture
def datastore(workspace: FakeWorkspace) -> LocalDatastore:
    return LocalDatastore(workspace, "ds", "/data")


@pytest.fixture
def cluster(workspace: FakeWorkspace) -> AmlCompute:
    return AmlCompute(workspace, "gpu")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A source directory with train.py."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text("print('hello')\n")
    return folder


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def experiment(server: FakeServer) -> Experiment:
    world: Any = World()
    world._server = server
    return Experiment(world, "e")


@pytest.fixture
def run(experiment: Experiment) -> Run:
    return experiment.start_logging()


@pytest.fixture
def script(server: FakeServer, experiment: Experiment) -> Run:
    """A submitted script that runs."""
    proto = api()
    server.runs.runs["e_1_2"] = proto.Run(
        id="e_1_2",
        kind=proto.RUN_KIND_JOB,
        experiment="e",
        root_id="e_1_2",
        status=proto.JOB_STATUS_RUNNING,
        tags=[{"key": "a", "value": "1"}],
        job={"id": "e_1_2", "sequence": 7},
    )
    return Run(experiment, "e_1_2")
