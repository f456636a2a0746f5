"""`docs/conventions.md` names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.any_python


def test_tests_that_the_page_names_are_there():
    page = (ROOT / "docs" / "conventions.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    assert named
    assert [name for name in sorted(named) if not (ROOT / "tests" / "gui" / f"{name}.py").exists()] == []
