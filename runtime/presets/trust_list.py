# SPDX-License-Identifier: GPL-3.0-or-later
"""A studio's list of scripts that may run: a JSON file in a library. It counts once a person has confirmed it.

    {"format": 1, "name": "Studio", "scripts": {"<digest>": "what it is, for people"}}

Scripts are named by the digest that the consent to run them goes by, so a changed script is not on the list. The list
itself is known by the digest of its file: a changed list has to be confirmed again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .. import wire
from ..atomic_write import atomic_write
from ..errors import PresetError

FILE_NAME: Final = "background_nodes_trusted.json"
_FORMAT: Final = 1
_MAX_SIZE: Final = 16 * 1024 * 1024
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class _Record:
    """The file."""

    format: int
    scripts: dict[str, str]
    name: str = ""


@dataclass(frozen=True)
class TrustList:
    """A list.

    Attributes:
        library: the folder that it lies in.
        name: whose it is.
        digest: of its file.
        scripts: by the digest of each script that may run, what it is.
    """

    library: str
    name: str
    digest: str
    scripts: Mapping[str, str]


def read(folder: Path) -> TrustList | None:
    """The list of a library; None if it has none. Raises PresetError if that can't be read."""
    file = folder / FILE_NAME
    try:
        with file.open("rb") as opened:
            content = opened.read(_MAX_SIZE + 1)
        return parsed(content, str(folder))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PresetError(f"it can't be read: {error.strerror}", "See who may read it") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise PresetError(f"it is no list of trusted scripts ({error})", "Ask who keeps the library") from error


def parsed(content: bytes, library: str) -> TrustList:
    """What the file of a list says. Raises ValueError, TypeError or RecursionError if it is none."""
    if len(content) > _MAX_SIZE:
        raise ValueError("it is too large")
    record = wire.decode(_Record, json.loads(content))
    if record.format != _FORMAT:
        raise ValueError("it is of another format")
    wrong = next((digest for digest in record.scripts if _DIGEST.fullmatch(digest) is None), None)
    if wrong is not None:
        raise ValueError(f"{wrong!r:.80} is no digest")
    said = {digest: shown(name) for digest, name in record.scripts.items()}
    return TrustList(library, shown(record.name), hashlib.sha256(content).hexdigest(), said)


def shown(text: str) -> str:
    """A line that can be drawn and printed."""
    return "".join(sign for sign in text if sign.isprintable())[:200]


def write(folder: Path, name: str, scripts: Mapping[str, str]) -> TrustList:
    """Write the list of a library, whole or not at all. Raises PresetError."""
    record = wire.encode(_Record(_FORMAT, dict(sorted(scripts.items())), name))
    content = json.dumps(record, ensure_ascii=False, indent=1).encode()
    file = folder / FILE_NAME
    try:
        atomic_write(file, content)
    except OSError as error:
        raise PresetError(f"{file} can't be written: {error.strerror}", "See who may write to it") from error
    return parsed(content, str(folder))
