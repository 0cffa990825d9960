"""The exceptions of the SDK, with the names of Azure ML's.

All derive from :class:`AzureMLException`. ``str(error)`` is the sentence for a person; what caused
it is in ``inner_exception`` and, where it was raised ``from`` another, in ``__cause__``.
"""

from __future__ import annotations

import sys
import traceback
from typing import Any, List, Optional, Sequence

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
    """Base of every error that the SDK raises on purpose.

    ``exception_message`` is the sentence; ``message_format`` with ``message_parameters`` replaces
    it when no sentence is given. The rest is kept as attributes of the same name.
    """

    def __init__(
        self,
        exception_message: str,
        inner_exception: Optional[BaseException] = None,
        target: Optional[str] = None,
        details: Optional[Sequence[object]] = None,
        message_format: Optional[str] = None,
        message_parameters: Optional[dict[str, object]] = None,
        reference_code: Optional[str] = None,
        **kwargs: Any,
    ) -> None:
        if not exception_message and message_format:
            exception_message = message_format.format(**(message_parameters or {}))
        super().__init__(exception_message)
        self._message = exception_message
        self._inner_exception = inner_exception
        self.target = target
        self.details = details
        self.reference_code = reference_code

    @property
    def message(self) -> str:
        """The sentence for a person."""
        return self._message

    @property
    def inner_exception(self) -> Optional[BaseException]:
        """What caused this error, or None."""
        return self._inner_exception

    def print_stacktrace(self) -> None:
        """Prints the stack of the inner exception, or else of this one, to standard error."""
        error = self._inner_exception or self
        traceback.print_exception(type(error), error, error.__traceback__, file=sys.stderr)

    def __str__(self) -> str:
        return str(self._message)


class UserErrorException(AzureMLException):
    """What was asked for is wrong; the sentence says what would be right."""

    def __init__(self, exception_message: str, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class AuthenticationException(UserErrorException):
    """The server does not know the token, or the token's role may not do this."""


class TrainingException(AzureMLException):
    """An estimator's parameters do not fit together."""

    def __init__(self, exception_message: str, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class RunConfigurationException(AzureMLException):
    """A run configuration, or the file it is read from, is wrong."""

    def __init__(self, exception_message: str, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class ComputeTargetException(AzureMLException):
    """A compute target does not exist, or cannot be had as it was asked for."""

    def __init__(self, exception_message: str, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class ExperimentExecutionException(AzureMLException):
    """A submitted run could not be started or followed."""

    def __init__(self, exception_message: str, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class ProjectSystemException(AzureMLException):
    """The project directory cannot be used."""

    def __init__(self, exception_message: str, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class SnapshotException(AzureMLException):
    """The source directory cannot be read, is too large, or changed while it was read."""

    def __init__(self, exception_message: str, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class RunEnvironmentException(AzureMLException):
    """``Run.get_context(allow_offline=False)`` was called outside a job."""

    def __init__(self, **kwargs: Any) -> None:
        message = kwargs.pop("exception_message", None) or (
            "this process is not part of a Muster job; submit the script, or allow the offline run "
            "with Run.get_context()"
        )
        super().__init__(message, **kwargs)


class WorkspaceException(AzureMLException):
    """A workspace does not exist, is ambiguous, or no configuration names one."""

    def __init__(self, exception_message: str, found_multiple: bool = False, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)
        self.found_multiple = found_multiple


class WorkspacePrivateEndpointException(AzureMLException):
    """Kept for its name: Muster has no private endpoints."""

    def __init__(self, exception_message: str, found_multiple: bool = False, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)
        self.found_multiple = found_multiple


class DiscoveryUrlNotFoundException(AzureMLException):
    """The configuration names no server address under ``discovery_key``."""

    def __init__(self, discovery_key: str, **kwargs: Any) -> None:
        super().__init__(f"no server address is configured under '{discovery_key}'", **kwargs)
        self.discovery_key = discovery_key


class ModelNotFoundException(AzureMLException):
    """No model has that name, id or version."""

    def __init__(self, exception_message: str, logger: object = None, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class ModelPathNotFoundException(AzureMLException):
    """A model's files are not where they were said to be."""

    def __init__(self, exception_message: str, logger: object = None, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class WebserviceException(AzureMLException):
    """Kept for its name: Muster deploys no web services."""

    def __init__(
        self,
        exception_message: str,
        status_code: Optional[int] = None,
        logger: object = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(exception_message, **kwargs)
        self.status_code = status_code


class ParallelRunException(AzureMLException):
    """Kept for its name: Muster has no parallel run steps."""

    def __init__(
        self,
        exception_message: str,
        code: Optional[str] = None,
        delay_seconds: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(exception_message, **kwargs)
        self.code = code
        self.delay_seconds = delay_seconds


class AzureMLAggregatedException(AzureMLException):
    """Several errors at once, in ``exceptions_list``; the message is theirs, one a line."""

    def __init__(self, exceptions_list: Sequence[BaseException], **kwargs: Any) -> None:
        super().__init__("\n".join(str(error) for error in exceptions_list), **kwargs)
        self.exceptions_list: List[BaseException] = list(exceptions_list)


class AzureMLRestClientException(AzureMLException):
    """Base of the errors that talking to the server makes."""


class ErrorResponseException(Exception):
    """Base of the errors that are a server's answer."""


class ServiceException(AzureMLRestClientException, ErrorResponseException):
    """The server refused a request or could not be reached.

    ``error_response_exception`` is the sentence, or the error that it was made from.
    ``status_code`` is the name of the gRPC status (``"UNAVAILABLE"``) or None.
    """

    def __init__(self, error_response_exception: object, **kwargs: Any) -> None:
        self.status_code: Optional[str] = kwargs.pop("status_code", None)
        if isinstance(error_response_exception, BaseException):
            kwargs.setdefault("inner_exception", error_response_exception)
        super().__init__(str(error_response_exception), **kwargs)
