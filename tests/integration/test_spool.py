"""What scripts log through their spools: it arrives, once, whoever is killed meanwhile."""

from __future__ import annotations

import pathlib
from typing import Any

import grpc

from support.cluster import TERMINAL, Cluster
from support.rpc import Client, client_of, stubs
from support.wait import wait_for

AGAIN = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
SPOOL = (pathlib.Path(__file__).parent / "support" / "spool_script.py").read_text()


def submit(cluster: Cluster, script: str, *flags: Any, arguments: tuple[str, ...] = ()) -> str:
    return cluster.submit({"main.py": "import os, signal, sys, time\nimport spool\n" + script, "spool.py": SPOOL},
                          *flags, arguments=arguments)


def call(client: Client, method: str, **fields: Any) -> Any:
    """The reply of e.g. GetRun; the server may be away for a while."""
    request = getattr(stubs()["tracking"][0], f"{method}Request")(**fields)
    while True:
        try:
            return client.call("tracking.TrackingService", method, request, timeout=10, wait_for_ready=True)
        except grpc.RpcError as error:
            if error.code() not in AGAIN:
                raise


def values(client: Client, run: str, name: str = "") -> list[Any]:
    """All values as (name, value), page by page."""
    out: list[Any] = []
    token = ""
    while True:
        page = call(client, "ReadMetrics", run_id=run, name=name, page_token=token)
        out += [(value.name, getattr(value, value.WhichOneof("value"))) for value in page.values]
        token = page.next_page_token
        if not token:
            return out


def test_what_a_script_logs_arrives_while_it_runs(cluster: Cluster) -> None:
    cluster.add_node("n1")
    client = Client(*client_of(cluster.config))
    job = submit(cluster, """
s = spool.Spool()
s.log("loss", 0.5)
s.flush()
print("stored", flush=True)
while not os.path.exists("go"):
    time.sleep(0.02)
""")
    wait_for(lambda: values(client, job), "the value")
    assert values(client, job) == [("loss", 0.5)]
    cluster.muster("job", "cancel", job)
    cluster.wait_end(job)


def numbers(client: Client, run: str, name: str) -> list[Any]:
    return [value for _, value in values(client, run, name)]


def run_file(cluster: Cluster, job: str, name: str) -> str:
    return cluster.muster("job", "logs", job, "--file", name)


def run_files(client: Client, job: str) -> dict[str, int]:
    request = stubs()["files"][0].ListRunFilesRequest(job_id=job)
    reply = client.call("files.RunFileService", "ListRunFiles", request)
    return {file.name: file.size_bytes for file in reply.files}


def spools(cluster: Cluster, node: str = "n1") -> list[pathlib.Path]:
    return list((cluster.directory / node / "attempts").glob("*/tracking/*.jsonl"))


def test_every_kind_of_line_does_what_it_says(cluster: Cluster) -> None:
    cluster.add_node("n1")
    client = Client(*client_of(cluster.config))
    job = submit(cluster, """
s = spool.Spool()
s.log("count", 3, step=7, desc="how many")
s.log("name", "resnet")
s.log("nan", {"f": "NaN"})
s.log("low", {"f": "-Infinity"})
s.log("big", 10**30)
s.log("yes", True)
s.log("row", {"a": 1, "b": [{"f": "Infinity"}]}, kind="row")
s.line("tags", set={"stage": "train", "bare": None}, remove=["old"])
s.line("properties", add={"commit": "abc"})
s.line("name", value="The first")
s.line("create", run="kid", parent=spool.RUN, name="fold 1", tags={"fold": "1"}, properties={"p": "q"})
s.line("create", run="grandkid", parent="kid")
s.log("loss", 0.25, run="kid")
s.line("end", run="grandkid", status="Failed", error={"code": "E1", "message": "diverged"})
s.line("end", run="kid", status="Completed")
s.line("end", status="Completed")
s.line("flush", id="00")
s.flush()
assert s.acknowledged() == os.path.getsize(s.path)
assert spool.Calls()("GetRun", runId=spool.RUN)["reply"]["run"]["displayName"] == "The first"
""")
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED", cluster.log(job)
    stored = dict(values(client, job))
    assert stored.pop("nan") != stored.get("nan")
    assert stored == {"count": 3, "name": "resnet", "low": float("-inf"), "big": 1e30, "yes": 1,
                      "row": '{"a":1,"b":[{"f":"Infinity"}]}'}
    first = call(client, "ReadMetrics", run_id=job, name="count").values[0]
    assert (first.step, first.description) == (7, "how many") and first.time_us > 1_600_000_000_000_000
    run = call(client, "GetRun", run_id=job).run
    assert {tag.key: tag.value for tag in run.tags} == {"stage": "train", "bare": ""}
    assert dict(run.properties) == {"commit": "abc"} and run.display_name == "The first"
    kid = call(client, "GetRun", run_id="kid").run
    jobs = stubs()["jobs"][0]
    assert (kid.parent_id, kid.root_id, kid.user, kid.status) == (job, job, run.user, jobs.JOB_STATUS_COMPLETED)
    assert values(client, "kid") == [("loss", 0.25)]
    grandkid = call(client, "GetRun", run_id="grandkid").run
    assert (grandkid.status, grandkid.error.code, grandkid.error.message) == \
        (jobs.JOB_STATUS_FAILED, "E1", "diverged")
    assert "azureml-logs/tracking_refused.log" not in run_files(client, job)


