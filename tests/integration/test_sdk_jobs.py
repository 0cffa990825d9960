"""The Python SDK against a real server: the how-to's examples, and what a submitted run can tell."""

from __future__ import annotations

import pathlib
import random
import textwrap
import warnings
from typing import Any

import pytest

from support.cluster import Cluster
from support.sdk import SUBMITTING_SCRIPT, WAITING_SCRIPT, UserScript, data_directory
from support.wait import wait_for

from muster._snapshot.pack import pack_directory
from muster.core import Datastore, Experiment, Run, ScriptRunConfig, Workspace, get_run
from muster.core.compute import ComputeTarget
from muster.exceptions import ExperimentExecutionException, UserErrorException
from muster.train.dnn import PyTorch
from muster.train.estimator import Estimator


def estimator(cluster: Cluster, body: str, **options: Any) -> Estimator:
    source = cluster.project(f"p{abs(hash(body))}", {"train.py": textwrap.dedent(body)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Estimator(str(source), compute_target="default", entry_script="train.py", **options)


def test_the_how_tos_first_example(cluster: Cluster, workspace: Workspace,
                                   capsys: pytest.CaptureFixture[str]) -> None:
    cluster.add_node("n1")
    Datastore.register_local(workspace, "digits", str(data_directory(cluster)))
    ds = workspace.get_default_datastore()
    compute_target = ComputeTarget(workspace, "default")
    exp = Experiment(workspace, "pytorch-mnist")
    cluster.project("my-pytorch-proj", {
        "train.py": "import argparse, helper\n"
                    "parser = argparse.ArgumentParser()\n"
                    "parser.add_argument('--data_dir')\n"
                    "print('numbers', open(parser.parse_args().data_dir + '/numbers.txt').read())\n",
        "helper.py": "print('helper imported')\n"})

    script_params = {
        '--data_dir': ds
    }
    pt_est = PyTorch(source_directory='./projects/my-pytorch-proj',
                     script_params=script_params,
                     compute_target=compute_target,
                     entry_script='train.py',
                     use_gpu=True)
    run = exp.submit(pt_est)
    details = run.wait_for_completion(show_output=True)

    assert details["status"] == "Completed" == run.get_status()
    shown = capsys.readouterr().out
    assert f"RunId: {run.id}\n" in shown
    assert "Streaming azureml-logs/70_driver_log.txt\n======" in shown
    assert "\nnumbers 1 2 3\n" in shown and "\nhelper imported\n" in shown
    assert shown.count("numbers 1 2 3") == 1
    assert shown.index("numbers 1 2 3") < shown.index("Execution Summary") < shown.index("Status: Completed")


def test_the_how_tos_second_example_with_mpi4py(cluster: Cluster, workspace: Workspace,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    cluster.add_node("n1")
    cluster.add_node("n2")
    cluster.project("my-pytorch-project", {
        "train.py": "from mpi4py import MPI\n"
                    "world = MPI.COMM_WORLD\n"
                    "print('rank', world.rank, 'of', world.size, 'sum', world.allreduce(world.rank))\n"})
    with pytest.warns(DeprecationWarning, match="distributed_training"):
        pt_est = PyTorch(source_directory='./projects/my-pytorch-project',
                         script_params={},
                         compute_target=ComputeTarget(workspace, "default"),
                         entry_script='train.py',
                         node_count=2,
                         process_count_per_node=2,
                         distributed_backend='mpi',
                         use_gpu=True)
    run = Experiment(workspace, "horovod").submit(pt_est)
    run.wait_for_completion(show_output=True)

    shown = capsys.readouterr().out
    assert "rank 0 of 4 sum 6" in shown
    assert "rank 1 of 4" not in shown  # rank 0 stands for the set
    logs = run.get_details_with_logs()["logFiles"]
    for rank in range(4):
        assert f"rank {rank} of 4 sum 6" in logs[f"azureml-logs/70_driver_log_{rank}.txt"]
    definition = run.get_details()["runDefinition"]
    assert (definition["nodeCount"], definition["mpi"]["processCountPerNode"]) == (2, 2)


def test_the_log_is_shown_while_the_script_runs(cluster: Cluster, workspace: Workspace) -> None:
    cluster.add_node("n1")
    data = data_directory(cluster)
    Datastore.register_local(workspace, "digits", str(data))
    cluster.project("p", {"train.py": WAITING_SCRIPT})
    with UserScript(cluster, SUBMITTING_SCRIPT) as script:
        script.wait_line("the script has begun")
        (data / "go").touch()  # only now can the script end
        code, said = script.wait_end()
    assert code == 0, said
    assert said.count("the script has begun") == 1
    assert "the script ends" in said and "returned Completed" in said


def test_a_failing_script_raises_with_its_cause(cluster: Cluster, workspace: Workspace,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    cluster.add_node("n1")
    run = Experiment(workspace, "e").submit(
        estimator(cluster, "import sys\nprint('about to fail')\nsys.exit(3)\n"))

    with pytest.raises(ExperimentExecutionException) as caught:
        run.wait_for_completion(show_output=True)

    assert run.id in str(caught.value) and "3" in str(caught.value)
    assert "Last lines of rank 0's log:" in str(caught.value) and "about to fail" in str(caught.value)
    shown = capsys.readouterr().out
    assert "Status: Failed" in shown and '"code": "UserError"' in shown
    details = run.wait_for_completion(raise_on_error=False)
    assert details["status"] == "Failed"
    assert details["error"]["error"]["message"] in str(caught.value)
    assert "endTimeUtc" in details


def test_a_script_that_cannot_start_has_a_cause_and_no_log(cluster: Cluster, workspace: Workspace,
                                                           capsys: pytest.CaptureFixture[str]) -> None:
    cluster.add_node("n1", settings={"interpreter": "/nowhere/python3"})
    run = Experiment(workspace, "e").submit(estimator(cluster, "print('never')\n"))
    with pytest.raises(ExperimentExecutionException, match="/nowhere/python3"):
        run.wait_for_completion(show_output=True)
    assert "never" not in capsys.readouterr().out


def test_a_running_job_is_cancelled(cluster: Cluster, workspace: Workspace) -> None:
    cluster.add_node("n1")
    run = Experiment(workspace, "e").submit(estimator(cluster, "import time\ntime.sleep(600)\n"))
    wait_for(lambda: run.get_status() == "Running", "the run to be running")
    assert run.cancel() is True
    details = run.wait_for_completion()  # a cancelled run is no error
    assert details["status"] == "Canceled" and "error" not in details
    assert details["warnings"][0]["message"]
    assert run.cancel() is True
    assert run.get_status() == "Canceled"


def test_a_queued_job_tells_what_it_waits_for_and_is_cancelled(cluster: Cluster, workspace: Workspace) -> None:
    run = Experiment(workspace, "e").submit(estimator(cluster, "print('never')\n"))
    status = run.get_detailed_status()
    assert status["status"] == "Queued"
    assert "node" in status["details"]
    run.cancel()
    assert run.wait_for_completion()["status"] == "Canceled"


def test_ctrl_c_ends_the_output_and_not_the_run(cluster: Cluster, workspace: Workspace) -> None:
    cluster.add_node("n1")
    data = data_directory(cluster)
    Datastore.register_local(workspace, "digits", str(data))
    cluster.project("p", {"train.py": WAITING_SCRIPT})
    with UserScript(cluster, SUBMITTING_SCRIPT) as script:
        run_id = script.wait_line("submitted ").split()[-1]
        script.wait_line("the script has begun")
        script.interrupt()
        code, said = script.wait_end()
    assert code == 1 and "ExperimentExecutionException" in said
    assert f"the output of the run {run_id} is not shown any more, but the run goes on" in said
    run = Run.get(workspace, run_id)
    assert run.get_status() == "Running"
    (data / "go").touch()
    assert run.wait_for_completion()["status"] == "Completed"


def test_files_of_a_run_are_downloaded(cluster: Cluster, workspace: Workspace) -> None:
    cluster.add_node("n1")
    run = Experiment(workspace, "e").submit(estimator(cluster, "print('x' * 300_000 + 'é')\n"))
    run.wait_for_completion()
    log = "azureml-logs/70_driver_log.txt"
    assert log in run.get_file_names()
    run.download_file(log, "here.txt")
    run.download_file(log)
    run.download_files(prefix="azureml-logs/70", output_directory="d")
    text = pathlib.Path("here.txt").read_text()
    assert text.endswith("x" * 300_000 + "é\n")
    assert pathlib.Path("70_driver_log.txt").read_text() == text == (pathlib.Path("d") / log).read_text()
    paths = run.get_all_logs()
    assert f"{run.id}/{log}" in paths and pathlib.Path(paths[0]).exists()
    assert run.get_details_with_logs()["logFiles"][log] == text
    with pytest.raises(UserErrorException, match="no run file"):
        run.download_file("outputs/none", "none")
    assert not pathlib.Path("none").exists()


def test_runs_are_listed_newest_first_and_filtered(cluster: Cluster, workspace: Workspace) -> None:
    experiment, other = Experiment(workspace, "first"), Experiment(workspace, "second")
    work = estimator(cluster, "print('hello')\n")
    runs = [experiment.submit(work, tags={"n": str(n), "even": "yes"} if n % 2 == 0 else None)
            for n in range(4)]
    elsewhere = other.submit(work)

    assert [run.id for run in experiment.get_runs()] == [run.id for run in reversed(runs)]
    assert [run.id for run in experiment.get_runs(tags="even")] == [runs[2].id, runs[0].id]
    assert [run.id for run in experiment.get_runs(tags={"n": 0})] == [runs[0].id]
    assert list(experiment.get_runs(type="hyperdrive")) == []
    runs[1].cancel()
    assert [run.id for run in Run.list(experiment, status="Canceled")] == [runs[1].id]
    assert [found.name for found in Experiment.list(workspace)] == ["second", "first"]
    assert set(workspace.experiments) == {"first", "second"}
    assert runs[0].number < runs[3].number < elsewhere.number
    assert runs[2].get_tags() == {"n": "2", "even": "yes"}
    assert workspace.get_run(elsewhere.id).experiment.name == "second"
    assert get_run(other, elsewhere.id).id == elsewhere.id
    with pytest.raises(UserErrorException, match="belongs to the experiment 'second'"):
        Run(experiment, elsewhere.id)
    with pytest.raises(UserErrorException, match="no run"):
        Run(experiment, "first_1_00000000")
    active = [run.id for run in ComputeTarget(workspace, "default").get_active_runs()]
    assert runs[1].id not in active and len(active) == 4
    assert [run.id for run in Run.list_by_compute(ComputeTarget(workspace, "default"), tags="even")] == [
        runs[2].id, runs[0].id]


def test_sdk_and_command_line_send_the_same_snapshot(cluster: Cluster, workspace: Workspace) -> None:
    source = cluster.project("p", {
        "train.py": "print('hello')\n", "run.sh": "#!/bin/sh\n", "empty": "", "日本/語.txt": "z",
        f"{'deep/' * 30}{'long' * 24}.txt": "far down"})
    (source / "link").symlink_to("train.py")
    by_cli = cluster.json("job", "submit", "--experiment", "e", "--source-directory", source,
                          "--entry-script", "train.py")["job_id"]
    run = Experiment(workspace, "e").submit(ScriptRunConfig(str(source), "train.py"))
    assert run.get_snapshot_id() == Run.get(workspace, by_cli).get_snapshot_id()
    (source / "train.py").write_text("print('hullo')\n")
    changed = Experiment(workspace, "e").submit(ScriptRunConfig(str(source), "train.py"))
    assert changed.get_snapshot_id() != run.get_snapshot_id()


IGNORE_FILES = [
    "*.txt\n!keep.txt\n", "!keep.txt\n*.txt\n", "a/\n", "/a\n", "a/**\n", "**/b\n", "a/**/c.txt\n",
    "name \\ \n", "name\\ \n", "b  \n", "[!a-k]*.txt\n", "[]x]\n", "[a-\n", "[b-a]\n", "[[:alpha:]].txt\n",
    "\\#x\n#x\n", "\ufeffa\n", "a\r\nb\r\n", "\u65e5*\n", "?.txt\n", "a/b/\n!a/b/c.txt\n", "//a//\n", "**\n!train.py\n",
    "a\x0cb\n", "b\u2028\n", "x\\\n", "*\n",
]


def test_sdk_and_command_line_leave_the_same_files_at_home(cluster: Cluster, workspace: Workspace) -> None:
    names = ["keep.txt", "x.txt", "k.txt", "z", "#x", "x]", "]", "[a-", "x\\", "name ", "日本/語.txt", "é.txt",
             "a/b/c.txt", "a/c.txt", "a/keep.txt", "b/a/c.txt", "b/b/b", "a\x0cb", "d/a"]
    source = cluster.project("p", {"train.py": "", **{name: name for name in names}})
    # A nested file does not count; that it does not is the same on both sides.
    (source / "a" / ".amlignore").write_text("*\n")
    (source / ".gitignore").write_text("*.txt\n")
    choose = random.Random(7)
    atoms = ["*", "**", "**/", "/", "?", "[", "]", "!", "a", "b", "c", "x", ".txt", " ", "\\", "-", "^", "日", "\n"]
    made = ["".join(choose.choices(atoms, k=choose.randint(2, 9))) + "\n" for _ in range(60)]
    sent = set()
    for text in IGNORE_FILES + made:
        (source / ".amlignore").write_text(text, newline="")
        by_cli = cluster.run("job", "submit", "--experiment", "e", "--source-directory", source,
                             "--entry-script", "train.py")
        try:
            with pack_directory(str(source), "train.py") as packed:
                digest = packed.digest
        except UserErrorException as error:
            assert (by_cli.returncode, by_cli.stderr) == (2, f"muster: {error}\n"), repr(text)
            continue
        assert by_cli.returncode == 0, f"{text!r}: {by_cli.stderr}"
        assert cluster.job(by_cli.stdout.strip())["spec"]["snapshot_digest"] == digest, repr(text)
        sent.add(digest)
    assert len(sent) > 50  # and few were refused


def test_what_is_ignored_stays_at_home_and_the_rest_arrives(cluster: Cluster, workspace: Workspace) -> None:
    cluster.add_node("n1")
    source = cluster.project("p", {
        "train.py": "import os, subprocess\nprint('files', sorted(os.listdir('.')))\n"
                    "print(subprocess.run(['./run.sh'], capture_output=True, text=True).stdout)\n",
        "run.sh": "#!/bin/sh\necho executed\n", "model.pt": "big", "venv/lib.py": "",
        ".amlignore": "*.pt\nvenv/\n"})
    run = Experiment(workspace, "e").submit(ScriptRunConfig(str(source), "train.py"))
    run.wait_for_completion()
    log = run.get_details_with_logs()["logFiles"]["azureml-logs/70_driver_log.txt"]
    assert "'run.sh'" in log and "executed" in log
    assert "model.pt" not in log and "venv" not in log


def test_what_only_the_server_knows_is_told_with_all_faults(cluster: Cluster, workspace: Workspace) -> None:
    source = cluster.project("p", {"train.py": "print('hello')\n"})
    config = ScriptRunConfig(str(source), "train.py", compute_target="no-such-pool")
    with pytest.raises(UserErrorException, match="no-such-pool"):
        Experiment(workspace, "e").submit(config)
    config = ScriptRunConfig(str(source), "train.py", compute_target="default")
    with pytest.raises(UserErrorException) as caught:
        Experiment(workspace, "e").submit(config, tags={"k" * 101: "v", "t": "v" * 1001})
    assert str(caught.value).count("\n") >= 2, str(caught.value)
    assert list(Experiment(workspace, "e").get_runs()) == []


def test_an_argument_can_be_a_number_a_flag_or_a_variable(cluster: Cluster, workspace: Workspace) -> None:
    cluster.add_node("n1")
    run = Experiment(workspace, "e").submit(estimator(
        cluster, "import sys\nprint('arguments', sys.argv[1:])\n",
        script_params={"--lr": 0.1, "--verbose": "", "--who": "$COLOUR", "--n": 3},
        environment_variables={"COLOUR": "green"}))
    run.wait_for_completion()
    log = run.get_details_with_logs()["logFiles"]["azureml-logs/70_driver_log.txt"]
    assert "arguments ['--lr', '0.1', '--verbose', '--who', 'green', '--n', '3']" in log
