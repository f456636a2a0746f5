"""How many data-blocks travel in this version, and what does not: docs/data_blocks.md tells it, and is not stale."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import pytest

from background_nodes.runtime.blender import data_block_kinds

from . import data_block_cases
from .content import LEFT_OUT
from .data_block_cases.exceptions import DOUBLED, EXCEPTIONS, LOSSES

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "data_blocks.md"
#: Reports of `make test`, from which `make counts` writes the page.
REPORTS = ROOT / "build" / "reports"

VERSION = ".".join(map(str, bpy.app.version[:2]))


def counts() -> list[int]:
    """Kinds of data-blocks, cases, collections of `bpy.data` that are left out, properties that Blender loses."""
    here = {prop.identifier for prop in bpy.types.BlendData.bl_rna.properties}
    losses = [loss for loss in LOSSES if loss.since <= bpy.app.version[:2] < loss.until]
    return [
        len(data_block_kinds.collections()),
        data_block_cases.num_cases(),
        len(here & EXCEPTIONS.keys()),
        len(losses),
    ]


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_report_of_this_version_is_left_for_the_page():
    report = {
        "version": VERSION,
        "counts": counts(),
        "exceptions": EXCEPTIONS,
        "losses": [[loss.pattern, ", ".join(loss.cases), loss.versions, loss.reason] for loss in LOSSES],
        "doubled": DOUBLED,
        "left out": LEFT_OUT,
    }
    REPORTS.mkdir(parents=True, exist_ok=True)
    file = REPORTS / f"data_blocks-{VERSION}.json"
    file.write_text(json.dumps(report, indent=1, ensure_ascii=False), encoding="utf-8")


def test_page_tells_the_counts_of_this_version(page):
    assert "| " + " | ".join([VERSION, *map(str, counts())]) + " |" in page, "run `make test`, then `make counts`"


def test_page_lists_all_that_does_not_travel_with_the_reason(page):
    reasons = [*EXCEPTIONS.values(), *(loss.reason for loss in LOSSES), *DOUBLED, *DOUBLED.values(), *LEFT_OUT.values()]
    assert [reason for reason in reasons if reason not in page] == [], "run `make test`, then `make counts`"
