"""Uploads into the attempt's directory; downloads of what is here and of what the server has."""

import base64
import io
import os
import socket
import stat
import unittest
from unittest import mock

from fake_agent import RUN_ID, JobCase, raised

from muster.exceptions import UserErrorException

LOG = "azureml-logs/70_driver_log.txt"
# Names that lead elsewhere, or that Muster keeps for itself.
WRONG_NAMES = [
    "",
    "/etc/passwd",
    "a//b",
    "../x",
    "a/../../x",
    "a/..",
    "./a",
    "a/",
    "a\0b",
    "n" * 1025,
    "n" * 256,
    "\u00fc" * 128,
    "a\nb",
    "a/\x7f",
    "d/" * 32 + "a",
    "\udcff",
    ".tmp-1",
    LOG,
    5,
    None,
]


class FilesCase(JobCase):
    def setUp(self) -> None:
        super().setUp()
        self.stored = {LOG: b"hello\n", "outputs/model.pt": bytes(range(256)) * 5000}
        self.agent.answers = {
            "ListRunFiles": lambda request: {
                "files": [{"name": name} for name in sorted(self.stored)],
                "attempt": 2,
            },
            "ReadRunFile": self.read,
            "GetRun": lambda request: {"run": {"kind": "RUN_KIND_JOB"}},
            "GetJob": lambda request: {"job": {}},
        }
        self.here = os.path.join(self.agent.top, "here")
        os.mkdir(self.here)
        before = os.getcwd()
        os.chdir(self.here)
        self.addCleanup(os.chdir, before)

    def read(self, request):
        data, offset = self.stored[request["name"]], int(request["offset"])
        part = data[offset : offset + request["maxBytes"]]
        return {"offset": str(offset), "data": base64.b64encode(part).decode(), "attempt": 2}

    def write(self, path: str, data: bytes = b"data") -> str:
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def content(self, path: str) -> bytes:
        with open(path, "rb") as file:
            return file.read()

    def kept(self) -> dict:
        root = os.path.join(self.agent.directory, "files")
        paths = [os.path.join(f, n) for f, _, names in os.walk(root) for n in names]
        return {os.path.relpath(path, root): self.content(path) for path in paths}

    def test_upload_copies_at_once(self) -> None:
        path = self.write("model.bin", b"one")
        self.run_.upload_file("outputs/model.bin", path)
        self.write(path, b"two")
        self.assertEqual(self.kept(), {"outputs/model.bin": b"one"})
        stored = os.path.join(self.agent.directory, "files", "outputs", "model.bin")
        self.assertEqual(stat.S_IMODE(os.stat(stored).st_mode), 0o600)
        self.assertEqual(os.stat(stored).st_nlink, 1)

    def test_streams(self) -> None:
        self.run_.upload_file("a", io.BytesIO(b"bytes"))
        self.run_.upload_file("b", io.StringIO("te\u00fct"))
        self.assertEqual(self.kept(), {"a": b"bytes", "b": "te\u00fct".encode("utf-8")})

    def test_the_same_name_again_is_refused(self) -> None:
        path = self.write("x")
        self.run_.upload_file("a", path)
        for name in ("a", "a/b"):
            self.assertIn("already", raised(UserErrorException, self.run_.upload_file, name, path))
        self.run_.upload_file("c/d", path)
        self.assertIn(
            "already", raised(UserErrorException, lambda: self.run_.upload_file("c", path))
        )
        self.assertEqual(sorted(self.kept()), ["a", "c/d"])

    def test_the_same_name_in_the_same_moment_is_refused(self) -> None:
        self.run_.upload_file("a", io.BytesIO(b"first"))
        with mock.patch.object(os.path, "lexists", lambda path: "tmp-" in path):
            raised(UserErrorException, self.run_.upload_file, "a", io.BytesIO(b"second"))
        self.assertEqual(self.kept(), {"a": b"first"})

    def test_wrong_names(self) -> None:
        path = self.write("x")
        for name in WRONG_NAMES:
            raised(UserErrorException, self.run_.upload_file, name, path)
            raised(UserErrorException, self.run_.upload_files, ["fine", name], [path] * 2)
        self.assertEqual(self.kept(), {})

    def test_what_is_no_file(self) -> None:
        os.mkfifo("pipe")
        os.symlink("nowhere", "link")
        for path in ("none", "pipe", "link", "/", 5.5, object()):
            raised(UserErrorException, self.run_.upload_file, "a", path)
        self.assertEqual(self.kept(), {})

    def test_files_and_folders(self) -> None:
        self.run_.upload_files(["p", "q/r"], [self.write("x", b"1"), self.write("y", b"2")])
        self.write("tree/a", b"a")
        self.write("tree/sub/b", b"b")
        os.mkdir("elsewhere")
        self.write("elsewhere/c")
        os.symlink("../elsewhere", "tree/link")
        os.symlink("nowhere", "tree/broken")
        os.symlink("a", "tree/same")
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("tree/socket")
        self.run_.upload_folder("t", "tree")
        expected = {"p": b"1", "q/r": b"2", "t/a": b"a", "t/same": b"a", "t/sub/b": b"b"}
        self.assertEqual(self.kept(), expected)
        raised(UserErrorException, lambda: self.run_.upload_files(["a", "b"], ["x"]))
        raised(UserErrorException, lambda: self.run_.upload_files(["a", "a"], ["x", "x"]))
        raised(UserErrorException, lambda: self.run_.upload_files("a", "x"))
        raised(UserErrorException, lambda: self.run_.upload_folder("u", 5))
        raised(UserErrorException, lambda: self.run_.upload_folder("u", "none"))
        raised(UserErrorException, lambda: self.run_.upload_folder("../u", "tree"))
        raised(UserErrorException, lambda: self.run_.upload_file("a", "x", datastore_name="ds"))

    def test_files_of_children_lie_beside_those_of_the_job(self) -> None:
        child = self.run_.child_run(run_id="c1")
        child.upload_file("a", io.BytesIO(b"child's"))
        self.assertEqual(self.kept(), {"children/c1/a": b"child's"})
        self.assertEqual(child.get_file_names(), ["a"])
        child.download_file("a")
        self.assertEqual(self.content("a"), b"child's")

    def test_names_of_the_server_and_of_this_node(self) -> None:
        self.run_.upload_file("mine", io.BytesIO(b"x"))
        self.write(os.path.join(self.agent.directory, "files", ".tmp-1-2"))
        self.assertEqual(self.run_.get_file_names(), [LOG, "mine", "outputs/model.pt"])

    def test_download(self) -> None:
        self.run_.download_file("outputs/model.pt")
        self.run_.download_file("outputs/model.pt", "d/e")
        self.run_.download_file(LOG, "d/")
        for path in ("model.pt", "d/e"):
            self.assertEqual(self.content(path), self.stored["outputs/model.pt"])
        self.assertEqual(self.content("d/70_driver_log.txt"), b"hello\n")
        offsets = [
            int(r["offset"]) for m, r in self.agent.calls if r.get("name") == "outputs/model.pt"
        ]
        self.assertEqual(offsets[:3], [0, 1 << 18, 2 << 18])
        self.run_.upload_file("mine", io.BytesIO(b"x"))
        self.run_.download_file("mine", "f")
        self.assertEqual(self.content("f"), b"x")
        self.assertEqual(sorted(os.listdir()), ["d", "f", "model.pt"])

    def test_many_downloads(self) -> None:
        self.run_.download_files("outputs/", "down", append_prefix=False)
        self.assertEqual(os.listdir("down"), ["model.pt"])
        self.run_.download_files(output_directory="all")
        self.assertEqual(sorted(os.listdir("all")), ["azureml-logs", "outputs"])
        self.run_.download_files("outputs", output_paths=["one"])
        self.assertTrue(os.path.isfile("one"))
        raised(UserErrorException, lambda: self.run_.download_files(output_paths=["one"]))
        raised(UserErrorException, lambda: self.run_.download_files(timeout_seconds=-1))
        self.assertEqual(self.run_.get_all_logs(), [RUN_ID + "/" + LOG])
        self.assertEqual(self.run_.get_details_with_logs()["logFiles"], {LOG: "hello\n"})

    def test_a_server_cannot_lead_a_download_elsewhere(self) -> None:
        self.stored = {"outputs/../../../x": b"bad"}
        raised(UserErrorException, lambda: self.run_.download_files())
        self.stored = {"azureml-logs/../../x": b"bad"}
        raised(UserErrorException, lambda: self.run_.get_all_logs("logs"))
        self.assertEqual(os.listdir(), [])


if __name__ == "__main__":
    unittest.main()
