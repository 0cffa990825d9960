"""The exceptions of the SDK, by the same names: what is raised in a job can be caught as there.

``str(error)`` is the sentence for a person; what caused it is in ``inner_exception``.
"""

__all__ = [
    "AuthenticationException",
    "AzureMLAggregatedException",
    "AzureMLException",
    "ComputeTargetException",
    "DiscoveryUrlNotFoundException",
    "ExperimentExecutionException",
    "ModelNotFoundException",
    "ModelPathNotFoundException",
    "ParallelRunException",
    "ProjectSystemException",
    "RunConfigurationException",
    "RunEnvironmentException",
    "ServiceException",
    "SnapshotException",
    "TrainingException",
    "UserErrorException",
    "WebserviceException",
    "WorkspaceException",
    "WorkspacePrivateEndpointException",
]


class AzureMLException(Exception):
    """Base of every error that is raised on purpose."""

    def __init__(
        self,
        exception_message,
        inner_exception=None,
        target=None,
        details=None,
        message_format=None,
        message_parameters=None,
        reference_code=None,
        **kwargs,
    ):
        if not exception_message and message_format:
            exception_message = message_format.format(**(message_parameters or {}))
        super().__init__(exception_message)
        self._message = exception_message
        self._inner_exception = inner_exception
        self.target = target
        self.details = details
        self.reference_code = reference_code

    @property
    def message(self):
        """The sentence for a person."""
        return self._message

    @property
    def inner_exception(self):
        """What caused this error, or None."""
        return self._inner_exception

    def print_stacktrace(self):
        """Prints the stack of the inner exception, or else of this one, to standard error."""
        import sys
        import traceback

        error = self._inner_exception or self
        traceback.print_exception(type(error), error, error.__traceback__, file=sys.stderr)

    def __str__(self):
        return str(self._message)


class _OneSentence(AzureMLException):
    def __init__(self, exception_message, **kwargs):
        super().__init__(exception_message, **kwargs)


class UserErrorException(_OneSentence):
    """What was asked for is wrong; the sentence says what would be right."""


class AuthenticationException(UserErrorException):
    """The job may not do this."""


class TrainingException(_OneSentence):
    """An estimator's parameters do not fit together."""


class RunConfigurationException(_OneSentence):
    """A run configuration, or the file it is read from, is wrong."""


class ComputeTargetException(_OneSentence):
    """A compute target does not exist, or cannot be had as it was asked for."""


class ExperimentExecutionException(_OneSentence):
    """A run could not be started or followed."""


class ProjectSystemException(_OneSentence):
    """The project directory cannot be used."""


class SnapshotException(_OneSentence):
    """The source directory cannot be read, is too large, or changed while it was read."""


class RunEnvironmentException(AzureMLException):
    """``Run.get_context(allow_offline=False)`` was called outside a job."""

    def __init__(self, **kwargs):
        message = kwargs.pop("exception_message", None) or (
            "this process is not part of a Muster job; submit the script, or allow the offline run "
            "with Run.get_context()"
        )
        super().__init__(message, **kwargs)


class WorkspaceException(AzureMLException):
    """A workspace does not exist, is ambiguous, or no configuration names one."""

    def __init__(self, exception_message, found_multiple=False, **kwargs):
        super().__init__(exception_message, **kwargs)
        self.found_multiple = found_multiple


class WorkspacePrivateEndpointException(AzureMLException):
    """Kept for its name: Muster has no private endpoints."""

    def __init__(self, exception_message, found_multiple=False, **kwargs):
        super().__init__(exception_message, **kwargs)
        self.found_multiple = found_multiple


class DiscoveryUrlNotFoundException(AzureMLException):
    """The configuration names no server address under ``discovery_key``."""

    def __init__(self, discovery_key, **kwargs):
        super().__init__("no server address is configured under '%s'" % discovery_key, **kwargs)
        self.discovery_key = discovery_key


class ModelNotFoundException(AzureMLException):
    """No model has that name, id or version."""

    def __init__(self, exception_message, logger=None, **kwargs):
        super().__init__(exception_message, **kwargs)


class ModelPathNotFoundException(AzureMLException):
    """A model's files are not where they were said to be."""

    def __init__(self, exception_message, logger=None, **kwargs):
        super().__init__(exception_message, **kwargs)


class WebserviceException(AzureMLException):
    """Kept for its name: Muster deploys no web services."""

    def __init__(self, exception_message, status_code=None, logger=None, **kwargs):
        super().__init__(exception_message, **kwargs)
        self.status_code = status_code


class ParallelRunException(AzureMLException):
    """Kept for its name: Muster has no parallel run steps."""

    def __init__(self, exception_message, code=None, delay_seconds=0, **kwargs):
        super().__init__(exception_message, **kwargs)
        self.code = code
        self.delay_seconds = delay_seconds


class AzureMLAggregatedException(AzureMLException):
    """Several errors at once, in ``exceptions_list``; the message is theirs, one a line."""

    def __init__(self, exceptions_list, **kwargs):
        super().__init__("\n".join(str(error) for error in exceptions_list), **kwargs)
        self.exceptions_list = list(exceptions_list)


class AzureMLRestClientException(AzureMLException):
    """Base of the errors that talking to the server makes."""


class ErrorResponseException(Exception):
    """Base of the errors that are a server's answer."""


class ServiceException(AzureMLRestClientException, ErrorResponseException):
    """The server refused a request or could not be reached.

    ``status_code`` is the name of the gRPC status (``"UNAVAILABLE"``) or None.
    """

    def __init__(self, error_response_exception, **kwargs):
        self.status_code = kwargs.pop("status_code", None)
        if isinstance(error_response_exception, BaseException):
            kwargs.setdefault("inner_exception", error_response_exception)
        super().__init__(str(error_response_exception), **kwargs)
