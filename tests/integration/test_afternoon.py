"""A user's afternoon, from `muster up` to `muster down`: notebook, two training jobs, command line, a restart."""

from __future__ import annotations

import json
import os
import pathlib
import signal
from typing import Any, Iterator

import nbclient
import nbformat
import pytest

from support.cluster import processes_below
from support.sdk import SOURCES
from support.wait import wait_for
from test_personal import Home

TRAIN = """
import argparse, os
from azureml.core.run import Run
parser = argparse.ArgumentParser()
parser.add_argument('--data_dir')
parser.add_argument('--epochs', type=int, default=3)
given = parser.parse_args()
run = Run.get_context()
numbers = [float(word) for word in open(os.path.join(given.data_dir, 'numbers.txt')).read().split()]
for epoch in range(given.epochs):
    run.log('loss', sum(numbers) / (epoch + 1))
os.makedirs('outputs', exist_ok=True)
open('outputs/model.txt', 'w').write('trained on %d numbers' % len(numbers))
print('trained')
"""
TRAIN_MPI = """
from mpi4py import MPI
from azureml.core.run import Run
world = MPI.COMM_WORLD
total = world.allreduce(world.rank)
Run.get_context().log('sum', total)
print('rank', world.rank, 'of', world.size, 'sum', total)
"""
FIRST = """
from azureml.core import Datastore, Experiment, Workspace
from azureml.core.compute import ComputeTarget
from azureml.train.dnn import PyTorch
from azureml.widgets import RunDetails
ws = Workspace.from_config()
Datastore.register_local(ws, 'digits', '{data}')
ds = Datastore.get(ws, 'digits')
compute_target = ComputeTarget(workspace=ws, name='default')
script_params = {{
    '--data_dir': ds
}}
pt_est = PyTorch(source_directory='./my-pytorch-proj',
                 script_params=script_params,
                 compute_target=compute_target,
                 entry_script='train.py',
                 use_gpu=True)
exp = Experiment(workspace=ws, name='pytorch-mnist')
run = exp.submit(pt_est)
RunDetails(run).show()
run.wait_for_completion(show_output=True)
print('metrics', run.get_metrics())
run.download_files(prefix='outputs', output_directory='results')
print('model', open('results/outputs/model.txt').read())
pt_est.run_config.save(path='./my-pytorch-proj', name='first.runconfig')
"""
VIEWED = """
import threading
for thread in threading.enumerate():
    if thread.name == 'muster-run-details':
        thread.join(30)
"""
SECOND = """
pt_est = PyTorch(source_directory='./my-pytorch-project',
                 script_params={},
                 compute_target=compute_target,
                 entry_script='train_horovod_mnist.py',
                 node_count=2,
                 process_count_per_node=1,
                 distributed_backend='mpi',
                 use_gpu=True)
second = exp.submit(pt_est)
second.wait_for_completion(show_output=True)
print('metrics', second.get_metrics())
from azureml.train.estimator import Estimator
waiting = exp.submit(Estimator('./waiting', compute_target=compute_target, entry_script='wait.py'))
waiting.cancel()
waiting.wait_for_completion(raise_on_error=False)
print('then', waiting.get_status())
print('runs', [r.get_status() for r in exp.get_runs()])
"""


@pytest.fixture(name="home")
def home_of_a_user() -> Iterator[Home]:
    home = Home(pathlib.Path(os.environ["MUSTER_BUILD"]))
    try:
        yield home
    finally:
        home.close()


class Notebook:
    """Executes cells one after the other, as a user would, in the user's home."""

    def __init__(self, home: Home) -> None:
        environment = {**home.environment, "PYTHONPATH": SOURCES}
        self._notebook = nbformat.v4.new_notebook()
        self._client = nbclient.NotebookClient(self._notebook, timeout=120, kernel_name="python3",
                                               resources={"metadata": {"path": str(home.directory)}})
        self._client.create_kernel_manager()
        self._client.start_new_kernel(env=environment)
        self._client.start_new_kernel_client()

    def run(self, text: str) -> str:
        """What the cell prints."""
        cell: Any = nbformat.v4.new_code_cell(text)
        self._notebook.cells.append(cell)
        self._client.execute_cell(cell, len(self._notebook.cells) - 1)
        return "".join(out["text"] for out in cell["outputs"] if out["output_type"] == "stream")

    def pages(self, number: int) -> list[str]:
        """What the cell of that number shows in HTML by now."""
        self.run("pass")  # what has changed is taken in while a cell runs
        outputs = self._notebook.cells[number]["outputs"]
        return [out["data"]["text/html"] for out in outputs if "text/html" in out.get("data", {})]

    def close(self) -> None:
        self._client._cleanup_kernel()


def write(home: Home, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = home.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def test_a_users_afternoon(home: Home) -> None:
    data = home.directory / "data"
    write(home, {"data/numbers.txt": "1 2 3", "my-pytorch-proj/train.py": TRAIN,
                 "my-pytorch-project/train_horovod_mnist.py": TRAIN_MPI,
                 "waiting/wait.py": "import time\ntime.sleep(600)\n"})
    data.chmod(0o755)
    home.run("up", "--nodes", "2")

    notebook = Notebook(home)
    try:
        shown = notebook.run(FIRST.format(data=data))
        assert "\ntrained\n" in shown and "Status: Completed" in shown
        assert "metrics {'loss': [6.0, 3.0, 2.0]}" in shown
        assert "model trained on 3 numbers" in shown
        # What comes after a cell is shown while the next one runs.
        notebook.run(VIEWED)
        assert all("Completed" in page and "<svg" in page for page in notebook.pages(0)), notebook.pages(0)
        assert len(notebook.pages(0)) == 1

        # The server dies in between; the notebook's objects go on with the new one.
        os.kill(home.status()["pid"], signal.SIGKILL)
        wait_for(lambda: home.status()["state"] != "up", "the server's death to be noticed")
        home.run("up", "--nodes", "2")
        shown = notebook.run(SECOND)
        assert "rank 0 of 2 sum 1" in shown and "metrics {'sum': [1, 1]}" in shown
        assert "then Canceled" in shown
        assert "runs ['Canceled', 'Completed', 'Completed']" in shown
    finally:
        notebook.close()

    configuration = home.directory / "my-pytorch-proj" / "aml_config" / "first.runconfig"
    text = configuration.read_text()
    assert "--data_dir" in text
    # The packages that the estimator asked for are those of its nodes; one epoch will do.
    configuration.write_text(text.replace("\narguments:\n", "\narguments:\n- --epochs\n- 1\n")
                             .replace("userManagedDependencies: false", "userManagedDependencies: true")
                             .replace("interpreterPath: python\n", "interpreterPath: /usr/bin/python3\n"))
    job = home.json("job", "submit", "-f", str(configuration), "--experiment", "by-hand",
                    "--source-directory", str(home.directory / "my-pytorch-proj"))["job_id"]
    home.run("job", "wait", job)
    values = json.loads(home.run("job", "metrics", job, "--json")[0])["values"]
    assert [value["number"] for value in values] == [6.0]
    assert "by-hand" in home.run("experiment", "list")[0]

    home.run("down")
    assert processes_below(home.directory) == []
    assert str(home.directory) not in pathlib.Path("/proc/self/mounts").read_text()
