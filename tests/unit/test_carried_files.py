"""What of the scratch folder goes to another machine with a task, and what comes back."""

import dataclasses
import hashlib

import pytest

from background_nodes.runtime.engine import messages
from background_nodes.runtime.engine.carried_files import CarriedFile, files_left, files_read, place_of
from background_nodes.runtime.engine.interface import Request
from background_nodes.runtime.engine.messages import CopyFile, Execute, Gather, GivenArgument, Piece, SharedFiles
from background_nodes.runtime.errors import StoreError
from background_nodes.runtime.planning.graph import SceneSettings
from background_nodes.runtime.scratch import value_files
from background_nodes.runtime.scratch.scratch import ScratchFolder
from background_nodes.runtime.scratch.typed_values import TypedValue
from background_nodes.runtime.script.signature import ScriptSource
from background_nodes.runtime.script.socket_types import SocketType, StoredRef

pytestmark = pytest.mark.any_python


@pytest.fixture
def folder(tmp_path):
    return ScratchFolder(tmp_path)


@pytest.fixture
def write(folder):
    def write(*names: str) -> None:
        for name in names:
            path = place_of(name, folder)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)

    return write


def task(*values: TypedValue, **fields) -> Execute:
    arguments = tuple(
        GivenArgument(f"a{number}", "A", value.type, (Piece(value),)) for number, value in enumerate(values)
    )
    told = Execute("Node", ScriptSource("", ""), arguments, (), SceneSettings(), "000100.blend", "000101.log")
    return dataclasses.replace(told, **fields)


def objects(*blobs: str) -> TypedValue:
    return TypedValue(SocketType("Object", is_list=True), tuple(StoredRef("Object", "O", "", blob) for blob in blobs))


def test_blob_goes_with_what_stands_beside_it_but_for_values(write, folder):
    """Large values of the same result are read by whom they are given to."""
    write("000001.blend", "000001.json", "000001.0.pixels", "000001.0.value", "000001.0.value.lines", "000002.blend")
    assert files_read(task(objects("000001.blend", "000001.blend")), folder) == (
        "000001.0.pixels",
        "000001.blend",
        "000001.json",
    )


def test_value_in_a_file_goes_with_its_lines(folder, write):
    write("000001.blend")  # makes the folder
    value = value_files.stored(TypedValue(SocketType("ANY", True), tuple(range(9000))), "000003.0.value", folder)
    assert files_read(task(value), folder) == ("000003.0.value", "000003.0.value.lines")


def test_blobs_that_a_value_in_a_file_names_go_too(folder, write):
    blobs = [f"{number:06d}.blend" for number in range(1, 900)]
    write(*blobs)
    value = value_files.stored(objects(*blobs), "000003.0.value", folder)
    assert value.is_in_files
    assert set(files_read(task(value), folder)) == {"000003.0.value", "000003.0.value.lines", *blobs}


def test_copy_of_the_open_file_and_files_of_the_run_go_without_claims(folder, write):
    write("000004.blend", "000004.json")
    write(
        "000005.0.in_use.json", "000005.1.in_use.json", "000005.0.items.json", "000005.1.items.json", "000005.ab.claim"
    )
    shared = SharedFiles("000005.blend", "000005.1.items.json")
    read = files_read(task(file_copy="000004.blend", shared=shared), folder)
    assert set(read) == {
        *("000004.blend", "000004.json"),
        *("000005.0.in_use.json", "000005.1.in_use.json", "000005.1.items.json"),
    }


def test_preferences_of_the_worker_go_too(folder, write):
    write("000007.blend")
    kind = messages.WorkerKind(("rigify",), "000007.blend")
    assert files_read(task(kind=kind), folder) == ("000007.blend",)
    request = Request("key", task(kind=kind, folder="session"))
    assert request.kind == messages.WorkerKind(("rigify",), "000007.blend", "session")


def test_gathering_takes_all_blobs_and_a_copy_none(folder, write):
    write("000001.blend", "000002.blend")
    refs = tuple(objects("000001.blend", "000002.blend").refs())
    assert files_read(Gather(refs, "000009.blend"), folder) == ("000001.blend", "000002.blend")
    assert files_read(CopyFile("/a.blend", "000009.blend"), folder) == ()


def test_result_comes_back_with_its_log_and_the_files_of_that(folder, write):
    write("000100.blend", "000100.json", "000100.0.value", "000101.log", "000101.files/deep/picture.png")
    write("000101.cancelled", "000102.log", "000005.ab.claim", "000005.0.in_use.json")
    told = task(shared=SharedFiles("000005.blend"))
    assert set(files_left(told, messages.Succeeded(), folder)) == {
        *("000100.blend", "000100.json", "000100.0.value"),
        *("000101.log", "000101.files/deep/picture.png", "000005.ab.claim"),
    }


def test_lost_task_leaves_its_log_only(folder, write):
    write("000100.blend", "000101.log")
    assert files_left(task(), None, folder) == ("000101.log",)


def test_file_is_known_by_its_bytes(folder, write):
    write("000001.blend")
    digest = hashlib.sha256(b"000001.blend").hexdigest()
    assert CarriedFile.of("000001.blend", folder) == CarriedFile("000001.blend", digest, 12)
    with pytest.raises(StoreError, match=r"000002\.blend can't be read"):
        CarriedFile.of("000002.blend", folder)


@pytest.mark.parametrize("name", ["", "..", "../a", "a/../../b", "/etc/passwd", "a//b", "a\\b", ".a", "a/", "a\0b"])
def test_name_that_leads_elsewhere_is_refused(folder, name):
    with pytest.raises(StoreError, match="no name of a file in the scratch folder"):
        place_of(name, folder)


def test_folder_for_another_foreground_is_within_the_scratch_folder(folder):
    assert folder.inner("") is folder
    assert folder.inner("0a1b").file("000001.blend").is_relative_to(folder.path)
    assert folder.inner("0a1b").file("000001.blend") != folder.file("000001.blend")
    for name in ("..", "a/b", "A b", "x" * 65):
        with pytest.raises(StoreError, match="can't be a folder"):
            folder.inner(name)
