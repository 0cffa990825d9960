"""The server's API: its messages, enumerations and methods, by name.

They are made at run time from ``api.binpb``, which the build makes from the ``.proto`` files. So
one wheel fits every protobuf, and nothing meets in protobuf's global registry with what other
packages generated from the same files.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Dict, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "muster.v1"
_DESCRIPTION = Path(__file__).parent / "api.binpb"


class Method(NamedTuple):
    """An RPC: its path, the classes of request and reply, and which side streams."""

    path: str
    request: Any
    reply: Any
    client_streams: bool
    server_streams: bool


class Api:
    """``api.JobSpec`` is a message class, ``api.JOB_STATUS_QUEUED`` a number."""

    def __init__(self, description: bytes) -> None:
        self._pool = descriptor_pool.DescriptorPool()
        self._values: Dict[str, int] = {}
        self._methods: Dict[str, Method] = {}
        self._enums: Dict[str, Dict[int, str]] = {}
        files = descriptor_pb2.FileDescriptorSet.FromString(description).file
        for file in files:
            self._pool.Add(file)
        for file in files:
            for enum in file.enum_type:
                names = {value.number: value.name for value in enum.value}
                self._enums[enum.name] = names
                self._values.update({name: number for number, name in names.items()})
            for service in file.service:
                for method in service.method:
                    self._add_method(service.name, method)

    def _add_method(self, service: str, method: Any) -> None:
        self._methods[f"{service}.{method.name}"] = Method(
            f"/{_PACKAGE}.{service}/{method.name}",
            self._message(method.input_type.lstrip(".")),
            self._message(method.output_type.lstrip(".")),
            method.client_streaming,
            method.server_streaming,
        )

    def _message(self, full_name: str) -> Any:
        descriptor = self._pool.FindMessageTypeByName(full_name)
        if hasattr(message_factory, "GetMessageClass"):
            return message_factory.GetMessageClass(descriptor)
        return self._factory.GetPrototype(descriptor)

    @functools.cached_property
    def _factory(self) -> Any:
        # Of protobuf before 4.22.
        return message_factory.MessageFactory(self._pool)

    def __getattr__(self, name: str) -> Any:
        """A message class or the number of an enumeration's value."""
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._values:
            found: Any = self._values[name]
        else:
            try:
                found = self._message(f"{_PACKAGE}.{name}")
            except KeyError:
                raise AttributeError(f"the API has no {name}") from None
        setattr(self, name, found)
        return found

    def method(self, name: str) -> Method:
        """For example ``method("JobService.GetJob")``."""
        return self._methods[name]

    def name_of(self, enum: str, number: int) -> str:
        """The name of an enumeration's value; of one that a newer server knows, its number."""
        return self._enums[enum].get(number, str(number))


@functools.lru_cache(maxsize=None)
def api() -> Api:
    """The API that this SDK speaks. Raises ImportError when the build has not described it."""
    try:
        description = _DESCRIPTION.read_bytes()
    except FileNotFoundError:
        raise ImportError(
            f"{_DESCRIPTION} is missing: this is a source tree that was not built; run "
            "python3 build_api.py in its python folder"
        ) from None
    return Api(description)
