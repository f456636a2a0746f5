"""The sessions of `make test`: all tests in the newest Blender; in older ones, and in a module, what may differ there.

tools/run_sessions.py runs them side by side. Those that take longest stand first; those of a real Blender wait for it.
One alone: `.venv/dev/bin/nox --session "wheel(4.2)" -- -k name`; `--list` names them. Environments are kept, and only
filled again when what they hold changes.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tools"))
from find_python import find_python, how_to_get  # noqa: E402 (the path above leads to it)

# What Python compiles is kept, whatever the shell says: else each worker would compile Blender's scripts anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

IN_CI = os.environ.get("CI") == "true"
REPORTS = ROOT / "build" / "reports"
PYTHONS = ("3.11", "3.13")
# Every long-term release, and 5.0, where Blender's own data model changed. 5.1 and later need Python 3.13.
WHEELS = {"4.2": ("3.11", "4.2.23"), "4.5": ("3.11", "4.5.15"), "5.0": ("3.11", "5.0.1"), "5.2": ("3.13", "5.2.3")}
# The newest Blender runs all tests, with the installed extension, but the ten jobs; the oldest wheel, nearly all. Those
# between run what differs from Blender to Blender, and the newest wheel what differs from the extension. What says the
# same in every Blender is marked `any_blender`: no wheel runs that. What no real Blender can run is marked
# `wheel_only`: the newest wheel runs that, wherever it stands. What says the same in every Python is marked
# `any_python`: of the Pythons without Blender the newest runs that.
EVERYTHING = ("tests/processes", "tests/blender")
VERSIONED = (
    *(
        f"tests/blender/test_{name}.py"
        for name in ("artists_preferences", "blobs", "data_block_counts", "data_blocks", "fields", "groups")
    ),
    *(f"tests/blender/test_{name}.py" for name in ("overwriting", "pixels", "preset_versions", "presets", "sendable")),
    *(f"tests/blender/test_{name}.py" for name in ("snapshot", "sockets", "text_versions", "writer")),
)
LIBRARY = "tests/blender/library"
TEN_JOBS = "tests/blender/ten_jobs"
WITHOUT_FOLDERS = ("tests/blender", f"--ignore={LIBRARY}", f"--ignore={TEN_JOBS}")
PARTS = {  # of what the newest Blender runs: they go side by side
    "a-j": (*WITHOUT_FOLDERS, "--ignore-glob=*/test_[!a-j]*.py"),
    "k-z": (*WITHOUT_FOLDERS, "--ignore-glob=*/test_[a-j]*.py"),
    "processes": ("tests/processes",),
    "library": (LIBRARY,),
}
OF_THE_MODULE = (
    "tests/processes/test_worker.py",
    TEN_JOBS,  # a real Blender has no other programs in its Python to read what most of them write
    # A Blender of Linux may lack USD and Alembic, and the module has both.
    *(f"{LIBRARY}/test_{name}.py" for name in ("formats", "simulation")),
    *(f"tests/blender/test_{name}.py" for name in ("cli", "docs", "extension")),
)
# What takes long and hardly touches Blender; the newest Blender has all of it, and the newest wheel the command line.
NOT_IN_THE_OLDEST = (
    *(f"--ignore=tests/blender/test_{name}.py" for name in ("artist_first", "artist_folder", "auto_run", "cache")),
    *(f"--ignore=tests/blender/test_{name}.py" for name in ("cli", "consent", "docs", "forecast", "growth")),
    *(f"--ignore=tests/processes/test_{name}.py" for name in ("allocator", "chains", "cycles_devices", "launcher")),
    *(f"--ignore=tests/processes/test_{name}.py" for name in ("reliability", "script_file")),
    # Portions of results are written as all at once is: test_writer. The demo is for the wheels of `make demo`.
    *(f"--ignore=tests/blender/test_{name}.py" for name in ("arrival", "arriving", "examples", "kept_readings")),
    # Jobs: those with add-ons, and what they replace, are tested there, and scripts without `main` in tests/processes.
    *(
        f"--ignore=tests/blender/test_{name}.py"
        for name in ("batch", "job", "job_examples", "job_manager", "job_panel")
    ),
    # Groups and lists: their nodes and sockets are tested there, and what they mean is in the plan, before any Blender.
    *(f"--ignore=tests/blender/test_{name}.py" for name in ("group_runs", "group_status", "list_results", "repeats")),
    *(f"--ignore=tests/blender/test_{name}.py" for name in ("run_files", "store", "ten_saves")),
)
TESTS_OF_WHEELS = {
    "4.2": (*EVERYTHING, *NOT_IN_THE_OLDEST),
    "4.5": (*VERSIONED, "tests/processes/test_worker.py"),  # left to itself, it would hang
    "5.0": VERSIONED,
    "5.2": OF_THE_MODULE,
}
NUMPY = "numpy==2.3.5"  # Blender has one of its own
#: Other programs that read what nodes write. Of Assimp there is none for Python 3.11.
READERS = ("trimesh==5.2.0", "pillow==13.0.0", "assimp-py==1.2.0; python_version >= '3.12'")
OPENJD = "openjd-cli==0.8.0"  # runs jobs as a farm does
PYTEST_BLENDER = "pytest-blender==3.0.8"
REAL_BLENDER = "real_blender"  # the tag of sessions that wait for `complete`, which makes it: tools/run_sessions.py
EXTENSION = "bl_ext.user_default.background_nodes"

# Replaced by pytest at its end: a run that crashes counts as one failure instead of none.
UNFINISHED = '<testsuite><testcase name="{}"><error message="pytest did not come to its end"/></testcase></testsuite>'

found_pythons = {version: find_python(version) for version in PYTHONS}
for python in filter(None, found_pythons.values()):
    # Nox takes the first on PATH, even if it is a shim that doesn't run.
    os.environ["PATH"] = os.pathsep.join([str(Path(python).parent), os.environ["PATH"]])

here = [version for version, python in found_pythons.items() if python]
wheels_here = {name: wheel for name, wheel in WHEELS.items() if wheel[0] in here}

nox.needs_version = ">=2026"
nox.options.envdir = ".venv/nox"
nox.options.reuse_venv = "yes"
nox.options.default_venv_backend = "virtualenv"


def blender_or_reason() -> tuple[str, str]:
    """Return the command of a real Blender and "", or "" and why there is none and how to get one."""
    given = os.environ.get("BLENDER")
    if given:
        return given, ""
    debian = [str(ROOT / "tools" / "make_debian_blender")]
    if subprocess.run([*debian, "--check"], check=False).returncode != 0:
        missing = [name for name in ("debootstrap", "unshare") if not shutil.which(name)]
        if missing or not hasattr(os, "geteuid") or os.geteuid() != 0:
            return (
                "",
                "set BLENDER=/path/to/blender (with pytest in its Python), or run as root with debootstrap installed",
            )
        if subprocess.run(debian, check=False).returncode != 0:
            return "", "tools/make_debian_blender failed, see above"
    return str(ROOT / "tools" / "debian_blender"), ""


def window_or_reason() -> tuple[str, str]:
    """Return the command of a real Blender and "" if there is a screen for its window, too, or "" and the reason."""
    blender, reason = blender_or_reason()
    missing = [program for program in ("Xvfb", "import") if os.environ.get("BLENDER") and not shutil.which(program)]
    if missing:
        return "", f"install {' and '.join(missing)} (Debian's xvfb, imagemagick)"
    return blender, reason


def fill(session: nox.Session, *requirements: str) -> None:
    """Install what tests need, unless the environment holds just that already. The project is used where it lies."""
    extras = nox.project.load_toml(ROOT / "pyproject.toml")["project"]["optional-dependencies"]
    wanted = [*extras["cli"], *extras["test"], *requirements]
    filled_with = Path(session.virtualenv.location, "filled_with.txt")
    if not filled_with.exists() or filled_with.read_text(encoding="utf-8") != repr(wanted):
        session.install("--no-compile", *wanted)  # most of a wheel's modules are never imported
        filled_with.write_text(repr(wanted), encoding="utf-8")


def run_pytest(session: nox.Session, name: str, *arguments: str, **environment: str) -> None:
    """Run pytest, and keep its report under `name` for tools/total.py."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    report = REPORTS / f"{name}.xml"
    report.write_text(UNFINISHED.format(name), encoding="utf-8")
    session.run("python", "-m", "pytest", f"--junit-xml={report}", *arguments, *session.posargs, env=environment)


