"""When a script counts as the same, and whose results can't be kept because nobody can tell what they depend on."""

import ast
import contextlib
import io
import textwrap
import tokenize
from pathlib import Path
from random import Random

import pytest

from background_nodes.runtime.keys.files import FileDigests
from background_nodes.runtime.keys.script_digest import MAX_MODULES, ScriptDigest, ScriptDigests
from background_nodes.runtime.script import script_files
from background_nodes.runtime.script.signature import ScriptSource

LIBRARY = Path(__file__).resolve().parents[2] / "node_tree" / "library"
MAIN = "def main() -> int:\n    return 1\n"


def digest(text: str, folder: Path | None = None, digests: ScriptDigests | None = None) -> ScriptDigest:
    source = ScriptSource(textwrap.dedent(text), "script.py", "" if folder is None else str(folder))
    return (digests or ScriptDigests(FileDigests())).digest(source)


def write(folder: Path, **texts: str) -> None:
    """Write modules: `pack__sub` is the file pack/sub.py."""
    for name, text in texts.items():
        path = folder / f"{name.replace('__', '/', 1)}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


# What counts


@pytest.mark.parametrize(
    "other",
    [
        "# A comment\ndef main() -> int:\n    return 1  # one\n",
        "\n\n\ndef main() -> int: return (1)\n",
        "def main(\n) -> int:\n\n        return 1",
        "def main() -> int:\n    return 0x1",
    ],
)
def test_comments_layout_and_lines_don_t_count(other):
    assert digest(other).source == digest(MAIN).source
    assert digest(other).text != digest(MAIN).text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 2"),
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 1", "x = '1'"),
        ("x = '1'", "x = b'1'"),
        ("x = 0.0", "x = -0.0"),
        ("x = None", "x = ..."),
        ("x = []", "x = ()"),
        ("x = a", "x = 'a'"),
        ("x = inf", "x = 1e999"),
        ("'doc'", "'dog'"),
        ("if a:\n    b\nc", "if a:\n    b\n    c"),
        ("f(a, b)", "f((a, b))"),
        ("f'{x}'", "f'{x!r}'"),
        ("import a", "import a as b"),
        ("from . import a", "from .. import a"),
        (f"x = 0x{'1' * 5000}", f"x = 0x{'2' * 5000}"),
    ],
)
def test_what_runs_otherwise_counts(one, other):
    assert digest(one).source != digest(other).source


@pytest.mark.parametrize("path", sorted(LIBRARY.rglob("*.py")), ids=lambda path: path.stem)
def test_shipped_script_with_one_token_changed_counts_if_it_is_another_program(path):
    text, random = path.read_text(encoding="utf-8"), Random(path.stem)
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.string.strip()]
    program, same = ast.dump(ast.parse(text)), digest(text).source
    for _ in range(10):
        token, other = random.choice(tokens), random.choice(tokens).string
        lines = text.splitlines(keepends=True)
        line, (start, end) = token.start[0] - 1, (token.start[1], token.end[1])
        if token.end[0] == token.start[0]:
            lines[line] = lines[line][:start] + random.choice(["", other, f" {token.string} "]) + lines[line][end:]
        changed = "".join(lines)
        with contextlib.suppress(SyntaxError):
            assert (digest(changed).source == same) is (ast.dump(ast.parse(changed)) == program), changed


