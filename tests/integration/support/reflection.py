"""Lists every RPC that a server really serves, through the reflection service.

The messages are described here, since the distribution packages no stubs for them (grpc.reflection.v1alpha).
"""

from __future__ import annotations

import functools
from typing import Any, Iterator

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "grpc.reflection.v1alpha.ServerReflection"
METHOD = f"/{SERVICE}/ServerReflectionInfo"


@functools.cache
def messages() -> tuple[Any, Any]:
    """(ServerReflectionRequest, ServerReflectionResponse), with the fields used here."""
    file = descriptor_pb2.FileDescriptorProto(name="reflection_subset.proto", package="muster.test", syntax="proto3")

    def add(name: str, *fields: tuple[str, int, int, int, str]) -> None:
        message = file.message_type.add(name=name)
        for field, number, kind, label, type_name in fields:
            message.field.add(name=field, number=number, type=kind, label=label, type_name=type_name or None)

    string, nested, binary = 9, 11, 12
    one, many = 1, 3
    add("Request", ("host", 1, string, one, ""), ("file_containing_symbol", 4, string, one, ""),
        ("list_services", 7, string, one, ""))
    add("Files", ("file_descriptor_proto", 1, binary, many, ""))
    add("Service", ("name", 1, string, one, ""))
    add("Services", ("service", 1, nested, many, ".muster.test.Service"))
    add("Response", ("file_descriptor_response", 4, nested, one, ".muster.test.Files"),
        ("list_services_response", 6, nested, one, ".muster.test.Services"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return (factory.GetPrototype(pool.FindMessageTypeByName("muster.test.Request")),
            factory.GetPrototype(pool.FindMessageTypeByName("muster.test.Response")))


def methods(client: Any) -> Iterator[tuple[str, bool, bool]]:
    """(full method name, client streams, server streams) of every RPC of the server."""
    request, response = messages()
    call = client.channel.stream_stream(METHOD, request_serializer=request.SerializeToString,
                                        response_deserializer=response.FromString)

    def ask(question: Any) -> Any:
        return next(iter(call(iter([question]), metadata=client.metadata, timeout=10)))

    for service in ask(request(list_services="*")).list_services_response.service:
        answer = ask(request(file_containing_symbol=service.name))
        for binary in answer.file_descriptor_response.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(binary)
            for described in file.service:
                if f"{file.package}.{described.name}" != service.name:
                    continue
                for method in described.method:
                    yield (f"/{service.name}/{method.name}", method.client_streaming, method.server_streaming)
