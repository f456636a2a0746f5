"""New results take the place of earlier ones of the same name."""

from __future__ import annotations

import pytest

from background_nodes.node_tree.pairing import paired


def places(names: str) -> dict[str, str | None]:
    """A letter for the name at each place, - for one that is not known."""
    return {str(place): None if name == "-" else name for place, name in enumerate(names)}


@pytest.mark.parametrize(
    ("earlier", "new", "expected"),
    [
        ("abc", "abc", "012"),
        ("abc", "bc", "12"),
        ("bc", "abc", "-01"),
        ("abc", "cab", "201"),
        ("abc", "ab", "01"),
        ("ab", "abc", "01-"),
        ("abc", "axc", "012"),  # it has another name now
        ("abc", "xc", "-2"),  # others moved: nobody knows whose place x has
        ("aaa", "aa", "01"),
        ("aab", "ab", "02"),
        ("---", "abc", "012"),
        ("", "ab", "--"),
        ("ab", "", ""),
        ("xab", "aby", "12-"),
    ],
)
def test_each_goes_to_the_place_of_its_name(earlier, new, expected):
    found = paired(places(new), places(earlier))
    assert "".join(found.get(str(place), "-") for place in range(len(new))) == expected
    assert len(set(found.values())) == len(found)
