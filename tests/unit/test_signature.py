# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a script's signature from its source."""

from __future__ import annotations

import contextlib
import math
import textwrap
from pathlib import Path

import pytest

from background_nodes.runtime.errors import SignatureError
from background_nodes.runtime.script.signature import (
    MAX_SOCKETS,
    MISSING,
    Output,
    Parameter,
    ScriptSource,
    Signature,
    read_signature,
)
from background_nodes.runtime.script.socket_types import SocketType, Value

DATA_BLOCKS = {
    "Action": "Action",
    "Object": "Object",
    "Mesh": "Mesh",
    "Material": "Material",
    "Light": "Light",
    "PointLight": "Light",
}

IMPORTS = """\
import math, pathlib, typing
from pathlib import Path
from typing import Annotated, Any, List, Literal, NamedTuple, Optional, Union
import bpy, mathutils
from bpy.types import Object
from mathutils import Color, Euler, Matrix, Quaternion, Vector
from background_nodes import script
from background_nodes.script import Factor, Length, Percentage, Pixels, Range, Unit
"""


def read(text: str) -> Signature:
    return read_signature(ScriptSource(textwrap.dedent(text), "test.py"), DATA_BLOCKS)


def read_parameter(parameter: str, before: str = "") -> Parameter:
    [parameter] = read(f"{IMPORTS}{before}\ndef main({parameter}): ...").inputs
    return parameter


def refusal(text: str) -> SignatureError:
    with pytest.raises(SignatureError) as caught:
        read(text)
    return caught.value


def refusal_of_parameter(parameter: str, before: str = "") -> SignatureError:
    return refusal(f"{IMPORTS}{before}\ndef main({parameter}): ...")


# The whole.


def test_script_with_everything_gives_its_whole_signature() -> None:
    signature = read('''
        """Voxel-remesh an object
        and count its faces.

        More about it.
        """

        from typing import Annotated, NamedTuple

        import bpy
        from background_nodes.script import Length, Range


        class Output(NamedTuple):
            """What comes out.

            Attributes:
                remeshed: the new object.
            """

            remeshed: bpy.types.Object
            face_count: int


        def main(
            source: bpy.types.Object,
            voxel_size: Annotated[Length, Range(0.001, 10)] = 0.05,
        ) -> Output:
            """Not this one.

            Args:
                source: what is remeshed; its modifiers
                    are applied first.
                voxel_size (float): edge length.
            """
    ''')
    assert signature == Signature(
        inputs=(
            Parameter(
                "source",
                "Source",
                SocketType("Object"),
                description="what is remeshed; its modifiers are applied first.",
            ),
            Parameter(
                "voxel_size",
                "Voxel Size",
                SocketType("FLOAT"),
                default=0.05,
                minimum=0.001,
                maximum=10,
                unit="LENGTH",
                description="edge length.",
            ),
        ),
        outputs=(
            Output("remeshed", "Remeshed", SocketType("Object"), "the new object."),
            Output("face_count", "Face Count", SocketType("INT")),
        ),
        description="Voxel-remesh an object and count its faces.",
    )


def test_script_is_read_without_being_executed(tmp_path: Path) -> None:
    witness = tmp_path / "executed"
    read(f"""
        open({str(witness)!r}, "w")
        raise SystemExit
        @decorate
        def main(): ...
    """)
    assert not witness.exists()


def test_docstring_of_main_describes_the_node_where_the_module_has_none() -> None:
    signature = read('''
        def main() -> int:
            """Count.

            Returns:
                how many
                there are.
            """
    ''')
    assert signature.description == "Count."
    assert signature.outputs == (Output("result", "Result", SocketType("INT"), "how many there are."),)


def test_keyword_only_parameters_are_inputs() -> None:
    signature = read("def main(a: int, b: int = 2, *, c: int, d: int = 4): ...")
    assert [(parameter.identifier, parameter.default) for parameter in signature.inputs] == [
        ("a", MISSING),
        ("b", 2),
        ("c", MISSING),
        ("d", 4),
    ]


# Types.