@nox.session(python=False)
def complete(session: nox.Session) -> None:
    """Print what this machine lacks, and how to get it. In CI this is an error."""
    lacking = [
        f"left out: Python {version} and what needs it. Get one: {how_to_get(version)}"
        for version in PYTHONS
        if version not in here
    ]
    _, reason = blender_or_reason()
    if reason:
        lacking.append(f"left out: the extension in a real Blender, and what no wheel runs. Get one: {reason}")
    _, no_window = window_or_reason()
    if no_window:
        lacking.append(f"left out: the window of a real Blender. Get one: {no_window}")
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / "left_out.txt").write_text("".join(f"{line}\n" for line in lacking), encoding="utf-8")
    for line in lacking:
        session.warn(line)
    if lacking and IN_CI:
        session.error("in CI nothing may be left out")


def install_extension(session: nox.Session, blender: str) -> Path:
    """Build the extension and install it as an artist does. Returns the folder for BLENDER_USER_RESOURCES."""
    resources = Path(session.create_tmp(), "user_resources").resolve()
    shutil.rmtree(resources, ignore_errors=True)
    resources.mkdir()
    package = Path(session.create_tmp(), "background_nodes.zip").resolve()
    for step in (
        ("build", "--source-dir", str(ROOT), "--output-filepath", str(package)),
        ("validate", str(package)),
        ("install-file", "--repo", "user_default", "--enable", str(package)),
    ):
        environment = {"BLENDER_USER_RESOURCES": str(resources)}
        session.run(blender, "--command", "extension", *step, env=environment, external=True)
    return resources