def test_a_script_that_is_killed_right_after_it_logged_loses_nothing(cluster: Cluster) -> None:
    cluster.add_node("n1")
    client = Client(*client_of(cluster.config))
    job = submit(cluster, """
s = spool.Spool()
for i in range(1000):
    os.write(s.file, b'{"op":"log","run":"%s","t":1,"name":"i","kind":"scalar","value":%d}\\n'
             % (spool.RUN.encode(), i))
os.kill(os.getpid(), signal.SIGKILL)
""")
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_FAILED"
    assert numbers(client, job, "i") == list(range(1000))


COUNTING = """
s = spool.Spool()
n = 0
end = time.monotonic() + 120
while not os.path.exists(os.environ["MUSTER_ATTEMPT_DIRECTORY"] + "/work/stop") and time.monotonic() < end:
    s.log("i", n)
    n += 1
    time.sleep(0.002)
print("logged", n, flush=True)
"""


def stop_counting(cluster: Cluster, node: str = "n1") -> None:
    for attempt in (cluster.directory / node / "attempts").iterdir():
        (attempt / "work" / "stop").touch()


def counted(cluster: Cluster, job: str) -> int:
    return int(cluster.log(job).split("logged ")[1].split()[0])


def test_killing_agent_and_server_in_between_loses_and_doubles_nothing(cluster: Cluster) -> None:
    cluster.add_node("n1")
    client = Client(*client_of(cluster.config))
    job = submit(cluster, COUNTING)
    for n in range(3):
        before = len(wait_for(lambda: numbers(client, job, "i"), "values"))
        wait_for(lambda: len(numbers(client, job, "i")) > before, "more values")
        cluster.kill_agent("n1")
        if n == 1:
            cluster.kill_server()
            cluster.start_server()
        cluster.start_agent("n1")
        wait_for(lambda: len(numbers(client, job, "i")) > before + 1, "values by the next agent")
        cluster.kill_server()
        cluster.start_server()
    stop_counting(cluster)
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    assert numbers(client, job, "i") == list(range(counted(cluster, job)))


def test_a_script_goes_on_and_ends_while_the_server_is_away(cluster: Cluster) -> None:
    cluster.add_node("n1")
    client = Client(*client_of(cluster.config))
    job = submit(cluster, COUNTING)
    wait_for(lambda: numbers(client, job, "i"), "values")
    cluster.kill_server()
    size = sum(file.stat().st_size for file in spools(cluster))
    wait_for(lambda: sum(file.stat().st_size for file in spools(cluster)) > size + 10_000, "the script to log on")
    cluster.kill_agent("n1")
    stop_counting(cluster)
    cluster.start_agent("n1")
    cluster.start_server()
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    assert numbers(client, job, "i") == list(range(counted(cluster, job)))


