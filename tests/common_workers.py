"""Processes that train together over the loopback."""

import json
import socket

from tests.common_processes import start_module


def start_workers(arguments, *others, count=2):
    """Starts so many processes of one recipe, the first of which writes.

    Args:
        arguments: The command as a list, without `--strategy`.
        others: What those after the first have beside it.
    Returns: A list of `Started`.
    """
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    cluster = {"worker": [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]}
    for one in sockets:
        one.close()
    return [
        start_module(
            [*arguments, *(others if index else ()), "--strategy=multi_worker"],
            [("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}))],
        )
        for index in range(count)
    ]
