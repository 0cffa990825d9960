"""The code of docs/migrating-from-azure-ml.md, as printed there, on a real server."""

from __future__ import annotations

import pathlib
import re
import textwrap

from support.cluster import Cluster
from support.sdk import UserScript, data_directory

GUIDE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "migrating-from-azure-ml.md"
TRAIN = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument('--data_dir')
print('numbers', open(parser.parse_args().data_dir + '/numbers.txt').read())
"""


def test_the_guides_code_runs(cluster: Cluster) -> None:
    cluster.add_node("n1")
    data = str(data_directory(cluster))
    project = cluster.directory / "my-pytorch-proj"
    project.mkdir()
    (project / "train.py").write_text(TRAIN)
    blocks = [textwrap.dedent(block) for block in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)]
    assert len(blocks) == 2 and all("from azureml.core import" in block for block in blocks)
    for block in blocks:
        with UserScript(cluster, block.replace("/srv/data", data)) as script:
            code, said = script.wait_end(60)
        assert code == 0, said
    assert "\nnumbers 1 2 3\n" in said and "\nStatus: Completed\n" in said
