"""What a stream of ours is called on a server, and what its configuration must be for a journal to stand on it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from picture.errors import JournalError

LEASES: Final = "TOCSIN_LEASES"
"""The key-value bucket of a trust domain's leases."""
SERVERS: Final = "tocsin.servers"
"""Where the servers' own storage settings are asked for (a service of the system account, see ``server.py``)."""
_DEDUPE_NS: Final = 120 * 10**9
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one core's stream, or of its mirror on another server."""

    stream: str
    """The journal's own name for it: ``core-meridian``."""
    mirror: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.stream):
            raise JournalError(f"{self.stream!r} cannot name a stream.", code="TOC-3146")

    @property
    def on_server(self) -> str:
        """The stream's name on the server."""
        return f"{'MIRROR' if self.mirror else 'TOCSIN'}_{self.stream}"

    @property
    def commits(self) -> str:
        """The subject its commits are published on; only its writer may."""
        return f"{'mirror' if self.mirror else 'tocsin'}.{self.stream}.commit"

    @property
    def stored(self) -> str:
        """The subject on which the server says, by headers alone, that a commit was stored."""
        return f"{'mirror' if self.mirror else 'tocsin'}.{self.stream}.stored"

    @property
    def canary(self) -> str:
        """The subject on which its core says each second where it ends; nothing of it is stored."""
        return f"tocsin.{self.stream}.canary"


def stream_config(names: Names, replicas: int = 1) -> dict[str, Any]:
    """The configuration of a stream: on disk, nothing ever deleted, nothing ever expiring."""
    return {
        "name": names.on_server,
        "subjects": [names.commits],
        "storage": "file",
        "retention": "limits",
        "discard": "new",
        "num_replicas": replicas,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_age": 0,
        "duplicate_window": _DEDUPE_NS,
        "allow_direct": True,
        "deny_delete": True,
        "deny_purge": True,
        "republish": {"src": names.commits, "dest": names.stored, "headers_only": True},
    }


def leases_config(replicas: int = 1) -> dict[str, Any]:
    """The configuration of the bucket of leases: the newest word on each, gone when its time is up."""
    return {
        "name": f"KV_{LEASES}",
        "subjects": [f"$KV.{LEASES}.>"],
        "storage": "file",
        "discard": "new",
        "num_replicas": replicas,
        "max_msgs_per_subject": 1,
        "duplicate_window": _DEDUPE_NS,
        "allow_direct": True,
        "deny_delete": True,
        "allow_rollup_hdrs": True,
        "allow_msg_ttl": True,
        "subject_delete_marker_ttl": 10**9,
    }


def why_unfit(config: dict[str, Any]) -> str:
    """Why a journal may not stand on a stream so configured, in plain words; empty if it may."""
    reasons = {
        "it keeps messages in memory": config.get("storage") != "file",
        "messages expire": bool(config.get("max_age")),
        "it has a limit of messages": config.get("max_msgs", -1) > 0 or config.get("max_msgs_per_subject", -1) > 0,
        "old messages give way to new ones": config.get("max_bytes", -1) > 0 and config.get("discard") != "new",
        "messages may be deleted": not (config.get("deny_delete") and config.get("deny_purge")),
        "it takes messages from other streams": bool(config.get("sources") or config.get("mirror")),
        "messages cannot be read directly": not config.get("allow_direct"),
        "messages leave when they are read": config.get("retention", "limits") != "limits",
    }
    return ", ".join(reason for reason, holds in reasons.items() if holds)
