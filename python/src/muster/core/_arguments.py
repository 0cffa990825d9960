"""Values given to a script, as its arguments; the data references among them.

The rules: a pair becomes ``key value`` in the dict's order; ``''`` and None make the key a bare
flag; a datastore or a reference becomes ``$AZUREML_DATAREFERENCE_<name>``, which the node expands
as it does any ``$VARIABLE``; numbers keep their type until the submit, which writes them as ``str``
does.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from muster.core._run_config_sections import DataReferenceConfiguration
from muster.data.abstract_datastore import AbstractDatastore
from muster.data.data_reference import DataReference
from muster.data.datapath import DataPath
from muster.exceptions import UserErrorException

RESUME_NAME = "MODEL_LOCATION"
RESUME_OPTION = "--resume-from"


def arguments_of(script_params: Mapping[str, Any], references: Dict[str, Any]) -> List[Any]:
    """The arguments; references among the values are added to `references`."""
    arguments: List[Any] = []
    for option, value in script_params.items():
        arguments.append(str(option))
        if value is None or (isinstance(value, str) and not value):
            continue
        arguments.append(argument_of(value, references))
    return arguments


def resolved(arguments: Sequence[Any], references: Dict[str, Any]) -> List[Any]:
    """A list of arguments with its references resolved; everything else stays."""
    return [argument_of(value, references) for value in arguments]


def argument_of(value: Any, references: Dict[str, Any]) -> Any:
    """One value as an argument."""
    reference = reference_of(value)
    if reference is not None:
        add_reference(references, reference)
        return str(reference)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def reference_of(value: Any) -> Any:
    """The data reference that a value stands for, or None."""
    if isinstance(value, DataReference):
        return value
    if isinstance(value, AbstractDatastore):
        return DataReference(value)
    if isinstance(value, DataPath):
        return value.create_data_reference()
    return None


def add_reference(references: Dict[str, Any], reference: DataReference) -> None:
    """Adds it under its name. Raises UserErrorException where another place has that name."""
    name = reference.data_reference_name
    config = reference.to_config()
    present = references.get(name)
    if isinstance(present, DataReference):
        present = present.to_config()
    if isinstance(present, DataReferenceConfiguration) and present != config:
        raise UserErrorException(
            f"two data references have the name '{name}' and differ; give one of them a name of "
            "its "
            "own with data_reference_name"
        )
    references[name] = config


def resume_arguments(resume_from: DataPath, references: Dict[str, Any]) -> List[str]:
    """The arguments that name the checkpoints; the reference is added."""
    reference = resume_from.create_data_reference(RESUME_NAME)
    add_reference(references, reference)
    return [RESUME_OPTION, str(reference)]
