"""The line that a reason names."""

import pytest

from background_nodes.runtime.keys.script_changes import changed_line

SCRIPT = """\
import bpy

def main(size: float):
    # Twice as large.
    if size > 1:
        size *= 2
    else:
        size = 1
    return size
"""


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("", "", None),
        ("size *= 2", "size *= 3", 6),
        ("size = 1", "size = 2", 8),
        ("size > 1", "size > 2", 5),
        ("size: float", "size: int", 3),
        ("# Twice", "# Thrice", None),
        ("    if", "\n\n    if", None),
        ("        size *= 2", "        size += 1\n        size *= 2", 6),
        ("    return size", "    print(size)\n    return size", 9),
        ("    return size\n", "", 8),
        ("    else:\n        size = 1", "    size = 1", 7),
        ("return size", "return (", None),
    ],
)
def test_line_of_the_first_statement_that_changed(old, new, line):
    assert changed_line(SCRIPT, SCRIPT.replace(old, new, 1)) == line


def test_cases_and_handlers_have_lines():
    script = "match x:\n    case 1:\n        a\ntry:\n    a\nexcept KeyError:\n    b\n"
    assert changed_line(script, script.replace("case 1", "case 2")) == 2
    assert changed_line(script, script.replace("KeyError", "OSError")) == 6
