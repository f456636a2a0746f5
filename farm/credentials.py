# SPDX-License-Identifier: GPL-3.0-or-later
"""The token of a farm: a file with a key and a certificate. Whoever has it belongs to the farm; nobody else gets in.

All connections are encrypted, and both sides show the certificate. The token is never in an argument, a log or a .blend
file: only the path of its file is. Dask lets those who are in run any code, as the user who started a worker: the file
is for people who trust each other so far, and readable by its owner alone.
"""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path
from typing import Any, Final

from ..runtime.errors import EngineError

#: The variable of the environment that says where the token is.
VARIABLE: Final = "BACKGROUND_NODES_FARM_TOKEN"
#: Days that a token is good for.
_DAYS: Final = 3650
_NAME: Final = "background-nodes-farm"


def usual_file() -> Path:
    """Where the token is, if nobody says otherwise."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen).absolute()
    home = os.environ.get("APPDATA") if sys.platform == "win32" else os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "background_nodes" / "farm.pem"


def make(path: Path) -> None:
    """Make a new token. Raises FileExistsError if there is a file, OSError if it can't be written."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # clocks of machines differ
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    text = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(encoding)
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)


def security(path: Path) -> Any:
    """Dask's `Security` with a token. Raises EngineError if there is none, or others may read it."""
    from distributed.security import Security

    try:
        state = path.stat()
        content = path.read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        fix = f"Copy it from the machine of the scheduler, which makes it; {VARIABLE} may say where it is"
        raise EngineError(f"the token of the farm can't be read: {error}", fix) from error
    if os.name == "posix" and state.st_mode & 0o077:
        raise EngineError(
            f"others may read {path}, the token of the farm", f"Let nobody else read it: chmod 600 {path}"
        )
    if "PRIVATE KEY" not in content or "CERTIFICATE" not in content:
        raise EngineError(f"{path} is no token of a farm", "Copy it again from the machine of the scheduler")
    roles = ("client", "scheduler", "worker")
    files = {f"tls_{role}_{part}": str(path) for role in roles for part in ("cert", "key")}
    return Security(tls_ca_file=str(path), require_encryption=True, **files)
