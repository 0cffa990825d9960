"""The state directory: one server at a time, damage is noticed, a full disk loses nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import time

from support.cluster import Cluster
from support.wait import wait_for


def musterd(cluster: Cluster, timeout: float = 20.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run([cluster.bin / "musterd", "--state-dir", cluster.state, "--listen", "127.0.0.1:0"],
                          text=True, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL)


def test_a_second_server_on_the_same_state_is_refused(cluster: Cluster) -> None:
    done = musterd(cluster)
    assert done.returncode != 0
    assert str(cluster.state) in done.stderr and "another musterd" in done.stderr
    assert cluster.json("job", "list")["jobs"] == []


def test_sigterm_ends_the_server_within_5_s_and_jobs_go_on(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = cluster.submit({"main.py": "import time\nprint('a', flush=True)\ntime.sleep(2)\nprint('b')\n"})
    cluster.wait_status(job, "RUNNING")
    assert cluster.stop_server(5.0) == 0
    cluster.start_server()
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    assert cluster.log(job).splitlines()[-2:] == ["a", "b"]


def test_a_truncated_database_is_refused(cluster: Cluster) -> None:
    for number in range(20):
        cluster.json("pool", "create", f"pool{number}", "--slots-per-node", 1, "--max-nodes", 1)
    cluster.stop_server()
    database = cluster.state / "state.db"
    os.truncate(database, database.stat().st_size // 2 // 4096 * 4096 - 100)
    done = musterd(cluster)
    assert done.returncode != 0
    assert "state.db" in done.stderr and "restore" in done.stderr


def test_a_database_of_garbage_is_refused(cluster: Cluster) -> None:
    cluster.stop_server()
    (cluster.state / "state.db").write_bytes(os.urandom(8192))
    done = musterd(cluster)
    assert done.returncode != 0
    assert "state.db" in done.stderr and "restore" in done.stderr


def test_a_backup_taken_while_it_runs_can_be_restored(cluster: Cluster) -> None:
    cluster.muster("pool", "create", "kept", "--slots-per-node", 1, "--max-nodes", 1)
    backup = cluster.directory / "backup.db"
    with sqlite3.connect(cluster.state / "state.db") as source, sqlite3.connect(backup) as target:
        source.backup(target)
    cluster.stop_server()
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        (cluster.state / name).unlink(missing_ok=True)
    backup.rename(cluster.state / "state.db")
    cluster.start_server()
    assert "kept" in cluster.muster("pool", "list")


def test_secrets_are_private_files(cluster: Cluster) -> None:
    cluster.add_node("n1")
    secrets = [cluster.state / "admin.token", cluster.state / "join.token", cluster.state / "token.key",
               cluster.state / "pki" / "ca.key", cluster.state / "pki" / "server.key",
               cluster.state / "state.db", cluster.config, cluster.directory / "n1" / "identity" / "key.pem"]
    for file in secrets:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_fsck_finds_rows_and_events_in_agreement(cluster: Cluster) -> None:
    cluster.add_node("n1")
    for body in ("print(1)", "import sys; sys.exit(2)"):
        cluster.wait_end(cluster.submit({"main.py": body}))
    cluster.stop_server()
    done = subprocess.run([cluster.bin / "musterd", "--fsck", "--state-dir", cluster.state], text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done


def test_fsck_of_events_that_do_not_fit_together_is_told_in_a_sentence(cluster: Cluster) -> None:
    cluster.submit({"main.py": "print(1)"})
    cluster.stop_server()
    with contextlib.closing(sqlite3.connect(cluster.state / "state.db")) as database, database:
        # The pool "default" was never made, says the history; a job was submitted to it.
        database.execute("UPDATE events SET data = (SELECT data FROM events WHERE sequence = 2) WHERE sequence = 3")
    done = subprocess.run([cluster.bin / "musterd", "--fsck", "--state-dir", cluster.state], text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 1, done
    assert "cannot be folded" in done.stderr and "Restore the last backup" in done.stderr, done.stderr


def test_below_the_reserve_new_work_is_refused_and_reports_still_fit(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = cluster.submit({"main.py": "import time\nprint('a', flush=True)\ntime.sleep(6)\nprint('b')\n"})
    cluster.wait_status(job, "RUNNING")
    cluster.kill_server()
    free = shutil.disk_usage(cluster.state).free
    cluster.start_server(disk_reserve_bytes=free + (1 << 30))
    source = cluster.project("late", {"main.py": "print(1)"})

    def refused() -> bool:
        done = cluster.run("job", "submit", "--experiment", "e", "--source-directory", source,
                           "--entry-script", "main.py")
        return done.returncode == 4 and "reserve" in done.stderr

    wait_for(refused, "the submit to be refused")
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"


def test_a_full_disk_aborts_the_server_and_nothing_acknowledged_is_lost(cluster: Cluster) -> None:
    """The state lies on a small file system of the server's own mount namespace."""
    cluster.stop_server()
    mounted = cluster.directory / "small"
    mounted.mkdir()
    log = open(cluster.directory / "musterd.log", "ab")
    # The outer process holds the mount, so that servers can come and go in its namespace.
    keeper = subprocess.Popen(
        ["unshare", "-Urm", "sh", "-c", f"mount -t tmpfs -o size=24m tmpfs {mounted} && echo up && exec sleep 600"],
        stdout=subprocess.PIPE, stderr=log)
    try:
        assert keeper.stdout is not None and keeper.stdout.readline() == b"up\n"
        inside = ["nsenter", f"--target={keeper.pid}", "--user", "--mount", "--preserve-credentials"]
        state = mounted / "state"

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                [*inside, cluster.bin / "musterd", "--config", cluster.directory / "full.toml",
                 "--state-dir", state, "--listen", cluster.address], stdout=log, stderr=log)

        (cluster.directory / "full.toml").write_text("disk_reserve_bytes = 0\n")
        server = start()
        token = cluster.directory / "full.token"

        def copied() -> bool:
            done = subprocess.run([*inside, "cat", state / "admin.token"], capture_output=True)
            token.write_bytes(done.stdout)
            token.chmod(0o600)
            return done.returncode == 0 and bool(done.stdout)

        wait_for(copied, "the first start")
        wait_for(lambda: cluster.run("login", "--server", cluster.address, "--token-file", token).returncode == 0,
                 "the login")
        acknowledged = []
        subprocess.run([*inside, "sh", "-c", f"head -c 18000000 /dev/zero > {mounted}/ballast"], check=False)
        deadline = time.monotonic() + 60
        number = 0
        while server.poll() is None and time.monotonic() < deadline:
            number += 1
            name = f"p{number}"
            done = cluster.run("pool", "create", name, "--slots-per-node", 1, "--max-nodes", 1, timeout=30)
            if done.returncode == 0:
                acknowledged.append(name)
            elif number % 50 == 0:
                break
            if number == 5:
                subprocess.run([*inside, "sh", "-c", f"cat /dev/zero > {mounted}/more 2>/dev/null"], check=False)
        assert acknowledged
        assert server.wait(20) == -signal.SIGABRT or server.returncode == 134
        server = start()
        wait_for(lambda: "space" in cluster.server_log()[-2000:], "the boot to say that it waits for space")
        assert server.poll() is None
        subprocess.run([*inside, "rm", "-f", f"{mounted}/more", f"{mounted}/ballast"], check=True)
        wait_for(lambda: cluster.run("pool", "list").returncode == 0, "the server to go on")
        pools = cluster.muster("pool", "list")
        assert [name for name in acknowledged if name not in pools.split()] == []
        server.terminate()
        server.wait(10)
    finally:
        keeper.kill()
        keeper.wait()
