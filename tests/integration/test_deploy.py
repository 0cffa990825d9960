"""What is installed: packages build, units are valid, example configurations are accepted."""

from __future__ import annotations

import os
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
    config.write_text(re.sub(r"^(state_dir|listen|log_file) = .*\n", "", text, flags=re.MULTILINE))
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


INSTALLED = """
set -ex
mount --make-rprivate /
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay none -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cp "$2"/*.deb "$1/root/opt/"
cp "$3" "$1/root/opt/inside"
mount -t proc none "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs none "$1/root/run"
mount -t tmpfs none "$1/root/tmp"
ip link set lo up
exec chroot "$1/root" /bin/bash /opt/inside
"""

# What the README's start on several machines does, with both daemons on one, under the rights that the units give.
INSIDE = """
set -ex
export HOME=/root
cd /opt
dpkg -i ./*.deb
test "$(stat -c %a /etc/muster)" = 755
install -d -m 0700 -o muster -g muster /var/lib/muster
echo "127.0.0.1 head.lan" >>/etc/hosts
setpriv --reuid muster --regid muster --clear-groups --no-new-privs --bounding-set=-all \
  musterd --config /etc/muster/musterd.toml &
until test -s /var/lib/muster/address; do sleep 0.05; done
muster login --server head.lan:7677 --token-file /var/lib/muster/admin.token
install -m 0600 /var/lib/muster/join.token /etc/muster/join.token
echo 'server = "head.lan:7677"' >>/etc/muster/muster-agent.toml
install -d -m 0711 /var/lib/muster-agent
capabilities=$(sed -n 's/^CapabilityBoundingSet=//p' /lib/systemd/system/muster-agent.service |
  tr A-Z a-z | sed 's/cap_/+/g; s/ /,/g')
setpriv --bounding-set="-all,$capabilities" muster-agent --config /etc/muster/muster-agent.toml &
until muster node list | grep -w idle; do sleep 0.05; done
mkdir project
echo 'import os; print("as user", os.getuid())' >project/train.py
muster job submit --experiment one --source-directory project --entry-script train.py \
  --follow | grep "as user $(id -u muster-job)"
muster job submit --experiment two --source-directory project --entry-script train.py \
  --process-count-per-node 2 --distributed-backend mpi --follow
kill %1 %2
wait
dpkg -r muster muster-server muster-agent
test -e /var/lib/muster/state.db -a -e /etc/muster/musterd.toml
dpkg -P muster-server muster-agent
test ! -e /var/lib/muster -a ! -e /var/lib/muster-agent -a ! -e /etc/muster
echo all is well
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="installs packages in a root of its own, which takes root")
def test_packages_install_work_and_leave_nothing_after_a_purge(tmp_path: pathlib.Path) -> None:
    build = pathlib.Path(os.environ["MUSTER_BUILD"])
    packages = tmp_path / "packages"
    subprocess.run(["cpack", "-B", packages], cwd=build, check=True, capture_output=True, timeout=300)
    assert len(list(packages.glob("*.deb"))) == 3
    (tmp_path / "inside").write_text(INSIDE)
    (tmp_path / "root").mkdir()
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "bash", "-c", INSTALLED, "bash",
         tmp_path / "root", packages, tmp_path / "inside"], text=True, capture_output=True, timeout=120)
    assert done.stdout.endswith("all is well\n"), done.stdout + done.stderr
