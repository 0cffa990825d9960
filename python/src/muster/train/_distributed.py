"""How the processes of a distributed job find each other."""

from __future__ import annotations

from typing import ClassVar, Tuple

from muster.exceptions import TrainingException

GENERIC = "Estimator"


class _DistributedTraining:
    """Base of the launch modes. ``communicator`` is the run configuration's word for it."""

    communicator: ClassVar[str] = "None"
    # Estimators that may be launched so.
    _ESTIMATORS: ClassVar[Tuple[str, ...]] = ()

    def validate(self, estimator_name: str) -> None:
        """Raises TrainingException when that estimator (``"PyTorch"``) cannot be launched so."""
        if estimator_name not in self._ESTIMATORS:
            raise TrainingException(
                f"{type(self).__name__} cannot be used with {estimator_name}; it is for "
                f"{', '.join(self._ESTIMATORS)}"
            )

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({inner})"


class Mpi(_DistributedTraining):
    """An MPI job with `process_count_per_node` ranks on each node (at least 1, checked at
    submit)."""

    communicator = "Mpi"
    _ESTIMATORS = ("PyTorch", "TensorFlow", "Chainer", GENERIC)

    def __init__(self, process_count_per_node: int = 1) -> None:
        self.process_count_per_node = process_count_per_node


class Gloo(_DistributedTraining):
    """A torch.distributed job over Gloo; the estimator says how many processes a node."""

    communicator = "Gloo"
    _ESTIMATORS = ("PyTorch", GENERIC)

    def __init__(self) -> None:
        pass


class Nccl(_DistributedTraining):
    """A torch.distributed job over NCCL; the estimator says how many processes a node."""

    communicator = "Nccl"
    _ESTIMATORS = ("PyTorch", GENERIC)

    def __init__(self) -> None:
        pass


class ParameterServer(_DistributedTraining):
    """A parameter server job with so many workers and parameter servers; refused at submit for
    now."""

    communicator = "ParameterServer"
    _ESTIMATORS = ("TensorFlow", GENERIC)

    def __init__(self, worker_count: int = 1, parameter_server_count: int = 1) -> None:
        self.worker_count = worker_count
        self.parameter_server_count = parameter_server_count
