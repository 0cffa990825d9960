"""Azure ML's name for Muster's modules: ``azureml.core.run`` is the module ``muster.core.run``."""

import sys

import muster
from muster._job import imports

sys.meta_path.insert(0, imports.AliasFinder)
sys.modules[__name__] = muster