@pytest.mark.parametrize(
    ("annotation", "is_output_path"),
    [
        ("OutputPath", True),
        ("script.OutputPath", True),
        ("list[OutputPath]", True),
        ("OutputPath | None", True),
        ("Annotated[OutputPath, 1]", True),
        ("Path", False),
        ("str", False),
    ],
)
def test_path_that_is_written_to_is_told_from_others(annotation: str, is_output_path: bool) -> None:
    parameter = read_parameter(f"x: {annotation}", before="from background_nodes.script import OutputPath")
    assert parameter.is_output_path is is_output_path
    assert (parameter.type.kind, parameter.annotation) == (("STRING", "") if annotation == "str" else ("PATH", "Path"))


def test_actions_of_rigs_are_a_list_that_needs_no_value() -> None:
    parameter = read_parameter("x: RigActions", before="from background_nodes.script import RigActions")
    assert (parameter.type.is_list, parameter.has_rig_actions, parameter.is_required) == (True, True, False)


@pytest.mark.parametrize(
    ("annotation", "kind", "class_name"),
    [
        ("bool", "BOOLEAN", ""),
        ("int", "INT", ""),
        ("float", "FLOAT", ""),
        ("str", "STRING", ""),
        ("Vector", "VECTOR", "Vector"),
        ("mathutils.Color", "COLOR", "Color"),
        ("Euler", "ROTATION", "Euler"),
        ("Quaternion", "ROTATION", "Quaternion"),
        ("Matrix", "MATRIX", "Matrix"),
        ("Path", "PATH", "Path"),
        ("pathlib.Path", "PATH", "Path"),
        ("dict", "ANY", "dict"),
        ("dict[str, list[int]]", "ANY", "dict"),
        ("Any", "ANY", ""),
        ("object", "ANY", ""),
        ("Object", "Object", ""),
        ("bpy.types.Mesh", "Mesh", ""),
        ("bpy.types.PointLight", "Light", ""),
        ("bpy.types.ID", "ID", ""),
        ("'bpy.types.Mesh'", "Mesh", ""),
    ],
)
def test_annotation_gives_its_socket_type(annotation: str, kind: str, class_name: str) -> None:
    parameter = read_parameter(f"x: {annotation}")
    assert (parameter.type, parameter.annotation) == (SocketType(kind), class_name)
    assert read_parameter(f"x: list[{annotation}]").type == SocketType(kind, is_list=True)
    assert read_parameter(f"x: {annotation} | None").is_optional
    assert parameter.is_required


BLEND_FILE = "from background_nodes.script import BlendFile"


@pytest.mark.parametrize("parameter", ["x: BlendFile", "x: BlendFile = BlendFile()", "x: 'BlendFile'"])
def test_blend_file_is_the_open_one_where_nothing_is_chosen(parameter: str) -> None:
    found = read_parameter(parameter, BLEND_FILE)
    assert (found.type, found.annotation, found.default) == (SocketType("BLEND_FILE"), "BlendFile", "")
    assert not found.is_required


@pytest.mark.parametrize(
    ("main", "message"),
    [
        ("main(x: list[BlendFile])", "x can't be a list: a script works on one file. Write BlendFile;"),
        ("main(x: BlendFile | None)", "x can't be None: where nothing is chosen it is the open file"),
        ("main(x: BlendFile = None)", "the default of x is always the open file: write BlendFile() or nothing"),
        ("main(x: BlendFile = BlendFile('/a.blend'))", "the default of x is always the open file"),
        ("main(x: BlendFile, y: int, z: BlendFile)", "x and z can't both be a BlendFile: a script works on one file"),
        ("main() -> BlendFile", "a BlendFile is only an input; save a file and return its Path"),
        ("main() -> list[BlendFile]", "a BlendFile is only an input"),
    ],
)
def test_blend_file_that_can_not_be_is_refused_with_a_fix(main: str, message: str) -> None:
    error = refusal(f"{BLEND_FILE}\ndef {main}: ...")
    assert error.message.startswith(message)
    assert error.line == 2


def test_blend_file_that_is_not_imported_says_from_where() -> None:
    message = "BlendFile is not imported; add: from background_nodes.script import BlendFile"
    assert refusal("def main(x: BlendFile): ...").message == message


