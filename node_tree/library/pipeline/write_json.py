# SPDX-License-Identifier: GPL-3.0-or-later
"""Write values to a JSON file. One that is there is replaced only once the new one is complete."""

import json
from pathlib import Path
from typing import Any

from background_nodes.script import OutputPath, log, own_file, written_whole


def main(data: list[Any], filepath: OutputPath, as_list: bool = True, sort_keys: bool = False) -> Path:
    """Write `data`.

    Args:
        data: Numbers, texts, paths, colours, JSON: what is linked, in this order.
        filepath: Where to. Folders that don't exist are made, and .json is added to a name without it.
        as_list: Write a list, even if there is only one value. Off, a single value stands alone.
        sort_keys: Write the keys of JSON objects in alphabetical order.

    Returns:
        The file that was written.
    """
    if not (as_list or len(data) == 1):
        raise ValueError(f"{len(data)} values are linked to Data; link one, or switch As List on")
    path = own_file(lambda item: with_ending(item["filepath"]), filepath=filepath)
    try:
        content = data if as_list else data[0]
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, sort_keys=sort_keys)
    except ValueError:
        raise ValueError("Data holds an infinite number or none (NaN), and JSON has neither; mend it before") from None
    with written_whole(path) as beside:
        beside.write_text(text + "\n", encoding="utf-8", newline="\n")
    log(f"Wrote {path}")
    return path


def with_ending(filepath: str | Path) -> Path:
    path = Path(filepath)
    return path if path.suffix.lower() == ".json" else Path(f"{path}.json")