@pytest.mark.parametrize(
    "text",
    [
        "import tools",
        "import tools as t",
        "from tools import anything",
        "def main():\n    import tools",
        "try:\n    import tools\nexcept ImportError:\n    pass",
        "import importlib\nimportlib.import_module('tools')",
        "from importlib import import_module as load\nload('tools')",
        "__import__('tools')",
        "import os, tools.deeper",
    ],
)
def test_module_of_its_folder_counts_by_content(tmp_path, text):
    write(tmp_path, tools="SIZE = 1")
    before = digest(text, tmp_path)
    assert list(before.modules) == ["tools"]
    write(tmp_path, tools="SIZE = 1  # metres")
    assert digest(text, tmp_path) == before
    write(tmp_path, tools="SIZE = 22")
    assert digest(text, tmp_path).modules != before.modules


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import pack", ["pack", "pack.base"]),
        ("import pack.first", ["pack", "pack.base", "pack.first", "pack.second"]),
        ("from pack import first", ["pack", "pack.base", "pack.first", "pack.second"]),
        ("from pack import NAME", ["pack", "pack.base"]),
        ("from pack.second import x", ["pack", "pack.base", "pack.second"]),
        ("import bare.inner", ["bare.inner"]),
        ("from bare import inner", ["bare.inner"]),
        ("import nothing", []),
    ],
)
def test_packages_and_relative_imports_are_followed(tmp_path, text, names):
    write(tmp_path, pack____init__="from .base import NAME", pack__base="NAME = 1", pack__first="from . import second")
    write(tmp_path, pack__second="", bare__inner="", unused="")
    assert list(digest(text, tmp_path).modules) == names


def test_modules_that_import_each_other_are_read_once(tmp_path):
    write(tmp_path, one="import two", two="import one")
    assert list(digest("import one", tmp_path).modules) == ["one", "two"]


def test_module_that_comes_later_counts(tmp_path):
    digests = ScriptDigests(FileDigests())
    assert digest("import tools", tmp_path, digests).installed == ("tools",)
    write(tmp_path, tools="")
    assert digest("import tools", tmp_path, digests).modules
    assert digest("import tools", tmp_path, digests).installed == ()


def test_compiled_module_counts_by_its_bytes(tmp_path):
    (tmp_path / "tools.pyc").write_bytes(b"1")
    before = digest("import tools", tmp_path)
    (tmp_path / "tools.pyc").write_bytes(b"2")
    after = digest("import tools", tmp_path)
    assert not before.obstacle
    assert before.modules != after.modules


def test_module_that_changes_twice_in_one_tick_of_the_clock_is_read_again(tmp_path):
    digests, found = ScriptDigests(FileDigests()), set()
    for number in range(10):
        write(tmp_path, tools=f"SIZE = {number}")
        found.add(digest("import tools", tmp_path, digests).modules["tools"])
    assert len(found) == 10


def test_installed_modules_are_named_but_not_python_s_own(tmp_path):
    found = digest("import json, numpy.linalg, bpy\nfrom studio.pipeline import x\nfrom . import y", tmp_path)
    assert found.installed == ("bpy", "numpy", "studio")


# What can't be known


@pytest.mark.parametrize(
    ("text", "obstacle"),
    [
        ("import importlib\n\nimportlib.import_module(name)", "imports a module by a name that is computed, line 3"),
        ("import tools\ntools.importlib.import_module('a')", "by way of another one (import_module), line 2"),
        ("load = __import__", "imports a module by a name that is computed, line 1"),
        ("from importlib import import_module\nmap(import_module, names)", "by a name that is computed, line 2"),
        ("import importlib\nimportlib.import_module('.a', package)", "by a name that is computed, line 2"),
        ("exec(text)", "runs code that is no part of it (exec), line 1"),
        ("run = eval\nrun('1')", "runs code that is no part of it (eval), line 1"),
        ("import runpy\nrunpy.run_path('a.py')", "runs code that is no part of it (runpy.run_path), line 2"),
        ("import importlib.util as u\nu.spec_from_file_location", "(importlib.util.spec_from_file_location), line 2"),
        ("import sys\nsys.path.append('/studio')", "changes where modules are looked for (sys.path), line 2"),
        (
            "import os, sys\n_ = sys.path.append(os.path.dirname(__file__) + '/lib')",
            "changes where modules are looked for (sys.path), line 2",
        ),
        ("from sys import path\npath.insert(0, x)", "changes where modules are looked for (sys.path), line 2"),
        ("import sys\nsys.modules['a']", "runs code that is no part of it (sys.modules"),
        ("import bpy\nbpy.data.texts['a'].as_module()", "runs code that is no part of it (as_module), line 2"),
        ("from background_nodes.script import *", "imports all names of background_nodes.script (*), line 1"),
        ("from tools import *", "imports all names of tools (*), line 1"),
        ("open(__file__)", "looks for files next to it (__file__)"),
        ("from pathlib import Path\nHERE = Path(__file__).parent\n\nopen(HERE / 'a.json')", "(__file__)"),
        ("def f():\n    return __file__", "(__file__)"),
        ("import tools\nopen(tools.__file__)", "looks for files of a module (__file__), line 2"),
        ("import pkgutil\npkgutil.get_data('a', 'b')", "looks for files of a module (pkgutil.get_data), line 2"),
        ("def main(:", "it can't be read: line 1: syntax error"),
        ("x = " + "-" * 100_000 + "1", "it "),
    ],
)
def test_what_nobody_can_tell_is_an_obstacle(text, obstacle):
    found = digest(text)
    assert obstacle.lower() in found.obstacle.lower()
    assert found.sees.scene