@pytest.mark.parametrize(
    ("imports", "annotation"),
    [
        ("import bpy as b", "b.types.Object"),
        ("import bpy.types", "bpy.types.Object"),
        ("import bpy.types as t", "t.Object"),
        ("from bpy import types", "types.Object"),
        ("from bpy.types import Object as Thing", "Thing"),
        ("from __future__ import annotations\nif True:\n    from bpy.types import Object", "Object"),
        ("try:\n    import bpy\nexcept ImportError:\n    pass", "bpy.types.Object"),
        ("import bpy\nThing = bpy.types.Object", "Thing"),
        ("import bpy, typing_extensions as te", "te.Annotated[bpy.types.Object, 'what it is for']"),
    ],
)
def test_data_block_is_found_however_it_was_imported(imports: str, annotation: str) -> None:
    [parameter] = read(f"{imports}\ndef main(x: {annotation}): ...").inputs
    assert parameter.type == SocketType("Object")


def test_script_module_of_the_installed_extension_is_the_same_module() -> None:
    [parameter] = read("from bl_ext.user_default.background_nodes.script import Angle\ndef main(x: Angle): ...").inputs
    assert parameter.unit == "ANGLE"


@pytest.mark.parametrize("annotation", ["Optional[Object]", "Union[Object, None]", "None | Object", "'Object | None'"])
def test_every_way_of_writing_optional_allows_none(annotation: str) -> None:
    parameter = read_parameter(f"x: {annotation}")
    assert parameter.is_optional
    assert not parameter.is_required


@pytest.mark.parametrize(
    ("annotation", "minimum", "maximum", "unit"),
    [
        ("Annotated[float, Range(0, 1)]", 0, 1, ""),
        ("Annotated[int, Range(minimum=-1)]", -1, None, ""),
        ("Annotated[float, Range(None, 2.5)]", None, 2.5, ""),
        ("Annotated[float, script.Range(-math.pi, maximum=math.pi)]", -math.pi, math.pi, ""),
        ("Annotated[float, script.Unit.TIME]", None, None, "TIME"),
        ("Annotated[Length, Range(0)]", 0, None, "LENGTH"),
        ("Percentage", 0, 100, "PERCENTAGE"),
        ("Factor", 0, 1, "FACTOR"),
        ("Annotated[Percentage, Range(5, 200)]", 5, 200, "PERCENTAGE"),
        ("Annotated[float, Range(5, 200), Unit.PERCENTAGE]", 5, 200, "PERCENTAGE"),
        ("list[Annotated[float, Range(0, 1)]]", 0, 1, ""),
        ("Annotated[list[float], Range(0, 1)]", 0, 1, ""),
        ("Annotated[float | None, Range(0, 1), 'a note']", 0, 1, ""),
    ],
)
def test_range_and_unit_are_read(annotation: str, minimum: float, maximum: float, unit: str) -> None:
    parameter = read_parameter(f"x: {annotation}")
    assert (parameter.minimum, parameter.maximum, parameter.unit) == (minimum, maximum, unit)


@pytest.mark.parametrize(
    ("parameter", "field_json"),
    [
        ("x: float", "{}"),
        ("x: float | None = None", "{}"),
        ("x: Annotated[Length, Range(0.1)] = 1", '{"default": 1.0, "minimum": 0.1, "unit": "LENGTH"}'),
        ("x: bool = False", '{"default": false}'),
        ("x: Literal[8, 16] = 16", '{"default": 16, "choices": [8, 16]}'),
        ("x: dict = {'b': [1, True], 'a': None}", '{"default": {"b": [1, true], "a": null}}'),
        ("x: list[Annotated[int, Range(0, 9)]] = [1]", '{"default": [1], "minimum": 0, "maximum": 9}'),
        ("x: bpy.types.Object | None = None", ""),
        ("x: list[bpy.types.Object] = []", ""),
    ],
)
def test_all_that_a_field_depends_on_is_told_as_json(parameter: str, field_json: str) -> None:
    """Files hold it: another spelling of the same would count as a change of the script."""
    assert read_parameter(parameter).field_json == field_json


def test_pixels_are_whole_numbers() -> None:
    assert read_parameter("x: Pixels").type == SocketType("INT")


