"""Muster inside a job: ``from muster.core import Run``. Standard library only, from Python 3.6 on.

What this client lacks comes from the SDK if that is installed in the job's environment.
"""

import sys

from muster._job import imports

__all__ = ["__version__"]

__version__ = "0.1.0"

sys.meta_path.append(imports.SdkFinder)
