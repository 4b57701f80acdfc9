"""A growing file is read line by line, each once."""

from __future__ import annotations

from shapelab.core.runs.line_reader import Tail


def test_each_line_comes_once_and_only_when_it_is_whole(tmp_path):
    path = tmp_path / "lines"
    tail = Tail(path)
    assert tail.lines() == []
    path.write_bytes(b"one\r\ntwo\nthr")
    assert tail.lines() == ["one", "two"]
    assert tail.lines() == []
    with path.open("ab") as file:
        file.write("ee\nÿ\n".encode())
    assert tail.lines() == ["three", "ÿ"]


def test_what_a_file_holds_at_first_can_be_left_out(tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(b"old\n")
    tail = Tail(path, at_end=True)
    with path.open("ab") as file:
        file.write(b"new\n")
    assert tail.lines() == ["new"]
