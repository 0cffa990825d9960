"""ScriptRunConfig: a source directory, and how its script is to run."""

from __future__ import annotations

import importlib
from typing import Any, List, Optional, Sequence, Union

from muster.core._arguments import resolved, resume_arguments
from muster.core.environment import Environment
from muster.core.runconfig import (
    DockerConfiguration,
    MpiConfiguration,
    PyTorchConfiguration,
    RunConfiguration,
    TensorflowConfiguration,
)
from muster.data.datapath import DataPath
from muster.exceptions import RunConfigurationException, UserErrorException

__all__ = ["ScriptRunConfig", "get_run_config_from_script_run", "submit"]


class ScriptRunConfig:
    """What ``Experiment.submit`` takes.

    ``script``: relative to ``source_directory``. ``arguments``: a list, datastores and data
    references included. ``run_config``: the rest; the parameters after it change it.
    ``compute_target``: object or name, default ``"local"``. ``distributed_job_config``:
    MpiConfiguration, PyTorchConfiguration or TensorflowConfiguration (RunConfigurationException for
    another). ``resume_from``: a DataPath with checkpoints; ``--resume-from <path>`` is added.
    ``max_run_duration_seconds``: then the run is cancelled; default 30 days. ``command`` instead of
    ``script`` is not supported yet and refused at the submit.
    """

    DELIM = "#"
    MAX_DURATION_SECONDS_DEFAULT = 2592000

    def __init__(
        self,
        source_directory: str,
        script: Optional[str] = None,
        arguments: Optional[Sequence[Any]] = None,
        run_config: Optional[RunConfiguration] = None,
        _telemetry_values: Any = None,
        compute_target: Any = None,
        environment: Optional[Environment] = None,
        distributed_job_config: Any = None,
        resume_from: Optional[DataPath] = None,
        max_run_duration_seconds: Optional[int] = 2592000,
        command: Optional[Union[str, Sequence[str]]] = None,
        docker_runtime_config: Optional[DockerConfiguration] = None,
    ) -> None:
        _check(arguments, run_config, environment, resume_from, docker_runtime_config)
        if command and (script or arguments):
            raise UserErrorException("give script and arguments, or command, not both")
        self.source_directory = source_directory
        self.script = script
        self.arguments: List[Any] = list(arguments) if arguments is not None else []
        self.command = command
        self.resume_from = resume_from
        self.max_run_duration_seconds = max_run_duration_seconds
        self.run_config = run_config if run_config is not None else RunConfiguration()
        self._compute_target = compute_target
        if compute_target is not None:
            self.run_config.target = compute_target
        if environment is not None:
            self.run_config.environment = environment
        if distributed_job_config is not None:
            _apply_distribution(self.run_config, distributed_job_config)
        if docker_runtime_config is not None:
            self.run_config.docker = docker_runtime_config

    @property
    def identity(self) -> str:
        """A name of this object for logs."""
        return f"{type(self).__name__}{self.DELIM}{self.source_directory}"

    def __repr__(self) -> str:
        return (
            f"ScriptRunConfig(source_directory={self.source_directory!r}, script={self.script!r}, "
            f"target={self.run_config.target!r})"
        )


def get_run_config_from_script_run(script_run_config: ScriptRunConfig) -> RunConfiguration:
    """The run configuration that a submit uses: a copy, with script and arguments."""
    config: RunConfiguration = script_run_config.run_config._copy()
    if script_run_config.script is not None:
        config.script = script_run_config.script
    references = config.data_references
    config.arguments = resolved(script_run_config.arguments or config.arguments, references)
    if script_run_config.resume_from is not None:
        config.arguments += resume_arguments(script_run_config.resume_from, references)
    if script_run_config.command:
        config.command = script_run_config.command
    seconds = script_run_config.max_run_duration_seconds
    given = seconds != ScriptRunConfig.MAX_DURATION_SECONDS_DEFAULT
    if given or config.max_run_duration_seconds is None:
        config.max_run_duration_seconds = seconds
    return config


def submit(
    script_run_config: ScriptRunConfig,
    workspace: Any,
    experiment_name: str,
    run_id: Optional[str] = None,
    _parent_run_id: Optional[str] = None,
    credential_passthrough: bool = False,
) -> Any:
    """Submits to the experiment of that name: ``Experiment(workspace, name).submit(config)``."""
    experiment = importlib.import_module("muster.core.experiment").Experiment
    extra = {"run_id": run_id} if run_id is not None else {}
    return experiment(workspace, experiment_name).submit(script_run_config, **extra)


def _check(
    arguments: Any, run_config: Any, environment: Any, resume_from: Any, docker: Any
) -> None:
    if isinstance(arguments, str):
        raise UserErrorException(f"arguments must be a list, not the text {arguments!r}")
    kinds = (
        ("run_config", run_config, RunConfiguration),
        ("environment", environment, Environment),
        ("resume_from", resume_from, DataPath),
        ("docker_runtime_config", docker, DockerConfiguration),
    )
    for name, value, kind in kinds:
        if value is not None and not isinstance(value, kind):
            raise UserErrorException(f"{name} must be a {kind.__name__}, not {value!r}")


def _apply_distribution(config: RunConfiguration, distribution: Any) -> None:
    if isinstance(distribution, MpiConfiguration):
        config.framework, config.communicator = "Python", "Mpi"
        config.mpi = distribution
        config.node_count = distribution.node_count
    elif isinstance(distribution, PyTorchConfiguration):
        config.framework = "PyTorch"
        config.communicator = distribution.communication_backend
        config.pytorch = distribution
        config.node_count = distribution.node_count
    elif isinstance(distribution, TensorflowConfiguration):
        config.framework, config.communicator = "TensorFlow", "ParameterServer"
        config.tensorflow = distribution
        config.node_count = distribution.worker_count + distribution.parameter_server_count
    else:
        raise RunConfigurationException(
            "distributed_job_config must be a MpiConfiguration, PyTorchConfiguration or "
            f"TensorflowConfiguration, not {distribution!r}"
        )
