"""What lies in a store."""


def files_in(store, pattern: str = "*") -> list[str]:
    """Names of the files of blobs and logs that are there once all is removed that was to be removed."""
    store.wait_for_removals()
    found = (path for path in store.path.rglob(pattern) if path.is_file() and "worker-" not in str(path.parent))
    return sorted(path.name for path in found if not path.name.startswith("owner."))


def folders_in(store) -> list[str]:
    """Names of the folders of workers that are there once all is removed that was to be removed."""
    store.wait_for_removals()
    return sorted(path.name for path in store.path.glob("worker-*"))
