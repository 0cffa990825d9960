"""No RPC without an identity, none for a wrong role; no secret where it does not belong."""

from __future__ import annotations

import pathlib
import ssl
import socket
import subprocess

import grpc
import pytest

from support.cluster import Cluster
from support.reflection import methods
from support.rpc import Client, client_of, stubs

ROLES = ("admin", "user", "viewer", "node", "join")
CLIENTS = {"admin", "user", "viewer"}
# Who may call what. Everything the server serves must stand here, or the test fails.
ALLOWED = {
    "/muster.v1.JobService/SubmitJob": {"admin", "user"},
    "/muster.v1.JobService/GetJob": CLIENTS,
    "/muster.v1.JobService/ListJobs": CLIENTS,
    "/muster.v1.JobService/CancelJob": {"admin", "user"},
    "/muster.v1.JobService/WatchJobs": CLIENTS,
    "/muster.v1.BlobService/FindMissingBlobs": {"admin", "user"},
    "/muster.v1.BlobService/UploadBlob": {"admin", "user"},
    "/muster.v1.RunFileService/ListRunFiles": CLIENTS,
    "/muster.v1.RunFileService/ReadRunFile": CLIENTS,
    "/muster.v1.RunFileService/AddRunFiles": {"admin", "user"},
    "/muster.v1.NodeService/ListNodes": CLIENTS,
    "/muster.v1.NodeService/GetNode": CLIENTS,
    "/muster.v1.NodeService/CordonNode": {"admin"},
    "/muster.v1.NodeService/DrainNode": {"admin"},
    "/muster.v1.NodeService/DeclareNodeLost": {"admin"},
    "/muster.v1.NodeService/RemoveNode": {"admin"},
    "/muster.v1.PoolService/CreatePool": {"admin"},
    "/muster.v1.PoolService/UpdatePool": {"admin"},
    "/muster.v1.PoolService/DeletePool": {"admin"},
    "/muster.v1.PoolService/ListPools": CLIENTS,
    "/muster.v1.DatastoreService/RegisterDatastore": {"admin", "user"},
    "/muster.v1.DatastoreService/ListDatastores": CLIENTS,
    "/muster.v1.AdminService/CreateWorkspace": {"admin"},
    "/muster.v1.AdminService/ListWorkspaces": CLIENTS,
    "/muster.v1.AdminService/CreateToken": {"admin"},
    "/muster.v1.AdminService/ListTokens": {"admin"},
    "/muster.v1.AdminService/RevokeToken": {"admin"},
    "/muster.v1.AdminService/CreateJoinToken": {"admin"},
    "/muster.v1.AdminService/GetServerStatus": CLIENTS,
    "/muster.v1.TrackingService/GetRun": CLIENTS,
    "/muster.v1.TrackingService/ListRuns": CLIENTS,
    "/muster.v1.TrackingService/ListExperiments": CLIENTS,
    "/muster.v1.TrackingService/CreateRuns": {"admin", "user"},
    "/muster.v1.TrackingService/UpdateRun": {"admin", "user"},
    "/muster.v1.TrackingService/AppendMetrics": {"admin", "user"},
    "/muster.v1.TrackingService/ReadMetrics": CLIENTS,
    "/muster.v1.AgentService/Enroll": {"join"},
    "/muster.v1.AgentService/RenewCertificate": {"node"},
    "/muster.v1.AgentService/Session": {"node"},
    "/muster.v1.AgentService/ReadBlob": {"node"},
    "/muster.v1.AgentService/AppendRunFiles": {"node"},
    "/muster.v1.AgentService/AppendTracking": {"node"},
    "/muster.v1.AgentService/CallForAttempt": {"node"},
    "/grpc.health.v1.Health/Check": CLIENTS,
    "/grpc.health.v1.Health/Watch": CLIENTS,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": CLIENTS,
}
REFUSED = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}


def bearer(token: str) -> str:
    """ "mst1.<id>.<secret>.<fingerprint>" -> "<id>.<secret>" """
    _, token_id, secret, _ = token.split(".")
    return f"{token_id}.{secret}"


