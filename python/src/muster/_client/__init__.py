"""Talks to a server. gRPC is loaded with ``connection``, when something is first asked of it."""

from muster._client.fork_support import prepare

prepare()
