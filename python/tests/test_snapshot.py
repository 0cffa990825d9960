"""Packing a source directory: what goes in, what stays at home, and the bytes of the archive."""

from __future__ import annotations

import ctypes
import os
import random
import socket
import tarfile
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from muster._snapshot import tar
from muster._snapshot.ignore import IgnoreRules
from muster._snapshot.pack import PackedDirectory, pack_directory
from muster._snapshot.tree import list_source_tree
from muster.exceptions import SnapshotException, UserErrorException

Entry = Tuple[bytes, bytes, int, bytes]


def names(directory: Path) -> List[str]:
    return [entry.path.decode() for entry in list_source_tree(str(directory))]


def write(root: Path, files: Dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def members(packed: PackedDirectory, place: Path) -> Dict[str, tarfile.TarInfo]:
    place.write_bytes(b"".join(packed.chunks(1000)))
    with tarfile.open(place) as archive:
        return {member.name: member for member in archive.getmembers()}


@pytest.mark.parametrize(
    ("rules", "path", "is_directory", "excluded"),
    [
        ("*.pt", "a.pt", False, True),
        ("*.pt", "deep/er/a.pt", False, True),
        ("*.pt", "a.pt.txt", False, False),
        ("data/", "data", True, True),
        ("data/", "data", False, False),
        ("data/", "x/data", True, True),
        ("/data", "x/data", True, False),
        ("/data", "data", True, True),
        ("x/data", "x/data", True, True),
        ("x/data", "y/x/data", True, False),
        ("a/**/b", "a/b", False, True),
        ("a/**/b", "a/x/y/b", False, True),
        ("a/**", "a", True, False),
        ("a/**", "a/x/y", False, True),
        ("**/cache", "x/cache", True, True),
        ("a?c", "abc", False, True),
        ("a?c", "a/c", False, False),
        ("[ab].py", "b.py", False, True),
        ("[!ab].py", "b.py", False, False),
        ("[!ab].py", "c.py", False, True),
        ("*.py\n!keep.py", "keep.py", False, False),
        ("!keep.py\n*.py", "keep.py", False, True),
        ("# comment\n\n", "# comment", False, False),
        (r"\#name", "#name", False, True),
        (r"\!name", "!name", False, True),
        ("name  ", "name", False, True),
        ("[", "[", False, True),
        ("a+b(1).py", "a+b(1).py", False, True),
        ("*", "anything", True, True),
        ("日本*", "日本語.txt", False, True),
    ],
)
def test_ignore_rules_are_gits(rules: str, path: str, is_directory: bool, excluded: bool) -> None:
    assert IgnoreRules(rules.split("\n")).excludes(path, is_directory) is excluded


def test_amlignore_wins_over_gitignore(project: Path) -> None:
    write(project, {"a.log": "", "b.tmp": "", "cache/x": "", ".gitignore": "*.log\n"})
    assert names(project) == [".gitignore", "b.tmp", "cache", "cache/x", "train.py"]
    write(project, {".amlignore": "*.tmp\ncache/\n"})
    assert names(project) == [".amlignore", ".gitignore", "a.log", "train.py"]


def test_git_directories_stay_at_home(project: Path) -> None:
    write(project, {".git/config": "", "module/.git/HEAD": "", "module/.github": ""})
    assert names(project) == ["module", "module/.github", "train.py"]


def test_an_excluded_entry_script_is_told_before_anything_is_packed(project: Path) -> None:
    write(project, {".amlignore": "*.py\n"})
    with pytest.raises(UserErrorException, match=r"train\.py would not reach .*\.amlignore"):
        pack_directory(str(project), "train.py")


def test_what_cannot_be_taken_is_listed_all_at_once(project: Path, tmp_path: Path) -> None:
    os.mkfifo(project / "fifo")
    (tmp_path / "outside").write_text("secret")
    (project / "out").symlink_to("../outside")
    (project / "absolute").symlink_to("/etc/passwd")
    (project / "self").symlink_to(".")
    with socket.socket(socket.AF_UNIX) as listener:
        before = os.getcwd()
        os.chdir(project)
        try:
            listener.bind("sock")
        finally:
            os.chdir(before)
        with pytest.raises(SnapshotException) as caught:
            list_source_tree(str(project))
    lines = str(caught.value).split("\n  ")
    assert [line.split(" ")[0] for line in lines[1:]] == ["absolute", "fifo", "out", "sock"]
    assert "an absolute path that the nodes do not have" in lines[1]
    assert "is a FIFO" in lines[2]
    assert "outside of the source directory" in lines[3]
    assert "is a socket" in lines[4]


def test_ignored_oddities_are_no_fault(project: Path) -> None:
    os.mkfifo(project / "fifo")
    write(project, {".amlignore": "fifo\n"})
    assert names(project) == [".amlignore", "train.py"]


def test_of_many_faults_the_first_are_listed(project: Path) -> None:
    for number in range(25):
        (project / f"link{number:02}").symlink_to("/x")
    with pytest.raises(SnapshotException, match="and 5 more"):
        list_source_tree(str(project))


def test_modes_links_and_empty_files_are_kept(project: Path, tmp_path: Path) -> None:
    (project / "run.sh").write_text("#!/bin/sh\n")
    (project / "run.sh").chmod(0o4755)
    (project / "empty").touch(0o600)
    (project / "link").symlink_to("run.sh")
    (project / "broken").symlink_to("not/there")
    with pack_directory(str(project)) as packed:
        found = members(packed, tmp_path / "packed.tar")
    assert sorted(found) == ["broken", "empty", "link", "run.sh", "train.py"]
    assert found["run.sh"].mode == 0o755
    assert (found["empty"].size, found["empty"].mode) == (0, 0o600)
    assert found["link"].linkname == "run.sh"
    assert {m.uid for m in found.values()} | {m.mtime for m in found.values()} == {0}
    assert packed.file_count == 3


def test_the_digest_depends_on_the_content_alone(project: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "elsewhere", {"train.py": "print('hello')\n"})
    os.utime(other / "train.py", (1, 1))
    (other / "train.py").chmod((project / "train.py").stat().st_mode)
    with pack_directory(str(project)) as one, pack_directory(str(other)) as two:
        assert one.digest == two.digest
    (other / "train.py").write_text("print('hullo')\n")
    with pack_directory(str(other)) as three:
        assert three.digest != one.digest


def test_a_file_that_changes_or_vanishes_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed_before(change: Any) -> Any:
        entries = list_source_tree(str(project))
        change()
        return lambda *_: entries

    place = "muster._snapshot.pack.list_source_tree"
    script = project / "train.py"
    monkeypatch.setattr(place, listed_before(lambda: script.write_text("longer than before ...")))
    with pytest.raises(SnapshotException, match=r"train\.py .* changed while it was packed"):
        pack_directory(str(project))
    monkeypatch.setattr(place, listed_before(lambda: script.write_text("x")))
    with pytest.raises(SnapshotException, match="changed while it was packed"):
        pack_directory(str(project))
    monkeypatch.setattr(place, listed_before(script.unlink))
    with pytest.raises(SnapshotException, match="changed while it was packed"):
        pack_directory(str(project))


def test_a_temporary_directory_that_is_not_there_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(project / "nowhere"))
    monkeypatch.setattr("muster._content._MOST_IN_MEMORY", 10)
    with pytest.raises(SnapshotException, match="set TMPDIR"):
        pack_directory(str(project))


