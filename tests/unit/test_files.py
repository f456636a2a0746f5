"""Files by their content, with a shortcut that is taken only where it is safe."""

import os
import time
from pathlib import Path

import pytest

from background_nodes.runtime.keys import files
from background_nodes.runtime.keys.files import (
    MAX_QUICK,
    MISSING,
    FileDigests,
    NotReadYetError,
    QuickDigests,
    UnknownContentError,
)

LONG_AGO = 1_000_000_000


@pytest.fixture
def digests(monkeypatch):
    """Digests of files; `reads` counts how often one was read."""
    found = FileDigests()
    found.reads = 0
    read = files._digest_of

    def counted(file, size, is_wanted):
        found.reads += 1
        return read(file, size, is_wanted)

    monkeypatch.setattr(files, "_digest_of", counted)
    return found


@pytest.fixture
def settled(monkeypatch):
    """Let time pass: what is written in the test is old when it is read."""
    now = time.time_ns
    monkeypatch.setattr(files.time, "time_ns", lambda: now() + 10 * files._TICK)


def test_equal_files_have_equal_digests_wherever_they_are(tmp_path, digests):
    (tmp_path / "a").write_bytes(b"same")
    (tmp_path / "b").write_bytes(b"same")
    (tmp_path / "c").write_bytes(b"other")
    one, two, three = (digests.file(str(tmp_path / name)) for name in "abc")
    assert one == two != three


def test_file_with_the_same_stamp_is_read_once(tmp_path, digests, settled):
    (tmp_path / "a").write_bytes(b"1")
    assert len({digests.file(str(tmp_path / "a")) for _ in range(3)}) == 1
    assert digests.reads == 1


def test_file_that_changed_and_got_its_time_back_is_read_again(tmp_path, digests, settled):
    path = tmp_path / "a"
    path.write_bytes(b"1")
    status, before = path.stat(), digests.file(str(path))
    path.write_bytes(b"2")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert digests.file(str(path)) != before


def test_file_that_has_just_changed_is_not_trusted(tmp_path, digests):
    (tmp_path / "a").write_bytes(b"1")
    digests.file(str(tmp_path / "a"))
    digests.file(str(tmp_path / "a"))
    assert digests.reads == 2