@pytest.mark.parametrize(
    "text",
    [
        "import re\nre.compile('a')",
        "def main(code: str, exec: int):\n    return code, exec",
        "import os, sys\nsys.path.append(os.path.dirname(__file__))",
        "import os, sys\nsys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))",
        "import sys\nfrom pathlib import Path\nif str(Path(__file__).parent) not in sys.path:\n    pass",
        "import sys\nfrom pathlib import Path\nHERE = Path(__file__).resolve().parent\nsys.path.append(str(HERE))",
        "import pathlib as p\nfrom background_nodes import script as s\ns.depends_on(p.Path(__file__).parent / 'a')",
        "import os\nfrom background_nodes.script import depends_on\nHERE = os.path.dirname(__file__)\ndepends_on(HERE)",
        "from math import *",
        "import importlib\nimportlib.import_module('json')",
        "if __name__ == '__main__':\n    print(__doc__)",
    ],
)
def test_what_is_known_is_no_obstacle(text):
    assert digest(text).obstacle == ""


def test_obstacle_in_a_module_names_it(tmp_path):
    write(tmp_path, tools="exec(text)")
    assert (
        digest("import tools", tmp_path).obstacle == "Module tools: it runs code that is no part of it (exec), line 1"
    )


def test_folder_that_a_module_gives_away_is_an_obstacle(tmp_path):
    write(tmp_path, tools="from pathlib import Path\nHERE = Path(__file__).parent")
    assert "__file__" in digest("import tools\nopen(tools.HERE / 'a.json')", tmp_path).obstacle


def test_module_that_is_too_long_is_an_obstacle(tmp_path):
    write(tmp_path, tools="#" * (script_files.MAX_SIZE + 1))
    assert "larger than a script can be" in digest("import tools", tmp_path).obstacle


def test_too_many_modules_are_an_obstacle(tmp_path):
    write(tmp_path, **{f"m{number}": f"import m{number + 1}" for number in range(MAX_MODULES + 5)})
    assert f"more than {MAX_MODULES} modules" in digest("import m0", tmp_path).obstacle


def test_names_that_stand_for_each_other_end(tmp_path):
    text = "import a\nb = a\n" + "".join(f"b = b{i % 7}.x{i}\nb{i % 7} = b.y{i}\n" for i in range(200)) + "b0"
    assert "too many things" in digest(text).obstacle


# What it says of itself


@pytest.mark.parametrize(
    ("text", "is_never_kept"),
    [
        ("CACHE = False", True),
        ("CACHE: bool = False\n" + MAIN, True),
        ("CACHE = True", False),
        ("CACHE = {}", False),
        ("CACHE = 0", False),
        ("CACHE = False\nCACHE = True", True),
        ("CACHE = True\nCACHE = False", True),
        ("CACHE = KEEP = False", True),
        ("KEEP = CACHE = False", True),
        ("CACHE, SIZE = False, 2", True),
        ("(CACHE := False)", True),
        ("if SIZE > 2:\n    CACHE = False", True),
        ("def main():\n    CACHE = False", False),
        (MAIN, False),
    ],
)
def test_script_says_that_its_results_must_not_be_kept(text, is_never_kept):
    assert digest(text).is_never_kept is is_never_kept