def test_large_sources_are_packed_in_pieces(project: Path) -> None:
    with open(project / "sparse", "wb") as file:
        file.truncate(40 << 20)
    with pack_directory(str(project)) as packed:
        assert packed.size_bytes > 40 << 20
        assert max(map(len, packed.chunks(256 * 1024))) == 256 * 1024


def ours(entries: List[Entry]) -> bytes:
    out = b""
    for path, kind, mode, content in entries:
        is_file = kind == tar.FILE
        size, target = (len(content), b"") if is_file else (0, content)
        out += tar.entry_header(path, kind, mode, size, target)
        if is_file:
            out += content + tar.padding(len(content))
    return out + tar.end_of_archive(len(out))


def libarchives(library: Any, entries: List[Entry]) -> bytes:
    """The same as the command line makes it."""
    pieces: List[bytes] = []
    pointer, size_t = ctypes.c_void_p, ctypes.c_size_t
    callback_type = ctypes.CFUNCTYPE(ctypes.c_ssize_t, pointer, pointer, pointer, size_t)

    def take(_archive: Any, _data: Any, buffer: int, length: int) -> int:
        pieces.append(ctypes.string_at(buffer, length))
        return length

    callback = callback_type(take)
    library.archive_write_new.restype = library.archive_entry_new.restype = pointer
    archive = pointer(library.archive_write_new())
    assert library.archive_write_set_format_pax_restricted(archive) == 0
    assert library.archive_write_set_options(archive, b"hdrcharset=BINARY") == 0
    library.archive_write_open(archive, None, None, callback, None)
    types = {tar.FILE: 0o100000, tar.LINK: 0o120000, tar.DIRECTORY: 0o040000}
    for path, kind, mode, content in entries:
        entry = pointer(library.archive_entry_new())
        library.archive_entry_set_pathname(entry, path)
        library.archive_entry_set_filetype(entry, types[kind])
        if kind == tar.LINK:
            library.archive_entry_set_symlink(entry, content)
        library.archive_entry_set_perm(entry, mode)
        size = len(content) if kind == tar.FILE else 0
        library.archive_entry_set_size(entry, ctypes.c_int64(size))
        library.archive_entry_set_mtime(entry, ctypes.c_int64(0), ctypes.c_long(0))
        library.archive_entry_set_uid(entry, ctypes.c_int64(0))
        library.archive_entry_set_gid(entry, ctypes.c_int64(0))
        assert library.archive_write_header(archive, entry) == 0
        if size:
            library.archive_write_data(archive, content, size_t(size))
        library.archive_entry_free(entry)
    assert library.archive_write_close(archive) == 0
    library.archive_write_free(archive)
    return b"".join(pieces)


