"""Classifies handwritten digits with a small neural network, alone or as one rank of an MPI job.

Each rank trains on its shard of the training set; the gradients are summed over all ranks, so that any
number of ranks takes the same steps as one.
"""

import argparse
import os
import time

import numpy

HIDDEN = 64
CLASSES = 10


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data_dir", required=True, help="folder with digits.npz")
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--learning_rate", type=float, default=0.5)
    parser.add_argument("--momentum", type=float, default=0.9)
    return parser.parse_args()


class Ranks:
    """Sums over the ranks of an MPI job; a job of one process needs no MPI."""

    def __init__(self) -> None:
        self.rank, self.size, self._comm = 0, 1, None
        if "OMPI_COMM_WORLD_SIZE" in os.environ:
            from mpi4py import MPI

            self._comm = MPI.COMM_WORLD
            self.rank, self.size = self._comm.Get_rank(), self._comm.Get_size()

    def sum(self, array: numpy.ndarray) -> numpy.ndarray:
        if self._comm is None:
            return array
        total = numpy.empty_like(array)
        self._comm.Allreduce(array, total)
        return total


def forward(weights: list, images: numpy.ndarray) -> tuple:
    hidden = numpy.tanh(images @ weights[0] + weights[1])
    scores = hidden @ weights[2] + weights[3]
    scores -= scores.max(axis=1, keepdims=True)
    chances = numpy.exp(scores)
    return hidden, chances / chances.sum(axis=1, keepdims=True)


def gradient(weights: list, images: numpy.ndarray, labels: numpy.ndarray) -> tuple:
    """Sum over the shard of loss and gradient (not the mean: shards differ in size)."""
    hidden, chances = forward(weights, images)
    rows = numpy.arange(len(labels))
    loss = -numpy.log(chances[rows, labels]).sum()
    error = chances.copy()
    error[rows, labels] -= 1.0
    back = (error @ weights[2].T) * (1.0 - hidden**2)
    return loss, [images.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)]


def main() -> None:
    arguments = parse_arguments()
    ranks = Ranks()
    data = numpy.load(os.path.join(arguments.data_dir, "digits.npz"))
    images, labels = data["images"], data["labels"]
    split = len(labels) * 4 // 5
    shard = slice(ranks.rank, split, ranks.size)
    random = numpy.random.default_rng(1)
    weights = [
        random.normal(0.0, 0.1, (images.shape[1], HIDDEN)),
        numpy.zeros(HIDDEN),
        random.normal(0.0, 0.1, (HIDDEN, CLASSES)),
        numpy.zeros(CLASSES),
    ]
    speed = [numpy.zeros_like(w) for w in weights]
    print(f"rank {ranks.rank} of {ranks.size} on {os.uname().nodename}: "
          f"{len(labels[shard])} of {split} training images", flush=True)

    started = time.monotonic()
    for epoch in range(arguments.epochs):
        loss, gradients = gradient(weights, images[shard], labels[shard])
        loss = float(ranks.sum(numpy.array([loss]))[0]) / split
        for index, part in enumerate(gradients):
            step = ranks.sum(part) / split
            speed[index] = arguments.momentum * speed[index] - arguments.learning_rate * step
            weights[index] += speed[index]
        if ranks.rank == 0 and (epoch + 1) % 40 == 0:
            print(f"epoch {epoch + 1:3d}  loss {loss:.4f}", flush=True)

    if ranks.rank == 0:
        _, chances = forward(weights, images[split:])
        accuracy = float((chances.argmax(axis=1) == labels[split:]).mean())
        print(f"trained in {time.monotonic() - started:.2f} s", flush=True)
        print(f"test accuracy {accuracy:.4f}", flush=True)


if __name__ == "__main__":
    main()
