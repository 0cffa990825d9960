"""Block structure: mappings and sequences by indentation, literal and folded scalars, the
document."""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Tuple

from muster._yaml.flow import FlowReader, fold_lines
from muster._yaml.nodes import MAX_DEPTH, Node

_HEADER = re.compile(r"[|>](?:([-+])([1-9])?|([1-9])([-+])?)?(?=[ \t\n])")


def parse(text: str, file: str = "<text>") -> Node:
    """The document in `text` (at most 2 MiB); an empty one is null.

    `file` is the name that errors give. Raises YamlError.
    """
    return _BlockReader(text, file).document()


class _BlockReader(FlowReader):
    def document(self) -> Node:
        if self.text.startswith("%"):
            raise self.error("directives (%) are not supported; remove the line")
        if self.next_token() and self._at_start_marker():
            self.pos += 3
            self.skip_comment()
            if not self.at_line_end():
                raise self.error("nothing may follow '---' on its line")
        root = self._block(0, 0)
        if self._more():
            raise self.error("this line does not fit the indentation of those above it")
        if self.text.startswith("...", self.pos):
            self.pos += 3
        if self.next_token():
            raise self.error("only one document is allowed in a file")
        return root

    def _at_start_marker(self) -> bool:
        marked = self.column() == 0 and self.at_document_marker(self.pos)
        return marked and self.peek() == "-"

    def _more(self) -> bool:
        """Goes to the next token of this document; False when there is none."""
        if not self.next_token():
            return False
        return not (self.column() == 0 and self.at_document_marker(self.pos))

    def _null(self) -> Node:
        return Node("scalar", self.line_of(min(self.pos, self.end - 1)), "", plain=True)

    def _block(self, least: int, depth: int) -> Node:
        """The node whose first line is indented by at least `least`; null where there is none."""
        null = self._null()
        if not self._more() or self.column() < least:
            return null
        self._refuse_tab()
        return self._node(self.column(), least, depth)

    def _refuse_tab(self) -> None:
        start = self.text.rfind("\n", 0, self.pos) + 1
        if "\t" in self.text[start : self.pos]:
            raise self.error("a tab cannot be indentation; use spaces")

    def _node(self, column: int, least: int, depth: int) -> Node:
        """The node at the cursor, which is the first on its line or follows ``- ``."""
        if depth > MAX_DEPTH:
            raise self.error(f"more than {MAX_DEPTH} levels are not allowed")
        if self._at_dash():
            return self._sequence(column, depth)
        if self.peek() == "?" and self.peek(1) in " \t\n":
            raise self.error("'?' keys are not supported; write 'key: value'")
        key = self._key()
        if key is not None:
            return self._mapping(column, key, depth)
        return self._scalar_or_flow(least - 1, depth)

    def _at_dash(self) -> bool:
        return self.peek() == "-" and self.peek(1) in " \t\n"

    def _sequence(self, column: int, depth: int) -> Node:
        node = Node("seq", self.line_of(self.pos))
        while True:
            self.pos += 1
            self.skip_comment()
            if self.at_line_end():
                node.items.append(self._block(column + 1, depth + 1))
            else:
                if "\t" in self.text[self.text.rfind("\n", 0, self.pos) + 1 : self.pos]:
                    raise self.error("a tab cannot stand after '-'; use a space")
                node.items.append(self._node(self.column(), column + 1, depth + 1))
            if not self._more() or self.column() < column:
                return node
            if self.column() > column:
                raise self.error("this line does not fit the indentation of those above it")
            self._refuse_tab()
            if not self._at_dash():
                return node

    def _mapping(self, column: int, key: Node, depth: int) -> Node:
        node = Node("map", key.line)
        seen: Dict[str, int] = {}
        while True:
            if key.text in seen:
                first = seen[key.text]
                raise self.error(f"the key '{key.text}' stands already in line {first}")
            seen[key.text] = key.line
            node.pairs.append((key, self._mapping_value(column, depth)))
            if not self._more() or self.column() < column:
                return node
            if self.column() > column:
                raise self.error("this line does not fit the indentation of those above it")
            self._refuse_tab()
            found = None if self._at_dash() else self._key()
            if found is None:
                raise self.error("expected 'key: value'")
            key = found

    def _mapping_value(self, column: int, depth: int) -> Node:
        self.skip_comment()
        if not self.at_line_end():
            if self._at_dash():
                raise self.error("a sequence must start on the line after its key")
            return self._scalar_or_flow(column, depth + 1)
        null = self._null()
        if not self._more():
            return null
        if self.column() == column and self._at_dash():
            # A sequence may stand at the same column as its key.
            self._refuse_tab()
            return self._sequence(column, depth + 1)
        found = self._block(column + 1, depth + 1)
        return null if found.is_null else found

    def _key(self) -> Optional[Node]:
        """A key and its colon, on one line; None (and no move) where there is none."""
        start = self.pos
        line = self.line_of(start)
        if self.peek() in "'\"":
            end_of_line = self.text.index("\n", start)
            text = self.quoted()
            found = self.pos <= end_of_line
            self.skip_spaces()
            if found and self.peek() == ":" and self.peek(1) in " \t\n":
                self.pos += 1
                return Node("scalar", line, text)
            self.pos = start
            return None
        if self.peek() in "[{|>#" or (self.peek() == ":" and self.peek(1) in " \t\n"):
            return None
        end = self._plain_end()
        if self.text[end] != ":":
            return None
        self.refuse_indicator()
        self.pos = end + 1
        return Node("scalar", line, self.text[start:end].rstrip(" \t"), plain=True)

    def _plain_end(self) -> int:
        """Where the plain text at the cursor ends on its line: at ``: ``, `` #`` or the end."""
        at = self.pos
        while True:
            char = self.text[at]
            following = self.text[at + 1] if at + 1 < self.end else "\n"
            if char == "\n" or (char == ":" and following in " \t\n"):
                return at
            if char == "#" and at > self.pos and self.text[at - 1] in " \t":
                return at
            at += 1

    def _scalar_or_flow(self, parent: int, depth: int) -> Node:
        """A value at the cursor; lines that continue it are indented by more than `parent`."""
        if self.peek() in "|>":
            return self._block_scalar(parent)
        if self.peek() in "[{'\"":
            node = self.flow(depth)
            self.skip_comment()
            if not self.at_line_end():
                raise self.error("nothing may follow a value on its line")
            return node
        self.refuse_indicator()
        if self.peek() in ",]}" or (self.peek() in "-?:" and self.peek(1) in " \t\n"):
            raise self.error(f"a value cannot start with '{self.peek()}'; quote it")
        line = self.line_of(self.pos)
        return Node("scalar", line, self._plain_lines(parent), plain=True)

    def _plain_lines(self, parent: int) -> str:
        lines: List[str] = []
        while True:
            end = self._plain_end()
            lines.append(self.text[self.pos : end].strip(" \t"))
            self.pos = end
            if self.text[end] == ":":
                raise self.error("a plain value cannot contain ': '; quote it")
            if self.text[end] == "#":
                break
            resume = self.pos
            while self.pos < self.end and self.peek() in " \t\n":
                if self.peek() == "\n":
                    lines.append("")
                self.pos += 1
            lines.pop()
            stops = self.pos >= self.end or self.peek() == "#" or self.column() <= parent
            if stops or (self.column() == 0 and self.at_document_marker(self.pos)):
                self.pos = resume
                break
        return fold_lines(lines)

    def _block_scalar(self, parent: int) -> Node:
        line = self.line_of(self.pos)
        header = _HEADER.match(self.text, self.pos)
        if header is None:
            raise self.error("'|' and '>' are followed by '-', '+' or a digit, or by nothing")
        folded = self.peek() == ">"
        chomp = header.group(1) or header.group(4) or ""
        digit = header.group(2) or header.group(3)
        self.pos = header.end()
        self.skip_comment()
        if not self.at_line_end():
            raise self.error("the text of a block scalar starts on the next line")
        self.pos += 1
        lines = self._block_lines(max(parent, 0) + int(digit) if digit else None, parent)
        trailing = 0
        while lines and not lines[-1]:
            lines.pop()
            trailing += 1
        text = _fold_block(lines) if folded else "\n".join(lines)
        if chomp == "+":
            text += "\n" * (trailing + (1 if lines else 0))
        elif chomp != "-" and lines:
            text += "\n"
        return Node("scalar", line, text)

    def _block_lines(self, indent: Optional[int], parent: int) -> List[str]:
        """Takes the scalar's lines, without indentation; the cursor ends before the next token."""
        if indent is None:
            indent = self._found_indent(parent)
        lines: List[str] = []
        while self.pos < self.end:
            end = self.text.index("\n", self.pos)
            line = self.text[self.pos : end]
            width, blank = _indent_of(line)
            if not blank and width < indent:
                break
            if parent < 0 and indent == 0 and self.at_document_marker(self.pos):
                break
            lines.append(line[indent:] if len(line) > indent else "")
            self.pos = end + 1
        self.pos -= 1  # at the newline that ends the last line
        return lines

    def _found_indent(self, parent: int) -> int:
        at = self.pos
        deepest = 0
        while at < self.end:
            end = self.text.index("\n", at)
            width, blank = _indent_of(self.text[at:end])
            if not blank:
                if width <= parent:
                    return parent + 1
                if deepest > width:
                    raise self.error("an empty line is indented deeper than the text", at)
                return width
            deepest = max(deepest, width)
            at = end + 1
        return max(deepest, parent + 1)


def _indent_of(line: str) -> Tuple[int, bool]:
    width = len(line) - len(line.lstrip(" "))
    return width, width == len(line)


def _fold_block(lines: List[str]) -> str:
    """Joins neighbours by a space; lines that start with a space keep their breaks."""
    out = ""
    empty = 0
    previous: Optional[str] = None
    for line in lines:
        if not line:
            empty += 1
            continue
        if previous is None:
            out = "\n" * empty + line
        elif previous[0] in " \t" or line[0] in " \t":
            out += "\n" * (empty + 1) + line
        else:
            out += ("\n" * empty if empty else " ") + line
        previous = line
        empty = 0
    return out
