"""Keys of tasks, made of a few words."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from background_nodes.runtime.keys.files import FileDigests
from background_nodes.runtime.keys.inputs import Contents, DataBlockContent, input_parts
from background_nodes.runtime.keys.key import Element, Environment, InputPart, KeyParts, OtherItems, key_parts
from background_nodes.runtime.keys.script_digest import ScriptDigests
from background_nodes.runtime.planning.graph import NodeSettings
from background_nodes.runtime.planning.plan import TaskOutput
from background_nodes.runtime.scratch.scratch import ScratchFolder
from background_nodes.runtime.scratch.typed_values import TypedValue
from background_nodes.runtime.script.signature import Parameter, ScriptSource
from background_nodes.runtime.script.socket_types import SocketType, StoredRef
from background_nodes.runtime.script.wording import title_of

SCRIPT = "def main() -> int:\n    return 1\n"
OUTPUT = TaskOutput("result", "Result", SocketType("INT"))
BLENDER = Environment("5.2.2", "abc Linux", open_file="/work/a.blend", devices=("CPU",), addons={"loop_tools": "1.0"})


def contents(folder: Path, blocks: Mapping[str, Element] | None = None, **options: Any) -> Contents:
    """What inputs name: data-blocks by their names, files below `folder`."""

    def data_block(ref: StoredRef) -> DataBlockContent:
        return DataBlockContent((blocks or {})[ref.name], is_timed=ref.name.startswith("Timed"))

    def blend_file(path: str) -> DataBlockContent:
        return DataBlockContent(Element(path or "/work/a.blend", "open" if path == "" else "digest"))

    whole_path = options.pop("whole_path", lambda path: path.replace("//", f"{folder}/", 1))
    return Contents(data_block, blend_file, FileDigests(), ScratchFolder(folder), whole_path, **options)


def typed(kind: str, value: Any, *, is_list: bool = False) -> TypedValue:
    return TypedValue(SocketType(kind, is_list), value)


def given(name: str, kind: str, *values: TypedValue, at: Contents, conversion: str = "", **options: Any) -> InputPart:
    """An input with what its links give."""
    is_list = options.pop("is_list", False)
    parameter = Parameter(name, title_of(name), SocketType(kind, is_list), **options)
    [part] = input_parts([(parameter, [(value, conversion) for value in values])], at)
    return part


def parts(
    *inputs: InputPart,
    script: str = SCRIPT,
    folder: str = "",
    outputs: tuple[TaskOutput, ...] = (OUTPUT,),
    environment: Environment = BLENDER,
    addons: tuple[str, ...] = (),
    installed: Mapping[str, str] | None = None,
    others: OtherItems | None = None,
    is_without_main: bool = False,
) -> KeyParts:
    """The parts of the key of a task."""
    source = ScriptSource(script, "script.py", folder, is_without_main)
    digest = ScriptDigests(FileDigests()).digest(source)
    settings = NodeSettings(addons=addons)
    return key_parts(digest, inputs, outputs, settings, environment, installed or {}, others)
