"""Files of others: what is no plain file is refused at once, and claims are checked first."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import numpy as np
import pytest

from shapelab.core import files_of_others
from shapelab.core.errors import InputError, ShapelabError, clean


def packed(**arrays: object) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def test_a_plain_file_is_read_to_its_cap(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert files_of_others.read_bytes(path, 5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes") as caught:
        files_of_others.read_bytes(path, 4)
    assert caught.value.errno == errno.EFBIG
    with pytest.raises(FileNotFoundError):
        files_of_others.read_bytes(tmp_path / "none", 5)
    with pytest.raises(OSError, match="no such file"):
        files_of_others.read_bytes(tmp_path / "a\0b", 5)


def test_links_are_followed_for_those_alone_who_say_so(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    link = tmp_path / "b"
    link.symlink_to(tmp_path / "a")
    assert files_of_others.read_bytes(link, 9, links=True) == b"1"
    with pytest.raises(OSError, match="it is a link"):
        files_of_others.read_bytes(link, 9)
    with pytest.raises(OSError, match="it is a link"):
        files_of_others.opened(link, "ab")
    assert [files_of_others.is_plain(p) for p in (tmp_path / "a", link, tmp_path)] == [1, 0, 0]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes with names")
@pytest.mark.parametrize("mode", ["rb", "ab"])
def test_a_pipe_that_takes_a_files_place_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Between the look and the opening, too: that waits for nobody, and the handle is asked."""
    path = tmp_path / "a"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # else the system refuses to append
    (tmp_path / "plain").write_bytes(b"")
    found = os.stat(tmp_path / "plain")
    monkeypatch.setattr(os, "stat", lambda *_, **__: found)
    open_files = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    with pytest.raises(OSError, match="not a plain file"):
        files_of_others.opened(path, mode)  # type: ignore[arg-type]
    if open_files:
        assert len(os.listdir("/proc/self/fd")) == open_files
    os.close(reader)


def test_what_is_appended_comes_after_what_was_there(tmp_path: Path) -> None:
    for text in (b"a", b"b"):
        with files_of_others.opened(tmp_path / "new", "ab") as file:
            file.write(text)
    assert (tmp_path / "new").read_bytes() == b"ab"


@pytest.mark.parametrize("depth", [1, files_of_others.MAX_DEPTH - 2])
def test_json_and_toml_come_as_they_are(depth: int) -> None:
    text = "[" * depth + '1, "a"' + "]" * depth
    assert files_of_others.json_of(text) == files_of_others.toml_of(f"a = {text}")["a"]


@pytest.mark.parametrize(
    "text",
    [
        "[" * files_of_others.MAX_DEPTH + "1" + "]" * files_of_others.MAX_DEPTH,
        "[" * 100_000,
        "7" * (files_of_others.MAX_DIGITS + 1),
        "",
        "{",
    ],
)
def test_what_is_absurd_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        files_of_others.json_of(text)
    with pytest.raises(ValueError, match=r"."):
        files_of_others.toml_of(f"a = {text}")


def test_a_key_of_many_dots_and_a_long_hexadecimal_are_value_errors() -> None:
    for text in ("a." * 1000 + "a = 1", "a = 0x" + "f" * 1000):
        with pytest.raises(ValueError, match=r"deep|digits"):
            files_of_others.toml_of(text)


def test_arrays_come_as_they_are_and_to_a_cap() -> None:
    arrays = {"a": np.arange(6).reshape(2, 3), "b": np.asfortranarray(np.eye(3)), "c": np.array(7)}
    found = files_of_others.npz_arrays(packed(**arrays), 10_000)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    with pytest.raises(ValueError, match="too much"):
        files_of_others.npz_arrays(packed(a=np.zeros(10**6)), 10_000)
    with pytest.raises((ValueError, InputError)):
        files_of_others.npz_arrays(packed(a=np.array([None])), 10_000)
    with pytest.raises(ValueError, match="no"):
        files_of_others.npz_arrays(b"PK", 10_000)


def test_a_message_hides_nothing_and_ends() -> None:
    text = "‘stühle 1 000’ has\tno\nend \x1b[2J\u202egnp.\ud800 " + "7" * 400 + "."
    said = "‘stühle 1 000’ has no end �[2J�gnp.� 777777777777…."
    assert str(ShapelabError(text)) == clean(text) == said
    assert clean("a " * 5000).endswith("a ….")
    assert len(clean("a " * 5000)) == 1000
    assert clean(f"/home/{'a' * 5000}.stl is none.") == f"/home/{'a' * 74}…{'a' * 36}.stl is none."
    name = "123456789012345678901234567890.stl is empty."
    assert str(InputError(name)) == name
