"""A message is the same after it went over the wire; what is no message is refused."""

import pytest

from background_nodes.runtime.engine import messages
from background_nodes.runtime.errors import TransportError
from background_nodes.runtime.keys.files import MISSING, FileState
from background_nodes.runtime.planning.graph import SceneSettings
from background_nodes.runtime.planning.plan import TaskOutput
from background_nodes.runtime.scratch.typed_values import TypedValue
from background_nodes.runtime.script.signature import ScriptSource
from background_nodes.runtime.script.socket_types import SocketType, StoredRef

MESH = StoredRef("Mesh", 'ä "', "", "1.blend")


@pytest.mark.parametrize(
    "message",
    [
        messages.Idle(),
        messages.Started(),
        messages.Progressed(0.5, 'ä 節点 "\\ \n \0'),
        messages.Succeeded(
            {
                "a": TypedValue(SocketType("ANY"), [1, 2.5, None, True, {"b": "c"}]),
                "": TypedValue(SocketType("INT", is_list=True), ()),
                "mesh": TypedValue(SocketType("Mesh"), MESH),
                "none": TypedValue(SocketType("Mesh"), None),
                "meshes": TypedValue(SocketType("Mesh", is_list=True), (MESH, None)),
            },
            1.5,
            2**40,
            (FileState('/a/ä "\udc80.json', "1", 2**40, 10**18),),
            (FileState("/b", MISSING),),
            ("/b",),
            "it can't be known",
        ),
        messages.Gathered((MESH, MESH)),
        messages.Copied(),
        messages.Gather((MESH,), "2.blend"),
        messages.CopyFile("/a b/1.blend", "2.blend"),
        messages.Failed("no", "traceback", 3),
        messages.Retiring("it was idle"),
        messages.Execute(
            "node",
            ScriptSource("def main(): pass", "a.py"),
            (
                messages.GivenArgument(
                    "size",
                    "Size",
                    SocketType("FLOAT"),
                    (messages.Piece(TypedValue(SocketType("INT"), 3), "float"),),
                    minimum=0,
                    choices=("a", 1, 2.5, True),
                ),
            ),
            (TaskOutput("a", "A", SocketType("INT")),),
            SceneSettings(fps_base=1.001),
            "1.blend",
            "1.log",
            messages.WorkerKind(("io_scene_gltf2",), "000007.blend"),
        ),
    ],
    ids=lambda message: type(message).__name__,
)
def test_message_survives_the_wire(message):
    assert messages.decode(messages.encode(message)) == message


def test_lone_surrogates_survive_the_wire():
    assert messages.decode(messages.encode(messages.Failed("\udc80"))).error == "\udc80"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"Idle"',
        b"{}",
        b'{"message": "Unknown"}',
        b'{"message": ["Idle"]}',
        b'{"message": "Idle", "more": 1}',
        b'{"message": "Progressed"}',
        b'{"message": "Progressed", "fraction": "half", "text": ""}',
        b'{"message": "Progressed", "fraction": true, "text": ""}',
        b'{"message": "Progressed", "fraction": 0.5, "text": 1}',
        b'{"message": "Failed", "error": "", "line": 1.5}',
        b'{"message": "Gathered", "refs": [["Mesh", "", "", "1.blend"]]}',
        b'{"message": "Gathered", "refs": {}}',
        b'{"message": "Succeeded", "values": []}',
        b'{"message": "Succeeded", "read": [["/a", "1"]]}',
        b'{"message": "Succeeded", "written": [{"path": "/a", "digest": 1}]}',
        b'{"message": "Succeeded", "written": [{"path": "/a", "digest": "1", "size": "large"}]}',
        b'{"message": "Succeeded", "values": {"a": 1}}',
        b'{"message": "Succeeded", "values": {"a": {"kind": "INT", "is_list": true, "content": 1}}}',
        b'{"message": "Succeeded", "values": {"a": {"kind": "Mesh", "is_list": false, "content": "1.blend"}}}',
        b'{"message": "Succeeded", "values": {"a": {"kind": "Mesh", "is_list": false, "content": []}}}',
        b'{"message": "Succeeded", "values": {"a": {"kind": "Mesh", "is_list": true, "content": [["Mesh", 1]]}}}',
        b'{"message": "TransportError"}',
        b"[" * 100_000,
    ],
    ids=lambda data: repr(data[:30]),
)
def test_what_is_no_message_is_refused(data):
    with pytest.raises(TransportError, match="not a message"):
        messages.decode(data)
