"""No test reaches another machine (``network_guard``), nor does the code know how."""

from __future__ import annotations

import ast
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import network_guard

ROOT = Path(__file__).resolve().parents[1]
KNOWS_HOW = {"http", "ftplib", "smtplib", "requests", "httpx", "aiohttp", "urllib3", "ssl"}
KNOWS_HOW |= {"urllib.request", "huggingface_hub", "torch.hub", "xmlrpc", "socketserver"}


def test_a_connection_fails_its_test() -> None:
    for address in (("192.0.2.1", 80), ("pypi.org", 443)):
        with pytest.raises(PermissionError, match="nothing may go over the network"):
            socket.create_connection(address, timeout=1)
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with one, pytest.raises(PermissionError, match="network"):
        one.sendto(b"", ("192.0.2.1", 80))
    assert len(network_guard.connections) == 3
    del network_guard.connections[:]
    with socket.create_server(("127.0.0.1", 0)) as server:  # processes of one run talk like this
        socket.create_connection(server.getsockname()).close()


def test_no_module_knows_how_to_reach_another_machine() -> None:
    found = []
    for path in [*(ROOT / "shapelab").rglob("*.py"), *(ROOT / "trainer").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{each.name}" for each in node.names)]
            for name in names:
                if name in KNOWS_HOW or name.partition(".")[0] in KNOWS_HOW:
                    found.append(f"{path.relative_to(ROOT)}: {name}")
    assert found == []


# Every command that people run most, in processes whose first connection would end them.
GUARDED = """
import os, sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "urllib.Request"):
        if not isinstance(arguments[1], str):  # which is a socket in a folder of this machine
            os.write(2, f"{event} {arguments}".encode())
            os._exit(77)
sys.addaudithook(refuse)
from shapelab.__main__ import main
for arguments in (["self-test"], ["info", "modelnet10"],
                  ["sample", "--seed", "3", "-o", "a.stl"],
                  ["reconstruct", "a.stl", "-o", "b.glb"],
                  ["train", "prepare", "procedural:2", "--out", "store", "--views", "0"]):
    sys.argv = ["shapelab", *arguments]
    try:
        main()
    except SystemExit as end:
        if end.code:
            sys.exit(f"{arguments}: {end.code}")
"""


def test_no_command_opens_a_connection(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", GUARDED],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
