"""The part of a Run that names it: tags, properties, its name for people."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from muster._client.runs import tag_list
from muster.core._run_base import _RunBase
from muster.core._run_details import properties_of, tags_of
from muster.exceptions import UserErrorException


class RunTags(_RunBase):
    """At most 50 tags and 50 properties, keys of at most 100 bytes, values of at most 1,000; the
    server refuses more with a UserErrorException."""

    @property
    def tags(self) -> Dict[str, Optional[str]]:
        """As ``get_tags``."""
        return self.get_tags()

    @property
    def properties(self) -> Dict[str, str]:
        """As ``get_properties``."""
        return self.get_properties()

    def get_tags(self) -> Dict[str, Optional[str]]:
        """Key -> value as they are now; None for a tag without a value."""
        return tags_of(self._fetch())

    def get_properties(self) -> Dict[str, str]:
        """Those added, and of a submitted script ``ContentSnapshotId`` and the like."""
        return properties_of(self._fetch(), self._job_as_submitted())

    def tag(self, key: str, value: Optional[str] = None) -> None:
        """Sets a tag, with or without a value."""
        self.set_tags({key: value})

    def set_tags(self, tags: Union[str, Mapping[str, Any]]) -> None:
        """Sets these tags and leaves the others: a dict, or the key of one without a value."""
        self._update(set_tags=tag_list(checked_tags(tags)))

    def remove_tags(self, tags: Union[str, Sequence[str]]) -> Dict[str, Optional[str]]:
        """Removes the tags with these keys (one, or a list); those that there were. Others do no
        harm."""
        keys = checked_keys(tags)
        before = self.get_tags()
        self._update(remove_tags=keys)
        return {key: before[key] for key in keys if key in before}

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Adds properties, which never change: UserErrorException where one has another value."""
        self._update(add_properties=checked_properties(properties))

    def _take_over(self, new: Any) -> None:
        """Of a NewRun that was there before, so that the server left it as it was: what is not as
        it says."""
        known = self._known()
        tags, present = tags_of(new), tags_of(known)
        changes: Dict[str, Any] = {}
        if any(key not in present or present[key] != value for key, value in tags.items()):
            changes["set_tags"] = new.tags
        if any(known.properties.get(key) != value for key, value in new.properties.items()):
            changes["add_properties"] = dict(new.properties)
        if new.display_name not in ("", known.display_name):
            changes["display_name"] = new.display_name
        if changes:
            self._update(**changes)

    @property
    def display_name(self) -> str:
        """A name for people, at most 256 bytes; ``''`` where it was given none."""
        name: str = self._fetch().display_name
        return name

    @display_name.setter
    def display_name(self, value: str) -> None:
        self._update(display_name=checked_display_name(value))

    @property
    def name(self) -> str:
        """Older name of ``display_name``."""
        return self.display_name

    @name.setter
    def name(self, value: str) -> None:
        self.display_name = value

    @property
    def description(self) -> Optional[str]:
        """A text about the run, at most 1,000 bytes: its tag ``description``; None if it has
        none."""
        return self.get_tags().get("description")

    @description.setter
    def description(self, text: Optional[str]) -> None:
        self.tag("description", text)


def checked_tags(tags: Union[str, Mapping[str, Any]]) -> Dict[str, Optional[str]]:
    """Key -> text or None. Raises UserErrorException for what is no tag."""
    if isinstance(tags, str):
        tags = {tags: None}
    if not isinstance(tags, Mapping):
        raise UserErrorException(f"tags must be a dict, or the key of one tag, not {tags!r}")
    return {
        _checked_key("tag", key): None if value is None else _text("tag", key, value)
        for key, value in tags.items()
    }


def checked_properties(properties: Any) -> Dict[str, str]:
    """Key -> text. Raises UserErrorException for what is no property."""
    if not isinstance(properties, Mapping):
        raise UserErrorException(f"properties must be a dict, not {properties!r}")
    return {
        _checked_key("property", key): _text("property", key, value)
        for key, value in properties.items()
    }


def checked_keys(tags: Union[str, Sequence[str]]) -> List[str]:
    """Keys of tags. Raises UserErrorException for what is none."""
    keys = [tags] if isinstance(tags, str) else tags
    if not isinstance(keys, (list, tuple, set, frozenset, dict)):
        raise UserErrorException(f"tags must be a list of keys, or one, not {tags!r}")
    return [_checked_key("tag", key) for key in keys]


def checked_display_name(value: Any) -> str:
    """Raises UserErrorException for something that is no text."""
    if not isinstance(value, str):
        raise UserErrorException(f"the display name of a run must be a string, not {value!r}")
    return _writable("the display name of a run", value)


def _checked_key(what: str, key: Any) -> str:
    if not isinstance(key, str) or not key:
        raise UserErrorException(
            f"the key of a {what} must be a string of 1..100 bytes, not {key!r}"
        )
    return _writable(f"the key of a {what}", key)


def _text(what: str, key: str, value: Any) -> str:
    if isinstance(value, str):
        return _writable(f"the value of the {what} '{key}'", value)
    if isinstance(value, (bool, int, float)):
        return str(value)
    item = getattr(value, "item", None)
    if callable(item) and not isinstance(value, type):
        try:
            inner = item()  # numpy's scalars and what is like them
        except Exception:  # whatever a stranger's class raises when it holds several
            inner = None
        if isinstance(inner, (str, bool, int, float)):
            return _text(what, key, inner)
    raise UserErrorException(
        f"the value of the {what} '{key}' must be a string or a number, not {type(value).__name__} "
        f"{value!r}"
    )


def _writable(what: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserErrorException(
            f"{what} must be text that UTF-8 can write, not {text!r}"
        ) from None
    return text
