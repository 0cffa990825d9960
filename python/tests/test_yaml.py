"""The YAML reader and writer, held against PyYAML."""

from __future__ import annotations

import json
import random
import string
from pathlib import Path

import pytest
import yaml

from muster._yaml import YamlError, parse, to_plain, write

DATA = Path(__file__).parent / "data"

DOCUMENTS = [
    "",
    "# only a comment\n",
    "---\n",
    "---\na: 1\n...\n# after\n",
    "\ufeffa: b\r\nc: d\r\n",
    "a:\n",
    "a:\nb:\n  c:\n",
    "a: 1\nb: -2\nc: +3\nd: 1.5\ne: .5\nf: 1.\ng: 1.0e+3\nh: .inf\ni: -.Inf\nj: 0x1F",
    "t: true\nf: False\nn: null\nm: ~\nu: NULL",
    "s: 'it''s'\nd: \"a\\tb\\u00e9\\x41\\\\ \\\"q\\\"\"",
    "k with spaces: v with spaces   # comment\n'quoted key': 1\n\"double\": 2\n",
    "url: http://x.y:80/a#b\ntime: a:b\nhash: a#b\n",
    "deps:\n- python=3.6.2\n- pip:\n  - azureml-core\n  - torch==1.3\nchannels:\n- conda\n",
    "deps:\n  - a\n  -   b: 1\n      c: 2\n  -\n    d: 3\n  -\n  - - x\n    - y\n  - []\n  - {}\n",
    "a: []\nb: {}\nc: [1, two, 'three', \"four\", null, true]\nd: {x: 1, y: [2, {z: 3}], w: }\n",
    "a: [\n  1,\n  2, # comment\n\n  3,\n]\nb: {\n  c: d,\n  e: f\n}\n",
    "a: [a b\n  c, d]\n",
    "a: word word\n  more words\n\n  after empty\nb: 1\n",
    "a: 'single\n  folded\n\n  para'\nb: \"double\n  folded \\\n  joined\\n\n  end\"\n",
    "a: |\n  line 1\n    line 2\n\n  line 3\nb: |-\n  no newline\nc: |+\n  keep\n\n\nd: 1\n",
    "a: >\n  folded\n  text\n\n  para\n    kept\n    kept 2\n  end\nb: >-\n  x\n  y\n",
    "a: |2\n    indented\n  base\nb: >1-\n  x\n y\n",
    "a: |\n\n  leading empty\nb: |\nc: 1\n",
    "- |\n  text\n- >-\n  folded\n  text\n- last\n",
    "- - a\n  - b\n- c: 1\n  d:\n  - e\n",
    "a: b!\n",
    "a: -b\nc: ?d\ne: :f\n",
    "a: b\n   # comment deeper\nc: d\n# comment\n  # other\n",
    "- a # c\n#x\n- b\n",
    "plain scalar",
    "'quoted scalar'\n",
    "[1, 2]\n",
    '{"a": "b", "c": [1, 2.5, null, true], "d": {"e": "\\u00e9\\/"}}',
    '{"a":"b","c":1}',
    "a: 'x' # comment\n",
    "a:   \n  b\nc:\n    - d\n    - e\n",
    "a:\n  'k': v\n",
    "a: x\\ny\nb: C:\\dir\nc: $HOME/x\nd: (a)\ne: <f>\ng: a, b\n",
    "empty: ''\nspace: ' '\nnum: '3'\nbool: 'true'\n",
    "k:\n- a\n-\n- b\nj: 1\n",
    'text: "trailing \\\n  x"\n',
    'a: "x   \n   y"\n',
    'a: "x\\t\n   y"\n',
    "'a': {'b':1}\n",
    "a: [{x: y}]\n",
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_reads_as_pyyaml_does(document: str) -> None:
    assert to_plain(parse(document)) == yaml.safe_load(document)


# What YAML 1.1 (PyYAML) takes for something else and 1.2 does not.
DIFFERENCES = [
    ("yes", "yes", True),
    ("off", "off", False),
    ("On", "On", True),
    ("1_000", "1_000", 1000),
    ("0777", "0777", 511),
    ("1:30", "1:30", 90),
    ("0b11", "0b11", 3),
    ("1e3", 1000.0, "1e3"),
    ("1e-3", 0.001, "1e-3"),
    ("2018-12-04", "2018-12-04", "a date"),
]


@pytest.mark.parametrize(("text", "ours", "theirs"), DIFFERENCES)
def test_differs_from_yaml_1_1_where_it_guesses(text: str, ours: object, theirs: object) -> None:
    assert to_plain(parse(f"a: {text}")) == {"a": ours}
    if theirs != "a date":
        assert yaml.safe_load(f"a: {text}") == {"a": theirs}


REFUSED = [
    ("a: &x 1", 1, "anchors"),
    ("b: 1\na: *x", 2, "aliases"),
    ("a: !!str 1", 1, "tags"),
    ("%YAML 1.1\n---\na: 1", 1, "directives"),
    ("a: 1\n---\nb: 2", 2, "one document"),
    ("? a\n: b", 1, "'?' keys"),
    ("a: 1\na: 2", 2, "stands already in line 1"),
    ("{a: 1, a: 2}", 1, "stands already"),
    ("a:\n\tb: 1", 2, "tab"),
    ("a: b: c", 1, "quote it"),
    ("a: b\n  c: d", 2, "quote it"),
    ("a: 'x", 1, "never closed"),
    ('a: 1\nb: "x', 2, "never closed"),
    ("a: [1, 2", 1, "never closed"),
    ("a: [1 2}\n", 1, "expected ','"),
    ("a: {b: 1", 1, "never closed"),
    ("a:\n  b: 1\n c: 2", 3, "indentation"),
    ("a:\n- 1\n  - 2\n b: 1", 4, "quote it"),
    ("a:\n- b: 1\n   c: 2", 3, "quote it"),
    ("- a\nb: 1", 2, "indentation"),
    ("a: 1\nb", 2, "expected 'key: value'"),
    ("a: 'x' y", 1, "nothing may follow"),
    ("a: - b", 1, "line after"),
    ("a: |x\n  b", 1, "followed by"),
    ("a: |\n     \n  b", 3, "indented deeper"),
    ('a: "\\q"', 1, "no escape"),
    ('a: "\\u12"', 1, "hex digits"),
    ("a: @x", 1, "quote it"),
    ("a: \x01", 1, "control character"),
    ("a: , b", 1, "quote it"),
    ("a: [?, b]", 1, "cannot start"),
    ("[" * 100, 1, "levels"),
    ("- " * 100 + "a", 1, "levels"),
    ("--- a: b", 1, "'---'"),
    ("a" * (2 * 1024 * 1024 + 1), 1, "2 MiB"),
]


@pytest.mark.parametrize(("document", "line", "words"), REFUSED)
def test_refuses_with_file_and_line(document: str, line: int, words: str) -> None:
    with pytest.raises(YamlError) as caught:
        parse(document, "dir/x.runconfig")
    assert str(caught.value).startswith(f"dir/x.runconfig, line {line}: ")
    assert words in str(caught.value)


def test_nodes_know_their_lines() -> None:
    root = parse("a: 1\n\nb:\n- x\n- y: 2\n")
    (_, one), (_, sequence) = root.pairs
    assert (one.line, sequence.line, sequence.items[0].line) == (1, 4, 4)
    assert sequence.items[1].pairs[0][1].line == 5


WORDS = [
    "", " ", "a", "yes", "No", "null", "~", "3", "0.1", "1e5", "0777", "1:30", "true", "- a", "-",
    "--lr", "---", "a: b", "a:", "a #b", "#c", "'q'", '"d"', "a'b", "x\ny", "x\n", "\nx",
    "x\n\ny\n", " lead", "trail ", "tab\t", "&a", "*a", "!a", "%a", "@a", "`a`", "[a]", "{a}",
    "a,b", "|", ">", "?", "? a", ":", ": a", "=", "<<", "é", "日本", "\U0001f600", "\x07", "\x85",
    "\u2028", "a\\b", "2018-12-04", "0x1f", ".5", "+1", "1_0", ".inf", "-.inf", ".nan", "x" * 120,
    "many words " * 20, "line\n  indented\nend", "a\n b", "\ta", "a\tb", "torch==1.4",
    "numpy>=1,<2", "$AZUREML_DATAREFERENCE_ds", "http://h:80/#x", "C:\\x", "12e03", "1.e+3",
    "0o17", "...", "... a", "a ...",
]  # fmt: skip


# Numbers to YAML 1.2 alone (the table above), and characters that only YAML 1.1 takes for line
# breaks.
UNLIKE = ("1e5", "12e03", "\x85", "\u2028")


def random_value(rng: random.Random, depth: int = 0) -> object:
    roll = rng.random()
    if depth < 4 and roll < 0.25:
        return {random_text(rng): random_value(rng, depth + 1) for _ in range(rng.randrange(5))}
    if depth < 4 and roll < 0.45:
        return [random_value(rng, depth + 1) for _ in range(rng.randrange(5))]
    if roll < 0.5:
        return None
    if roll < 0.55:
        return rng.random() < 0.5
    if roll < 0.62:
        return rng.randrange(-(10**6), 10**6)
    if roll < 0.7:
        return rng.choice([0.5, 1e-5, 1.25e300, -2.0, 1e22, float("inf"), float("-inf")])
    return random_text(rng)


def random_text(rng: random.Random) -> str:
    if rng.random() < 0.6:
        return rng.choice(WORDS)
    alphabet = string.ascii_letters + string.digits + " .:#-'\"\\\n,[]{}&*!|>%@?=_/~é"
    return "".join(rng.choice(alphabet) for _ in range(rng.randrange(1, 30)))


def keys_of_one_line(value: object) -> object:
    """Keys that PyYAML does not write as '? key'."""
    if isinstance(value, dict):
        return {
            "".join(c for c in key if c.isalnum())[:12] or "k": keys_of_one_line(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [keys_of_one_line(item) for item in value]
    return value


@pytest.mark.parametrize("seed", range(60))
def test_reads_what_pyyaml_writes(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(20):
        value = keys_of_one_line(random_value(rng))
        document = yaml.dump(
            value,
            Dumper=yaml.SafeDumper,
            default_flow_style=rng.choice([True, False, None]),
            width=rng.choice([20, 40, 80, 1000]),
            indent=rng.choice([2, 4]),
            allow_unicode=rng.random() < 0.5,
            default_style=(
                rng.choice([None, None, "'", '"', "|", ">"]) if rng.random() < 0.3 else None
            ),
        )
        if "!!" in document or any(word in document for word in UNLIKE):
            continue
        assert to_plain(parse(document)) == yaml.safe_load(document), document


@pytest.mark.parametrize("seed", range(60))
def test_writes_what_both_read_back(seed: int) -> None:
    rng = random.Random(1000 + seed)
    for _ in range(20):
        value = random_value(rng)
        document = write(value)
        assert to_plain(parse(document)) == value, document
        assert yaml.safe_load(document) == value, document


@pytest.mark.parametrize("seed", range(10))
def test_reads_json(seed: int) -> None:
    rng = random.Random(2000 + seed)
    for indent in (None, 2, 4):
        value = {"root": random_value(rng)}
        document = json.dumps(value, indent=indent).replace("Infinity", "1.5")
        assert to_plain(parse(document)) == json.loads(document), document


def test_cost_stays_linear() -> None:
    """A document near the size limit is read without quadratic work."""
    document = "".join(f"key{i}: value {i}\n" for i in range(20_000))
    assert len(parse(document).pairs) == 20_000
