# SPDX-License-Identifier: GPL-3.0-or-later
"""Make it an error if something is not so: at the end of a check, after its report was written.

The run fails then, and with it the command line: its exit code is 1.
"""

from typing import Any

from background_nodes.script import log

#: How many rows of a report an error tells.
TOLD = 10


def main(
    passed: list[bool],
    text: str = "everything passes",
    report: list[Any] | None = None,
    after: list[Any] | None = None,
    allow_none: bool = False,
) -> int:
    """Require that all of `passed` are on.

    Args:
        passed: What has to be so, such as Passed of Validate.
        text: What is required, in words: no object breaks a rule.
        report: Rows as JSON that say why something is not so, as Validate gives them. The error tells the first ones.
        after: Link what is to be done before, whether it passes or not: the file of a report.
        allow_none: Take it for passed if there is nothing to check. Off, that is an error, as most often something went
            wrong before.

    Returns:
        How many there are.
    """
    if not passed and not allow_none:
        raise ValueError(f"There is nothing of which could be said: {text}. Link something, or switch Allow None on")
    failed = passed.count(False)
    if failed:
        rows = [told(row) for row in report or []]
        more = [f"... and {len(rows) - TOLD} more"] if len(rows) > TOLD else []
        raise ValueError("\n".join([f"Not so: {text}. {failed} of {len(passed)} fail", *rows[:TOLD], *more]))
    log(f"It is so: {text}. All {len(passed)} pass")
    return len(passed)


def told(row: Any) -> str:
    """A row on one line."""
    if not isinstance(row, dict):
        return str(row)
    if "message" in row:
        return f"{row.get('object', '')}: {row['message']}"
    return ", ".join(f"{name} {value}" for name, value in row.items())