def code_of(client: Client, method: str, client_streams: bool, server_streams: bool) -> grpc.StatusCode:
    """Status of the call with an empty message; OK also where a stream is opened and stays open."""
    same = {"request_serializer": lambda data: data, "response_deserializer": lambda data: data}
    try:
        if client_streams and server_streams:
            for _ in client.channel.stream_stream(method, **same)(iter([b""]), metadata=client.metadata, timeout=2):
                break
        elif client_streams:
            client.channel.stream_unary(method, **same)(iter([b""]), metadata=client.metadata, timeout=2)
        elif server_streams:
            for _ in client.channel.unary_stream(method, **same)(b"", metadata=client.metadata, timeout=1):
                break
        else:
            client.channel.unary_unary(method, **same)(b"", metadata=client.metadata, timeout=5)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@pytest.fixture
def clients(cluster: Cluster) -> dict[str, Client]:
    address, ca, admin = client_of(cluster.config)
    cluster.add_node("n1")
    cluster.kill_agent("n1")  # its identity is used by the test itself
    tokens = {role: bearer(cluster.json("token", "create", "--user", role, "--role", role)["token"])
              for role in ("user", "viewer")}
    tokens["join"] = bearer((cluster.state / "join.token").read_text().strip())
    identity = cluster.directory / "n1" / "identity"
    return {
        "admin": Client(address, ca, admin),
        **{role: Client(address, ca, token) for role, token in tokens.items()},
        "node": Client(address, ca, key_pem=(identity / "key.pem").read_bytes(),
                       certificate_pem=(identity / "cert.pem").read_bytes()),
        "nobody": Client(address, ca),
        "liar": Client(address, ca, "0123456789abcdef.bm90LWEtc2VjcmV0"),
    }


def test_every_rpc_refuses_no_identity_and_each_wrong_role(cluster: Cluster, clients: dict[str, Client]) -> None:
    # The reflection service does not list gRPC's own health service.
    served = [*methods(clients["admin"]), ("/grpc.health.v1.Health/Check", False, False),
              ("/grpc.health.v1.Health/Watch", False, True)]
    assert {name for name, _, _ in served} == set(ALLOWED), "an RPC was added or removed: say here who may call it"
    assert code_of(clients["admin"], "/grpc.health.v1.Health/Check", False, False) == grpc.StatusCode.OK
    for name, client_streams, server_streams in served:
        for nobody in ("nobody", "liar"):
            assert code_of(clients[nobody], name, client_streams, server_streams) == \
                grpc.StatusCode.UNAUTHENTICATED, (nobody, name)
        for role in ROLES:
            code = code_of(clients[role], name, client_streams, server_streams)
            if role in ALLOWED[name]:
                assert code not in REFUSED, (role, name, code)
            else:
                assert code == grpc.StatusCode.PERMISSION_DENIED, (role, name, code)


def test_a_token_is_bound_to_its_workspace(cluster: Cluster) -> None:
    address, ca, _ = client_of(cluster.config)
    cluster.muster("workspace", "create", "lab")
    token = bearer(cluster.json("--workspace", "lab", "token", "create", "--user", "ann", "--role", "user")["token"])
    ann = Client(address, ca, token)
    jobs = stubs()["jobs"][0]
    assert list(ann.call("jobs.JobService", "ListJobs", jobs.ListJobsRequest(workspace="lab")).jobs) == []
    with pytest.raises(grpc.RpcError) as caught:
        ann.call("jobs.JobService", "ListJobs", jobs.ListJobsRequest(workspace="default"))
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_revoked_and_expired_tokens_are_refused(cluster: Cluster) -> None:
    address, ca, _ = client_of(cluster.config)
    jobs = stubs()["jobs"][0]
    created = cluster.json("token", "create", "--user", "bob", "--role", "user")
    bob = Client(address, ca, bearer(created["token"]))
    bob.call("jobs.JobService", "ListJobs", jobs.ListJobsRequest())
    cluster.muster("token", "revoke", created["token_id"])
    with pytest.raises(grpc.RpcError) as caught:
        bob.call("jobs.JobService", "ListJobs", jobs.ListJobsRequest())
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


