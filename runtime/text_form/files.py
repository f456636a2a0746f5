# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of text that hold a node tree: one of JSON, with its scripts in it or as files beside it.

    lods.json                     the tree; instead of a script's lines {"file": "lods_scripts/decimate.py"}
    lods_scripts/decimate.py      the script

A folder with a `tree.json` stands for that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from ..atomic_write import atomic_write
from ..errors import DumpError, Problem, SignatureError
from ..script import script_files
from . import reading
from .form import to_text
from .parts import refuse, shown

ENDING: Final = ".json"
#: The file that a folder stands for.
TREE_FILE: Final = "tree.json"
_FILE: Final = "file"
_STRANGE: Final = re.compile(r"[^\w. -]|^[. ]|[. ]$")
#: Names that Windows keeps for itself.
_RESERVED: Final = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")


def is_text_of_tree(path: Path) -> bool:
    """Whether a path is that of a tree as text, as far as names tell."""
    return path.suffix.lower() == ENDING or (path.is_dir() and (path / TREE_FILE).is_file())


def file_of(path: Path) -> Path:
    """The file of JSON that a path stands for."""
    return path / TREE_FILE if path.is_dir() else path


def read_file(path: Path) -> dict[str, Any]:
    """The data in a file of JSON, or in the folder of one. Raises BuildError."""
    file = file_of(path)
    if not file.is_file():  # to open a pipe would block
        refuse(f"there is no file {file}", "Give the path of a file of text")
    try:
        if file.stat().st_size > reading.MAX_SIZE:
            refuse(f"{file} is larger than the text of a tree can be ({reading.MAX_SIZE // 1024**2} MB)")
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        refuse(f"{file} is no text in UTF-8")
    except OSError as error:
        refuse(f"{file} can't be read: {error}", "Give the path of a file of text")
    data = reading.parsed(text)
    texts = data.get("texts") if isinstance(data, dict) else None
    if isinstance(texts, dict):
        data["texts"] = {name: _read_beside(file.parent, name, source) for name, source in texts.items()}
    return reading.checked(data)


def _read_beside(folder: Path, name: str, source: Any) -> Any:
    """The source of a text that is a file beside the tree; others as they are."""
    if not isinstance(source, dict):
        return source
    said = source.get(_FILE)
    if source.keys() != {_FILE} or not isinstance(said, str) or not _leads_inside(said):
        refuse(f"the text {shown(name)} is neither a list of lines nor a file beside the tree")
    file = folder / said
    try:
        if not file.resolve().is_relative_to(folder.resolve()):
            refuse(f"the file {shown(said)} is not in the folder of the tree")
        return script_files.read(file)
    except (SignatureError, OSError, ValueError) as error:
        refuse(f"the text {shown(name)} can't be read: {error}", f"Bring {file.name} back, or write {_FILE} anew")


def _leads_inside(said: str) -> bool:
    path = PurePosixPath(said)
    return bool(said) and not path.is_absolute() and not {"..", ""} & set(path.parts) and not set(said) & set("\\:\0")


def write_file(path: Path, data: Mapping[str, Any], *, scripts_beside: bool = False) -> None:
    """Write the data to a file of JSON, whole or not at all.

    Args:
        path: of the file; of a folder, a `tree.json` is written there.
        data: as `form.py` describes them.
        scripts_beside: whether texts become files in a folder beside it; in a folder, in that itself.

    Raises:
        DumpError: if that can't be written, or would write over a file that is another's.
    """
    file = file_of(path)
    texts = dict(data["texts"])
    beside: dict[Path, str] = {}
    if scripts_beside:
        folder = file.parent if file.name == TREE_FILE else file.with_name(f"{file.stem}_scripts")
        for name, file_name in _file_names(texts):
            beside[folder / file_name] = texts[name]
            texts[name] = {_FILE: (folder / file_name).relative_to(file.parent).as_posix()}
    text = to_text({**data, "texts": texts})
    try:
        _check_others(file, beside)
        for place, source in beside.items():
            place.parent.mkdir(exist_ok=True)
            atomic_write(place, source)
        atomic_write(file, text)
    except OSError as error:
        raise DumpError([Problem("", "", f"{file} can't be written: {error}", "Give another name")]) from error


def _file_names(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The texts that can be files, each with the name of its file: no two are the same on any system."""
    taken: set[str] = set()
    for name, source in sorted(texts.items()):
        if "\r" in source or not _is_readable(source):
            continue  # the file would say something else
        stem = _STRANGE.sub("_", name.removesuffix(".py")) or "_"
        stem = f"_{stem}" if _RESERVED.match(stem) else stem
        found, number = f"{stem}.py", 2
        while found.casefold() in taken:
            found, number = f"{stem}_{number}.py", number + 1
        taken.add(found.casefold())
        yield name, found


def _is_readable(source: str) -> bool:
    """Whether Python reads the same text from a file: it may name an encoding, or hold half a letter."""
    try:
        content = source.encode()
        return len(content) <= script_files.MAX_SIZE and script_files.decoded(content) == source
    except (UnicodeEncodeError, SignatureError):
        return False


def _check_others(file: Path, beside: Mapping[Path, str]) -> None:
    """Refuse to write over files that the tree of before did not have."""
    before: set[Path] = set()
    if file.is_file():
        try:
            texts = json.loads(file.read_bytes()).get("texts", {})
            before = {file.parent / str(each.get(_FILE)) for each in texts.values() if isinstance(each, dict)}
        except (ValueError, AttributeError, RecursionError):  # another file, which the artist chose to write over
            before = set()
    for place, source in beside.items():
        if place.exists() and place not in before and place.read_bytes() != source.encode():
            message = f"{place} is there already, and not of that tree"
            raise DumpError([Problem("", "", message, "Give another name, or remove that file")])
