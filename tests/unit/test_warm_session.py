"""The process that keeps Blenders warm for a job: where it can't be, each step runs in one of its own."""

import argparse
import tempfile

import pytest

from background_nodes.submit import warm_session

pytestmark = pytest.mark.any_python


def test_session_begins_without_such_a_process_if_the_temporary_folder_has_a_long_path(tmp_path, monkeypatch, capsys):
    """The path of a socket may have about a hundred bytes."""
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    options = argparse.Namespace(action="start", folder=str(tmp_path), workers=None)
    assert warm_session.carry_out(options) == 0
    assert capsys.readouterr().out == "each step runs in a process of its own here\n"
    assert list(folder.iterdir()) == []


def test_what_others_have_in_the_folder_stays(tmp_path):
    (tmp_path / "socket").touch()
    (tmp_path / "precious.txt").touch()
    warm_session._leave(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["precious.txt"]
