#!/usr/bin/python3
"""Writes the UCI handwritten digits that come with scikit-learn as DIRECTORY/digits.npz.

usage: make_data.py DIRECTORY
"""

import pathlib
import sys

import numpy
from sklearn.datasets import load_digits


def main() -> None:
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    digits = load_digits()
    order = numpy.random.default_rng(0).permutation(len(digits.target))
    numpy.savez(
        directory / "digits.npz",
        images=digits.data[order] / 16.0,
        labels=digits.target[order],
    )
    print(f"{len(order)} digits written to {directory / 'digits.npz'}")


if __name__ == "__main__":
    main()
