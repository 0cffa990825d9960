"""Stand-ins for what a server says."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

import grpc

from muster._proto import api


class FakeError(grpc.RpcError):  # type: ignore[misc]
    """A failed call."""

    def __init__(
        self, code: grpc.StatusCode, details: str = "", reason: str = "", faults: Any = ()
    ) -> None:
        super().__init__()
        self._code, self._details = code, details
        detail = api().ErrorDetail(reason=reason, faults=faults)
        self._metadata = [("grpc-status-details-bin", detail.SerializeToString())]

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> Optional[List[Tuple[str, bytes]]]:
        return self._metadata
