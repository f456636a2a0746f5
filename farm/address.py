# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the scheduler of a farm is, and whether it may be spoken with as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ..runtime.errors import EngineError
from ..runtime.hosts import is_loopback
from . import credentials

USUAL_PORT: Final = 8786
#: What stands before the address of a cluster without encryption.
_PLAIN: Final = "tcp://"
_ADDRESS: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+)(?::([0-9]{1,5}))?/?")


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a scheduler.

    Attributes:
        host, port: where it listens.
        is_plain: whether no token is used: for a Dask cluster of this machine.
    """

    host: str
    port: int
    is_plain: bool = False

    @classmethod
    def parsed(cls, text: str) -> Address:
        """The address in a text, HOST or HOST:PORT, with tcp:// before it for a cluster without encryption.

        Raises:
            EngineError: if it is none, there is no token for it, or it is plain and not on this machine.
        """
        match = _ADDRESS.fullmatch(text.removeprefix(_PLAIN))
        port = int(match[2] or USUAL_PORT) if match else 0
        if match is None or not 0 < port < 2**16:
            raise EngineError(
                f"{text!r:.80} is no address of a scheduler", "Give its host and port: dask://render1:8786"
            )
        address = cls(match[1], port, text.startswith(_PLAIN))
        if address.is_plain and not is_loopback(address.host):
            message = f"{text} is not this machine, and nothing goes to other machines without encryption"
            raise EngineError(message, "Let the cluster use TLS, with the token as its certificate; leave tcp:// out")
        if not address.is_plain and not credentials.usual_file().exists():
            message = f"there is no token for the farm at {text}, and nothing goes there without one"
            fix = f"Copy the token of the farm to {credentials.usual_file()}; or start a scheduler here, which makes it"
            raise EngineError(message, fix)
        return address

    @property
    def text(self) -> str:
        return f"{_PLAIN if self.is_plain else ''}{self.host}:{self.port}"
