"""Write docs/jobs.md, and what presets say of their cost, from what the ten jobs left in a folder at their whole size.

    tools/write_ten_jobs.py build/ten_jobs

`make jobs` runs them. What is said of jobs that did not run now stays as it is. `make examples` then writes the presets
with their cost and picture.
"""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PRESETS = ROOT / "examples" / "presets" / "jobs"
PAGE = ROOT / "docs" / "jobs.md"
PICTURES = ROOT / "docs" / "pictures" / "jobs"

HEAD = """\
# Ten jobs

What artists do, as graphs of nodes that come along: nothing else is in them. Each is a
[preset](presets.md#presets-that-come-along): *Add > Presets > Jobs* in the editor opens its graph. What has to be
chosen before it can run is in a frame, *Set This First*; what it writes goes beside your .blend file until you say
another place. As text it is in `examples/presets/jobs/`; `background-nodes run` runs that, too
([a tree in git](automation.md#a-tree-in-git)).

The tests run the same graphs at a size that takes seconds, on Blender 4.2 and 5.2, and measure what comes out; files
are read by programs that are no part of Blender (trimesh, Assimp, Pillow). The icons and the kit are also built by
mouse and keys in a window, node by node, run and measured (`tests/gui/test_ten_jobs.py`).

This page is written by `make jobs`, which runs them at their size. *Tasks* are what background Blenders did: a node
that runs over a list is one for each item. Times are of a machine that had other work to do.
"""
#: Stands above each section.
MARK = "<!-- {} -->\n"
_SECTION = re.compile(r"^<!-- (\w+) -->\n(.*?)(?=^<!-- |\Z)", re.DOTALL | re.MULTILINE)
#: Nodes that are not drawn: what is in frames stays, links go through dots.
_LEFT_OUT = ("NodeFrame", "NodeReroute")
#: What a node is drawn between: a rounded box for what comes from outside of the graph, or goes there.
_ROUNDED = ("BackgroundNodeInput", "NodeGroupInput", "NodeGroupOutput")
#: The numbers at the ends of names that Blender gives.
_NUMBER = re.compile(r"\.\d{3}$")


def section(name: str, told: dict[str, Any], *, has_picture: bool) -> str:
    """What the page says of a job."""
    workers = f"{told['tasks']} tasks, {told['seconds']:.0f} s on {told['cores']} cores, Blender {told['blender']}"
    parts = [f"## {told['title']}", told["story"], "\n".join(f"- {fact}" for fact in told["facts"])]
    if has_picture:
        parts.append(f"![{told['title']}](pictures/jobs/{name}.jpg)")
    parts.append(f"{workers}.")
    return "\n\n".join([*parts, preset(name), drawing(name)]) + "\n\n"


def preset(name: str) -> str:
    """Which preset a job is, and of what kind."""
    said = json.loads((PRESETS / name / "preset.json").read_text(encoding="utf-8"))
    kind = "a group: add it, link what it is for, and run it" if said["kind"] == "GROUP" else "a graph"
    return f"The preset [{said['name']}](../examples/presets/jobs/{name}/tree.json) is {kind}:"


def drawing(name: str) -> str:
    """The graph of a job as a drawing that GitHub shows."""
    data = json.loads((PRESETS / name / "tree.json").read_text(encoding="utf-8"))
    return "```mermaid\nflowchart LR\n" + "".join(f"  {line}\n" for line in drawn_tree(data["tree"])) + "```"


def drawn_tree(tree: dict[str, Any]) -> Iterator[str]:
    """The lines of a drawing: nodes, then links."""
    nodes = tree["nodes"]
    ids = {name: f"n{index}" for index, name in enumerate(nodes) if nodes[name]["type"] not in _LEFT_OUT}
    for name, found in ids.items():
        opening, closing = ("([", "])") if nodes[name]["type"] in _ROUNDED else ("[", "]")
        label = nodes[name].get("looks", {}).get("label", _NUMBER.sub("", name)).replace('"', "'")
        yield f'{found}{opening}"{label}"{closing}'
    sources = {
        link["to"][0]: link["from"][0] for link in tree["links"] if nodes[link["to"][0]]["type"] == "NodeReroute"
    }
    for source, target in dict.fromkeys((link["from"][0], link["to"][0]) for link in tree["links"]):
        while source in sources:
            source = sources[source]  # noqa: PLW2901 (through dots to where the link begins)
        if target in ids:
            yield f"{ids[source]} --> {ids[target]}"


def sections(page: str) -> dict[str, str]:
    """The sections of a page by the names of their jobs."""
    return {found[1]: found[2] for found in _SECTION.finditer(page)}


def note_cost(folder: Path, cost: dict[str, Any], picture: Path) -> None:
    """Write what a job took into the text of its preset, and its picture beside that if it made one."""
    file = folder / "preset.json"
    said = json.loads(file.read_text(encoding="utf-8")) | cost
    said = {"format": said.pop("format"), **dict(sorted(said.items()))}
    file.write_text(json.dumps(said, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if picture.is_file():
        shutil.copyfile(picture, folder / "picture.png")


def main(folder: Path) -> None:
    """Write the page and the presets: what is new from the folder, the rest as it was."""
    found = sections(PAGE.read_text(encoding="utf-8")) if PAGE.is_file() else {}
    for record in sorted(folder.glob("*.json")):
        picture = record.with_suffix(".jpg")
        if picture.is_file():
            PICTURES.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture, PICTURES / picture.name)
        told = json.loads(record.read_text(encoding="utf-8"))
        found[record.stem] = section(record.stem, told, has_picture=picture.is_file())
        note_cost(PRESETS / record.stem, told["cost"], record.with_suffix(".png"))
    kept = {name: text for name, text in sorted(found.items()) if (PRESETS / name).is_dir()}
    PAGE.write_text(
        f"{HEAD}\n{''.join(MARK.format(name) + text for name, text in kept.items())}".rstrip("\n") + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
