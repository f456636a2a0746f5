"""The extension as Blender sees it: what is in it, and that turning it on and off leaves nothing behind."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter
from pathlib import Path

import bpy
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROBE = Path(__file__).with_name("registration_probe.py")
FOLDERS = ("addon", "node_tree", "runtime", "script")


def run(*command: str | Path, **environment: str | Path) -> str:
    """Run a command, and return all it printed; it must succeed and not speak of errors."""
    added = {name: str(value) for name, value in environment.items()}
    process = subprocess.run(
        list(map(str, command)),
        env=os.environ | added,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=120,
    )
    assert process.returncode == 0, process.stdout
    assert "Traceback" not in process.stdout
    assert "Error" not in process.stdout
    return process.stdout


def extension_command() -> list[str | Path]:
    if bpy.app.binary_path:
        return [bpy.app.binary_path, "--command", "extension"]
    return [sys.executable, ROOT / "tools" / "extension.py"]


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    """The built extension."""
    package = tmp_path_factory.mktemp("package") / "background_nodes.zip"
    run(*extension_command(), "build", "--source-dir", ROOT, "--output-filepath", package)
    return package


def test_built_package_is_valid(package):
    run(*extension_command(), "validate", package)


def test_built_package_holds_what_runs_and_nothing_else(package):
    code = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.is_file()]
    faces = [file for file in ROOT.glob("*.py") if file.name != "noxfile.py"]
    texts = [file for file in (ROOT / "LICENSE", ROOT / "README.md", ROOT / "blender_manifest.toml") if file.exists()]
    add_ons = [
        ROOT / "examples" / f"{name}.py" for name in ("find_background_nodes", "job_panel", "scatter", "thumbnails")
    ]
    for_add_ons = [ROOT / "docs" / "job_manager.md", *add_ons, *(ROOT / "examples" / "jobs").glob("*.py")]
    relative = {file.relative_to(ROOT) for file in [*code, *faces, *texts, *for_add_ons]}
    wanted = {
        file.as_posix()
        for file in relative
        if "__pycache__" not in file.parts and not any(part.startswith(".") for part in file.parts)
    }
    with zipfile.ZipFile(package) as archive:
        assert {name for name in archive.namelist() if not name.endswith("/")} == wanted


def difference(notes: dict[str, dict[str, list[str]]], step: str, reference: str) -> dict[str, list[str]]:
    """What is there after one step and not after another, or the other way round."""
    found = {kind: (Counter(names), Counter(notes[reference][kind])) for kind, names in notes[step].items()}
    return {
        kind: sorted(((one - other) + (other - one)).elements()) for kind, (one, other) in found.items() if one != other
    }


def assert_leaves_nothing(notes: dict[str, dict[str, list[str]]]) -> None:
    assert difference(notes, "on", "before"), "the probe sees nothing of the extension"
    assert not difference(notes, "on again", "on")
    assert not difference(notes, "off", "before")
    assert not difference(notes, "off again", "before")


@pytest.mark.blender_only
def test_installed_package_turned_on_and_off_twice_leaves_nothing(package, tmp_path, awkward_path):
    resources = {"BLENDER_USER_RESOURCES": awkward_path}
    run(*extension_command(), "install-file", "--repo", "user_default", package, **resources)
    report = tmp_path / "report.json"
    run(
        *(bpy.app.binary_path, "--background", "--python-exit-code", "3", "--python", PROBE),
        PROBE_EXTENSION="bl_ext.user_default.background_nodes",
        PROBE_REPORT=report,
        **resources,
    )
    assert_leaves_nothing(json.loads(report.read_text(encoding="utf-8")))


def installed_version(resources: Path) -> str:
    manifest = resources / "extensions" / "studio" / "background_nodes" / "blender_manifest.toml"
    return tomllib.loads(manifest.read_text(encoding="utf-8"))["version"]


@pytest.mark.blender_only
def test_repository_on_a_share_installs_the_extension_and_updates_it(tmp_path):
    source, share, resources = (tmp_path / name for name in ("source", "share", "resources"))
    for folder in (*FOLDERS, "farm", "tools"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (*ROOT.glob("*.py"), ROOT / "blender_manifest.toml"):
        shutil.copy(file, source)
    manifest = source / "blender_manifest.toml"
    blender = bpy.app.binary_path
    make = (sys.executable, source / "tools" / "make_repository.py", share, "--blender", blender)
    extension = (blender, "--online-mode", "--command", "extension")
    settings = {"BLENDER_USER_RESOURCES": resources}

    run(*make)
    url = (share / "index.json").as_uri()
    run(*extension, "repo-add", "--clear-all", "--name", "Studio", "--url", url, "studio", **settings)
    run(*extension, "install", "--sync", "--enable", "studio.background_nodes", **settings)
    first = tomllib.loads(manifest.read_text(encoding="utf-8"))["version"]
    assert installed_version(resources) == first

    major, minor, patch = first.split(".")
    newer = f"{major}.{minor}.{int(patch) + 1}"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace(f'version = "{first}"', f'version = "{newer}"'), encoding="utf-8")
    (share / "of somebody else.txt").write_bytes(b"")
    run(*make)
    packages = sorted(file.name for file in share.glob("*.zip"))
    assert [name for name in packages if first in name] == [f"background_nodes_farm-{first}.zip"], (
        "the older one is gone"
    )
    assert f"background_nodes-{newer}.zip" in packages
    assert (share / "of somebody else.txt").exists()
    run(*extension, "update", "--sync", **settings)
    assert installed_version(resources) == newer


@pytest.mark.wheel_only
def test_package_registered_and_unregistered_twice_leaves_nothing(tmp_path):
    report = tmp_path / "report.json"
    (tmp_path / "background_nodes").symlink_to(ROOT, target_is_directory=True)
    # It ends by Python's own exit, which hangs or crashes where something stays registered.
    run(sys.executable, PROBE, PROBE_EXTENSION="", PROBE_REPORT=report, PYTHONPATH=tmp_path)
    assert_leaves_nothing(json.loads(report.read_text(encoding="utf-8")))


PROGRAM = """
import bpy
import background_nodes

background_nodes.register()
tree = bpy.data.node_groups.new("Tree", "BackgroundNodeTree")
tree.nodes.new("BackgroundNodeScript")
"""


@pytest.mark.wheel_only
@pytest.mark.parametrize(
    ("last_line", "exit_code"),
    [
        ("", 0),
        ("background_nodes.unregister()", 0),
        ("bpy.data.node_groups.remove(tree); background_nodes.unregister()", 0),
        ("background_nodes.unregister(); background_nodes.register()", 0),
        ("raise SystemExit(3)", 3),
        ("background_nodes.unregister(); 1 / 0", 1),
    ],
)
def test_program_ends_with_its_exit_code(run_program, last_line, exit_code):
    """4.2 crashes and 4.5 hangs if something of the extension holds the module `bpy` to the end."""
    program = run_program(PROGRAM + last_line)
    assert program.returncode == exit_code, program.stderr


@pytest.mark.blender_only
def test_tests_see_the_modules_of_the_installed_package():
    import background_nodes.runtime.planning.graph

    installed = sys.modules["bl_ext.user_default.background_nodes.runtime.planning.graph"]
    assert background_nodes.runtime.planning.graph is installed
    assert Path(installed.__file__).is_relative_to(os.environ["BLENDER_USER_RESOURCES"])
    assert installed.__spec__.name == installed.__name__
