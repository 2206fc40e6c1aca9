"""EIDOs to another control room's HTTPS endpoint."""

from __future__ import annotations

from typing import Final

import httpx

from feeds.http_sink import HttpSink

MEDIA_TYPE: Final = "application/emergency.incident.data.object+json"


def sink(client: httpx.AsyncClient, url: str, headers: dict[str, str] | None = None) -> HttpSink:
    """A sink that posts EIDOs there."""
    return HttpSink(client, url, MEDIA_TYPE, wire="EIDO", headers=headers)