def test_literal_makes_a_menu() -> None:
    assert read_parameter("x: Literal['A', 'B'] = 'B'").choices == ("A", "B")
    assert read_parameter("x: list[Literal[1, 2]]").type == SocketType("MENU", is_list=True)


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ("bpy.types.Objekt", "bpy.types.Objekt is no data-block of this Blender; did you mean bpy.types.Object?"),
        ("bpy.types.Context", "bpy.types.Context is no data-block of this Blender"),
        ("list", "write list[...]"),
        ("list[int, str]", "list[...] takes one type"),
        ("0x1" + "0" * 5_000, "the expression is no type a socket can have"),
        ("list[list[int]]", "a list of lists"),
        ("list[int | None]", "write list[...] | None"),
        ("tuple[int, int]", "write list[...]"),
        ("dict[int, str]", "write dict[str, ...]"),
        ("int | str", "a socket has one type"),
        ("Union[int, str, None]", "a socket has one type"),
        ("None", "None is no type a socket can have"),
        ("set[int]", "set[int] is no type a socket can have"),
        ("'int +'", '"int +" is no annotation'),
        ("Literal['A', 1]", "must be of one type"),
        ("Literal['A', 'A']", "is there twice"),
        ("Literal[None]", "must be of one type"),
        ("Annotated[str, Range(0, 1)]", "Range does not go with string"),
        ("Annotated[float, Range(1, 0)]", "above its maximum"),
        ("Annotated[float, Range('a')]", "numbers or None"),
        ("Annotated[float, Range(0, 1, 2)]", "a minimum and a maximum"),
        ("Annotated[float, Range(0, minimum=2)]", "a minimum and a maximum"),
        ("Annotated[float, Unit.LENGHT]", "Unit.LENGHT is no unit; use one of LENGTH"),
        ("Annotated[str, Unit.LENGTH]", "a unit does not go with string"),
    ],
)
def test_wrong_annotation_is_refused_with_its_line(annotation: str, message: str) -> None:
    error = refusal_of_parameter(f"x: {annotation}", before="\n\n")
    assert message in error.message
    assert error.line == 12


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ("Vector", "Vector is not imported; add: from mathutils import Vector"),
        ("Path", "Path is not imported; add: from pathlib import Path"),
        ("OutputPath", "OutputPath is not imported; add: from background_nodes.script import OutputPath"),
        ("Optional[int]", "Optional is not imported; add: from typing import Optional"),
        ("Length", "Length is not imported; add: from background_nodes.script import Length"),
    ],
)
def test_forgotten_import_is_named(annotation: str, message: str) -> None:
    assert refusal(f"def main(x: {annotation}): ...").message == message


def test_forgotten_import_of_range_is_named() -> None:
    error = refusal("from typing import Annotated\ndef main(x: Annotated[float, Range(0, 1)]): ...")
    assert error.message == "Range is not imported; add: from background_nodes.script import Range"


def test_alias_of_itself_is_refused() -> None:
    assert "nested too deeply" in refusal("A = list[A]\ndef main(x: A): ...").message


# What somebody else's script must not do to the window that shows it.


DOUBLED = "\n".join(f"A{level} = (A{level + 1}, A{level + 1})" for level in range(60)) + "\nA60 = 1\n"


@pytest.mark.parametrize("main", ["x: Any = A0", "x: Literal[A0]", "x: Annotated[float, Range(A0, 1)]"])
def test_names_that_stand_for_ever_more_are_given_up(main: str) -> None:
    assert "stand for is too long" in refusal(f"{IMPORTS}{DOUBLED}def main({main}): ...").message


def test_long_annotation_in_quotes_is_not_read_for_each_parameter() -> None:
    parameters = ", ".join(f"x{index}: A" for index in range(400))
    source = f"A = 'int{' ' * 10_000}| None'\ndef main({parameters}): ..."
    assert "stand for is too long" in refusal(source).message


def test_more_sockets_than_blender_can_make_are_refused() -> None:
    parameters = ", ".join(f"x{index}: int" for index in range(MAX_SOCKETS + 1))
    assert refusal(f"def main({parameters}): ...").message.startswith(
        "there are 501 inputs, and a node has 500 at most"
    )


