"""Names for files: what every system takes, and a name of its own for each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from background_nodes.runtime.engine.file_names import file_key, file_name, numbered


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Rock ü.v2", "Rock ü.v2"),
        ('Rock: "A/B"?', "Rock_ _A_B__"),
        ("two\\lines\n", "two_lines_"),
        (" . hidden. ", "hidden"),
        ("..", "Unnamed"),
        ("", "Unnamed"),
        ("nul", "_nul"),
        ("Com1.backup", "_Com1.backup"),
        ("Console", "Console"),
        ("u\u0308", "ü"),
        ("x" * 300, "x" * 200),
        ("ü" * 200, "ü" * 100),
    ],
)
def test_name_is_one_that_every_system_takes(text, name):
    assert file_name(text) == name


def test_names_that_meet_get_numbers_in_order(tmp_path):
    wanted = [tmp_path / name for name in ("Wall.glb", "Door.glb", "wall.glb", "WALL.glb", "Wall.obj")]
    found = [path.name for path in numbered(wanted)]
    assert found == ["Wall.glb", "Door.glb", "wall_2.glb", "WALL_3.glb", "Wall.obj"]


def test_number_that_another_one_has_for_a_name_is_left_to_it():
    assert numbered(["a.png", "a.png", "a_2.png", "a.png"]) == [Path(f"a{end}.png") for end in ("", "_3", "_2", "_4")]


def test_thousands_of_one_name_are_numbered_at_once():
    found = numbered(["level.obj"] * 5_000)
    assert len(set(found)) == 5_000
    assert found[-1] == Path("level_5000.obj")


@pytest.mark.parametrize("other", ["sub/../a.txt", "A.TXT", "a.txt.", "./a.txt", "link/a.txt"])
def test_spellings_of_one_file_have_one_key(tmp_path, other):
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "sub").mkdir()
    assert file_key(f"{tmp_path}{os.sep}{other}") == file_key(tmp_path / "a.txt")


def test_another_folder_is_another_file(tmp_path):
    assert file_key(tmp_path / "a" / "x.glb") != file_key(tmp_path / "b" / "x.glb")