@nox.session(tags=[REAL_BLENDER])
def gui(session: nox.Session) -> None:
    """The built extension by mouse and keys, in the window of a real Blender."""
    blender, reason = window_or_reason()
    if reason:
        session.skip(reason)
    fill(session)
    resources = install_extension(session, blender)
    run_pytest(session, "gui", "tests/gui", BACKGROUND_NODES_GUI_RESOURCES=str(resources))  # tests/gui/window.py


@nox.session(tags=[REAL_BLENDER])
@nox.parametrize("part", list(PARTS), ids=list(PARTS))
def extension(session: nox.Session, part: str) -> None:
    """A part of all tests, on the built extension as an artist installs it, in a real Blender."""
    blender, reason = blender_or_reason()
    if reason:
        session.skip(reason)
    fill(session, PYTEST_BLENDER)
    environment = {
        "BLENDER_USER_RESOURCES": str(install_extension(session, blender)),
        "BACKGROUND_NODES_TEST_EXTENSION": EXTENSION,  # tests/conftest.py
    }
    run_pytest(session, f"extension-{part}", "--blender-executable", blender, *PARTS[part], **environment)


if "5.2" in wheels_here:

    @nox.session(python=WHEELS["5.2"][0], tags=[REAL_BLENDER])
    def farm(session: nox.Session) -> None:
        """More than one machine, as processes of this one, with the project installed as pip does it."""
        extras = nox.project.load_toml(ROOT / "pyproject.toml")["project"]["optional-dependencies"]
        fill(session, f"bpy=={WHEELS['5.2'][1]}", *extras["farm"], *extras["submit"], OPENJD)
        session.install("--no-deps", "--editable", ".")
        blender, _reason = blender_or_reason()  # for one worker that has it
        run_pytest(session, "farm", "tests/farm", "tests/submit", BACKGROUND_NODES_FARM_BLENDER=blender)


@nox.session
@nox.parametrize(
    "python,bpy,tests",
    [nox.param(*wheels_here[name], TESTS_OF_WHEELS[name], id=name) for name in wheels_here],
)
def wheel(session: nox.Session, bpy: str, tests: Sequence[str]) -> None:
    """Real processes and real data-blocks, on Blender as a Python module."""
    fill(session, f"bpy=={bpy}", *READERS)
    is_between = bpy not in (WHEELS["4.2"][1], WHEELS["5.2"][1])
    left_out = "not any_blender and not oldest_and_newest" if is_between else "not any_blender"
    run_pytest(session, f"wheel-{bpy}", "-m", left_out, *tests)
    if bpy == WHEELS["5.2"][1] and not session.posargs:
        done = (f"--ignore={path}" for path in tests)
        run_pytest(session, f"wheel-{bpy}-only", "-m", "wheel_only", *EVERYTHING, *done)


@nox.session(default=False, python=WHEELS["5.2"][0])
def jobs(session: nox.Session) -> None:
    """Run the ten jobs at their whole size, or those named after --; write docs/jobs.md and their presets' costs."""
    fill(session, f"bpy=={WHEELS['5.2'][1]}", *READERS)
    left = ROOT / "build" / "ten_jobs"
    shutil.rmtree(left, ignore_errors=True)
    named = [f"{TEN_JOBS}/test_{name}.py" for name in session.posargs] or [TEN_JOBS]
    session.run("python", "-m", "pytest", *named, env={"BACKGROUND_NODES_TEN_JOBS": str(left)})
    session.run("python", "tools/write_ten_jobs.py", str(left))


@nox.session(python=here or None)
def unit(session: nox.Session) -> None:
    """What needs no Blender."""
    fill(session, NUMPY)
    wanted = () if session.python == here[-1] else ("-m", "not any_python")
    run_pytest(session, f"unit-{session.python}", *wanted, "tests/unit")


@nox.session(default=False, python=WHEELS["4.2"][0])
def example_files(session: nox.Session) -> None:
    """Write the example files and presets anew, with the oldest Blender: all versions read whole what that writes."""
    fill(session, f"bpy=={WHEELS['4.2'][1]}")
    session.install("--no-deps", "--editable", ".")
    session.run("python", "tools/make_examples.py", "addon/adding/examples")
    session.run("python", "tools/make_presets.py", "examples/presets", "addon/presets/shipped")


@nox.session(default=False)
@nox.parametrize("python,bpy", [nox.param(*WHEELS[name], id=name) for name in ("4.2", "5.2")])
def saved_presets(session: nox.Session, bpy: str) -> None:
    """Write the presets anew that tests use in other Blenders than wrote them."""
    fill(session, f"bpy=={bpy}")
    session.install("--no-deps", "--editable", ".")
    session.run("python", "tools/make_saved_presets.py", "tests/blender/saved_presets")