def random_entry(rng: random.Random) -> Entry:
    def part() -> bytes:
        length = rng.choice((1, 3, 10, 60, 98, 99, 100, 101, 120, 154, 155, 156, 200))
        alphabet = b"abc.d\xe6\xff " if rng.random() < 0.1 else b"abcdefgh"
        return b"q" + bytes(rng.choice(alphabet) for _ in range(length - 1))

    path = b"/".join(part() for _ in range(rng.randint(1, 4)))
    kind = rng.choice((tar.FILE, tar.LINK, tar.DIRECTORY))
    content = b""
    if kind == tar.FILE:
        content = bytes(rng.choice((0, 1, 511, 512, 513)))
    elif kind == tar.LINK:
        content = b"t" * rng.choice((1, 99, 100, 101, 150)) + rng.choice((b"", b"\xe8"))
    return path, kind, rng.choice((0o644, 0o755, 0o7)), content


def test_the_archive_is_the_command_lines_byte_for_byte() -> None:
    """So that the server keeps one copy of what both send."""
    try:
        library = ctypes.CDLL("libarchive.so.13")
    except OSError:
        pytest.skip("libarchive is not here")
    rng = random.Random(20260101)
    for _ in range(1500):
        entries = [random_entry(rng) for _ in range(rng.randint(1, 3))]
        assert ours(entries) == libarchives(library, entries), entries


def test_sizes_beyond_the_headers_field_are_in_the_extended_header() -> None:
    header = tar.entry_header(b"big", tar.FILE, 0o644, 9 << 30)
    assert b"19 size=9663676416\n" in header
    read = tarfile.TarInfo.frombuf(header[1024:], "utf-8", "strict")
    assert (read.name, read.size) == ("big", 9 << 30)
