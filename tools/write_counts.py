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

What goes to a background Blender is compared with what arrives there, and what a script gives with what comes home: all
properties that Blender shows, the arrays of meshes, curves and images, custom properties, and the same of each
data-block that is used. The tests do it with real background Blenders, for every case on five roads: opened alone,
appended beside others, passed from task to task, made by the script, and used by a result while the script changes one
property. They are `tests/blender/test_data_blocks.py`, the cases are in `tests/blender/data_block_cases/`. That a
change of any property is seen is tested in `tests/blender/test_fingerprint.py`.

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
    yield "What differs, as a pattern of what the comparison says; in which cases and versions (else in all).\n"
    yield "| what | where | why |\n|---|---|---|"
    for pattern, cases, versions, reason in newest["losses"]:
        where = "; ".join(filter(None, [cases, versions]))
        yield f"| `{pattern.replace('|', chr(92) + '|')}` | {where} | {reason} |"
    yield "\n## What comes home a second time\n"
    yield "What a result uses and no script touched is the artist's own again. Not so:\n\n| what | why |\n|---|---|"
    for what, reason in newest["doubled"].items():
        yield f"| {what} | {reason} |"
    yield "\n## What is not compared\n\n| property | why |\n|---|---|"
    for name, reason in newest["left out"].items():
        yield f"| `{name}` | {reason} |"


PAGE.write_text(HEAD + "\n".join(rows()) + "\n", encoding="utf-8")