def test_secrets_appear_in_no_log_process_list_or_database(cluster: Cluster) -> None:
    cluster.add_node("n1")
    created = cluster.json("token", "create", "--user", "eve", "--role", "user")["token"]
    wrong = created[:-70] + "x" * 6 + created[-64:]
    (cluster.directory / "wrong.token").write_text(wrong)
    (cluster.directory / "wrong.token").chmod(0o600)
    refused = cluster.run("login", "--server", cluster.address, "--token-file", cluster.directory / "wrong.token",
                          env={"MUSTER_CONFIG": str(cluster.directory / "client" / "other.json")})
    assert refused.returncode != 0
    job = cluster.submit({"main.py": "import os\nprint(sorted(os.environ))\n"})
    cluster.wait_end(job)
    secrets = [t.split(".")[2] for t in (created, (cluster.state / "admin.token").read_text(),
                                         (cluster.state / "join.token").read_text(), wrong)]
    places = [cluster.server_log(), cluster.agent_log("n1"), refused.stdout + refused.stderr, cluster.log(job)]
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            places.append(entry.read_bytes().decode("utf-8", "replace"))
        except OSError:
            continue
    binary = b"".join(p.read_bytes() for p in cluster.state.glob("*.db*"))
    for secret in secrets:
        assert len(secret) > 20
        assert all(secret not in place for place in places)
        assert secret.encode() not in binary


def test_only_modern_tls(cluster: Cluster) -> None:
    host, port = cluster.address.rsplit(":", 1)
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        with socket.create_connection((host, int(port)), 5) as raw, pytest.raises(OSError):
            context.wrap_socket(raw)
    weak = subprocess.run(["openssl", "s_client", "-connect", cluster.address, "-tls1_2", "-cipher",
                           "AES128-SHA:AES256-SHA:ECDHE-ECDSA-AES128-SHA"], input="", capture_output=True, text=True)
    assert weak.returncode != 0


def test_login_refuses_a_server_that_is_not_the_tokens(cluster: Cluster) -> None:
    token = (cluster.state / "admin.token").read_text().strip()
    other = token[:-64] + "0" * 64
    file = cluster.directory / "other.token"
    file.write_text(other)
    file.chmod(0o600)
    done = cluster.run("login", "--server", cluster.address, "--token-file", file,
                       env={"MUSTER_CONFIG": str(cluster.directory / "client" / "other.json")})
    assert done.returncode != 0 and "another server" in done.stderr
    assert not (cluster.directory / "client" / "other.json").exists()


def test_a_user_cancels_only_own_jobs(cluster: Cluster) -> None:
    address, ca, _ = client_of(cluster.config)
    job = cluster.submit({"main.py": "print(1)"})
    token = bearer(cluster.json("token", "create", "--user", "mallory", "--role", "user")["token"])
    jobs = stubs()["jobs"][0]
    with pytest.raises(grpc.RpcError) as caught:
        Client(address, ca, token).call("jobs.JobService", "CancelJob",
                                        jobs.CancelJobRequest(job_id=job, request_id="c1"))
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_a_path_on_the_nodes_is_registered_by_an_admin(cluster: Cluster) -> None:
    address, ca, _ = client_of(cluster.config)
    token = bearer(cluster.json("token", "create", "--user", "ann", "--role", "user")["token"])
    messages = stubs()["cluster"][0]
    request = messages.RegisterDatastoreRequest(request_id="d1", datastore=messages.Datastore(
        name="etc", local=messages.LocalDatastore(path="/etc")))
    with pytest.raises(grpc.RpcError) as caught:
        Client(address, ca, token).call("cluster.DatastoreService", "RegisterDatastore", request)
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert "admin" in caught.value.details()
