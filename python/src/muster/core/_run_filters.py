"""Which runs of a listing are wanted. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from muster.exceptions import UserErrorException


class RunFilter:
    """`type`: of the run. `tags`, `properties`: a key, a list of keys, or a dict of keys and the
    values wanted (None: any). `status`: one, or a list, in any case. None and empty: all runs."""

    def __init__(
        self,
        type: Optional[str] = None,
        tags: Any = None,
        properties: Any = None,
        status: Any = None,
    ) -> None:
        self.type = type
        self.tags = _wanted("tags", tags)
        self.properties = _wanted("properties", properties)
        self.statuses = _statuses(status)

    def matches(
        self,
        type: Optional[str],
        tags: Mapping[str, Optional[str]],
        properties: Mapping[str, str],
        status: str,
    ) -> bool:
        """Whether a run with these is wanted."""
        return (
            self.type in (None, type)
            and _has(tags, self.tags)
            and _has(properties, self.properties)
            and (not self.statuses or status.lower() in self.statuses)
        )


def _wanted(name: str, value: Any) -> Dict[str, Optional[str]]:
    if not value:
        return {}
    if isinstance(value, str):
        return {value: None}
    if isinstance(value, Mapping):
        return {str(k): None if v is None else str(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return {str(key): None for key in value}
    raise UserErrorException(f"{name} must be a key, a list of keys or a dict, not {value!r}")


def _statuses(value: Any) -> List[str]:
    if not value:
        return []
    names = [value] if isinstance(value, str) else list(value)
    return [str(name).lower() for name in names]


def _has(present: Mapping[str, Optional[str]], wanted: Mapping[str, Optional[str]]) -> bool:
    return all(
        key in present and (value is None or present[key] == value) for key, value in wanted.items()
    )
