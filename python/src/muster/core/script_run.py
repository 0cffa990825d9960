"""ScriptRun: the run of a submitted script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from muster.core._run_details import RUN_TYPE
from muster.core.run import Run

if TYPE_CHECKING:
    from muster.core.experiment import Experiment
    from muster.core.runconfig import RunConfiguration

__all__ = ["ScriptRun"]


class ScriptRun(Run):
    """What ``Experiment.submit`` returns; a Run that knows the directory it was submitted from."""

    RUN_TYPE = RUN_TYPE

    def __init__(
        self,
        experiment: Experiment,
        run_id: str,
        directory: Optional[str] = None,
        _run_config: Optional[RunConfiguration] = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(experiment, run_id, **kwargs)
        self._directory = directory
        self._run_config = _run_config

    @property
    def type(self) -> str:
        """``"azureml.scriptrun"``."""
        return RUN_TYPE

    def _is_job(self) -> bool:
        return True
