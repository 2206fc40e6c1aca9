"""EMSI messages to another control room's HTTPS endpoint."""

from __future__ import annotations

import httpx

from feeds.http_sink import HttpSink


def sink(client: httpx.AsyncClient, url: str, headers: dict[str, str] | None = None) -> HttpSink:
    """A sink that posts EMSI XML there."""
    return HttpSink(client, url, "application/xml", wire="EMSI", headers=headers)
