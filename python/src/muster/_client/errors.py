"""From a failed call to an exception of the SDK. No message holds a token."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

import grpc

from muster._proto import api
from muster.exceptions import (
    AuthenticationException,
    AzureMLException,
    ServiceException,
    UserErrorException,
    WorkspaceException,
)

_DETAILS_KEY = "grpc-status-details-bin"
_NOBODY_ANSWERED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
_BREAKS = (
    *_NOBODY_ANSWERED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)
_WRONG_REQUEST = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.OUT_OF_RANGE,
)
_WORKSPACE_REASONS = ("UNKNOWN_WORKSPACE", "WRONG_WORKSPACE")


def nobody_answered(error: grpc.RpcError) -> bool:
    """May a request with an idempotency key be sent again?"""
    return error.code() in _NOBODY_ANSWERED and not is_foreign_certificate(error)


def is_break(error: grpc.RpcError) -> bool:
    """May a stream be opened again? Not when the server said no."""
    return error.code() in _BREAKS and not is_foreign_certificate(error)


def is_foreign_certificate(error: grpc.RpcError) -> bool:
    """Whether the other side is not the server that the login was for."""
    # BoringSSL's words, or OpenSSL's, which Debian's gRPC has.
    words = _message(error).upper().replace(" ", "_")
    return error.code() == grpc.StatusCode.UNAVAILABLE and "CERTIFICATE_VERIFY_FAILED" in words


def reason_of(error: grpc.RpcError) -> str:
    """The server's stable identifier, for example ``"UNKNOWN_POOL"``; '' where it sent none."""
    reason: str = _detail(error).reason
    return reason


def exception_of(error: grpc.RpcError, address: str) -> AzureMLException:
    """The exception to raise for a call to the server at `address` that failed for good."""
    code = error.code()
    reason = reason_of(error)
    known = {"inner_exception": error, "reference_code": reason or None}
    if is_foreign_certificate(error):
        return AuthenticationException(
            f"the server at {address} shows a certificate of another authority than the one that "
            "the login is for; if it was set up anew, run `muster login` with a token of it",
            **known,
        )
    if code in _NOBODY_ANSWERED:
        return ServiceException(_unreachable(error, address), status_code=code.name, **known)
    message = _refusal(error, address)
    if reason in _WORKSPACE_REASONS:
        return WorkspaceException(message, **known)
    if code == grpc.StatusCode.UNAUTHENTICATED:
        return AuthenticationException(f"{message}; run `muster login` with a valid token", **known)
    if code == grpc.StatusCode.PERMISSION_DENIED:
        return AuthenticationException(message, **known)
    if code in _WRONG_REQUEST:
        return UserErrorException(message, details=_faults(error), **known)
    return ServiceException(message, status_code=code.name, **known)


def connection_cause(message: str) -> str:
    """What is of use to a person in gRPC's words about a connection."""
    for before in ("remote host: ", "recvmsg:", "last error: "):
        _, found, rest = message.rpartition(before)
        if found:
            return rest
    return message or "no answer"


def _unreachable(error: grpc.RpcError, address: str) -> str:
    if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
        return (
            f"cannot reach the server at {address}: no answer in time. Check that the address is "
            "right, that musterd runs there and that no firewall is between."
        )
    return (
        f"cannot reach the server at {address}: {connection_cause(_message(error))}. Check that "
        "musterd runs there and that the address is right; `muster login` changes it."
    )


def _refusal(error: grpc.RpcError, address: str) -> str:
    if error.code() == grpc.StatusCode.UNIMPLEMENTED:
        return (
            f"the server at {address} does not know this request: it is older than this SDK; "
            "upgrade it"
        )
    message = _message(error)
    lines = [f"{field}: {text}" if field else text for field, _, text in _faults(error)]
    if lines:
        return "\n".join([message.split("\n")[0], *(f"  {line}" for line in lines)])
    return message or f"the server at {address} refused the request without saying why"


def _message(error: grpc.RpcError) -> str:
    return error.details() or ""


def _faults(error: grpc.RpcError) -> List[Tuple[str, str, str]]:
    """(field, value, message) of each fault that the server found."""
    return [(fault.field, fault.value, fault.message) for fault in _detail(error).faults]


def _detail(error: grpc.RpcError) -> Any:
    kind = api().ErrorDetail
    metadata: Optional[Any] = error.trailing_metadata()
    for key, value in metadata or ():
        if key == _DETAILS_KEY:
            try:
                return kind.FromString(value)
            except Exception:  # what a stranger between us and the server may have put there
                break
    return kind()
