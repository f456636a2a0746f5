# SPDX-License-Identifier: GPL-3.0-or-later
"""A job for Flamenco, by the HTTP interface of its manager, version 3. The job type is background_nodes.js."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Final

from ..runtime.hosts import is_loopback
from .division import arguments_of_tasks
from .job import Job, JobError, RefusedError

JOB_TYPE: Final = "background-nodes"
SCRIPT: Final = Path(__file__).with_name("background_nodes.js")
#: What the manager said of the job, in the job's folder.
RECORD: Final = "flamenco.json"
_TIMEOUT: Final = 20.0
_MAX_ANSWER: Final = 16 * 1024**2
#: From this code on, an answer is about a fault of the other side, which may have taken the job all the same.
_FAULT: Final = 500
_PLATFORMS: Final = {"win32": "windows", "darwin": "darwin"}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Python would ask the other address for its jobs instead of giving it one."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


class Manager:
    """Flamenco's manager.

    Attributes:
        host: where it is.
    """

    def __init__(self, url: str) -> None:
        """Raises JobError if the address is none, or holds a password: arguments of commands are no secrets."""
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise JobError(f"{url} is no address of a manager. Give it as http://HOST:8080")
        if parts.username or parts.password:
            raise JobError("an address with a password in it is not taken: others see the arguments of commands")
        self.host = parts.hostname
        self._url = url.rstrip("/")
        # What is for this machine goes through no proxy that the environment names: that may be another machine.
        direct = [urllib.request.ProxyHandler({})] if is_loopback(self.host) else []
        self._opener = urllib.request.build_opener(_NoRedirects, *direct)

    def check(self) -> str:
        """Look whether it knows the job type. Returns the etag of that. Raises JobError."""
        answer = self._asked("GET", "/api/v3/jobs/types")
        known = answer.get("job_types") or []
        found = next((each for each in known if each.get("name") == JOB_TYPE), None)
        if found is None:
            raise JobError(
                f"{self._url} has no job type {JOB_TYPE}. Put {SCRIPT} into the folder scripts beside its "
                "flamenco-manager, and start that anew"
            )
        return str(found.get("etag", ""))

    def submit(self, data: dict[str, Any]) -> dict[str, Any]:
        """Submit a job. Returns what the manager says of it. Raises JobError."""
        answer = self._asked("POST", "/api/v3/jobs", data)
        if not answer.get("id"):
            raise JobError(f"{self._url} does not say that it has taken the job")
        return answer

    def _asked(self, method: str, path: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
        body = None if data is None else json.dumps(data).encode()
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._url}{path}", body, headers, method=method)
        try:
            with self._opener.open(request, timeout=_TIMEOUT) as answer:
                found = json.loads(answer.read(_MAX_ANSWER))
        except urllib.error.HTTPError as error:
            with error:
                if where := error.headers.get("Location"):
                    message = f"{self._url} sends to another address. Give the manager's own one; it says: {where}"
                    raise RefusedError(message) from None
                kind = RefusedError if error.code < _FAULT else JobError  # else something in between may have said it
                raise kind(f"{self._url} refuses: {_message(error)}") from None
        except (OSError, ValueError) as error:
            raise JobError(f"{self._url} can't be reached, or is no Flamenco Manager: {error}") from error
        if not isinstance(found, dict):
            raise JobError(f"{self._url} is no Flamenco Manager")
        return found


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(_MAX_ANSWER))["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"


def submission(job: Job, folder: Path, etag: str, items_per_task: int, command: str, priority: int) -> dict[str, Any]:
    """What the manager is sent."""
    steps = [
        {
            "name": f"{number} {step.name}",
            "after": list(step.after),
            "tasks": arguments_of_tasks(number, step, items_per_task, job.digest),
        }
        for number, step in enumerate(job.steps)
    ]
    settings = {
        "job_folder": str(folder),
        "command": command,
        "submitter": job.submitter,
        "steps": json.dumps(steps),
    }
    return {
        "name": job.name,
        "type": JOB_TYPE,
        "type_etag": etag,
        "priority": priority,
        "settings": settings,
        "metadata": {"project": "Background Nodes", "user.name": job.submitter},
        "submitter_platform": _PLATFORMS.get(sys.platform, sys.platform),
    }


def note(folder: Path, answer: dict[str, Any]) -> None:
    """Keep what the manager said of a job in its folder. Raises OSError."""
    (folder / RECORD).write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")
