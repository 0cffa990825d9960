"""Run: the job that a script is part of, seen from inside; outside a job, one that prints."""

import sys

from muster._job import imports
from muster._job.run import Run, get_run
from muster._job.status import RunStatus

__all__ = ["Run", "RunStatus", "get_run"]


class _Module(imports.LazyModule):
    """Gives ``_OfflineRun``, by which scripts know that they run by hand, and what the SDK's module
    has beside these."""

    def __getattr__(self, name: str):
        if name == "_OfflineRun":
            from muster._job.offline import OfflineRun

            return OfflineRun
        if not name.startswith("__") and imports.has_sdk():
            return getattr(imports.sdk_run(), name)
        return super().__getattr__(name)


sys.modules[__name__].__class__ = _Module