@pytest.mark.parametrize(
    "expression",
    [
        "-" * 100_000 + "1",
        "(" * 100_000,
        "[" * 90 + "]" * 90,
        "a" + ".b" * 100_000,
        "a" + "()" * 100_000,
        "1" + "+1" * 100_000,
        "lambda:" * 30_000 + "1",
        "1 if 1 else " * 20_000 + "1",
        "f'" + "{a}" * 10_000 + "'",
    ],
)
def test_deep_and_wide_expressions_end_in_a_signature_or_in_a_refusal(expression: str) -> None:
    with contextlib.suppress(SignatureError):
        assert len(read(f"def main(x: int): ...\n{expression}").inputs) == 1


# Defaults.


@pytest.mark.parametrize(
    ("parameter", "default"),
    [
        ("x: bool = True", True),
        ("x: int = -3", -3),
        ("x: float = 1", 1.0),
        ("x: float = math.tau / 4", math.tau / 4),
        ("x: float = math.radians(30) * 2 ** -1", math.radians(30) / 2),
        ("x: float = SIZE", 0.5),
        ("x: float = +TYPED_SIZE", 0.25),
        ("x: str = 'a' 'b'", "ab"),
        ("x: Path = Path('//out')", "//out"),
        ("x: Path = '//out'", "//out"),
        ("x: Vector = (0, 0, 1)", (0.0, 0.0, 1.0)),
        ("x: Vector = Vector((0, 0, SIZE))", (0.0, 0.0, 0.5)),
        ("x: Vector = mathutils.Vector()", (0.0, 0.0, 0.0)),
        ("x: Color = Color((1, 0.5, 0))", (1.0, 0.5, 0.0)),
        ("x: Euler = Euler((0, 0, math.pi), 'XYZ')", (0.0, 0.0, math.pi)),
        ("x: Quaternion = Quaternion()", (1.0, 0.0, 0.0, 0.0)),
        (
            "x: Matrix = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16))",
            tuple(map(float, range(1, 17))),
        ),
        ("x: Matrix = Matrix.Identity(4)", (1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0)),
        ("x: Literal['A', 'B'] = 'B'", "B"),
        ("x: list[float] = [1, 2]", (1.0, 2.0)),
        ("x: list[Literal['A', 'B']] = ['B']", ("B",)),
        ("x: list[Vector] = [(0, 0, 1)]", ((0.0, 0.0, 1.0),)),
        ("x: list[Object] = ()", ()),
        ("x: dict = {'a': [1, {'b': None}]}", {"a": (1, {"b": None})}),
        ("x: Any = 1.5", 1.5),
        ("x: Object | None = None", None),
    ],
)
def test_default_is_read_as_the_value_that_travels(parameter: str, default: Value) -> None:
    read = read_parameter(parameter, before="SIZE = 0.5\nTYPED_SIZE: float = 0.25")
    assert read.default == default
    assert type(read.default) is type(default)
    assert not read.is_required


