# SPDX-License-Identifier: GPL-3.0-or-later
"""What an item gave, as one digest: if it is that of the last time, what takes its results has nothing new to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..blend_file import blob_digests
from ..blend_file.blob_digests import Digests
from ..keys.files import FileState
from ..keys.inputs import value_digest
from ..scratch import value_files
from ..scratch.contents import DataBlockName
from ..scratch.scratch import ScratchFolder
from ..scratch.typed_values import TypedValue
from ..script.socket_types import StoredRef


def given_digest(
    values: Mapping[str, TypedValue], written: Iterable[FileState], blob: Path, folder: ScratchFolder
) -> str:
    """A digest of what an item gave: values and files as they are, data-blocks by content.

    Args:
        values: by the output's identifier.
        written: the files that it wrote.
        blob: the file of its blob, with the digests of its data-blocks beside it.
        folder: where large values are.

    Returns:
        "" if the content of a data-block is not known.

    Raises:
        StoreError: if a value, or what is beside the blob, can't be read.
    """
    has_data_blocks = any(value.type.is_data_block for value in values.values())
    digests: Digests = blob_digests.read(blob) if has_data_blocks and blob.exists() else {}
    rows: list[list[object]] = []
    places: dict[StoredRef | None, int] = {}  # the same data-block given twice is not two that are equal
    for name, value in sorted(values.items()):
        if not value.type.is_data_block:
            rows.append([name, str(value.type), value_digest(value, folder)])
            continue
        refs = list(value_files.elements(value, folder))
        contents = [_content(ref, digests) for ref in refs]
        if "" in contents:
            return ""
        rows.append([name, str(value.type), contents, [places.setdefault(ref, len(places)) for ref in refs]])
    rows += [[state.path, state.digest] for state in written]
    return hashlib.blake2b(json.dumps(rows).encode(), digest_size=16).hexdigest()


def _content(ref: StoredRef | None, digests: Digests) -> str | None:
    if ref is None:
        return None
    digest = digests.get(DataBlockName(ref.kind, ref.name, ref.library))
    return "" if digest is None else digest.content
