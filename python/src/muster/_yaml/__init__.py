"""The part of YAML that ``.runconfig`` and conda files use, without a dependency.

Read: block and flow mappings and sequences, comments, plain, quoted, literal (``|``) and folded
(``>``) scalars over one or more lines, one document. JSON is read by the same reader. Refused with
file and line: anchors, aliases, tags, directives, ``?`` keys, several documents, tabs as
indentation, duplicate keys.

Scalars are resolved by the core schema of YAML 1.2 (see :func:`muster._yaml.nodes.resolve`), so
that ``yes``, ``on``, ``1:30`` and ``0123`` stay strings; every node keeps its source text and line
besides.
"""

from __future__ import annotations

from muster._yaml.block import parse
from muster._yaml.nodes import Node, YamlError, to_plain
from muster._yaml.writer import write

__all__ = ["Node", "YamlError", "parse", "to_plain", "write"]