def test_none_as_default_makes_a_parameter_optional() -> None:
    assert read_parameter("x: Object = None").is_optional


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("x: int = 'a'", "'a' is no whole number"),
        ("x: int = 1.0", "1.0 is no whole number"),
        ("x: int = True", "True is no whole number"),
        ("x: int = 2 ** 31", "more than 32 bits"),
        ("x: float = '1'", "'1' is no number"),
        ("x: bool = 1", "1 is neither True nor False"),
        ("x: str = 1", "1 is no text"),
        ("x: float = 1e999", "inf is no finite number"),
        ("x: Vector = (0, 0)", "is not 3 numbers"),
        ("x: Vector = 0.0", "is not 3 numbers"),
        ("x: Euler = (0, 0)", "is not 3 or 4 numbers"),
        ("x: Matrix = (0, 0)", "is not 16 numbers"),
        ("x: Annotated[float, Range(0, 1)] = 2", "2.0 is above the maximum 1; give a number from 0 to 1"),
        ("x: Annotated[float, Range(0)] = -1", "-1.0 is below the minimum 0; give at least 0"),
        ("x: list[Factor] = [0, 1.5]", "1.5 is above the maximum 1"),
        ("x: list[int] = [1, 'a']", "item 2: 'a' is no whole number"),
        ("x: list[int] = 1", "1 is no list"),
        ("x: Literal['A', 'B'] = 'C'", "'C' is no choice of the menu; choose one of 'A', 'B'"),
        ("x: Literal[1, 2] = True", "True is no choice of the menu"),
        ("x: Object = 'Cube'", "must be None: a script can't name a data-block"),
        ("x: dict = {1: 2}", "the keys of a dict must be strings"),
        ("x: float = 9 ** 9 ** 9", "too large a number"),
        ("x: float = 10.0 ** 999", "10.0 ** 999"),
        ("x: float = 1 / 0", "division by zero"),
        ("x: float = (-1) ** 0.5", "use a literal"),
        ("x: float = math.sqrt(-1)", "math.sqrt(-1)"),
        ("x: str = open('f').read()", "use a literal"),
        ("x: str = f'{1}'", "use a literal"),
        ("x: bytes = b''", "bytes is no type"),
        ("x: Any = b''", "use a literal"),
        ("x: Any = [*[1]]", "use a literal"),
        ("x: str = 'a' * 3", "use a literal"),
        ("x: int = 5 % 2", "use a literal"),
        ("x: int = ~1", "use a literal"),
        ("x: int = 0x1" + "0" * 5_000, "too large a number"),
        ("x: Any = [0x1" + "0" * 5_000 + "]", "too large a number"),
        ("x: float = 2 ** 60 * 2 ** 60", "too large a number"),
        ("x: Literal['A'] = ()", "() is no choice of a menu"),
        ("x: int = CHANGED", "use a literal"),
        ("x: int = TWICE", "TWICE is only known when the script runs; use a literal"),
        ("x: int = UNKNOWN", "use a literal"),
        ("x: Euler = Euler((0, 0, 0), 'ZYX')", "use a literal"),
    ],
)
def test_wrong_default_is_refused_with_its_line(parameter: str, message: str) -> None:
    error = refusal_of_parameter(parameter, before="TWICE = 1\nTWICE = 2\nCHANGED = 1\nCHANGED += 1")
    assert message in error.message
    assert error.line == 13


# Outputs.


@pytest.mark.parametrize("annotation", ["", " -> None", " -> 'None'"])
def test_main_that_returns_nothing_has_no_outputs(annotation: str) -> None:
    assert read(f"def main(){annotation}: ...").outputs == ()


@pytest.mark.parametrize(
    ("annotation", "label", "expected"),
    [
        ("list[Object]", "Objects", SocketType("Object", is_list=True)),
        ("Path", "File Path", SocketType("PATH")),
        ("list[float]", "Result", SocketType("FLOAT", is_list=True)),
        ("Any", "Result", SocketType("ANY")),
    ],
)
def test_single_return_value_is_called_for_what_it_is(annotation: str, label: str, expected: SocketType) -> None:
    (output,) = read(f"{IMPORTS}def main() -> {annotation}: ...").outputs
    assert (output.identifier, output.label, output.type) == ("result", label, expected)


def test_field_result_is_called_for_what_it_is() -> None:
    fields = "class Output(NamedTuple):\n    result: Object\n    faces: int"
    outputs = read(f"{IMPORTS}{fields}\ndef main() -> Output: ...").outputs
    assert [output.label for output in outputs] == ["Object", "Faces"]


@pytest.mark.parametrize("annotation", ["Object | None", "Optional[Object]", "'None | Object'"])
def test_return_value_that_may_be_none_is_optional(annotation: str) -> None:
    (output,) = read(f"{IMPORTS}def main() -> {annotation}: ...").outputs
    assert output == Output("result", "Object", SocketType("Object"), is_optional=True)


def test_return_value_that_is_a_dict_is_no_other_json() -> None:
    fields = "class Output(NamedTuple):\n    a: dict\n    b: Any\n    c: list[dict[str, int]] | None"
    outputs = read(f"{IMPORTS}{fields}\ndef main() -> Output: ...").outputs
    assert [(output.annotation, output.is_optional) for output in outputs] == [
        ("dict", False),
        ("", False),
        ("dict", True),
    ]


