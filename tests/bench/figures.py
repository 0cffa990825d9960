"""A measured figure with its spread and its target."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import platform
import statistics
import subprocess


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


@dataclasses.dataclass
class Figure:
    name: str
    value: float
    unit: str
    min: float
    max: float
    runs: int
    target: str = ""

    @classmethod
    def of(cls, name: str, values: list[float], unit: str, target: str = "") -> Figure:
        """The median of the values."""
        return cls(name, statistics.median(values), unit, min(values), max(values), len(values), target)

    @classmethod
    def single(cls, name: str, value: float, values: list[float], unit: str, target: str = "") -> Figure:
        """A statistic of the values other than the median."""
        return cls(name, value, unit, min(values), max(values), len(values), target)

    def as_json(self) -> dict:
        return dataclasses.asdict(self)

    def reached(self) -> str:
        if not self.target:
            return ""
        relation, limit = self.target.split()
        good = self.value <= float(limit) if relation == "<=" else self.value >= float(limit)
        return "yes" if good else "NO"


def machine() -> str:
    model = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], text=True, capture_output=True,
                            cwd=pathlib.Path(__file__).parent).stdout.strip() or "unknown"
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}, commit {commit}"


def print_table(figures: list[Figure]) -> None:
    print(machine())
    print(f"{'FIGURE':<24} {'VALUE':>10} {'UNIT':<5} {'MIN':>10} {'MAX':>10} {'RUNS':>5}  {'TARGET':<12} REACHED")
    for f in figures:
        print(f"{f.name:<24} {f.value:>10.3f} {f.unit:<5} {f.min:>10.3f} {f.max:>10.3f} {f.runs:>5}  "
              f"{f.target:<12} {f.reached()}")
