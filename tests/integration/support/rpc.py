"""gRPC clients of the tests: stubs made from proto/ by protoc, channels with the CA of the test's server."""

from __future__ import annotations

import functools
import importlib
import json
import pathlib
import subprocess
import sys
import tempfile
from types import ModuleType
from typing import Any

import grpc

ROOT = pathlib.Path(__file__).resolve().parents[3]
SERVICES = ("common", "jobs", "files", "cluster", "admin", "agent", "tracking")


@functools.cache
def stubs() -> dict[str, tuple[ModuleType, ModuleType]]:
    """Module name -> (messages, services), generated once for this process."""
    out = tempfile.TemporaryDirectory(prefix="muster-stubs")
    stubs.directory = out  # type: ignore[attr-defined]  # lives as long as the process
    plugin = subprocess.run(["which", "grpc_python_plugin"], text=True, capture_output=True,
                            check=True).stdout.strip()
    subprocess.run(["protoc", f"--proto_path={ROOT}/proto", f"--python_out={out.name}",
                    f"--grpc_out={out.name}", f"--plugin=protoc-gen-grpc={plugin}",
                    *[f"{ROOT}/proto/muster/v1/{name}.proto" for name in SERVICES]], check=True)
    # The package is the SDK's where tests have it on their path, and else has nothing but the stubs.
    sys.path.append(out.name)
    package = importlib.import_module("muster")
    if f"{out.name}/muster" not in package.__path__:
        package.__path__.append(f"{out.name}/muster")
    return {name: (importlib.import_module(f"muster.v1.{name}_pb2"),
                   importlib.import_module(f"muster.v1.{name}_pb2_grpc")) for name in SERVICES}


class Client:
    """A channel to the server with one token (or none)."""

    def __init__(self, address: str, ca_pem: bytes, token: str | None = None, *,
                 key_pem: bytes | None = None, certificate_pem: bytes | None = None,
                 options: list[tuple[str, int]] | None = None) -> None:
        credentials = grpc.ssl_channel_credentials(ca_pem, key_pem, certificate_pem)
        self.channel = grpc.secure_channel(
            address, credentials, options=[("grpc.ssl_target_name_override", "musterd"),
                                           ("grpc.initial_reconnect_backoff_ms", 50),
                                           # Also the time a handshake may take.
                                           ("grpc.min_reconnect_backoff_ms", 5000),
                                           ("grpc.max_reconnect_backoff_ms", 200),
                                           # A channel of its own, not one shared in the process.
                                           ("grpc.use_local_subchannel_pool", 1), *(options or [])])
        self.metadata = [("authorization", f"Bearer {token}")] if token else []

    def call(self, service: str, method: str, request: Any, *, timeout: float = 10.0,
             wait_for_ready: bool = False) -> Any:
        """A unary call, for example call("jobs.JobService", "GetJob", request).

        With `wait_for_ready` it waits for a server that is away; without, gRPC's channel would not even
        try to reconnect between calls that fail at once.
        """
        module, name = service.split(".")
        stub = getattr(stubs()[module][1], f"{name}Stub")(self.channel)
        return getattr(stub, method)(request, metadata=self.metadata, timeout=timeout,
                                     wait_for_ready=wait_for_ready)

    def close(self) -> None:
        self.channel.close()


def client_of(config: pathlib.Path) -> tuple[str, bytes, str]:
    """(address, CA as PEM, bearer token) from the file that `muster login` wrote."""
    values = json.loads(config.read_text())
    return values["server"], values["ca_pem"].encode(), values["token"]
