"""What shows a run while it goes on: ``RunDetails(run).show()``."""

from muster.widgets._run_details import RunDetails

__all__ = ["RunDetails"]