def test_missing_file_has_a_digest_of_its_own(tmp_path, digests):
    assert digests.file(str(tmp_path / "no" / "file")) == MISSING
    (tmp_path / "file").touch()
    assert digests.file(str(tmp_path / "file")) != MISSING
    assert digests.file(str(tmp_path / "file" / "below")) == MISSING


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes among its files")
def test_pipe_is_not_read(tmp_path, digests):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnknownContentError, match="is no file whose content can be read"):
        digests.file(str(tmp_path / "pipe"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs files that are longer than they say")
def test_file_that_is_longer_than_it_says_can_t_be_told(digests):
    with pytest.raises(UnknownContentError, match="is being written"):
        digests.file("/proc/self/status")


def test_folder_counts_by_names_and_contents(tmp_path, digests):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c").write_bytes(b"1")
    (tmp_path / "a").write_bytes(b"2")
    before = digests.folder(str(tmp_path))
    assert list(before) == ["a", "b/c"]
    (tmp_path / "b" / "c").rename(tmp_path / "b" / "d")
    assert digests.folder(str(tmp_path)) != before


def test_folder_with_too_many_files_can_t_be_told(tmp_path, digests, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILES", 3)
    for name in "abcd":
        (tmp_path / name).touch()
    with pytest.raises(UnknownContentError, match="holds more than 3 files"):
        digests.folder(str(tmp_path))
    assert digests.reads == 0


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_folder_that_links_to_itself_ends(tmp_path, digests):
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a").touch()
    with pytest.raises(UnknownContentError, match="again is no file"):
        digests.folder(str(tmp_path))


# As it was


def test_file_is_as_it_was_until_it_changes_or_goes(tmp_path, digests):
    path = tmp_path / "a"
    path.write_bytes(b"1")
    state = digests.state(str(path))
    assert digests.is_as_it_was(state)
    path.write_bytes(b"2")
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    assert not digests.is_as_it_was(state)
    path.write_bytes(b"1")
    assert digests.is_as_it_was(state)
    path.unlink()
    assert not digests.is_as_it_was(state)


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell when anything of a file changed")
def test_other_content_with_the_size_and_time_of_a_file_is_noticed(tmp_path, digests):
    path = tmp_path / "a"
    path.write_bytes(b"1")
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    state = digests.state(str(path))
    while path.stat().st_ctime_ns == state.changed:  # clocks have ticks
        path.write_bytes(b"2")
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
    assert not digests.is_as_it_was(state)


def test_file_that_was_not_there_must_not_come(tmp_path, digests):
    state = digests.state(str(tmp_path / "a"))
    assert digests.is_as_it_was(state)
    (tmp_path / "a").touch()
    assert not digests.is_as_it_was(state)


def test_folder_is_as_it_was_until_a_file_in_it_changes(tmp_path, digests):
    (tmp_path / "a").write_bytes(b"1")
    state = digests.state(str(tmp_path))
    assert digests.is_as_it_was(state)
    (tmp_path / "a").write_bytes(b"2")
    assert not digests.is_as_it_was(state)


def test_unchanged_file_is_not_read_to_see_that(tmp_path, digests):
    (tmp_path / "a").write_bytes(b"1")
    state = digests.state(str(tmp_path / "a"))
    digests.is_as_it_was(state)
    assert digests.reads == 1


# In the foreground, which must not wait


@pytest.fixture
def quick(digests):
    found = QuickDigests(digests)
    found.begin(found.mark())
    return found


def read(digests, error):
    """What another thread does."""
    digests.read(error.paths, lambda: True)


def test_large_file_is_read_by_another_thread_and_then_known(tmp_path, digests, quick):
    (tmp_path / "a").write_bytes(bytes(MAX_QUICK))
    with pytest.raises(NotReadYetError) as raised:
        quick.file(str(tmp_path / "a"))
    assert digests.reads == 0
    read(digests, raised.value)
    assert quick.file(str(tmp_path / "a")) == digests.file(str(tmp_path / "a"))


def test_many_small_files_are_read_by_another_thread_at_once(tmp_path, digests, quick):
    for number in range(100):
        (tmp_path / str(number)).write_bytes(b"small")
    with pytest.raises(NotReadYetError) as raised:
        quick.folder(str(tmp_path))
    assert digests.reads + len(raised.value.paths) == 100
    assert len(raised.value.paths) > 30
    read(digests, raised.value)
    assert len(quick.folder(str(tmp_path))) == 100


def test_large_file_that_changed_after_it_was_read_is_read_again(tmp_path, digests, quick):
    path = tmp_path / "a"
    path.write_bytes(bytes(MAX_QUICK))
    digests.read([str(path)], lambda: True)
    path.write_bytes(bytes(MAX_QUICK + 1))
    with pytest.raises(NotReadYetError):
        quick.file(str(path))


def test_file_that_has_just_changed_is_not_trusted_after_another_mark(tmp_path, digests, quick):
    (tmp_path / "a").write_bytes(bytes(MAX_QUICK))
    digests.read([str(tmp_path / "a")], lambda: True)
    quick.file(str(tmp_path / "a"))
    quick.begin(quick.mark())
    with pytest.raises(NotReadYetError):
        quick.file(str(tmp_path / "a"))


def test_large_file_that_can_t_be_read_is_asked_for_once(tmp_path, digests, quick, monkeypatch):
    def grow(file, size, is_wanted):
        with Path(file.name).open("ab") as other:
            other.write(b"more")
        return "digest"

    (tmp_path / "a").write_bytes(bytes(MAX_QUICK))
    with pytest.raises(NotReadYetError) as raised:
        quick.file(str(tmp_path / "a"))
    monkeypatch.setattr(files, "_digest_of", grow)
    read(digests, raised.value)
    with pytest.raises(UnknownContentError, match="is being written"):
        quick.file(str(tmp_path / "a"))


def test_reading_that_is_not_wanted_any_more_ends_and_tells_nothing(tmp_path, digests, quick):
    answers = iter([True, True, False, False, False])
    (tmp_path / "a").write_bytes(bytes(10 * files._CHUNK))
    digests.read([str(tmp_path / "a")], lambda: next(answers))
    with pytest.raises(NotReadYetError):
        quick.file(str(tmp_path / "a"))
