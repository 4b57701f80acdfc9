"""A growing file is read line by line, each once."""

from __future__ import annotations

from shapelab.core.runs.line_reader import LineReader


def test_each_line_comes_once_and_only_when_it_is_whole(tmp_path):
    path = tmp_path / "lines"
    reader = LineReader(path)
    assert reader.read() == []
    path.write_bytes(b"one\r\ntwo\nthr")
    assert reader.read() == ["one", "two"]
    assert reader.read() == []
    with path.open("ab") as file:
        file.write("ee\nÿ\n".encode())
    assert reader.read() == ["three", "ÿ"]


def test_what_a_file_holds_at_first_can_be_left_out(tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(b"old\n")
    reader = LineReader(path, at_end=True)
    with path.open("ab") as file:
        file.write(b"new\n")
    assert reader.read() == ["new"]
