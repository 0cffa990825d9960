"""Muster: training jobs from one to many machines, with the interface of Azure ML's SDK v1.

Replace ``azureml`` by ``muster`` in an import: ``from muster.train.dnn import PyTorch``.
"""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
