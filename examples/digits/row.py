#!/usr/bin/python3
"""One row of the demo's table, from `muster job show --json` on standard input.

usage: row.py ACCURACY
"""

import json
import sys


def main() -> None:
    job = json.load(sys.stdin)
    status = job["status"].removeprefix("JOB_STATUS_").capitalize()
    seconds = (int(job["ended_us"]) - int(job["submitted_us"])) / 1e6
    nodes = job["node_count"]
    ranks = nodes * job["process_count_per_node"]
    print(f"{job['id']:<36} {status:<10} {nodes:>5} {ranks:>5} {seconds:>8.2f} {sys.argv[1]:>13}")


if __name__ == "__main__":
    main()
