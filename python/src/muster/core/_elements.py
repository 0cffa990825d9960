"""The base of everything that is part of a run configuration: named fields and nothing else.

A class lists its fields once; attributes, defaults, ``.runconfig`` keys, reading and writing follow
from that list. Values are not checked when they are set, only when they are read from a file.
"""

from __future__ import annotations

import copy
from typing import Any, Callable, ClassVar, Dict, List, NamedTuple, Optional, Tuple, Type

from muster._yaml import Node, to_plain
from muster.core.conda_dependencies import CondaDependencies
from muster.exceptions import RunConfigurationException


class Document(NamedTuple):
    """What reading needs to know besides the node: the file's name, for errors, and its root."""

    file: str
    root: str

    def error(self, node: Node, message: str) -> RunConfigurationException:
        return RunConfigurationException(f"{self.file}, line {node.line}: {message}")


class Field(NamedTuple):
    """One attribute of an element."""

    attribute: str
    # Key in a file.
    key: str
    # How the key's node becomes a value: a function of this module, or a class of element.
    read: Any
    # Makes the default.
    default: Callable[[], object]
    # Older keys that mean the same.
    aliases: Tuple[str, ...] = ()


class _AbstractRunConfigElement:
    """An element with a closed set of attributes: setting any other raises AttributeError."""

    _FIELDS: ClassVar[Tuple[Field, ...]] = ()
    # Keys that files of some SDK version have and that mean nothing here.
    _IGNORED_KEYS: ClassVar[Tuple[str, ...]] = ()
    # Attributes besides the fields: properties with a setter, and private state.
    _OTHER_ATTRIBUTES: ClassVar[Tuple[str, ...]] = ()

    def __init__(self) -> None:
        for field in self._FIELDS:
            object.__setattr__(self, field.attribute, field.default())

    def __setattr__(self, name: str, value: object) -> None:
        if name not in self._attributes():
            known = ", ".join(n for n in self._attributes() if not n.startswith("_"))
            raise AttributeError(
                f"{type(self).__name__} has no attribute '{name}'; it has: {known}"
            )
        object.__setattr__(self, name, value)

    @classmethod
    def _attributes(cls) -> Tuple[str, ...]:
        return tuple(field.attribute for field in cls._FIELDS) + cls._OTHER_ATTRIBUTES

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        inner = ", ".join(f"{f.attribute}={getattr(self, f.attribute)!r}" for f in self._FIELDS)
        return f"{type(self).__name__}({inner})"

    def _copy(self) -> Any:
        """A copy with sections and collections of its own; objects of other kinds are shared, for
        they may hold a workspace with open connections."""
        made = type(self).__new__(type(self))
        for name, value in vars(self).items():
            object.__setattr__(made, name, _copied(value))
        return made

    def _to_dict(self) -> Dict[str, Any]:
        """The element as a file has it: keys in order, plain values."""
        return {field.key: plain(getattr(self, field.attribute)) for field in self._FIELDS}

    def _read(self, node: Node, document: Document) -> None:
        """Sets what the mapping `node` names; what it leaves out keeps its value."""
        if node.is_null:
            return
        readers = self._readers()
        for key, value in mapping(node, document):
            reader = readers.get(key.text)
            if reader is not None:
                reader(value, document)
            elif key.text not in self._IGNORED_KEYS:
                known = ", ".join(field.key for field in self._FIELDS)
                raise document.error(key, f"the key '{key.text}' is not known here; known: {known}")

    def _readers(self) -> Dict[str, Callable[[Node, Document], None]]:
        readers: Dict[str, Callable[[Node, Document], None]] = {}
        for field in self._FIELDS:
            for key in (field.key, *field.aliases):
                readers[key] = self._reader(field)
        return readers

    def _reader(self, field: Field) -> Callable[[Node, Document], None]:
        def store(node: Node, document: Document) -> None:
            if node.is_null:
                value: object = field.default()
            elif isinstance(field.read, type):
                value = read_element(field.read, node, document)
            else:
                value = field.read(node, document)
            setattr(self, field.attribute, value)

        return store


def read_element(
    kind: Type[_AbstractRunConfigElement], node: Node, document: Document
) -> Optional[_AbstractRunConfigElement]:
    """A new element of that class; an empty node gives its defaults."""
    element = kind.__new__(kind)
    _AbstractRunConfigElement.__init__(element)
    element._read(node, document)
    return element


def _copied(value: Any) -> Any:
    if isinstance(value, _AbstractRunConfigElement):
        return value._copy()
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_copied(item) for item in value)
    return copy.deepcopy(value) if isinstance(value, CondaDependencies) else value


def plain(value: object) -> Any:
    """A value as a file has it."""
    if isinstance(value, _AbstractRunConfigElement):
        return value._to_dict()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "as_dict"):
        return value.as_dict()
    if hasattr(value, "to_config"):
        return plain(value.to_config())
    return str(value)


def mapping(node: Node, document: Document) -> List[Tuple[Node, Node]]:
    if node.kind != "map":
        raise document.error(node, "a mapping of keys to values is expected here")
    return node.pairs


def read_any(node: Node, document: Document) -> object:
    return to_plain(node)


def read_text(node: Node, document: Document) -> Optional[str]:
    """The text as it stands in the file: ``1.10`` stays that."""
    if node.kind != "scalar":
        raise document.error(node, "a text is expected here")
    return None if node.is_null else node.text


def read_int(node: Node, document: Document) -> Optional[int]:
    value = node.value if node.kind == "scalar" else ""
    if value is None:
        return None
    if isinstance(value, str):
        # A quoted number is a number in fields that can hold nothing else.
        digits = value.lstrip("-")
        value = int(value) if digits.isdigit() and digits.isascii() and len(value) < 20 else value
    if isinstance(value, bool) or not isinstance(value, int):
        raise document.error(node, f"a whole number is expected here, not '{node.text}'")
    return value


_BOOLS = {
    **dict.fromkeys(("true", "yes", "on", "y"), True),
    **dict.fromkeys(("false", "no", "off", "n"), False),
}


def read_bool(node: Node, document: Document) -> Optional[bool]:
    if node.is_null:
        return None
    value = _BOOLS.get(node.text.lower()) if node.kind == "scalar" else None
    if value is None:
        raise document.error(node, f"true or false is expected here, not '{node.text}'")
    return value


def read_list(node: Node, document: Document) -> List[object]:
    """A sequence; null is an empty one. A number keeps its type where its text is what Python
    writes for it, else it stays the text: ``0.10`` is the argument ``0.10``."""
    if node.is_null:
        return []
    if node.kind != "seq":
        raise document.error(node, "a sequence ('- item' or [ ]) is expected here")
    return [_exact(item) for item in node.items]


def _exact(node: Node) -> object:
    if node.kind != "scalar":
        return to_plain(node)
    value = node.value
    if value is None and node.text:
        return node.text
    if isinstance(value, bool) or (isinstance(value, (int, float)) and str(value) != node.text):
        return node.text
    return value


def read_dict(node: Node, document: Document) -> Dict[str, object]:
    if node.is_null:
        return {}
    return {key.text: to_plain(value) for key, value in mapping(node, document)}


def read_texts(node: Node, document: Document) -> Dict[str, str]:
    """A mapping of names to texts, for environment variables."""
    if node.is_null:
        return {}
    return {key.text: read_text(value, document) or "" for key, value in mapping(node, document)}


def none() -> None:
    """The default of a field that is not set."""
    return
