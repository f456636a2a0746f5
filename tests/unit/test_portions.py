"""Results come home in portions: what belongs together comes together."""

from __future__ import annotations

from pathlib import Path

import pytest

from background_nodes.runtime.blender.portions import portions
from background_nodes.runtime.scratch.contents import Contents, DataBlockName, Origin
from background_nodes.runtime.script.socket_types import StoredRef


def name(text: str) -> DataBlockName:
    return DataBlockName("Material" if text.islower() else "Object", text, "")


def contents(roots: str, uses: str = "", origins: str = "") -> Contents:
    """Objects are capital letters, materials small ones; "A>bc" is what uses what, "A<x" what came from where."""
    return Contents(
        roots={name(root) for root in roots},
        uses={name(row[0]): tuple(name(used) for used in row[2:]) for row in uses.split()},
        origins={name(row[0]): Origin(ref(row[2:], "snapshot"), True) for row in origins.split()},
    )


def ref(text: str, blob: str = "blob") -> StoredRef:
    return StoredRef(*name(text), blob)


def parted(beside: Contents, wanted: str) -> list[str]:
    found = portions(map(ref, wanted), lambda _blob: beside, lambda origin: origin.ref.blob == "snapshot")
    return ["".join(each.name for each in portion) for portion in found]


@pytest.mark.parametrize(
    ("uses", "expected"),
    [
        ("", ["A", "B", "C"]),
        ("A>x B>x C>x", ["A", "B", "C"]),  # what they share comes with the first, and is there for the others
        ("A>B", ["AB", "C"]),
        ("B>A C>B", ["ABC"]),
        ("A>x x>C", ["AC", "B"]),
        ("S>ABC", ["A", "B", "C"]),  # a scene holds all, and does not come
        ("A>x x>y y>A", ["A", "B", "C"]),
        ("A>D D>C", ["AC", "B"]),
    ],
)
def test_results_that_use_each_other_come_together(uses, expected):
    assert parted(contents("ABC", uses), "ABC") == expected


def test_results_of_one_original_come_together():
    assert parted(contents("ABCD", origins="A<X C<X D<Y"), "ABCD") == ["AC", "B", "D"]


def test_result_that_is_wanted_twice_comes_once():
    assert parted(contents("AB"), "ABAB") == ["A", "B"]


def test_uses_are_kept_beside_a_blob(tmp_path: Path) -> None:
    beside = contents("AB", "A>xy B>x x>y")
    beside.save(tmp_path / "blob.blend")
    assert Contents.load(tmp_path / "blob.blend") == beside


@pytest.mark.parametrize(("roots", "used"), [("AB", "Axy"), ("A", "Axyz")])
def test_what_comes_along_is_known_of_each_of_several_roots(roots, used):
    beside = contents(roots, "A>x x>y B>z", "x<x y<y z<z")
    assert {each.name for each in beside.used_by([name("A")])} == set(used)
