"""Calls with an answer: the agent passes them to the server.

One JSON line each way. While nobody answers, a call is made again, less and less often, until its
time is over; then ServiceException. All calls are such that a repetition does no harm.
"""

import json
import os
import time

from muster._job.sockets import Address
from muster.exceptions import AuthenticationException, ServiceException, UserErrorException

MAX_REQUEST_BYTES = 1 << 20
MAX_REPLY_BYTES = 8 << 20
# Seconds; of all tries of a call.
PATIENCE = 60.0
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
# Of one try.
_ANSWER_SECONDS = 30.0
_LATER = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED")
_WRONG_REQUEST = (
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "FAILED_PRECONDITION",
    "OUT_OF_RANGE",
)
_NOT_ALLOWED = ("PERMISSION_DENIED", "UNAUTHENTICATED")


class _NobodyAnswered(Exception):
    """The agent, or the server behind it, cannot be asked now."""


class Rpc:
    """Calls through the agent of this attempt."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def call(self, method: str, request: dict, patience: float = None) -> dict:
        """The reply, in proto3 JSON as the request. `patience`: seconds, default PATIENCE.

        Raises UserErrorException or AuthenticationException when the server refuses, and
        ServiceException when there is no answer in time.
        """
        line = json.dumps({"method": method, "request": request}).encode("ascii") + b"\n"
        if len(line) > MAX_REQUEST_BYTES:
            raise UserErrorException(
                "the request %s is %d bytes; at most %d are allowed"
                % (method, len(line), MAX_REQUEST_BYTES)
            )
        patience = PATIENCE if patience is None else patience
        deadline = time.monotonic() + patience
        pause = _FIRST_PAUSE
        while True:
            try:
                return self._once(method, line, deadline)
            except _NobodyAnswered as error:
                # Ranks that began to wait together should not come again together.
                rest = pause * (0.5 + os.urandom(1)[0] / 510.0)
                if time.monotonic() + rest >= deadline:
                    raise ServiceException(
                        "%s got no answer within %g s: %s. What the run logs is kept and sent "
                        "later." % (method, patience, error),
                        status_code="UNAVAILABLE",
                    ) from error
                time.sleep(rest)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _once(self, method: str, line: bytes, deadline: float) -> dict:
        try:
            data = self._exchange(line, deadline)
        except OSError as error:
            raise _NobodyAnswered("the node's agent: %s" % (error.strerror or error)) from error
        try:
            answer = json.loads(data.decode("utf-8"))
            if "error" not in answer:
                return dict(answer["reply"])
            code = str(answer["error"]["code"])
            message = str(answer["error"]["message"])
        except (ValueError, KeyError, TypeError) as error:
            raise ServiceException(
                "the node's agent answered %s with something that is no answer" % method,
                inner_exception=error,
            ) from None
        if code in _LATER:
            raise _NobodyAnswered(message)
        if code in _WRONG_REQUEST:
            raise UserErrorException(message, reference_code=code)
        if code in _NOT_ALLOWED:
            raise AuthenticationException(message, reference_code=code)
        raise ServiceException(message, status_code=code)

    def _exchange(self, line: bytes, deadline: float) -> bytes:
        import socket

        address = Address(self._directory, "rpc")
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(_time_left(deadline))
            connection.connect(address.path)
            connection.sendall(line)
            parts = []
            size = 0
            while not parts or not parts[-1].endswith(b"\n"):
                connection.settimeout(_time_left(deadline))
                part = connection.recv(1 << 16)
                size += len(part)
                if not part:
                    raise OSError("closed the connection")
                if size > MAX_REPLY_BYTES:
                    raise ServiceException(
                        "the answer has more than %d bytes; ask for less" % MAX_REPLY_BYTES
                    )
                parts.append(part)
            return b"".join(parts)
        finally:
            connection.close()
            address.close()


def _time_left(deadline: float) -> float:
    return max(0.01, min(_ANSWER_SECONDS, deadline - time.monotonic()))