def test_refused_lines_are_told_and_do_not_hold_up_the_others(cluster: Cluster) -> None:
    cluster.kill_server()
    cluster.start_server(max_run_metric_names=3)
    cluster.add_node("n1")
    client = Client(*client_of(cluster.config))
    job = submit(cluster, """
s = spool.Spool()
s.log("a", 1)
s.raw(b"no json\\n")
s.raw(b'{"op":"log"\\xff}\\n')
s.raw(b"[" * 200_000 + b"]" * 200_000 + b"\\n")
s.raw(b'"' + b"x" * 2_000_000 + b'"\\n')
s.log("n" * 300, 1)
s.log("b", {"an": "object"})
s.log("c", 1, run="somebody-elses")
s.line("end", run="nobody", status="Failed")
s.line("launch", what="missiles")
for n in range(5):
    s.log("m%d" % n, n)
s.log("a", 2)
s.flush()
s.raw(b'{"op":"log","run":"cut off')
""")
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED", cluster.log(job)
    assert values(client, job) == [("a", 1), ("a", 2), ("m0", 0), ("m1", 1)]
    told = run_file(cluster, job, "azureml-logs/tracking_refused.log").splitlines()
    for sentence in ("no JSON", "nested deeper than 100", "1,100,000 bytes", "1 to 255 bytes",
                     "must be a number or a text", "there is no run \"somebody-elses\"", "there is no run \"nobody\"",
                     "is none that this server knows", "max_run_metric_names is 3", "is cut off"):
        assert any(sentence in line for line in told), (sentence, told)
    assert len(told) == 13, told


def test_a_job_that_is_hostile_harms_itself_alone(cluster: Cluster) -> None:
    cluster.muster("pool", "update", "default", "--sharing", "slots")
    cluster.add_node("n1")
    client = Client(*client_of(cluster.config))
    secret = cluster.directory / "secret.jsonl"
    hostile = submit(cluster, """
s = spool.Spool()
s.log("mine", 1)
at = lambda name: os.path.join(spool.DIRECTORY, name)
victim = sys.argv[1]
while not os.path.exists(victim):
    time.sleep(0.02)
try:
    os.link(victim, at("0-0-hard.jsonl"))
except OSError:
    pass  # another account or mount: the kernel is in the way already
os.symlink(victim, at("0-1-link.jsonl"))
os.mkfifo(at("0-2-fifo.jsonl"))
os.mkdir(at("0-3-directory.jsonl"))
os.symlink("/dev/zero", at("0-4-zero.jsonl"))
os.symlink(spool.DIRECTORY, at("0-5-loop.jsonl"))
s.flush()
os.unlink(s.path + ".ack")
os.mkdir(s.path + ".ack")
for n in range(20_000):
    os.close(os.open(at("x%d.jsonl" % n if n % 2 else "y" * 200 + str(n)), os.O_CREAT | os.O_WRONLY, 0o600))
with open(at("0-6-sparse.jsonl"), "wb") as sparse:
    sparse.truncate(64 << 20)
for name in ("poke", "rpc"):
    os.unlink(at(name))
os.symlink(victim, at("poke"))
os.symlink(victim, at("rpc"))
os.symlink("/etc", at("files/etc"))
os.mkdir(at("files/deep"))
os.symlink(victim, at("files/deep/passwd"))
os.mkfifo(at("files/deep/fifo"))
s.log("mine", 2)
while True:
    time.sleep(1)
""", arguments=(str(secret),))
    # A line that would count if anybody read it through a link.
    line = '{"op":"log","run":"%s","t":1,"name":"stolen","kind":"scalar","value":1}\n'
    secret.write_text(line % hostile)
    secret.chmod(0o644)
    wait_for(lambda: numbers(client, hostile, "mine") == [1, 2] or cluster.job(hostile)["status"] in TERMINAL,
             "the values")
    assert numbers(client, hostile, "mine") == [1, 2], cluster.log(hostile)
    # Others on the node go on as if nothing was, also with the next agent.
    for n in range(2):
        honest = submit(cluster, f"s = spool.Spool()\ns.log('i', {n})\ns.flush()\n")
        assert cluster.wait_end(honest)["status"] == "JOB_STATUS_COMPLETED", cluster.log(honest)
        assert numbers(client, honest, "i") == [n]
        cluster.kill_agent("n1")
        cluster.start_agent("n1")
    wait_for(lambda: cluster.node("n1").get("connected"), "the agent to come back")
    cluster.muster("job", "cancel", hostile)
    assert cluster.wait_end(hostile)["status"] == "JOB_STATUS_CANCELED"
    assert values(client, hostile) == [("mine", 1), ("mine", 2)]
    assert not [name for name in run_files(client, hostile) if not name.startswith("azureml-logs/")]


