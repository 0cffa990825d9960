"""One process on one node: from submit to result, and every way its script can fail."""

from __future__ import annotations

import pytest

from support.cluster import Cluster


def test_a_script_gets_its_arguments_data_and_variables(cluster: Cluster) -> None:
    cluster.add_node("n1")
    data = cluster.directory / "data"
    data.mkdir()
    data.chmod(0o755)
    (data / "numbers.txt").write_text("1 2 3")
    cluster.muster("datastore", "register", "numbers", "--path", data)
    job = cluster.submit(
        {"main.py": "import os, sys\n"
                    "print('arguments', sys.argv[1:])\n"
                    "print('data', open(sys.argv[2] + '/numbers.txt').read())\n"
                    "print('run', os.environ['AZUREML_RUN_ID'], os.environ['COLOUR'])\n"
                    "import helper\n",
         "helper.py": "print('helper imported')\n"},
        "--env", "COLOUR=green", "--data", "numbers=numbers",
        arguments=("--data_dir", "$AZUREML_DATAREFERENCE_numbers", "$UNKNOWN", "${COLOUR}x", ""))

    ended = cluster.wait_end(job)

    assert ended["status"] == "JOB_STATUS_COMPLETED"
    log = cluster.log(job)
    assert "data 1 2 3" in log
    assert f"run {job} green" in log
    assert "helper imported" in log
    assert "'$UNKNOWN', 'greenx'" in log
    assert ended["attempts"][0]["ranks"][0]["exit_code"] == 0


def test_the_job_cannot_write_to_a_mounted_local_datastore(cluster: Cluster) -> None:
    cluster.add_node("n1")
    data = cluster.directory / "data"
    data.mkdir()
    data.chmod(0o777)
    (data / "kept.txt").write_text("kept")
    cluster.muster("datastore", "register", "store", "--path", data)
    job = cluster.submit(
        {"main.py": "import os, sys\n"
                    "try:\n    open(sys.argv[1] + '/new.txt', 'w')\n"
                    "except OSError as error:\n    print('refused', error.errno)\n"},
        "--data", "store=store", arguments=("$AZUREML_DATAREFERENCE_store",))

    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    assert "refused 30" in cluster.log(job)  # EROFS
    assert not (data / "new.txt").exists()


@pytest.mark.parametrize("body, field, value, code", [
    ("import sys; print('about to fail'); sys.exit(3)", "exit_code", 3, "SCRIPT_EXITED"),
    ("import os; print('about to fail', flush=True); os.kill(os.getpid(), 11)", "signal", 11,
     "SCRIPT_SIGNALED"),
    ("print('about to fail'); raise ValueError('wrong')", "exit_code", 1, "SCRIPT_EXITED"),
])
def test_a_failed_script_is_described(cluster: Cluster, body: str, field: str, value: int,
                                      code: str) -> None:
    cluster.add_node("n1")
    job = cluster.submit({"main.py": body})

    ended = cluster.wait_end(job)

    assert ended["status"] == "JOB_STATUS_FAILED"
    assert ended["cause"]["code"] == f"CAUSE_CODE_{code}"
    assert ended["cause"][field] == value
    assert ended["cause"]["node_id"] == "n1"
    attempt = ended["attempts"][0]
    assert attempt["ranks"][0][field] == value
    assert "about to fail" in attempt["last_log_lines"]
    assert "about to fail" in cluster.muster("job", "show", job)
    done = cluster.run("job", "wait", job)
    assert done.returncode == 1 and ended["cause"]["message"] in done.stdout + done.stderr


def test_a_script_that_is_not_executable(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = cluster.submit({"run.sh": "echo never\n"}, script="run.sh")
    ended = cluster.wait_end(job)
    assert ended["status"] == "JOB_STATUS_FAILED"
    assert ended["cause"]["code"] == "CAUSE_CODE_LAUNCH_FAILED"
    assert "run.sh" in ended["cause"]["message"] and "executable" in ended["cause"]["message"]


def test_an_executable_script_needs_no_interpreter(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = cluster.submit({"run.sh": "#!/bin/sh\necho \"hello $1\"\n"}, script="run.sh",
                         arguments=("world",))
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    assert "hello world" in cluster.log(job)


def test_an_interpreter_that_does_not_exist(cluster: Cluster) -> None:
    cluster.add_node("n1", settings={"interpreter": "/nowhere/python3"})
    job = cluster.submit({"main.py": "print('never')"})
    ended = cluster.wait_end(job)
    assert ended["status"] == "JOB_STATUS_FAILED"
    assert ended["cause"]["code"] == "CAUSE_CODE_LAUNCH_FAILED"
    assert "/nowhere/python3" in ended["cause"]["message"]


def test_a_data_path_that_the_node_lacks_once_the_job_is_staged(cluster: Cluster) -> None:
    cluster.muster("datastore", "register", "gone", "--path", cluster.directory / "not-there")
    job = cluster.submit({"main.py": "print('never')"}, "--data", "gone=gone/sub")  # nobody can tell
    cluster.add_node("n1")
    ended = cluster.wait_end(job)
    assert ended["status"] == "JOB_STATUS_FAILED"
    assert ended["cause"]["code"] == "CAUSE_CODE_STAGING_FAILED"
    assert "gone" in ended["cause"]["message"]


def test_jobs_never_run_as_root(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = cluster.submit({"main.py": "import os\nprint('uids', os.getresuid(), os.getgroups())\n"
                                     "open('outputs/x', 'w').write('1')\n"})
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    log = cluster.log(job)
    assert "uids (0," not in log and "uids" in log


def test_what_a_job_started_is_gone_when_it_ends(cluster: Cluster) -> None:
    cluster.add_node("n1")
    marker = f"muster-test-{cluster.directory.name}"
    job = cluster.submit({"main.py": "import os, time\n"
                                     "if os.fork() == 0:\n"
                                     "    os.setsid()\n"
                                     "    if os.fork() == 0:\n"
                                     f"        os.execv('/bin/sleep', ['{marker}', '600'])\n"
                                     "    os._exit(0)\n"
                                     "time.sleep(0.5)\n"})
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    import pathlib
    alive = [p for p in pathlib.Path("/proc").glob("[0-9]*/cmdline")
             if marker.encode() in (p.read_bytes() if p.exists() else b"")]
    assert alive == []
