"""Writes documents in the form of Azure ML's ``.runconfig`` files.

Null is empty, empty collections are ``[]`` and ``{}``, a sequence stands at the column of its key.
A string that any reader of YAML 1.1 or 1.2 could take for something else is quoted.
"""

from __future__ import annotations

import re
from typing import Iterator, List, Mapping

from muster._yaml.nodes import resolve

_PLAIN = re.compile(r"[A-Za-z0-9_./$<(~+^\\=-]")
_NUMBER_LIKE = re.compile(r"[-+.]?[0-9][0-9_.:eExXoObBa-fA-F+-]*\Z|=\Z|<<\Z")
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"])
_CONTROL = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\", "\0": "\\0"}


def write(value: object) -> str:
    """`value` (dict, list, tuple, str, int, float, bool, None) as a document that ends with a
    newline.

    Raises TypeError for another type.
    """
    if isinstance(value, (Mapping, list, tuple)) and value:
        return "".join(line + "\n" for line in _lines(value, 0))
    return _scalar(value) + "\n"


def _lines(value: object, indent: int) -> Iterator[str]:
    pad = " " * indent
    if isinstance(value, Mapping):
        for key, item in value.items():
            name = _scalar(key if isinstance(key, str) else str(key))
            if isinstance(item, (list, tuple)) and item:
                yield f"{pad}{name}:"
                yield from _lines(item, indent)
            elif isinstance(item, Mapping) and item:
                yield f"{pad}{name}:"
                yield from _lines(item, indent + 2)
            else:
                yield from _leaf(f"{pad}{name}:", item, indent)
    elif isinstance(value, (list, tuple)):
        for item in value:
            if isinstance(item, (Mapping, list, tuple)) and item:
                nested = _lines(item, indent + 2)
                yield f"{pad}- {next(nested)[indent + 2:]}"
                yield from nested
            else:
                yield from _leaf(f"{pad}-", item, indent)


def _leaf(prefix: str, value: object, indent: int) -> Iterator[str]:
    if isinstance(value, str) and _fits_literal(value):
        chomp = "" if value.endswith("\n") else "-"
        yield f"{prefix} |{chomp}"
        for line in value.rstrip("\n").split("\n"):
            yield " " * (indent + 2) + line if line else ""
        return
    text = _scalar(value)
    yield f"{prefix} {text}" if text else prefix


def _fits_literal(text: str) -> bool:
    lines = text.split("\n")
    if len(lines) < 2 or text.endswith("\n\n") or not lines[0] or lines[0][0] in " \t":
        return False
    printable = all(line.replace("\t", " ").isprintable() for line in lines)
    return printable and not any(line[-1:] in (" ", "\t") or line[:1] == "\t" for line in lines)


def _scalar(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, (list, tuple)):
        return "[]"
    raise TypeError(f"a value of type {type(value).__name__} cannot be written")


def _float(value: float) -> str:
    if value != value:
        return ".nan"
    if value in (float("inf"), float("-inf")):
        return ".inf" if value > 0 else "-.inf"
    text = repr(float(value))
    # 1e-05 is a string to YAML 1.1: it wants a point and a signed exponent.
    if "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    return text


def _text(text: str) -> str:
    if not text:
        return "''"
    if not text.isprintable() or any("\ud800" <= char <= "\udfff" for char in text):
        return _double_quoted(text)
    if _is_plain(text):
        return text
    return "'" + text.replace("'", "''") + "'"


def _is_plain(text: str) -> bool:
    if not _PLAIN.match(text) or text[-1] in " :" or text.startswith(("---", "...")):
        return False
    if text[0] == "-" and text[1:2] in ("", " "):
        return False
    if ": " in text or " #" in text or any(char in text for char in ",[]{}"):
        return False
    if text.lower() in _WORDS or _NUMBER_LIKE.match(text):
        return False
    return isinstance(resolve(text), str)


def _double_quoted(text: str) -> str:
    out: List[str] = []
    for char in text:
        if char in _CONTROL:
            out.append(_CONTROL[char])
        elif char.isprintable():
            out.append(char)
        elif ord(char) <= 0xFF:
            out.append(f"\\x{ord(char):02x}")
        elif ord(char) <= 0xFFFF:
            out.append(f"\\u{ord(char):04x}")
        else:
            out.append(f"\\U{ord(char):08x}")
    return '"' + "".join(out) + '"'
