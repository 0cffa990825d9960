"""The `create` lines of children, for files that tell of a child whose line lies in another.

The agent ships the files of a job's processes in any order, and the server refuses what it hears
of a run that it does not know. The same line again changes nothing there.
"""


class Birth:
    """Of a child: its line, and the birth of the run that it is a part of (None: of the job)."""

    __slots__ = ("line", "parent", "run_id")

    def __init__(self, run_id: str, line: bytes, parent) -> None:
        self.run_id = run_id
        self.line = line
        self.parent = parent


def untold(birth, told) -> list:
    """The births that have to come before a line of that run, in order. `told`: ids of the runs
    whose lines, and those of all above them, are in the file."""
    found = []
    while birth is not None and birth.run_id not in told:
        found.append(birth)
        birth = birth.parent
    return found[::-1]


def flat(birth) -> list:
    """(run id, line) of each, the first child first: for pickle, however deep."""
    return [(each.run_id, each.line) for each in untold(birth, ())]


def of_flat(pairs):
    """What ``flat`` was made of."""
    birth = None
    for run_id, line in pairs:
        birth = Birth(run_id, line, birth)
    return birth
