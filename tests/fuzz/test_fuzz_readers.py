"""Damaged files of every format through the guarded reader: a shape or one sentence, each time."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import mutations
import numpy as np
import psutil
import pytest

from shapelab.core.errors import InputError, ReaderBroke, ReaderLate, clean
from shapelab.core.inputs import untrusted_reader
from shapelab.core.inputs.depth.depth_picture import DepthPicture
from shapelab.core.inputs.point_files import PointCloud
from shapelab.core.inputs.voxel_files import VoxelGrid
from shapelab.core.mesh.tri_mesh import TriMesh

FORMATS = (".off", ".obj", ".stl", ".ply", ".glb", ".3mf", ".npz", ".npy", ".binvox", ".mat")
FORMATS += (".xyz", ".pcd", ".exr")
# scipy's reader is not hardened (scipy#25166) and some damaged tags make it crash: this is what the
# child is for, and the user reads a sentence all the same.
MAY_CRASH = (".mat",)

# Opening any file but Python's own ends the child at once, which shows as a crash.
WATCHED = """
import os, sys
from shapelab.core.inputs import process_limits, untrusted_worker
roots = tuple(os.path.realpath(p) for p in (sys.prefix, sys.base_prefix, *sys.path) if p)
entered = process_limits.enter
def enter():
    entered()
    def watch(event, arguments):
        if event == "open" and isinstance(arguments[0], (str, bytes)):
            if not os.path.realpath(os.fsdecode(arguments[0])).startswith(roots):
                os._exit(77)
        if event.startswith("socket."):
            os._exit(78)
    sys.addaudithook(watch)
process_limits.enter = enter
untrusted_worker.serve(sys.argv[1])
"""


@pytest.fixture(scope="module")
def reader() -> Iterator[untrusted_reader.GuardedReader]:
    def start(suffix: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", WATCHED, suffix],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(untrusted_reader.__file__).parents[3],
        )

    with pytest.MonkeyPatch.context() as patch, untrusted_reader.GuardedReader() as reader:
        patch.setattr(untrusted_reader, "_start", start)
        yield reader


def check(file: untrusted_reader.ReadFile) -> None:
    """What is accepted must be fit for use."""
    content = file.content
    if isinstance(content, TriMesh):
        assert 4 <= len(content.faces) <= 5_000_000
        assert content.faces.max() < len(content.vertices)
        assert np.isfinite(content.vertices).all()
        assert 1e-9 < content.extents.max() < 1e7
    elif isinstance(content, PointCloud):
        assert 50 <= len(content.points) <= 20_000_000
        assert np.isfinite(content.points).all()
        assert 1e-9 < np.ptp(content.points, axis=0).max() < 1e7
    elif isinstance(content, DepthPicture):
        assert (content.depth > 0).sum() >= 200
        assert np.isfinite(content.depth).all()
        assert content.depth.size <= 1024**2
    else:
        assert isinstance(content, VoxelGrid)
        assert 0 <= content.values.min() <= content.values.max() <= 1
        assert content.pitch > 0
        assert max(content.values.shape) <= 512


def fuzz(
    reader: untrusted_reader.GuardedReader, suffix: str, count: int, seed: int
) -> dict[str, float]:
    """Reads ``count`` damaged files; gives how it went."""
    outcome: Counter[str] = Counter()
    slowest = 0.0
    for data in mutations.mutants(suffix, count, seed):
        began = time.perf_counter()
        try:
            check(reader.read_bytes(data, suffix))
            outcome["accepted"] += 1
        except InputError as error:
            text = str(error)
            assert text.endswith("."), text
            assert "\n" not in text
            assert text.count(". ") == 0, text
            assert len(text) < 300
            assert clean(text) == text
            assert not re.search(r"\d{20}", text), text
            kinds = {ReaderBroke: "crashed", ReaderLate: "late"}
            outcome[kinds.get(type(error), "refused")] += 1
        slowest = max(slowest, time.perf_counter() - began)
    return {**outcome, "slowest_s": round(slowest, 2)}


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_seeds_are_good_files(reader: untrusted_reader.GuardedReader, suffix: str) -> None:
    good = mutations.seeds(suffix)
    assert len(good) >= 5
    for data in good:
        check(reader.read_bytes(data, suffix))


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_same_seed_gives_the_same_files(suffix: str) -> None:
    first, again, other = (list(mutations.mutants(suffix, 20, seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("suffix", FORMATS)
def test_damaged_files_are_refused_in_one_sentence(
    reader: untrusted_reader.GuardedReader, suffix: str
) -> None:
    outcome = fuzz(reader, suffix, count=60, seed=1)
    assert outcome.get("refused", 0) > 10
    assert_survived(outcome, suffix)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", FORMATS)
def test_25_000_damaged_files_in_all(reader: untrusted_reader.GuardedReader, suffix: str) -> None:
    outcome = fuzz(reader, suffix, count=25_000 // len(FORMATS), seed=2)
    reader.close()
    print(f"\nfuzz {suffix}: {outcome}, peak MB of all children so far {_peak()}")
    assert_survived(outcome, suffix)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Linux tells what is open")
def test_a_thousand_reads_leave_nothing_behind(tmp_path: Path) -> None:
    """Neither memory, open files, children nor files, whether a read went well or not."""
    files = [(data, suffix) for suffix in FORMATS for data in mutations.seeds(suffix)[:2]]
    files += [(next(mutations.mutants(s, 1, seed)), s) for s in FORMATS for seed in range(3)]
    own, temporary = psutil.Process(), Path(tempfile.gettempdir())
    with untrusted_reader.GuardedReader() as reader:

        def read(count: int) -> None:
            for number in range(count):
                data, suffix = files[number % len(files)]
                with contextlib.suppress(InputError):
                    reader.read_bytes(data, suffix)

        read(100)
        before = own.num_fds(), own.memory_info().rss, set(os.listdir(temporary))
        read(1000)
        assert own.num_fds() <= before[0] + 3  # the pipes of the child that reads now
        assert own.memory_info().rss < before[1] + 20 * 2**20
    assert own.num_fds() <= before[0]
    assert [p for p in own.children() if "untrusted_worker" in " ".join(p.cmdline())] == []
    assert not any("shapelab" in name for name in set(os.listdir(temporary)) - before[2])


def assert_survived(outcome: dict[str, float], suffix: str) -> None:
    assert "late" not in outcome
    assert suffix in MAY_CRASH or "crashed" not in outcome


def _peak() -> int:
    """Of ended children, in MB; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak // (1024 if sys.platform.startswith("linux") else 2**20)