def test_calls_are_answered_with_the_rights_of_the_attempt(cluster: Cluster) -> None:
    cluster.add_node("n1")
    other = submit(cluster, "s = spool.Spool()\ns.log('loss', 0.5)\n")
    cluster.wait_end(other)
    job = submit(cluster, f"""
import base64
other = {other!r}
""" + """
def code(answer):
    return answer["error"]["code"]

ask = spool.Calls()
s = spool.Spool()
s.log("loss", {"f": "NaN"})
s.flush()
assert ask("GetRun", runId=spool.RUN)["reply"]["run"]["id"] == spool.RUN
assert ask("GetRun", runId=other)["reply"]["run"]["status"] == "JOB_STATUS_COMPLETED"
assert ask("GetRun", run_id="nobody")["error"]["message"].startswith("there is no run")
assert {run["id"] for run in ask("ListRuns")["reply"]["runs"]} == {spool.RUN, other}
assert ask("ReadMetrics", runId=spool.RUN)["reply"]["values"][0]["number"] == "NaN"
assert ask("ReadMetrics", runId=other)["reply"]["values"][0]["number"] == 0.5
names = [f["name"] for f in ask("ListRunFiles", jobId=other)["reply"]["files"]]
assert "azureml-logs/70_driver_log.txt" in names, names
chunk = ask("ReadRunFile", jobId=other, name="azureml-logs/70_driver_log.txt", offset=10, maxBytes=7)["reply"]
assert base64.b64decode(chunk["data"]) == b"to call", chunk
assert code(ask("ReadRunFile", name="azureml-logs/nothing.txt")) == "NOT_FOUND"
assert ask("GetJob", jobId=spool.RUN)["reply"]["job"]["status"] == "JOB_STATUS_RUNNING"
# What it may not.
assert code(ask("GetJob", jobId=other)) == "PERMISSION_DENIED"
assert code(ask("CancelJob", jobId=other, requestId="r1")) == "PERMISSION_DENIED"
assert code(ask("GetRun", workspace="others", runId=other)) == "PERMISSION_DENIED"
assert code(ask("SubmitJob")) == "UNIMPLEMENTED"
assert code(ask("GetRun", no_such_field=1)) == "INVALID_ARGUMENT"
ask.stream.write(b"nonsense\\n" + b"[" * 500_000 + b"\\n")
ask.stream.flush()
import json
assert code(json.loads(ask.stream.readline())) == code(json.loads(ask.stream.readline())) == "INVALID_ARGUMENT"
assert ask("GetRun", runId=spool.RUN)["reply"]
print("asked", flush=True)
while not os.path.exists("away"):
    time.sleep(0.02)
assert code(ask("GetRun", runId=spool.RUN)) in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
print("unavailable", flush=True)
while not ask("CancelJob", jobId=spool.RUN, requestId="r2").get("reply"):
    time.sleep(0.05)
time.sleep(60)
""")
    attempt = cluster.directory / "n1" / "attempts" / f"{job}.1"
    cluster.wait_status(job, "RUNNING", "FAILED")
    log = attempt / "logs" / "70_driver_log.txt"
    wait_for(lambda: "asked" in log.read_text() or cluster.job(job)["status"] == "JOB_STATUS_FAILED", "the calls")
    assert "asked" in log.read_text(), log.read_text()
    cluster.kill_server()
    (attempt / "work" / "away").touch()
    wait_for(lambda: "unavailable" in log.read_text(), "the answer that the server is away")
    cluster.start_server()
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_CANCELED", cluster.log(job)


