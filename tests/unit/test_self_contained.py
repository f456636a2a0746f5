"""Which scripts can change nothing but what they made themselves: what may lead further makes a script no such one."""

import textwrap

import pytest

from background_nodes.runtime.script import self_contained
from background_nodes.runtime.script.signature import ScriptSource

SELF_CONTAINED = {
    "a number": "def main(number: int) -> int:\n    return number + 1",
    "all that is plain": '''
        """Count letters."""
        from __future__ import annotations
        import math
        from collections.abc import Iterator
        from typing import Annotated, Any, Literal, NamedTuple, Optional
        from background_nodes.script import Length, Range, log, progress, track

        FACTORS = {"small": 0.5, "large": 2.0}

        class Output(NamedTuple):
            """What comes out."""
            total: float
            letters: dict

        def _halves(numbers: list[float]) -> Iterator[float]:
            yield from (number / 2 for number in numbers)

        def main(
            text: str, size: Literal["small", "large"] = "small", length: Length = 1.0,
            share: Annotated[float, Range(0.0, 1.0)] = 0.5, other: Optional[int] = None, *, more: Any = (),
        ) -> Output:
            global FACTORS
            letters: dict[str, int] = {}
            for letter in track(text.lower(), text="Counting"):
                letters[letter] = letters.get(letter, 0) + 1
            for _ in range(3):
                length += math.sqrt(share)
            try:
                assert text, "no text"
                del letters["a"]
            except (KeyError, AssertionError) as error:
                log(f"{error!r:>10}", sorted(letters.items(), key=lambda pair: pair[1])[::-1])
            first, *rest = [*_halves([length]), FACTORS[size]]
            while (last := rest.pop()) is None and other is not None:
                continue
            progress(1.0, "x".join(map(str, rest)))
            print(first, end="")
            result = Output(total=last if first < 1 else max(first, *rest or [0.0]), letters=letters)
            return Output(result.total, result.letters)
        ''',
}
NOT_SELF_CONTAINED = {
    "imports of other modules": "import os",
    "imports within functions": "def main():\n    import bpy",
    "imports of parts of modules": "from math import __loader__",
    "modules that hold modules": "import typing",
    "modules of modules": "import collections.abc",
    "all names of a module": "from math import *",
    "a module beside the script": "from . import math",
    "what depends on files": "from background_nodes.script import claim",
    "builtins that find attributes": "getattr(1, 'real')",
    "builtins that hold names": "globals()",
    "builtins that run code": "eval('1')",
    "builtins that import": "__import__('os')",
    "builtins that open files": "open('x')",
    "builtins by another name": "look = getattr",
    "builtins as defaults": "def main(look=setattr): pass",
    "builtins whose names it binds itself": "def main():\n    return getattr(1, 'real')\nif 0:\n    getattr = 1",
    "builtins that it makes global": "def main():\n    global eval\n    return eval('1')",
    "names of Python": "__builtins__['print'] = 1",
    "names of Python that it binds": "def __getattr__(name): pass",
    "names of Python as arguments": "def main(__class__): pass",
    "attributes of Python": "().__class__",
    "attributes of functions": "def main(): pass\nmain.__globals__",
    "attributes of generators": "(x for x in ()).gi_frame",
    "attributes of generators that are fields": """
        from typing import NamedTuple
        class Output(NamedTuple):
            gi_frame: int
            f_back: int
            f_globals: dict
        def main():
            found = (found.gi_frame.f_back.f_globals for _ in (1,))
        """,
    "attributes of classes that are fields": """
        from collections.abc import Sequence
        from typing import NamedTuple
        class Output(NamedTuple):
            register: int
        Sequence.register(Output)
        """,
    "attributes in texts": "'{0.real}'.format(1)",
    "attributes in texts, by another name": "look = 'x'.format_map",
    "codecs": "'x'.encode('idna')",
    "attributes that it sets": "import math\nmath.pi = 3",
    "attributes that it sets in loops": "import math\nfor math.pi in (1,): pass",
    "attributes that it changes": "import math\nmath.pi += 3",
    "attributes that it deletes": "import math\ndel math.pi",
    "classes with methods": "from typing import NamedTuple\nclass A(NamedTuple):\n    def f(self): pass",
    "classes of other classes": "class A(str): pass",
    "classes without a base": "class A: pass",
    "classes with a metaclass": "from typing import NamedTuple\nclass A(NamedTuple, metaclass=max): pass",
    "classes with decorators": "from typing import NamedTuple\n@print\nclass A(NamedTuple): pass",
    "contexts": "with main(): pass",
    "matches": "match 1:\n    case int(real=x): pass",
    "coroutines": "async def main(): pass",
    "what Python warns of": "1 is 1",
    "what can't be read": "def main(:",
    "null bytes": "def main(): pass\0",
}


def compiled(text: str, **options):
    return self_contained.compiled(ScriptSource(textwrap.dedent(text).strip("\n"), "script.py", **options))


@pytest.mark.parametrize("text", SELF_CONTAINED.values(), ids=SELF_CONTAINED.keys())
def test_script_of_plain_statements_is_self_contained(text):
    assert compiled(text) is not None


@pytest.mark.parametrize("text", NOT_SELF_CONTAINED.values(), ids=NOT_SELF_CONTAINED.keys())
def test_script_that_may_reach_further_is_not(text):
    assert compiled(text) is None


def test_script_without_main_is_not_as_it_is_given_what_it_does_not_name():
    assert compiled("python_data = 1", is_without_main=True) is None


def test_each_builtin_that_is_not_listed_makes_a_script_no_such_one():
    import builtins

    others = [name for name in dir(builtins) if name not in self_contained._BUILTINS and name.isidentifier()]
    others = [name for name in others if name not in {"None", "True", "False"}]  # constants, no names
    assert len(others) > 40
    assert [name for name in others if compiled(f"def main():\n    return {name}") is not None] == []


def test_no_attribute_that_is_allowed_is_one_of_python_itself():
    import types

    kinds = (types.FunctionType, types.ModuleType, types.GeneratorType, types.TracebackType, types.CodeType, type)
    assert [name for kind in kinds for name in dir(kind) if compiled(f"x = 1\nx.{name}") is not None] == ["replace"]
