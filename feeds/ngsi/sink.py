"""The picture to a context broker: each entity upserted, so that a repeat after a lost answer changes nothing."""

from __future__ import annotations

from feeds.ngsi.broker import CORE_CONTEXT, Broker


class NgsiSink:
    """Hands entities rendered by ``feeds.ngsi.publish`` over to a broker."""

    def __init__(self, broker: Broker, *, context: str = CORE_CONTEXT) -> None:
        self._broker = broker
        self._context = context

    async def hand_over(self, body: bytes, *, key: str) -> str:
        """What the broker answered (``HTTP 204``); ``DeliveryError`` TOC-7001 for anything but success.

        ``key`` is not sent: an upsert of the same entity is the same, however often.
        """
        return await self._broker.upsert(body, context=self._context)
