"""What lies in a scratch folder."""


def files_in(scratch, pattern: str = "*") -> list[str]:
    """Names of the blobs and logs that are left when all removals are done."""
    scratch.wait_for_removals()
    found = (path for path in scratch.path.rglob(pattern) if path.is_file() and "worker-" not in str(path.parent))
    return sorted(path.name for path in found if not path.name.startswith("owner."))


def folders_in(scratch) -> list[str]:
    """Names of the workers' folders that are left when all removals are done."""
    scratch.wait_for_removals()
    return sorted(path.name for path in scratch.path.glob("worker-*"))
