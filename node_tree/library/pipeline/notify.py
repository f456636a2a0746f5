# SPDX-License-Identifier: GPL-3.0-or-later
"""Show a notification of the system, such as that a long run is over. It runs each time.

Where the system has no notifications, as on a server, the log tells so and the run goes on.
"""

import shutil
import subprocess
import sys
from typing import Any, Literal

from background_nodes.script import log

CACHE = False
#: Seconds that the system may take to show it.
LIMIT = 15.0
#: Of Windows: a balloon of the notification area. Its texts come as environment variables, so nothing in them is read.
BALLOON = """
Add-Type -AssemblyName System.Windows.Forms, System.Drawing
$icon = New-Object System.Windows.Forms.NotifyIcon
$icon.Icon = [System.Drawing.SystemIcons]::Information
$icon.Visible = $true
$icon.ShowBalloonTip(8000, $env:NOTIFY_TITLE, $env:NOTIFY_TEXT, [System.Windows.Forms.ToolTipIcon]::Info)
Start-Sleep -Seconds 8
$icon.Dispose()
"""


def main(
    text: str,
    title: str = "Blender",
    after: list[Any] | None = None,
    urgency: Literal["Low", "Normal", "Critical"] = "Normal",
    fail: bool = False,
) -> bool:
    """Show `text`.

    Args:
        text: What it says.
        title: What stands above.
        after: Link what is to be done before: files that were written, numbers, texts. Their values don't matter.
        urgency: Critical stays until it is clicked, where the system can do that.
        fail: Make it an error if it can't be shown.

    Returns:
        Whether the system took it.
    """
    if not text.strip():
        raise ValueError("Text is empty; write what the notification says")
    reason = shown(title or "Blender", text, urgency.lower())
    if not reason:
        log(f"{title}: {text}")
        return True
    if fail:
        raise ValueError(f"The notification can't be shown: {reason}")
    log(f"The notification can't be shown: {reason}. It says: {title}: {text}")
    return False


def shown(title: str, text: str, urgency: str) -> str:
    """Show it; why it can't be shown, "" if it is."""
    command, environment = how(title, text, urgency)
    program = shutil.which(command[0])
    if program is None:
        return f"there is no {command[0]}"
    try:
        done = subprocess.run(
            [program, *command[1:]],
            capture_output=True,
            check=False,
            text=True,
            errors="replace",
            timeout=LIMIT,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = done.stderr.strip().splitlines()
    return "" if done.returncode == 0 else (lines[-1] if lines else f"exit code {done.returncode}")


def how(title: str, text: str, urgency: str) -> tuple[list[str], dict[str, str] | None]:
    """The command that shows it on this system, and its environment. No text is read as a part of a command."""
    if sys.platform == "darwin":
        source = "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run"
        return ["osascript", "-e", source, title, text], None
    if sys.platform == "win32":
        import os

        texts = {"NOTIFY_TITLE": title, "NOTIFY_TEXT": text}
        return ["powershell", "-NoProfile", "-NonInteractive", "-Command", BALLOON], {**os.environ, **texts}
    return ["notify-send", "--app-name=Blender", f"--urgency={urgency}", "--", title, text], None
