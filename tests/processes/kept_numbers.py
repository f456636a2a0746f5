"""Results that are known by their number: each process that shares a store can tell whether it finds what is right."""

import os
from hashlib import blake2b
from pathlib import Path

from background_nodes.runtime.errors import StoreError


def key(number: int) -> str:
    return blake2b(str(number).encode()).hexdigest()


def data(number: int) -> bytes:
    """The larger file of a result; several numbers have the same one."""
    return b"%d " % (number % 7) * (1000 + number % 7 * 500)


def keep(store, number: int, scratch: Path, version: int = 0) -> None:
    blob = scratch / f"{os.getpid()}-{number}.blend"
    for path, content in ((blob, data(number)), (blob.with_suffix(".json"), b"%d" % version)):
        path.unlink(missing_ok=True)
        path.write_bytes(content)
    record = store.keep(key(number), {"number": number, "version": version}, 1.0, {"output": blob})
    store.set_last(f"subject {number}", record)


def version_found(store, number: int, target: Path) -> int | None:
    """Which version of a number is found, None if none is. An AssertionError if anything of it is wrong."""
    record = store.find(key(number))
    if record is None:
        return None
    stem = f"{os.getpid()}-{number} placed"
    try:
        store.place(record, "output", target, stem)
    except StoreError as error:
        if "it is gone" in str(error) or "No such file" in str(error):
            return None
        raise
    files = [target / f"{stem}.blend", target / f"{stem}.json"]
    version = record.content["version"]
    assert record.content == {"number": number, "version": version}
    assert [file.read_bytes() for file in files] == [data(number), b"%d" % version]
    for file in files:
        file.unlink()
    return version
