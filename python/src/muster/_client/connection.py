"""The connection to one server and the way calls are made on it."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from typing import Any, Callable, Iterable, Iterator, Optional

import grpc

from muster._client.backoff import Backoff
from muster._client.configuration import Configuration
from muster._client.errors import connection_cause, exception_of, is_break, nobody_answered
from muster._client.fork_support import children_can_talk
from muster._client.process_life import ProcessBound
from muster._proto import api
from muster.exceptions import ServiceException

# How long a call goes on trying while the server does not answer, seconds. Questions fail soon, for
# a person waits; a submit bridges a restart or an upgrade of the server; who follows a run waits
# long.
READ_PATIENCE = 3.0
SUBMIT_PATIENCE = 60.0
FOLLOW_PATIENCE = 3600.0

# A unary call may take this long; a stream is opened anew after this time, so that a connection
# that died without a word is noticed. An upload is as long as the user's files are. Seconds.
_CALL_SECONDS = 15.0
STREAM_SECONDS = 60.0
UPLOAD_SECONDS = 24 * 3600.0

# At least so long between two tries where there is a connection.
_PAUSE_SECONDS = 0.1

# The name that every server's certificate carries: the pinned CA, not the DNS, says who it is.
_SERVER_NAME = "musterd"
_OPTIONS = [
    ("grpc.ssl_target_name_override", _SERVER_NAME),
    ("grpc.enable_http_proxy", 0),
    # A pool of its own: a new channel means a new connection.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    # Also how long one connection attempt may take.
    ("grpc.min_reconnect_backoff_ms", 5000),
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.max_send_message_length", 4 << 20),
]

_log = logging.getLogger("muster")

# Channels that a process had when it was forked, kept from being closed in the child.
_of_parents: "list[Any]" = []


def new_request_id() -> str:
    """An idempotency key."""
    return str(uuid.uuid4())


class Connection(ProcessBound):
    """Calls to one server, with one token. May be used by several threads."""

    def __init__(self, configuration: Configuration) -> None:
        super().__init__()
        self.configuration = configuration
        self._channel: Optional[grpc.Channel] = None
        self._lock = threading.Lock()

    def _begin_anew(self) -> None:
        if self._channel is not None:
            # To close it here would end the parent's connection.
            _of_parents.append(self._channel)
        self._channel = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Connection({self.configuration.server!r})"

    @property
    def workspace(self) -> str:
        """Name of the workspace that requests are about."""
        return self.configuration.workspace

    def call(
        self,
        method: str,
        *,
        patience: float = READ_PATIENCE,
        seconds: float = _CALL_SECONDS,
        **fields: Any,
    ) -> Any:
        """A unary call: ``call("JobService.GetJob", workspace=..., job_id=...)`` gives the reply.

        One try may take `seconds`. Repeated while nobody answers, for `patience` seconds: the
        request must be a question, or do no harm a second time. Raises the classes of
        :mod:`muster.exceptions`.
        """
        request = api().method(method).request(**fields)
        return self._try(lambda: self.call_once(method, request, seconds), patience)

    def call_once(
        self, method: str, request: Any, seconds: float, wait_for_ready: bool = False
    ) -> Any:
        """One try of a unary call, which may take `seconds`; `wait_for_ready`: that long also for a
        connection. Raises grpc.RpcError."""
        described = api().method(method)
        stub = self.channel().unary_unary(
            described.path,
            request_serializer=described.request.SerializeToString,
            response_deserializer=described.reply.FromString,
        )
        options = {"wait_for_ready": True} if wait_for_ready else {}
        return stub(request, timeout=seconds, metadata=self._metadata(), **options)

    def upload(self, method: str, requests: Callable[[], Iterable[Any]], patience: float) -> Any:
        """Streams `requests()` to the server; starts over when the connection breaks."""
        described = api().method(method)

        def once() -> Any:
            stub = self.channel().stream_unary(
                described.path,
                request_serializer=described.request.SerializeToString,
                response_deserializer=described.reply.FromString,
            )
            return stub(iter(requests()), timeout=UPLOAD_SECONDS, metadata=self._metadata())

        return self._try(once, patience)

    def open_stream(self, method: str, **fields: Any) -> Any:
        """An iterator over what the server sends, for at most ``STREAM_SECONDS``. Raises
        grpc.RpcError as it goes; see ``wait_after_break``. To be cancelled if not read to its
        end."""
        described = api().method(method)
        stub = self.channel().unary_stream(
            described.path,
            request_serializer=described.request.SerializeToString,
            response_deserializer=described.reply.FromString,
        )
        return stub(described.request(**fields), timeout=STREAM_SECONDS, metadata=self._metadata())

    def pages(self, method: str, **fields: Any) -> Iterator[Any]:
        """The replies of a call in pages, asked for as they are needed."""
        token = ""
        while True:
            reply = self.call(method, page_token=token, **fields)
            yield reply
            token = reply.next_page_token
            if not token:
                return

    def wait_after_break(self, error: grpc.RpcError, backoff: Backoff) -> None:
        """Waits before a stream is opened again. Raises what `error` means when the server refused,
        or patience has run out."""
        self._wait(error, backoff, is_break(error))

    def wait_after_end(self, backoff: Backoff) -> None:
        """Waits before a stream is opened again that the server has ended before its time. Raises
        ServiceException when it goes on doing so."""
        seconds = backoff.after_failure()
        if seconds is None:
            raise ServiceException(
                f"the server at {self.configuration.server} ends the stream again and again"
            )
        time.sleep(seconds)

    def reconnect(self) -> None:
        """A new connection: the old one may be dead without knowing."""
        with self._lock:
            old, self._channel = self._channel, None
        if old is not None:
            old.close()

    def channel(self) -> grpc.Channel:
        """The channel; opened when it is first needed. Raises ServiceException where there can be
        none."""
        if _of_parents and not children_can_talk():
            raise ServiceException(
                "this process was made by fork() from one that talks to the server, and cannot do "
                f"so itself with grpcio {grpc.__version__} under this Python; use the start method "
                "'spawn' of multiprocessing, or Python 3.10 or newer"
            )
        with self._lock:
            if self._channel is None:
                root = self.configuration.ca_pem.encode()
                credentials = grpc.ssl_channel_credentials(root_certificates=root)
                self._channel = grpc.secure_channel(
                    self.configuration.server, credentials, options=_OPTIONS
                )
            return self._channel

    def _metadata(self) -> "list[tuple[str, str]]":
        return [("authorization", f"Bearer {self.configuration.token}")]

    def _try(self, once: Callable[[], Any], patience: float) -> Any:
        backoff = Backoff(patience)
        while True:
            try:
                return once()
            except grpc.RpcError as error:
                self._wait(error, backoff, nobody_answered(error))

    def _wait(self, error: grpc.RpcError, backoff: Backoff, may_repeat: bool) -> None:
        first = not backoff.failing
        seconds = backoff.after_failure() if may_repeat else None
        if seconds is None:
            raise exception_of(error, self.configuration.server) from None
        if first:
            cause = connection_cause(error.details() or "")
            _log.warning(
                "lost the server at %s (%s); trying again", self.configuration.server, cause
            )
        # Not a mere sleep: a connection is only made while somebody waits for it.
        started = time.monotonic()
        ready = grpc.channel_ready_future(self.channel())
        try:
            ready.result(timeout=seconds)
            time.sleep(max(0.0, min(seconds, _PAUSE_SECONDS) - (time.monotonic() - started)))
        except grpc.FutureTimeoutError:
            pass
        finally:
            ready.cancel()
