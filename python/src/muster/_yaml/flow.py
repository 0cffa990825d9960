"""Flow collections: ``[a, b]`` and ``{a: 1}``, over one or more lines. JSON is such a document."""

from __future__ import annotations

from typing import Dict, List

from muster._yaml.nodes import MAX_DEPTH, Node
from muster._yaml.scanner import Scanner

_CLOSES = {"[": "]", "{": "}"}
_STOPS = frozenset(",[]{}")


class FlowReader(Scanner):
    """Adds flow collections to the scanner."""

    def flow(self, depth: int) -> Node:
        """A quoted scalar or a collection; the cursor is at its first character."""
        start = self.pos
        if self.peek() in "'\"":
            return Node("scalar", self.line_of(start), self.quoted())
        if depth > MAX_DEPTH:
            raise self.error(f"more than {MAX_DEPTH} levels are not allowed")
        opening = self.peek()
        self.pos += 1
        node = Node("seq" if opening == "[" else "map", self.line_of(start))
        seen: Dict[str, int] = {}
        while self._skip_to(start) != _CLOSES[opening]:
            if opening == "[":
                node.items.append(self._sequence_item(start, depth))
            else:
                self._mapping_item(node, seen, start, depth)
            found = self._skip_to(start)
            if found == ",":
                self.pos += 1
            elif found != _CLOSES[opening]:
                raise self.error(f"expected ',' or '{_CLOSES[opening]}'")
        self.pos += 1
        return node

    def _skip_to(self, start: int) -> str:
        if not self.next_token() or (self.column() == 0 and self.at_document_marker(self.pos)):
            raise self.error(f"this '{self.text[start]}' is never closed", start)
        return self.peek()

    def _sequence_item(self, start: int, depth: int) -> Node:
        item = self._value(depth)
        if self._skip_to(start) == ":":
            raise self.error("a mapping inside '[ ]' needs its own '{ }'")
        return item

    def _mapping_item(self, node: Node, seen: Dict[str, int], start: int, depth: int) -> None:
        quoted = self.peek() in "'\""
        key = self._value(depth)
        if key.kind != "scalar":
            raise self.error("a key must be a scalar")
        if key.text in seen:
            raise self.error(f"the key '{key.text}' stands already in line {seen[key.text]}")
        seen[key.text] = key.line
        value = Node("scalar", key.line, "", plain=True)
        if self._skip_to(start) == ":" and (quoted or self._ends_key(self.peek(1))):
            self.pos += 1
            if self._skip_to(start) not in ",}":
                value = self._value(depth)
        node.pairs.append((key, value))

    @staticmethod
    def _ends_key(following: str) -> bool:
        return following in " \t\n" or following in _STOPS

    def _value(self, depth: int) -> Node:
        if self.peek() in "[{'\"":
            return self.flow(depth + 1)
        self.refuse_indicator()
        line = self.line_of(self.pos)
        if self.peek() in _STOPS or (self.peek() in "-?:" and self._ends_key(self.peek(1))):
            raise self.error(f"a value cannot start with '{self.peek()}' here")
        return Node("scalar", line, self._plain(), plain=True)

    def _plain(self) -> str:
        lines: List[str] = []
        while True:
            start = self.pos
            while not self._plain_stops(start):
                self.pos += 1
            lines.append(self.text[start : self.pos].strip(" \t"))
            if not self.at_line_end():
                break
            resume = self.pos
            while self.pos < self.end and self.peek() in " \t\n":
                if self.peek() == "\n":
                    lines.append("")
                self.pos += 1
            lines.pop()
            if self.pos >= self.end or self._plain_stops(-1):
                self.pos = resume
                break
        return fold_lines(lines)

    def _plain_stops(self, start: int) -> bool:
        char = self.peek()
        if char == "\n" or char in _STOPS:
            return True
        if char == "#":
            return self.pos != start and self.text[self.pos - 1] in " \t\n"
        return char == ":" and self._ends_key(self.peek(1))


def fold_lines(lines: List[str]) -> str:
    """Lines of a plain scalar folded: a single break is a space, empty lines are breaks."""
    while lines and not lines[-1]:
        lines.pop()
    out = lines[0] if lines else ""
    empty = 0
    for line in lines[1:]:
        if not line:
            empty += 1
            continue
        out += ("\n" * empty if empty else " ") + line
        empty = 0
    return out
