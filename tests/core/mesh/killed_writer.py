"""Exports again and again in children that are killed at random moments: ``FOLDER KILLS SEED``.

The children are forked from this warm process. Prints as JSON how many were killed, how many of
them in the middle of a write, and how many exports were done.
"""

import json
import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path

import trimesh

from shapelab.core.atomic import atomic_write
from shapelab.core.mesh import formats
from shapelab.core.mesh.tri_mesh import TriMesh

# No thread runs here yet that a fork could cut off; Python cannot know that of native ones.
warnings.filterwarnings("ignore", category=DeprecationWarning)
SUFFIXES = (".stl", ".obj", ".ply", ".glb", ".3mf")
LONGEST_S = 0.12
folder, kills, rng = Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))

parts = []
for number in range(3):  # of other sizes, so that a mixture of two would be seen
    ball = trimesh.creation.icosphere(3, radius=20 + 5 * number)
    vertices = (ball.vertices - ball.bounds[0]).astype("float32")
    parts.append(TriMesh(vertices, ball.faces.astype("int32")))
wanted = {suffix: [formats.encode(part, suffix) for part in parts] for suffix in SUFFIXES}


def place(count: int) -> Path:
    return folder / f"part{SUFFIXES[count % len(SUFFIXES)]}"


def export_on_and_on(first: int, acknowledge: int) -> None:
    count = first
    while True:
        path = place(count)
        # The end of formats.write: what comes before, making and judging, touches no file.
        atomic_write(path, wanted[path.suffix][count % len(parts)])
        os.write(acknowledge, b".")
        count += 1


def check(done: int) -> None:
    """Each file is the last that was acknowledged for it, or the next one, whole."""
    for back in range(len(SUFFIXES)):
        count = done - 1 - back
        path = place(count)
        kinds = wanted[path.suffix]
        allowed = [kinds[count % len(parts)]] if count >= 0 else []
        if back == len(SUFFIXES) - 1:  # its turn was next, and may have been acknowledged by none
            allowed.append(kinds[done % len(parts)])
        if not path.exists() and count < 0:
            continue
        if path.read_bytes() not in allowed:
            sys.exit(f"{path.name} is neither the old nor the new one after {done} exports")


done = killed = hits = 0
for count in range(len(SUFFIXES)):
    formats.write(place(count), parts[count % len(parts)], force=True)
    done += 1
while killed < kills:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        export_on_and_on(done, writing)
    os.close(writing)
    time.sleep(rng.uniform(0, LONGEST_S))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        sys.exit(f"a child ended by itself with status {status}")
    with os.fdopen(reading, "rb") as pipe:
        done += len(pipe.read())
    killed += 1
    hits += any(folder.glob(".*.tmp"))
    check(done)
    for draft in folder.glob(".*.tmp"):
        draft.unlink()
    # What was written but not acknowledged is written again: the same file.
print(json.dumps({"killed": killed, "in the middle": hits, "exports": done}))
