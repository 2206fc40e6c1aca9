"""A context broker over HTTP (ETSI GS CIM 009 §6): subscribe to entities, and upsert our own; both may be repeated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, Literal
from urllib.parse import quote

import httpx

from picture.errors import DeliveryError

TIMEOUT_S: Final = 15.0
CORE_CONTEXT: Final = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"
_FAILED: Final = "TOC-7001"
_LINK: Final = '<{}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


def subscription(
    name: str, types: Sequence[str], endpoint: str, token: str, *, context: str = CORE_CONTEXT
) -> dict[str, Any]:
    """The subscription that has these types of entities notified to an inbox, with the token that it asks for.

    Its id follows from ``name`` alone, so that subscribing again changes it and makes no second one.
    """
    return {
        "id": f"urn:ngsi-ld:Subscription:tocsin:{name}",
        "type": "Subscription",
        "description": f"Tocsin, feed {name}",
        "entities": [{"type": each} for each in types],
        "notification": {
            "format": "normalized",
            "endpoint": {
                "uri": endpoint,
                "accept": "application/json",
                "receiverInfo": [{"key": "Authorization", "value": f"Bearer {token}"}],
            },
        },
        "@context": context,
    }


class Broker:
    """One context broker. ``tenant`` and ``headers`` (its own credentials) go out with every request."""

    def __init__(
        self, client: httpx.AsyncClient, url: str, *, tenant: str = "", headers: dict[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:  # fmt: skip
        self._client = client
        self._url = f"{url.rstrip('/')}/ngsi-ld/v1"
        self._headers = (headers or {}) | ({"ngsild-tenant": tenant} if tenant else {})
        self._timeout_s = timeout_s

    async def subscribe(self, document: dict[str, Any]) -> Literal["made", "changed"]:
        """Makes the subscription, or brings the one of its id up to date. Raises ``DeliveryError`` TOC-7001."""
        answer = await self._ask("POST", "/subscriptions", document)
        if answer.status_code == httpx.codes.CREATED:
            return "made"
        if answer.status_code != httpx.codes.CONFLICT:
            raise self._refused(answer)
        changes = {key: value for key, value in document.items() if key not in ("id", "type")}
        answer = await self._ask("PATCH", f"/subscriptions/{quote(document['id'], safe='')}", changes)
        if not answer.is_success:
            raise self._refused(answer)
        return "changed"

    async def unsubscribe(self, identifier: str) -> bool:
        """Whether there was such a subscription; there is none afterwards. Raises ``DeliveryError`` TOC-7001."""
        answer = await self._ask("DELETE", f"/subscriptions/{quote(identifier, safe='')}", None)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return False
        if not answer.is_success:
            raise self._refused(answer)
        return True

    async def upsert(self, body: bytes, *, context: str = CORE_CONTEXT) -> str:
        """Words on what the broker did with the entity in ``body``: it now is as stated, new or not."""
        answer = await self._send(
            "POST", "/entityOperations/upsert?options=update", b"[" + body + b"]",
            {"content-type": "application/json", "link": _LINK.format(context)},
        )  # fmt: skip
        if answer.status_code not in (httpx.codes.OK, httpx.codes.CREATED, httpx.codes.NO_CONTENT):
            raise self._refused(answer)
        return f"HTTP {answer.status_code}"

    async def _ask(self, method: str, path: str, document: dict[str, Any] | None) -> httpx.Response:
        body = b"" if document is None else json.dumps(document).encode("utf-8")
        return await self._send(method, path, body, {"content-type": "application/ld+json"})

    async def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        try:
            return await self._client.request(
                method, self._url + path, content=body, headers=self._headers | headers, timeout=self._timeout_s,
                follow_redirects=False,
            )  # fmt: skip
        except httpx.HTTPError as error:
            raise DeliveryError(f"NGSI-LD: {type(error).__name__}.", code=_FAILED) from None

    @staticmethod
    def _refused(answer: httpx.Response) -> DeliveryError:
        return DeliveryError(f"NGSI-LD: HTTP {answer.status_code}.", code=_FAILED)
