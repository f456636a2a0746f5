# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that scripts are read from, and those that are none."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

import pytest

from background_nodes.runtime.errors import SignatureError
from background_nodes.runtime.script import script_files

SCRIPT = "def main() -> int:\n    return 1\n"
needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes among its files")


@pytest.fixture
def pipe(tmp_path):
    """A pipe with a script in it: reading it gives sockets, so the test sees that it was read."""
    path = tmp_path / "pipe.py"
    os.mkfifo(path)

    def write() -> None:
        # 1. Both ends are open. 2. The reader sees that it is a pipe, and closes it. 3. Only now something is written.
        with contextlib.suppress(BrokenPipeError):
            path.write_text(SCRIPT)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    yield path
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # the writer may be done meanwhile: then nobody else opens it
    writer.join()
    os.close(reader)


def test_script_is_read_whole(tmp_path):
    path = tmp_path / "script.py"
    path.write_bytes(SCRIPT.encode() + b"#" * (script_files.MAX_SIZE - len(SCRIPT)))
    assert script_files.read(path).startswith(SCRIPT)


def test_mark_of_byte_order_and_foreign_ends_of_lines_are_no_part_of_the_source(tmp_path):
    path = tmp_path / "script.py"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\rc = 3\n")
    assert script_files.read(path) == "a = 1\nb = 2\nc = 3\n"


@needs_pipes
def test_pipe_is_not_read(pipe):
    with pytest.raises(SignatureError, match="no file that can be read"):
        script_files.read(pipe)


@needs_pipes
def test_pipe_that_took_the_place_of_a_file_is_not_read(pipe, monkeypatch, tmp_path):
    file = tmp_path / "file.py"
    file.touch()
    status = file.stat()
    monkeypatch.setattr(Path, "stat", lambda _path: status)
    with pytest.raises(SignatureError, match="no file that can be read"):
        script_files.read(pipe)


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/tty", "."])
def test_device_or_folder_is_not_read(name):
    with pytest.raises(SignatureError, match=r"no file that can be read|No such file"):
        script_files.read(Path(name))


def test_link_to_a_device_is_not_read(tmp_path):
    if not Path("/dev/zero").exists():
        pytest.skip("there is no such device")
    link = tmp_path / "script.py"
    link.symlink_to("/dev/zero")
    with pytest.raises(SignatureError, match="no file that can be read"):
        script_files.read(link)


def test_file_without_end_is_not_read(tmp_path):
    path = tmp_path / "script.py"
    path.touch()
    os.truncate(path, 1 << 40)
    with pytest.raises(SignatureError, match="larger than a script can be"):
        script_files.read(path)


def test_file_that_hides_its_size_is_read_no_further_than_a_script_goes(tmp_path, monkeypatch):
    path, small = tmp_path / "script.py", tmp_path / "small.py"
    path.write_bytes(b"#" * (script_files.MAX_SIZE * 2))
    small.touch()
    status = small.stat()
    monkeypatch.setattr(Path, "stat", lambda _path: status)
    assert len(script_files.beginning(path)) == script_files.MAX_SIZE + 1
    with pytest.raises(SignatureError, match="larger than a script can be"):
        script_files.read(path)


@pytest.mark.parametrize("name", ["gone.py", "a\0b.py", "a" * 5000])
def test_file_that_is_not_there_is_told(tmp_path, name):
    with pytest.raises(SignatureError, match="can't be read"):
        script_files.read(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe\x00", "invalid or missing encoding declaration"),
        (b"# coding: no_such\n", "unknown encoding: no_such"),
        (b"# coding: zlib_codec\n", "'zlib_codec' is not a text encoding"),
        (b"\n\n\xff", "'utf-8' codec can't decode"),
    ],
)
def test_file_that_is_no_text_is_told(tmp_path, content, reason):
    path = tmp_path / "script.py"
    path.write_bytes(content)
    with pytest.raises(SignatureError, match=f"the file can't be read: {reason}"):
        script_files.read(path)
