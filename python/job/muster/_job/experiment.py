"""What a run in a job says of its experiment and workspace: their names."""

from muster._job import imports


class JobWorkspace:
    """The workspace's name; all else of it asks for the SDK."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, name: str):
        raise AttributeError(
            "in a job a workspace has a name only; "
            + imports.missing("muster.core.Workspace, with '%s'," % name)
        )

    def __repr__(self) -> str:
        return "Workspace(Name: %s)" % self.name


class JobExperiment:
    """The experiment's name, and its workspace's."""

    def __init__(self, name: str, workspace: JobWorkspace) -> None:
        self.name = name
        self.id = name
        self.workspace = workspace

    def __repr__(self) -> str:
        return "Experiment(Name: %s, Workspace: %s)" % (self.name, self.workspace.name)
