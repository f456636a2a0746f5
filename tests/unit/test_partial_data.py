"""What a script hands over while it runs, as others read it."""

from pathlib import Path

import pytest

from background_nodes.runtime.errors import StoreError
from background_nodes.runtime.scratch import partial_data
from background_nodes.runtime.scratch.partial_data import PartialDataFile


@pytest.fixture
def path(awkward_path: Path) -> Path:
    return awkward_path / "000013.partial"


def test_nothing_is_there_before_something_was_written(path: Path) -> None:
    assert PartialDataFile(path).number() == 0
    assert PartialDataFile(path).read() == (0, None)


def test_last_of_what_was_written_is_read_with_its_number(path: Path) -> None:
    written = PartialDataFile(path)
    for number, content in enumerate([{"a": [1, "\u00e4\n"]}, None, [2.5]], start=1):
        written.write(content)
        assert PartialDataFile(path).number() == number
        assert PartialDataFile(path).read() == (number, content)
    assert list(path.parent.iterdir()) == [path]


def test_folder_that_is_not_there_is_made(path: Path) -> None:
    PartialDataFile(path.parent / "0000" / path.name).write(1)
    assert PartialDataFile(path.parent / "0000" / path.name).read() == (1, 1)


def test_what_cannot_be_written_is_told_and_leaves_what_was_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = PartialDataFile(path)
    written.write([1])
    monkeypatch.setattr("background_nodes.runtime.scratch.value_files.TOO_LARGE", 5)
    with pytest.raises(StoreError, match="too much to be passed on"):
        written.write("long text")
    assert PartialDataFile(path).read() == (1, [1])
    with pytest.raises(StoreError, match="can't be written"):
        PartialDataFile(path / "in a file").write(1)


def test_file_that_is_being_read_is_replaced_when_that_is_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows refuses to replace a file that is open."""
    refusals = iter([PermissionError(13, "in use")] * 3)
    rename = partial_data._rename

    def refuse(*paths: Path) -> None:
        if refusal := next(refusals, None):
            raise refusal
        rename(*paths)

    monkeypatch.setattr(partial_data, "_rename", refuse)
    PartialDataFile(path).write([1])
    assert PartialDataFile(path).read() == (1, [1])


def test_file_of_something_else_is_told(path: Path) -> None:
    path.write_text("nonsense", encoding="ascii")
    assert PartialDataFile(path).number() == 0
    with pytest.raises(StoreError, match="can't be read"):
        PartialDataFile(path).read()
