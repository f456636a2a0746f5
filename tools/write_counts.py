"""Write docs/data_blocks.md from the reports that the tests of each Blender left in build/reports.

    tools/write_counts.py

`make test` leaves the reports; tests/blender/test_data_block_counts.py says if the page is stale.
"""

import json
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "data_blocks.md"

HEAD = """\
# Every kind of data-block, both ways

Data-blocks travel to a background Blender, and the results of scripts travel home. This page says what Blender loses of
them on the way. What is sent is compared with what arrives: all properties that scripts can read, the arrays of meshes,
curves and images, custom properties, and the same of each data-block that is used. The tests do it with real background
Blenders, for every case on five roads: opened alone, appended beside others, passed from task to task, made by the
script, and used by a result while the script changes one property. The tests are `tests/blender/test_data_blocks.py`,
the cases are in `tests/blender/data_block_cases/`, and `tests/blender/test_fingerprint.py` tests that no change of a
property is missed.

This page is written by `make counts`, from what the tests of each version leave in `build/reports`.

| Blender | kinds | cases | collections left out | losses |
|---|---|---|---|---|
"""


def rows() -> Iterator[str]:
    """The lines of the tables."""
    reports = sorted((ROOT / "build" / "reports").glob("data_blocks-*.json"))
    if not reports:
        raise SystemExit("there are no reports: run `make test` first")
    found = [json.loads(report.read_text(encoding="utf-8")) for report in reports]
    for report in found:
        yield "| " + " | ".join([report["version"], *map(str, report["counts"])]) + " |"
    newest = found[-1]
    yield "\n## Collections of `bpy.data` that are left out\n\n| collection | why |\n|---|---|"
    for name, reason in newest["exceptions"].items():
        yield f"| `{name}` | {reason} |"
    yield "\n## What Blender loses\n"
    yield "Each row is a difference that the tests allow. *What* is a regular expression for the comparison's line;"
    yield "*where* names the cases and versions, and is empty for all.\n"
    yield "| what | where | why |\n|---|---|---|"
    for pattern, cases, versions, reason in newest["losses"]:
        where = "; ".join(filter(None, [cases, versions]))
        yield f"| `{pattern.replace('|', chr(92) + '|')}` | {where} | {reason} |"
    yield "\n## What comes home as a copy\n"
    yield "What a result uses and the script did not change is the artist's own data-block again. Of these, a copy"
    yield "comes home instead, because a change of them could be missed:\n\n| what | why |\n|---|---|"
    for what, reason in newest["doubled"].items():
        yield f"| {what} | {reason} |"
    yield "\n## What is not compared\n\n| property | why |\n|---|---|"
    for name, reason in newest["left out"].items():
        yield f"| `{name}` | {reason} |"


PAGE.write_text(HEAD + "\n".join(rows()) + "\n", encoding="utf-8")
