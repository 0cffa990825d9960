#!/usr/bin/python3
"""Submits the demo's jobs with the Python SDK and shows their output: a script for Azure ML's SDK but for the imports.

usage: submit.py single|mpi
"""

import sys
from pathlib import Path

from muster.core import Datastore, Experiment, Workspace
from muster.core.compute import ComputeTarget
from muster.core.runconfig import MpiConfiguration
from muster.train.dnn import PyTorch

ws = Workspace.from_config()
ds = Datastore.get(ws, "digits")
compute_target = ComputeTarget(workspace=ws, name="default")

distributed = {}
if sys.argv[1] == "mpi":
    mpi = MpiConfiguration()
    mpi.process_count_per_node = 2
    distributed = {"node_count": 2, "distributed_training": mpi}

est = PyTorch(
    source_directory=str(Path(__file__).parent / "src"),
    script_params={"--data_dir": ds},
    compute_target=compute_target,
    entry_script="train.py",
    **distributed,
)
run = Experiment(workspace=ws, name="digits").submit(est)
run.wait_for_completion(show_output=True)
