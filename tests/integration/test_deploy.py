"""What is installed: packages build, units are valid, example configurations are accepted."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from support.cluster import Cluster

ROOT = pathlib.Path(__file__).resolve().parents[2]


def uncommented(text: str) -> str:
    """The example with every setting switched on."""
    return re.sub(r"^# ([a-z_]+ = )", r"\1", text, flags=re.MULTILINE)


def test_the_servers_example_names_every_setting_and_is_accepted(cluster: Cluster) -> None:
    cluster.stop_server()
    text = uncommented((ROOT / "deploy/config/musterd.toml").read_text())
    config = cluster.directory / "example.toml"
    config.write_text(re.sub(r"^(state_dir|listen) = .*\n", "", text, flags=re.MULTILINE))
    process = subprocess.Popen(
        [cluster.bin / "musterd", "--config", config, "--state-dir", cluster.state, "--listen", cluster.address],
        stderr=open(cluster.directory / "musterd.log", "ab"))
    cluster.server = process
    assert cluster.json("server", "status")["version"]
    source = (ROOT / "server/config.cc").read_text()
    known = set(re.findall(r'\{"([a-z_]+)",', source))
    documented = set(re.findall(r"^([a-z_]+) =", text, flags=re.MULTILINE))
    assert documented == known


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", ["musterd.service", "muster-agent.service"])
def test_units_are_valid(unit: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        text = (ROOT / "deploy/systemd" / unit).read_text()
        # The programs are not installed here; the rest is checked.
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE)
        text = re.sub(r"^(User|Group)=muster$", r"\1=root", text, flags=re.MULTILINE)
        (pathlib.Path(directory) / unit).write_text(text)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", f"{directory}/{unit}"], text=True,
                              capture_output=True)
        complaints = [line for line in done.stderr.splitlines() if unit in line]
        assert complaints == []
