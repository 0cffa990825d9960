"""RunDetails on a real server: a job as it goes on, and the metrics of an interactive run."""

from __future__ import annotations

from typing import Any

from support.cluster import Cluster
from support.sdk import UserScript, data_directory

from muster.core import Datastore, Experiment, Workspace
from muster.widgets import RunDetails

TRAIN = """
import os, sys, time
print('rank', os.environ['OMPI_COMM_WORLD_RANK'], 'has begun', flush=True)
while not os.path.exists(sys.argv[2] + '/go'):
    time.sleep(0.02)
print('the script ends')
"""
SHOWING = """
import warnings
warnings.simplefilter('ignore')
from azureml.core import Experiment, Workspace
from azureml.train.dnn import PyTorch
from azureml.widgets import RunDetails
ws = Workspace.from_config()
est = PyTorch('projects/p', compute_target=ws.compute_targets['default'], entry_script='train.py', node_count=2,
              distributed_backend='mpi', script_params={'--data_dir': ws.get_default_datastore()})
RunDetails(Experiment(ws, 'e').submit(est)).show()
"""


def test_a_job_is_shown_as_it_goes_on(cluster: Cluster, workspace: Workspace) -> None:
    cluster.add_node("n1")
    cluster.add_node("n2")
    data = data_directory(cluster)
    Datastore.register_local(workspace, "digits", str(data))
    cluster.project("p", {"train.py": TRAIN})
    with UserScript(cluster, SHOWING) as script:
        script.wait_line("rank 0 has begun")
        (run,) = Experiment(workspace, "e").get_runs()
        seen = RunDetails(run).get_widget_data()
        assert (seen["status"], [node["name"] for node in seen["nodes"]]) == ("Running", ["n1", "n2"])
        assert [node["ranks"] for node in seen["nodes"]] == [[{"number": n, "end": ""}] for n in (0, 1)]
        (data / "go").write_text("")
        code, said = script.wait_end()
    assert code == 0, said
    lines = said.splitlines()
    assert lines[-1].startswith(f"{run.id}: Completed after 0:00:")
    assert [lines.count(line) for line in ("Running", "rank 0 has begun", "the script ends")] == [1, 1, 1]
    assert not [line for line in lines if "rank 1" in line]
    ended = RunDetails(run).get_widget_data()
    assert [node["ranks"][0]["end"] for node in ended["nodes"]] == ["exit code 0"] * 2


def test_metrics_of_an_interactive_run_are_shown(workspace: Workspace, capsys: Any) -> None:
    with Experiment(workspace, "e").start_logging() as run:
        for step in range(3):
            run.log("loss", 1 / (step + 1))
        run.log("lr", 0.5)
        run.flush()
        seen = RunDetails(run).get_widget_data()
        assert (seen["status"], seen["metrics"]["lr"], len(seen["metrics"]["loss"])) == ("Running", 0.5, 3)
        assert (seen["nodes"], seen["log"]) == ([], [])
    RunDetails(run).show()
    assert capsys.readouterr().out.splitlines()[-2:] == ["  loss: 0.33333", "  lr: 0.5"]
