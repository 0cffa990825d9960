"""Run's methods that a job does not have: each says what to do instead."""

from muster._job import imports
from muster.exceptions import UserErrorException


class AbsentCalls:
    """Some come with the SDK, some are not there yet."""

    def submit_child(self, config, tags: dict = None, **kwargs):
        """Submits a run of its own, with the SDK if that is installed in the job's environment and
        a login is there; ImportError says what to install. The new run's tag ``parent`` names this
        one: the server knows jobs as parts of jobs not yet."""
        if not imports.has_sdk():
            raise ImportError(imports.missing("submit_child"))
        from muster.core import Experiment, Workspace

        workspace = Workspace.from_config()
        marks = dict(tags or {}, parent=self.id)
        return Experiment(workspace, self.experiment.name).submit(config, tags=marks, **kwargs)

    def register_model(
        self,
        model_name: str,
        model_path: str = None,
        tags: dict = None,
        properties: dict = None,
        model_framework: str = None,
        model_framework_version: str = None,
        description: str = None,
        datasets: list = None,
        sample_input_dataset=None,
        sample_output_dataset=None,
        resource_configuration=None,
        **kwargs,
    ):
        """Not there yet."""
        raise UserErrorException(
            "Muster keeps no models yet; the file stays with the run: download_file gets it"
        )

    def get_environment(self):
        """Not there yet."""
        raise UserErrorException(
            "Muster builds no environments yet; get_details()['runDefinition'] has what was wanted"
        )

    def get_secret(self, name: str) -> str:
        """Muster has no secrets."""
        return self.get_secrets([name])[name]

    def get_secrets(self, secrets: list) -> dict:
        """Muster has no secrets."""
        raise UserErrorException(
            "Muster keeps no secrets: give %s to the job as environment variables or files"
            % ", ".join(str(name) for name in secrets)
        )

    def restore_snapshot(self, snapshot_id: str = None, path: str = None) -> str:
        """Not there yet."""
        raise UserErrorException(
            "the server gives no snapshot back yet; the job's working directory has its files"
        )

    def take_snapshot(self, file_or_folder_path: str) -> str:
        """Not there yet."""
        raise UserErrorException("a snapshot is taken at the submit; upload_folder keeps a folder")

    def clean(self) -> None:
        """Nothing: the agent removes what a job leaves on a node."""

    def get_docs_url(self) -> None:
        """None: there are no pages about classes."""
