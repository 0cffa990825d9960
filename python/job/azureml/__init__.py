"""Azure ML's name for Muster's modules: ``azureml.core.run`` is the module ``muster.core.run``."""

import sys

from muster._job import imports

import muster

sys.meta_path.insert(0, imports.AliasFinder)
sys.modules[__name__] = muster
