"""Nothing in a test's process reaches another machine; what tries fails its test."""

from __future__ import annotations

import socket
from typing import Any

connections: list[str] = []  # that somebody tried to open to another machine


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook, for a whole session."""
    if event not in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        return
    place = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
    host = place[0] if isinstance(place, tuple) else place
    local = ("", "0.0.0.0", "::", "localhost", socket.gethostname())
    is_inside = isinstance(place, str) and event != "socket.getaddrinfo"  # a socket in a folder
    if host is None or is_inside or str(host) in local or str(host).startswith(("127.", "::1")):
        return
    connections.append(f"{event} {arguments[1:]}")
    raise PermissionError(f"a test asked for {host}: nothing may go over the network")