@pytest.mark.parametrize("base", ["NamedTuple", "typing.NamedTuple"])
@pytest.mark.parametrize("annotation", ["Output", "'Output'"])
def test_named_tuple_gives_an_output_for_each_field(base: str, annotation: str) -> None:
    text = f"class Output({base}):\n    b: int\n    a_list: list[Object] = ()\n    def method(self): ..."
    assert read(f"{IMPORTS}{text}\ndef main() -> {annotation}: ...").outputs == (
        Output("b", "B", SocketType("INT")),
        Output("a_list", "A List", SocketType("Object", is_list=True)),
    )


@pytest.mark.parametrize(
    ("before", "annotation", "message"),
    [
        ("", "tuple[int, int]", "write a class deriving from NamedTuple"),
        ("", "tuple", "write a class deriving from NamedTuple"),
        ("Out = collections.namedtuple('Out', 'a b')", "Out", "must be written as class Out(NamedTuple)"),
        ("class Out: ...", "Out", "derive it from typing.NamedTuple"),
        ("class Out(NamedTuple): ...", "Out", "Out has no fields"),
        ("class Out(NamedTuple):\n    a: bpy.types.Foo", "Out", "bpy.types.Foo is no data-block"),
        ("", "int | str", "a socket has one type"),
    ],
)
def test_wrong_output_is_refused(before: str, annotation: str, message: str) -> None:
    error = refusal(f"{IMPORTS}{before}\ndef main() -> {annotation}: ...")
    assert message in error.message
    assert error.line is not None


# What is no script at all.


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("", "the script has no function main; add def main(...)", None),
        ("def other(): ...", "no function main", None),
        ("main = print", "no function main", None),
        ("class A:\n    def main(self): ...", "no function main", None),
        ("\nasync def main(): ...", "write def main", 2),
        ("def main(*args: int): ...", "main can't have *args", 1),
        ("def main(**options: int): ...", "main can't have **options", 1),
        ("def main(a: int, /): ...", "remove the /", 1),
        ("def main(\n    a,\n): ...", "the parameter a has no type", 2),
        ("def main(a: int, a: int): ...", "is there twice", 1),
        ("x = 1\ndef main(:", "syntax error", 2),
        ("def main():\nx", "syntax error", 2),
    ],
)
def test_script_without_a_usable_main_is_refused(text: str, message: str, line: int | None) -> None:
    error = refusal(text)
    assert message in error.message
    assert error.line == line


@pytest.mark.parametrize(
    "text",
    [
        "def main(): ...\0",
        "def main(x: float = " + "-" * 100_000 + "1): ...",
        "def main(x: float = " + "1 + " * 100_000 + "1): ...",
        "def main(x: " + "list[" * 5_000 + "int" + "]" * 5_000 + "): ...",
        "def main(x: 'list[" + "int[" * 5_000 + "'): ...",
        "def main(): return '\udc80'",
    ],
    ids=["nul", "signs", "sum", "lists", "quoted", "surrogate"],
)
def test_hostile_source_is_refused_and_does_no_harm(text: str) -> None:
    with pytest.raises(SignatureError):
        read_signature(ScriptSource(text, "test.py"), DATA_BLOCKS)


def test_odd_escape_sequence_is_no_reason_to_warn(recwarn: pytest.WarningsRecorder) -> None:
    read(r"def main(x: str = '\d'): ...")
    assert not recwarn


def test_needs_are_what_the_script_says():
    assert read('NEEDS = ("alembic", "usd")\ndef main() -> int: ...').needs == ("alembic", "usd")
    assert read("def main() -> int: ...").needs == ()


def test_needs_of_values_are_what_the_script_says():
    signature = read('NEEDS = {"kind": {"ABC File": "alembic", "USDZ": "usd"}}\ndef main(kind: str) -> int: ...')
    assert signature.needs == ()
    assert signature.needs_of_values == (("kind", "ABC File", "alembic"), ("kind", "USDZ", "usd"))


@pytest.mark.parametrize("value", ['"alembic"', "(1, 2)", "3", '{"kind": "alembic"}', '{"kind": {"ABC": 1}}'])
def test_needs_that_are_no_names_are_refused(value):
    error = refusal(f"NEEDS = {value}\ndef main() -> int: ...")
    assert "NEEDS must be names in bpy.app.build_options" in str(error)
