"""`background-nodes run` with a store that may fill its disk, as preferences of Blender can say; arguments as there."""

import sys
from pathlib import Path

from background_nodes import cli
from background_nodes.runtime.store.limits import Limits
from background_nodes.runtime.store.store import Store

make = Store.__init__


def make_without_reserve(self: Store, folder: Path, _limits: Limits | None = None, *arguments: object) -> None:
    make(self, folder, Limits(min_free=0), *arguments)


if __name__ == "__main__":
    Store.__init__ = make_without_reserve
    cli.main(["run", *sys.argv[1:]])
