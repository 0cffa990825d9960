"""What each estimator is about: versions, launch modes, and the packages it asks for by itself."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Tuple

_HOROVOD = "horovod==0.18.1"
# torch minor version -> (torch, torchvision)
_TORCH = {
    "1.0": ("1.0.0", "0.2.1"),
    "1.1": ("1.1.0", "0.3.0"),
    "1.2": ("1.2.0", "0.4.0"),
    "1.3": ("1.3.0", "0.4.1"),
    "1.4": ("1.4.0", "0.5.0"),
    "1.5": ("1.5.0", "0.6.0"),
    "1.6": ("1.6.0", "0.7.0"),
}
_TENSORFLOW = {
    "1.10": "1.10.0",
    "1.12": "1.12.0",
    "1.13": "1.13.1",
    "2.0": "2.0.0",
    "2.1": "2.1.0",
    "2.2": "2.2.0",
    "2.3": "2.3.0",
}


class Framework(NamedTuple):
    """``name``: of the estimator's class. ``backends``: values of ``distributed_backend``.
    ``versions``: values of ``framework_version``; empty: the estimator has none."""

    name: str
    backends: Tuple[str, ...]
    versions: Tuple[str, ...] = ()
    default_version: str = ""


GENERIC = Framework("Estimator", ("mpi",))
PYTORCH = Framework("PyTorch", ("mpi", "gloo", "nccl"), tuple(_TORCH), "1.4")
TENSORFLOW = Framework("TensorFlow", ("mpi", "ps"), tuple(_TENSORFLOW), "1.13")
CHAINER = Framework("Chainer", ("mpi",), ("5.1.0", "7.0.0"), "5.1.0")
SKLEARN = Framework("SKLearn", (), ("0.20.3",), "0.20.3")


def pip_packages(framework: Framework, version: str, use_gpu: bool) -> List[str]:
    """The framework's own packages, as pip writes them."""
    if framework is PYTORCH:
        torch, vision = _TORCH[version]
        return [f"torch=={torch}", f"torchvision=={vision}", _HOROVOD]
    if framework is TENSORFLOW:
        suffix = "-gpu" if use_gpu else ""
        return [f"tensorflow{suffix}=={_TENSORFLOW[version]}", _HOROVOD]
    if framework is CHAINER:
        return [f"chainer=={version}", "mpi4py==3.0.2"] + (["cupy-cuda100"] if use_gpu else [])
    if framework is SKLEARN:
        return [f"scikit-learn=={version}"]
    return []


# distributed_backend -> the run configuration's communicator. "mpi" gives what it gave in every
# SDK.
COMMUNICATORS: Dict[str, str] = {
    "mpi": "IntelMpi",
    "gloo": "gloo",
    "nccl": "nccl",
    "ps": "ParameterServer",
}
