"""The statuses of runs."""


class RunStatus:
    """Azure ML's names. PAUSED, PAUSING and UNAPPROVED never occur on Muster."""

    CANCELED = "Canceled"
    CANCEL_REQUESTED = "CancelRequested"
    COMPLETED = "Completed"
    FAILED = "Failed"
    FINALIZING = "Finalizing"
    NOTRESPONDING = "NotResponding"
    NOT_STARTED = "NotStarted"
    PAUSED = "Paused"
    PAUSING = "Pausing"
    PREPARING = "Preparing"
    PROVISIONING = "Provisioning"
    QUEUED = "Queued"
    RUNNING = "Running"
    STARTING = "Starting"
    UNAPPROVED = "Unapproved"

    @classmethod
    def list(cls) -> list:
        """All statuses."""
        return [
            value for name, value in vars(cls).items() if name.isupper() and isinstance(value, str)
        ]

    @classmethod
    def get_running_statuses(cls) -> list:
        """Those of a run whose script has not ended."""
        return [
            cls.NOT_STARTED,
            cls.QUEUED,
            cls.PREPARING,
            cls.PROVISIONING,
            cls.STARTING,
            cls.RUNNING,
        ]

    @classmethod
    def get_post_processing_statuses(cls) -> list:
        """Those of a run whose script has ended, or shall end, and that has not."""
        return [cls.FINALIZING, cls.CANCEL_REQUESTED]
