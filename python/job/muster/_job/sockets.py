"""The agent's two sockets in the tracking directory: `poke` wakes it, `rpc` answers."""

import atexit
import os
import time

# sun_path has 108 bytes, the last a NUL.
_MAX_PATH_BYTES = 107
_POKES_AT_ONCE = 16
_POKES_A_SECOND = 100


class Address:
    """The path of a socket for connect(2), however long it is."""

    def __init__(self, directory: str, name: str) -> None:
        path = os.path.join(directory, name)
        self._fd = -1
        if len(os.fsencode(path)) > _MAX_PATH_BYTES:
            self._fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            path = "/proc/self/fd/%d/%s" % (self._fd, name)
        self.path = path

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)


class Poke:
    """Wakes the agent: at once if the last times are long enough ago, else not at all, as the agent
    looks every second by itself. Never waits and never raises."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._socket = None
        self._address = None
        self._tokens = float(_POKES_AT_ONCE)
        self._last = 0.0
        self._open()
        atexit.register(self._last_time)

    def __call__(self) -> None:
        now = time.monotonic()
        tokens = self._tokens + (now - self._last) * _POKES_A_SECOND
        self._last = now
        if tokens < 1.0:
            self._tokens = tokens
            return
        self._tokens = min(tokens, _POKES_AT_ONCE) - 1.0
        self.send()

    def send(self) -> None:
        try:
            if self._socket is None:
                self._open()
            self._socket.sendto(b"", self._address.path)
        except (OSError, AttributeError):
            pass  # no agent at present, or one with enough to wake it; or no socket to be had

    def _last_time(self) -> None:
        """For the last lines, if the time before was too short ago."""
        if self._last:
            self.send()

    def _open(self) -> None:
        # Not in the middle of a call that logs: a signal handler that logs too would find half of
        # the module.
        import socket

        try:
            self._address = Address(self._directory, "poke")
            made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            made.setblocking(False)
            self._socket = made
        except OSError:
            self._socket = None
