"""What the README and the other pages say of the project is true."""

import ast
import json
import re
from pathlib import Path

import pytest

from background_nodes.runtime.script.signature import ScriptSource, read_signature

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.any_python
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/scripts.md",
    "docs/automation.md",
    "docs/farm.md",
    "docs/submit.md",
    "docs/job_manager.md",
)


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", read(page), re.MULTILINE | re.DOTALL)


def test_every_shipped_node_is_in_the_readme_and_no_other():
    library = ROOT / "node_tree" / "library"
    shipped = {path.relative_to(library).with_suffix("").as_posix() for path in library.glob("*/*.py")}
    assert set(re.findall(r"^\| [^|]+ \| `(\w+/\w+)` \|", read("README.md"), re.MULTILINE)) == shipped


def test_every_preset_that_comes_along_is_on_their_page_with_its_cost():
    rows = {}
    for name, seconds, memory, amount, unit in re.findall(
        r"^\| ([^|]+?)(?:, for \*[^|]+)? \|[^|]+\| ([\d.]+) s, ([\d.]+ .B) \| ([\d,]+) (\w+) \|$",
        read("docs/presets.md"),
        re.MULTILINE,
    ):
        rows[name] = (seconds, memory, amount, unit)
    wanted = {}
    for file in ROOT.glob("examples/presets/**/preset.json"):
        said = json.loads(file.read_text(encoding="utf-8"))
        seconds, megabytes = said["cost_seconds"], said["cost_memory"] / 1e6
        memory = f"{megabytes:.0f} MB" if megabytes < 1000.0 else f"{megabytes / 1000.0:.1f} GB"
        took = f"{seconds:.1f}" if seconds < 10.0 else f"{seconds:.0f}"
        wanted[said["name"]] = (took, memory, f"{said['cost_amount']:,.0f}", said["cost_unit"])
    assert rows == wanted


def test_every_command_of_make_is_in_the_readme_and_no_other():
    makefile = read("Makefile")
    targets = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE)) - {"help"}
    named = re.findall(r"^make (\w+)|`make (\w+)`", read("README.md"), re.MULTILINE)
    assert {first or second for first, second in named} == targets


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target, heading in re.findall(r"\]\(([^)#:]*)#?([^):]*)\)", read(page)):
        file = (ROOT / page).parent / target if target else ROOT / page
        assert file.is_file(), target
        assert not heading or heading in headings(file), f"{target}#{heading}"


def headings(file: Path) -> set[str]:
    """What links to the headings of a page end in."""
    titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_are_there(page):
    for name in re.findall(r"`((?:addon|docs|node_tree|runtime|tests|\.ci)/[\w./-]*)`", read(page)):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", PAGES)
def test_python_in_it_is_python(page):
    for block in blocks(page, "python"):
        ast.parse(block)


def test_script_of_the_readme_has_the_sockets_it_promises():
    (script,) = [block for block in blocks("README.md", "python") if "def main" in block]
    signature = read_signature(ScriptSource(script, "readme.py"), {"Object": "Object"})
    assert [(item.label, str(item.type), item.unit) for item in signature.inputs] == [
        ("Source", "Object", ""),
        ("Voxel Size", "float", "LENGTH"),
    ]
    assert [(item.label, str(item.type)) for item in signature.outputs] == [("Remeshed", "Object"), ("Faces", "int")]
    assert signature.description == "Voxel-remesh an object and count its faces."
    assert all(item.description for item in signature.inputs)


def test_every_option_of_the_command_line_is_on_its_page():
    from background_nodes.cli import _parser

    page = read("docs/automation.md")
    options = re.findall(r"--[a-z-]+", _run_help(_parser("background-nodes", has_file=True)))
    assert "--output" in options
    for option in options:
        assert f"`{option}" in page or option == "--help", option


def test_every_option_of_the_farm_is_on_its_page():
    from background_nodes.cli import _parser

    page = read("docs/farm.md")
    actions = _parser("background-nodes", has_file=True)._subparsers._group_actions[0].choices["farm"]
    helps = [action.format_help() for action in actions._subparsers._group_actions[0].choices.values()]
    options = [option for each in helps for option in re.findall(r"--[a-z-]+", each)]
    assert "--slots" in options
    for option in options:
        assert option in page or option in ("--help", "--port"), option


def _run_help(parser) -> str:
    (commands,) = [action for action in parser._actions if action.dest == "command"]
    return commands.choices["run"].format_help()
