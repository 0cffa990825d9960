"""The spool: nothing that log returned for is lost, whatever becomes of the process; its bounds."""

import contextlib
import errno
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import unittest
from unittest import mock

from fake_agent import RUN_ID, FakeAgent, JobCase, raised, script_command

from muster._job import spool
from muster.exceptions import ServiceException


def values_of(lines: list, name: str = "n") -> list:
    return [line["value"] for line in lines if line.get("name") == name]


class SpoolCase(JobCase):
    def run_script(self, *lines: str, **options) -> subprocess.CompletedProcess:
        done = subprocess.run(
            script_command(*lines),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=120,
            env=self.agent.environment(),
            **options,
        )
        self.stderr = done.stderr.decode()
        return done

    def test_a_file_a_process_named_by_rank_and_process(self) -> None:
        self.agent.consumes = False
        self.run_.log("n", 1)
        (name,) = self.agent.spool_files()
        self.assertRegex(name, r"^3-%d-[0-9a-f]{16}\.jsonl$" % os.getpid())
        mode = os.stat(os.path.join(self.agent.directory, name)).st_mode
        self.assertEqual(mode & 0o777, 0o600)

    def test_kill_9_in_the_next_instant_keeps_the_line(self) -> None:
        self.agent.consumes = False
        done = self.run_script(
            "import os, signal",
            "run.log('n', 1); run.tag('t', 'x'); run.log_row('r', a=1)",
            "run.log('n', 2); os.kill(os.getpid(), signal.SIGKILL)",
        )
        self.assertEqual(done.returncode, -signal.SIGKILL)
        self.assertEqual([line["op"] for line in self.lines()], ["log", "tags", "log", "log"])
        self.assertEqual(values_of(self.lines()), [1, 2])

    def test_a_fork_has_a_file_of_its_own(self) -> None:
        self.agent.consumes = False
        done = self.run_script(
            "import os",
            "run.log('n', 0)",
            "for i in range(1, 4):",
            "    if os.fork() == 0:",
            "        for _ in range(100): run.log('n', i)",
            "        os._exit(0)",
            "for _ in range(100): run.log('n', 0)",
            "for i in range(3): os.wait()",
        )
        self.assertEqual(done.returncode, 0, self.stderr)
        files = self.agent.spool_files()
        self.assertEqual(len(files), 4)
        self.assertEqual(len({name.split("-")[1] for name in files}), 4)
        found = {
            name: set(
                values_of([json.loads(x.decode()) for x in self.agent.read(name).splitlines()])
            )
            for name in files
        }
        self.assertEqual(sorted(map(tuple, found.values())), [(0,), (1,), (2,), (3,)])

    def test_a_fork_while_other_threads_log_does_not_hang(self) -> None:
        self.agent.consumes = False
        done = self.run_script(
            "import os, threading",
            "stop = False",
            "def flood():",
            "    while not stop: run.log('flood', 1)",
            "threads = [threading.Thread(target=flood) for _ in range(3)]",
            "for t in threads: t.start()",
            "for i in range(20):",
            "    pid = os.fork()",
            "    if pid == 0: run.log('n', i); os._exit(0)",
            "    os.waitpid(pid, 0)",
            "stop = True",
        )
        self.assertEqual(done.returncode, 0, self.stderr)
        self.assertEqual(sorted(values_of(self.lines())), list(range(20)))

    def test_multiprocessing_takes_the_run_along(self) -> None:
        self.agent.consumes = False
        with open(os.path.join(self.agent.top, "script.py"), "w") as file:
            file.write(
                "import multiprocessing\n"
                "from azureml.core.run import Run\n"
                "def work(run): run.log('n', 1)\n"
                "if __name__ == '__main__':\n"
                "    child = Run.get_context().child_run(run_id='c1')\n"
                "    spawn = multiprocessing.get_context('spawn')\n"
                "    process = spawn.Process(target=work, args=(child,))\n"
                "    process.start(); process.join()\n"
            )
        subprocess.run(
            [sys.executable, file.name], timeout=60, check=True, env=self.agent.environment()
        )
        self.assertEqual(
            [(line["op"], line["run"]) for line in sorted(self.lines(), key=lambda x: x["op"])],
            [("create", "c1"), ("create", "c1"), ("log", "c1")],
        )

    def test_a_child_of_another_process_is_known_whichever_file_comes_first(self) -> None:
        """The child of a child too, by fork and by pickle; its line is the same again."""
        self.agent.consumes = False
        done = self.run_script(
            "import os, pickle",
            "fold = run.child_run('fold', run_id='c1')",
            "(inner,) = fold.create_children(tag_key='lr', tag_values=[0.1])",
            "kept = pickle.dumps(inner)",
            "for how in (lambda: inner, lambda: pickle.loads(kept)):",
            "    if os.fork() == 0:",
            "        how().log('n', 1); how().tag('t'); how().log('n', 2); os._exit(0)",
            "    os.wait()",
            "inner.log('n', 3)",
        )
        self.assertEqual(done.returncode, 0, self.stderr)
        files = [self.lines_of(name) for name in self.agent.spool_files()]
        self.assertEqual(
            sorted([line["op"] for line in lines] for lines in files),
            [["create", "create", "log"]] + [["create", "create", "log", "tags", "log"]] * 2,
        )
        self.agent.newest_first = True
        self.agent.consume()
        self.assertEqual((self.agent.refused, len(values_of(self.agent.lines))), ([], 5))

    def test_a_new_file_of_a_process_tells_of_its_children_again(self) -> None:
        self.agent.consumes = False
        children = self.run_.create_children(3)
        with mock.patch.multiple(spool, ROTATE_BYTES=1, _LOOK_BYTES=1, FILE_BYTES=1):
            self.run_._context.spool._writers[os.getpid()]._look_at = 1
            for child in children:
                child.log("n", 1)
        self.assertEqual(len(self.agent.spool_files()), 4)
        self.agent.newest_first = True
        self.agent.consume()
        self.assertEqual((self.agent.refused, values_of(self.agent.lines)), ([], [1, 1, 1]))

    def test_how_many_children_a_process_remembers_is_bounded(self) -> None:
        self.agent.consumes = False
        with mock.patch.object(spool, "_MAX_TOLD", 10):
            for child in self.run_.create_children(8) + self.run_.create_children(8):
                child.log("n", 1)
        told = self.run_._context.spool._writers[os.getpid()]._told
        self.assertTrue(1 <= len(told) <= 10)

    def test_a_run_that_nobody_made_is_refused(self) -> None:
        """By the agent of these tests: else those that look for it could not fail."""
        self.run_._child("nobody").log("n", 1)
        self.run_.flush(60)
        self.assertEqual((values_of(self.agent.refused), self.agent.lines), ([1], []))
        del self.agent.refused[:]

    def lines_of(self, name: str) -> list:
        return [json.loads(line.decode()) for line in self.agent.read(name).splitlines()]

    def test_threads(self) -> None:
        self.agent.consumes = False

        def work(i: int) -> None:
            for step in range(500):
                self.run_.log("n", i * 1000 + step)

        interval = sys.getswitchinterval()
        self.addCleanup(sys.setswitchinterval, interval)
        sys.setswitchinterval(1e-6)
        # All begin while the one file is made.
        real, arrived = os.open, threading.Barrier(2)

        def slow_open(*arguments, **options):
            if str(arguments[0]).endswith(".jsonl"):
                with contextlib.suppress(threading.BrokenBarrierError):
                    arrived.wait(0.2)
            return real(*arguments, **options)

        patch = mock.patch.object(os, "open", slow_open)
        patch.start()
        self.addCleanup(patch.stop)
        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(self.agent.spool_files()), 1)
        expected = [i * 1000 + step for i in range(8) for step in range(500)]
        self.assertEqual(sorted(values_of(self.lines())), expected)

    def test_interrupts_tear_no_line(self) -> None:
        self.agent.consumes = False
        done = self.run_script(
            "import signal",
            "def interrupt(*_): raise KeyboardInterrupt",
            "signal.signal(signal.SIGALRM, interrupt)",
            "interrupts = done = 0",
            "while interrupts < 300:",
            "    try:",
            "        signal.setitimer(signal.ITIMER_REAL, 0.0001 * (1 + interrupts % 17))",
            "        while True: run.log('n', done, description='d' * 500); done += 1",
            "    except KeyboardInterrupt: interrupts += 1",
            "print(done)",
        )
        self.assertEqual(done.returncode, 0, self.stderr)
        found = values_of(self.lines())
        # At most the one line more, of a call that was interrupted after it had written.
        self.assertEqual(set(found), set(range(max(found) + 1)))
        self.assertGreaterEqual(max(found) + 1, int(done.stdout))

    def test_a_signal_handler_that_logs(self) -> None:
        self.agent.consumes = False
        done = self.run_script(
            "import signal",
            "signal.signal(signal.SIGALRM, lambda *_: run.log('handler', 1))",
            "signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)",
            "for i in range(20000): run.log('n', i)",
            "signal.setitimer(signal.ITIMER_REAL, 0)",
        )
        self.assertEqual(done.returncode, 0, self.stderr)
        self.assertEqual(values_of(self.lines()), list(range(20000)))
        self.assertTrue(values_of(self.lines(), "handler"))

    def test_100_000_calls_arrive_and_wake_the_agent_now_and_then(self) -> None:
        started = time.monotonic()
        for i in range(100000):
            self.run_.log("n", i)
        elapsed = time.monotonic() - started
        self.run_.flush(60)
        self.assertEqual(values_of(self.agent.lines), list(range(100000)))
        self.assertTrue(1 <= self.agent.pokes <= 16 + 100 * (elapsed + 10), self.agent.pokes)

    def test_a_single_call_wakes_the_agent_at_once(self) -> None:
        for i in range(5):
            before = self.agent.pokes
            self.run_.log("n", i)
            self.eventually(lambda before=before: self.agent.pokes > before, "no datagram")

    def test_no_agent_no_harm(self) -> None:
        other = FakeAgent()
        other.consumes = False
        other.close()
        os.mkdir(other.top)
        self.addCleanup(os.rmdir, other.top)
        os.makedirs(other.directory)
        done = subprocess.run(
            script_command("for i in range(100): run.log('n', i)"),
            env=dict(self.agent.environment(), MUSTER_TRACKING_DIR=other.directory),
            stderr=subprocess.PIPE,
            timeout=60,
        )
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        (name,) = os.listdir(other.directory)
        path = os.path.join(other.directory, name)
        with open(path) as file:
            self.assertEqual(len(file.readlines()), 100)
        os.unlink(path)
        os.rmdir(other.directory)

    def test_no_directory_warns_once(self) -> None:
        done = subprocess.run(
            script_command("for i in range(100): run.log('n', i)", "print('done')"),
            env=dict(self.agent.environment(), MUSTER_TRACKING_DIR="/none"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=60,
        )
        self.assertEqual((done.returncode, done.stdout), (0, b"done\n"))
        self.assertEqual(done.stderr.count(b"\n"), 1)
        self.assertIn(b"has no place to be kept", done.stderr)

    def test_at_the_bound_it_waits_with_one_warning_and_drops_nothing(self) -> None:
        self.agent.consumes = False
        small = mock.patch.multiple(spool, MAX_UNACKNOWLEDGED_BYTES=20000, MEASURE_BYTES=2000)
        returned = []
        with small, mock.patch.object(sys, "stderr") as stderr:

            def flood() -> None:
                for i in range(400):
                    self.run_.log("n", i)
                    returned.append(i)

            thread = threading.Thread(target=flood)
            thread.start()
            self.eventually(lambda: stderr.write.called, "no warning")
            stuck = len(returned)
            size = len(self.agent.text())
            self.assertTrue(20000 < size < 24000, size)
            self.assertTrue(thread.is_alive())
            self.agent.consumes = True
            thread.join(60)
            self.assertFalse(thread.is_alive())
        self.assertLess(stuck, 400)
        self.run_.flush(60)
        self.assertEqual(values_of(self.agent.lines), list(range(400)))
        self.assertEqual(stderr.write.call_count, 1)
        self.assertIn("which is the bound", stderr.write.call_args[0][0])

    def test_the_bound_counts_what_other_processes_wrote(self) -> None:
        self.agent.consumes = False
        path = os.path.join(self.agent.directory, "0-1-0123456789abcdef.jsonl")
        with open(path, "wb") as file:
            file.truncate(5000)
        self.assertEqual(spool.unacknowledged(self.agent.directory), 5000)
        with open(path + ".ack", "w") as file:
            file.write("4000\n")
        self.assertEqual(spool.unacknowledged(self.agent.directory), 1000)

    def test_a_large_file_is_followed_by_another_and_never_written_again(self) -> None:
        sizes = {"ROTATE_BYTES": 10000, "_LOOK_BYTES": 1, "FILE_BYTES": 30000}
        seen = set()
        with mock.patch.multiple(spool, **sizes):
            for i in range(1000):
                self.run_.log("n", i)
                if i % 20 == 0:
                    self.run_.flush(60)
                seen.update(self.agent.spool_files())
            # The server away: in order in the one file for as long as it can be.
            self.agent.consumes = False
            self.run_.log("n", 1000)
            before = len(self.agent.spool_files())
            for i in range(1001, 1500):
                self.run_.log("n", i)
            self.assertLessEqual(len(self.agent.spool_files()) - before, 2)
            self.agent.consumes = True
            self.run_.flush(60)
        self.assertEqual(values_of(self.agent.lines), list(range(1500)))
        self.assertGreater(len(seen), 5)
        self.eventually(lambda: len(self.agent.spool_files()) <= 1, "files that are done stay")

    def test_a_full_disk_is_waited_for(self) -> None:
        self.agent.consumes = False
        real, failures = os.write, [errno.ENOSPC, errno.EDQUOT]

        def full(fd, data):
            if failures:
                raise OSError(failures.pop(), "full")
            return real(fd, data)

        with mock.patch.object(os, "write", full), mock.patch.object(sys, "stderr") as stderr:
            self.run_.log("n", 1)
        self.assertEqual(values_of(self.lines()), [1])
        # Counted is what was written, and once.
        writer = self.run_._context.spool._writers[os.getpid()]
        self.assertEqual((writer._size, writer._unmeasured), (len(self.agent.text()),) * 2)
        self.assertEqual(stderr.write.call_count, 2)  # once a cause

    def test_a_disk_that_fills_in_the_middle_of_a_line(self) -> None:
        self.agent.consumes = False
        self.run_.log("n", 0)
        real, answers = os.write, ["half", "none"]

        def filling(fd, data):
            answer = answers.pop(0) if answers else "all"
            if answer == "none":
                raise OSError(errno.ENOSPC, "full")
            return real(fd, data[: len(data) // 2] if answer == "half" else data)

        with mock.patch.object(os, "write", filling), mock.patch.object(sys, "stderr"):
            self.run_.log("n", 1)
        self.run_.log("n", 2)
        self.assertEqual(values_of(self.lines()), [0, 1, 2])

    def test_a_limit_for_sizes_of_files_begins_new_files(self) -> None:
        self.agent.consumes = False

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))

        done = self.run_script("for i in range(200): run.log('n', i)", preexec_fn=limit)
        self.assertEqual((done.returncode, self.stderr), (0, ""))
        self.assertEqual(sorted(values_of(self.lines())), list(range(200)))
        self.assertGreater(len(self.agent.spool_files()), 2)

    def test_a_script_that_closes_all_files(self) -> None:
        self.agent.consumes = False
        done = self.run_script(
            "import os; flags = os.O_CREAT | os.O_RDWR",
            "run.log('n', 0); os.closerange(3, 100); run.log('n', 1)",
            "os.closerange(3, 100); mine = [os.open('f%d' % i, flags) for i in range(20)]",
            "for i in range(2, 100): run.log('n', i)",
            "print(sum(os.fstat(fd).st_size for fd in mine))",
            cwd=self.agent.top,
        )
        self.assertEqual((done.returncode, self.stderr, done.stdout), (0, "", b"0\n"))
        self.assertEqual(values_of(self.lines()), list(range(100)))

    def test_no_file_descriptor_reaches_other_programs(self) -> None:
        done = self.run_script(
            "import subprocess, sys",
            "run.log('n', 0)",
            "command = ['ls', '-l', '/proc/self/fd']",
            "print(subprocess.check_output(command, close_fds=False).decode())",
        )
        self.assertNotIn("jsonl", done.stdout.decode())
        self.assertNotIn("socket", done.stdout.decode())

    def test_flush_waits_for_the_acknowledgement(self) -> None:
        self.agent.consumes = False
        self.run_.flush(0)  # nothing was logged
        self.run_.log("n", 1)
        flushed = threading.Event()
        thread = threading.Thread(target=lambda: (self.run_.flush(60), flushed.set()))
        thread.start()
        before = self.agent.pokes
        self.eventually(lambda: self.agent.pokes > before + 3, "flush does not wake the agent")
        self.assertFalse(flushed.is_set())
        self.agent.consumes = True
        thread.join(60)
        self.assertTrue(flushed.is_set())
        self.assertEqual(values_of(self.agent.lines), [1])

    def test_flush_gives_up_when_its_time_is_over(self) -> None:
        self.agent.consumes = False
        self.run_.log("n", 1)
        sentence = raised(ServiceException, lambda: self.run_.flush(0.05))
        self.assertRegex(sentence, r"^\d+ bytes .* after 0.05 s; they are kept")

    def test_nothing_runs_beside_the_script(self) -> None:
        self.run_.log("n", 1)
        done = self.run_script(
            "import threading",
            "for i in range(100): run.log('n', i)",
            "run.flush(30); print(threading.active_count())",
        )
        self.assertEqual(done.stdout, b"1\n", self.stderr)


class LongPathCase(JobCase):
    """A directory whose sockets' paths are longer than connect(2) takes."""

    depth = 3

    def test_wakes_and_asks_all_the_same(self) -> None:
        self.assertGreater(len(self.agent.directory), 150)
        self.run_.log("n", 1)
        self.eventually(lambda: self.agent.pokes, "no datagram")
        self.agent.answers["GetRun"] = lambda request: {"run": {"status": "JOB_STATUS_RUNNING"}}
        self.assertEqual(self.run_.get_status(), "Running")
        self.assertEqual(self.agent.calls, [("GetRun", {"runId": RUN_ID, "workspace": "lab"})])


if __name__ == "__main__":
    unittest.main()
