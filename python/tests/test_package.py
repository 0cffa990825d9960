"""The package as a whole: exceptions, lazy names, what an import loads."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

import muster.core
from muster import exceptions
from muster._proto import api
from muster.exceptions import (
    AuthenticationException,
    AzureMLAggregatedException,
    AzureMLException,
    RunEnvironmentException,
    ServiceException,
    UserErrorException,
)

SOURCE = Path(__file__).parent.parent / "src"


def test_exceptions_carry_sentence_and_cause() -> None:
    inner = OSError("disk")
    error = UserErrorException("wrong", inner_exception=inner, target="x", reference_code="r")
    assert (str(error), error.message, error.inner_exception) == ("wrong", "wrong", inner)
    assert (error.target, error.reference_code) == ("x", "r")
    formatted = AzureMLException("", message_format="{a} fails", message_parameters={"a": "it"})
    assert str(formatted) == "it fails"
    assert isinstance(AuthenticationException("no"), UserErrorException)
    assert str(AzureMLAggregatedException([inner, error])) == "disk\nwrong"
    assert "submit the script" in str(RunEnvironmentException())


def test_service_exception_takes_a_sentence_or_an_error() -> None:
    away = ServiceException("head.lan:7677 cannot be reached", status_code="UNAVAILABLE")
    assert (str(away), away.status_code) == ("head.lan:7677 cannot be reached", "UNAVAILABLE")
    inner = OSError("reset")
    assert ServiceException(inner).inner_exception is inner


@pytest.mark.parametrize("name", exceptions.__all__)
def test_exceptions_are_errors_of_the_sdk(name: str) -> None:
    kind = getattr(exceptions, name)
    assert issubclass(kind, AzureMLException)
    if name not in ("AzureMLAggregatedException", "RunEnvironmentException"):
        assert kind("x").print_stacktrace() is None


def test_exceptions_survive_pickling() -> None:
    again = pickle.loads(pickle.dumps(UserErrorException("wrong")))
    assert (type(again), str(again)) == (UserErrorException, "wrong")


def test_core_loads_names_when_they_are_used() -> None:
    from muster.core.runconfig import RunConfiguration

    assert muster.core.RunConfiguration is RunConfiguration
    assert "Workspace" in dir(muster.core)
    with pytest.raises(AttributeError, match="no attribute 'Bogus'"):
        _ = muster.core.Bogus


def test_an_estimator_loads_no_grpc() -> None:
    """Nor anything else that is slow; the time itself is measured in scripts/bench."""
    script = (
        "import sys\n"
        "import muster.train.dnn, muster.train.estimator, muster.train.sklearn\n"
        "import muster.core, muster.core.runconfig, muster.data.data_reference\n"
        "import muster.core.workspace, muster.core.experiment\n"
        "slow = {'grpc', 'google', 'ssl', 'asyncio', 'urllib.request', 'yaml', 'numpy'}\n"
        "print(sorted(slow & set(sys.modules)))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_a_jobs_fields_are_those_of_the_protocol() -> None:
    """Every field that a run configuration makes is one that JobSpec takes."""
    made = api().JobSpec(experiment="e", **_example_fields())
    assert made.communicator == api().COMMUNICATOR_MPI
    assert list(made.arguments) == ["--d", "$AZUREML_DATAREFERENCE_ds", "--n", "3"]
    assert made.data_references[0].mode == api().DATA_MODE_DOWNLOAD


def _example_fields() -> Dict[str, Any]:
    from muster.core._job_spec import job_fields
    from muster.data.local_datastore import LocalDatastore
    from muster.train.dnn import Mpi, PyTorch

    store = LocalDatastore(None, "ds", "/data")
    estimator = PyTorch(
        "project",
        compute_target="gpu",
        entry_script="train.py",
        script_params={"--d": store.as_download(), "--n": 3},
        node_count=2,
        distributed_training=Mpi(2),
        environment_variables={"A": 1},
        max_run_duration_seconds=5,
    )
    estimator.run_config.priority = 3
    estimator.run_config.environment.python.interpreter_path = "/usr/bin/python3"
    return job_fields(estimator.run_config).fields