def test_a_run_that_the_script_calls_failed_has_failed(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = submit(cluster, """
s = spool.Spool()
s.line("end", status="Failed", error={"code": "E42", "message": "The loss is not a number"})
s.flush()
while not os.path.exists("stop"):
    time.sleep(0.02)
""")
    wait_for(lambda: [f for f in spools(cluster) if f.with_name(f.name + ".ack").exists()
                      and int(f.with_name(f.name + ".ack").read_text()) > 0], "the line to be acknowledged")
    assert cluster.job(job)["status"] == "JOB_STATUS_RUNNING"
    cluster.kill_agent("n1")
    stop_counting(cluster)
    cluster.start_agent("n1")
    ended = cluster.wait_end(job)
    assert ended["status"] == "JOB_STATUS_FAILED"
    assert ended["cause"]["code"] == "CAUSE_CODE_SCRIPT_FAILED"
    assert ended["cause"]["message"] == "The loss is not a number (E42)"


def test_uploads_are_run_files_by_their_own_names(cluster: Cluster) -> None:
    cluster.add_node("n1")
    client = Client(*client_of(cluster.config))
    job = submit(cluster, """
def upload(name, data):
    path = os.path.join(spool.DIRECTORY, "files", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = os.path.join(spool.DIRECTORY, "files", ".tmp-1")
    with open(temporary, "wb") as file:
        file.write(data)
    os.rename(temporary, path)
upload("model.bin", b"m" * 700_000)
upload("plots/a/loss.txt", b"falling")
upload("plots/.hidden", b"seen")
upload("empty", b"")
while not os.path.exists("stop"):
    time.sleep(0.02)
""")
    expected = {"model.bin": 700_000, "plots/a/loss.txt": 7, "plots/.hidden": 4, "empty": 0}
    wait_for(lambda: expected.items() <= run_files(client, job).items(), "the uploads, while the script runs")
    stop_counting(cluster)
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    assert run_file(cluster, job, "plots/a/loss.txt") == "falling"


def test_all_ranks_of_an_mpi_job_log_to_the_one_run(cluster: Cluster) -> None:
    for name in ("n1", "n2"):
        cluster.add_node(name)
    client = Client(*client_of(cluster.config))
    job = submit(cluster, """
s = spool.Spool()
s.log("rank", int(os.environ["RANK"]))
s.raw(b"nothing from rank %d\\n" % int(os.environ["RANK"]))
s.log("workspace", os.environ["MUSTER_WORKSPACE"] + "/" + os.environ["AZUREML_EXPERIMENT_NAME"])
""", "--node-count", 2, "--process-count-per-node", 2, "--distributed-backend", "mpi")
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    assert sorted(numbers(client, job, "rank")) == [0, 1, 2, 3]
    assert numbers(client, job, "workspace") == ["default/test"] * 4
    for node in ("n1", "n2"):
        told = run_file(cluster, job, f"azureml-logs/tracking_refused_{node}.log")
        assert told.count("no JSON object") == 2


def test_a_spool_goes_once_it_is_stored_and_its_process_is_gone(cluster: Cluster) -> None:
    cluster.add_node("n1")
    client = Client(*client_of(cluster.config))
    job = submit(cluster, """
kept = spool.Spool()
kept.log("i", 0)
if os.fork() == 0:
    os.close(kept.file)
    gone = spool.Spool()
    gone.log("i", 1)
    os._exit(0)
os.wait()
while not os.path.exists("stop"):
    time.sleep(0.02)
kept.log("i", 2)
""")
    wait_for(lambda: len(numbers(client, job, "i")) == 2 or None, "both values")
    wait_for(lambda: len(spools(cluster)) == 1, "the spool of the process that is gone to go", 30)
    stop_counting(cluster)
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    assert sorted(numbers(client, job, "i")) == [0, 1, 2]


def test_what_is_logged_by_the_hundred_thousand_is_soon_readable(cluster: Cluster) -> None:
    cluster.add_node("n1")
    client = Client(*client_of(cluster.config))
    job = submit(cluster, """
s = spool.Spool()
head = b'{"op":"log","run":"%s","t":1700000000000000,"name":"loss","kind":"scalar","value":' % spool.RUN.encode()
for i in range(100_000):
    os.write(s.file, head + b"%d}\\n" % i)
began = time.monotonic()
s.flush(60)
print("stored after", time.monotonic() - began, flush=True)
""")
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED", cluster.log(job)
    assert numbers(client, job, "loss") == list(range(100_000))
    assert float(cluster.log(job).split("stored after ")[1].split()[0]) < 20
