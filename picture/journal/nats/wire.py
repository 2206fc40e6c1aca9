"""The connection to a server: every fault of it becomes a ``JournalError`` that says what to do.

Reading goes by direct get: no consumer is ever made, so a core needs no permission that would let it have
messages delivered elsewhere, and a replica that lost or damaged something is seen because every reader
checks the chain. Which replica answers is the server's choice; what one does not have yet is asked again.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from picture.errors import JournalError
from picture.journal.nats.envelope import Message
from picture.journal.nats.names import SERVERS, Names
from picture.journal.protocol import Durability

PATIENCE_S: Final = 30.0
"""How long an answer is waited for: an election among three nodes takes up to ten seconds."""
ASK_S: Final = 2.0
"""How long one request may take before it is made again."""
BATCH: Final = 500
BATCH_BYTES: Final = 4 << 20
PENDING_BYTES: Final = 64 << 20
_RECONNECT_S: Final = 0.25
_ROLL_CALL_S: Final = 0.5
_VIOLATION: Final = "permissions violation"
_DENIALS: Final = 10_000
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Access:
    """Where the servers are and how to be let in."""

    servers: tuple[str, ...]
    """``nats://host:port``, all nodes of one cluster or one server."""
    seed: Path | None = None
    """File with the user's nkey seed (``SU…``), mode 0600; None where the server asks for nothing."""
    inbox: str = "_INBOX"
    """Prefix of the subjects answers come to; a core may listen on its own alone."""
    domain: str = ""
    """JetStream domain, to reach a hub's streams through a leaf; empty for the server itself."""
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    seed_text: str = field(default="", repr=False)
    """The seed itself, where no file holds it."""

    def tls(self) -> ssl.SSLContext | None:
        """The TLS context these files give; of the system's authorities for ``tls://``; None where neither is."""
        encrypted = any(server.startswith("tls://") for server in self.servers)
        if self.ca is None and self.certificate is None and not encrypted:
            return None
        context = ssl.create_default_context(cafile=self.ca)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context


class Wire:
    """One connection. It heals by itself; what is asked meanwhile waits, as long as its caller is patient."""

    def __init__(self, access: Access, patience_s: float = PATIENCE_S) -> None:
        self.access = access
        self.patience_s = patience_s
        self.client = Client()
        self._acks = ""
        self._sent = 0
        self._awaited: dict[str, asyncio.Future[int]] = {}
        self.returned = 0
        """How often the connection was lost and came back."""
        self.denied: list[str] = []
        """What the server said we may not do, newest last."""
        self._on_return: list[Callable[[], None]] = []
        self._api = f"$JS.{access.domain}.API" if access.domain else "$JS.API"
        self._closed = False

    @classmethod
    async def open(cls, access: Access, patience_s: float = PATIENCE_S) -> Self:
        """A connection that stands; ``TOC-3141`` if no server lets us in in time."""
        wire = cls(access, patience_s)
        deadline = time.monotonic() + patience_s
        while True:
            try:
                async with asyncio.timeout(max(0.1, deadline - time.monotonic())):
                    await wire._connect()
                return wire
            except (TimeoutError, OSError, nats.errors.Error) as error:
                refused = "authorization" in str(error).lower()
                await _closed(wire.client)
                if refused:
                    raise JournalError("It does not know our key.", code="TOC-3143") from error
                if time.monotonic() >= deadline:
                    raise JournalError(f"{access.servers[0]}: {_said(error)}.", code="TOC-3141") from error
                wire.client = Client()
                await asyncio.sleep(_RECONNECT_S)

    async def _connect(self) -> None:
        access = self.access
        await self.client.connect(
            servers=list(access.servers), name="tocsin", connect_timeout=int(ASK_S), allow_reconnect=False,
            reconnect_time_wait=_RECONNECT_S,  # type: ignore[arg-type]
            max_reconnect_attempts=-1, error_cb=self._on_error, reconnected_cb=self._on_reconnected, tls=access.tls(),
            nkeys_seed=str(access.seed) if access.seed else None, nkeys_seed_str=access.seed_text or None,
            inbox_prefix=access.inbox,
            pending_size=PENDING_BYTES, ping_interval=5, max_outstanding_pings=2,
        )  # fmt: skip
        self.client.options["allow_reconnect"] = True  # once in, never give up; each caller has its own patience

    @property
    def max_message(self) -> int:
        """Bytes that the server takes in one message, headers included."""
        return self.client.max_payload

    def on_return(self, call: Callable[[], None]) -> None:
        """Calls ``call`` whenever the connection is back after it was lost, or we were denied something."""
        self._on_return.append(call)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await _closed(self.client)

    # --- asking -------------------------------------------------------------------------------------------

    async def api(self, what: str, request: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer to a request of the JetStream API, asked until there is one.

        An answer that is an error is given as it is, under ``error``. ``TOC-3141`` when patience ends.
        """
        data = json.dumps(request or {}).encode()

        async def ask() -> dict[str, Any]:
            answer = await self.client.request(f"{self._api}.{what}", data, timeout=ASK_S)
            found: dict[str, Any] = json.loads(answer.data)
            if found.get("error", {}).get("code") == 503:  # an election is going on
                raise nats.js.errors.ServiceUnavailableError(**found["error"])
            return found

        return await self.patiently(ask, f"{self._api}.{what}")

    async def patiently(self, ask: Callable[[], Awaitable[_T]], subject: str) -> _T:
        """What ``ask`` gives, asked again with growing pauses while the server is away."""
        deadline = time.monotonic() + self.patience_s
        pause = 0.05
        while True:
            if self._closed:
                raise JournalError(code="TOC-3106")
            denied = len(self.denied)
            try:
                return await ask()
            except (TimeoutError, nats.errors.Error, OSError) as error:
                self.check_denied(subject, denied)
                if time.monotonic() >= deadline:
                    raise JournalError(f"{self.access.servers[0]}: {_said(error)}.", code="TOC-3141") from error
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 2)

    def check_denied(self, subject: str, since: int) -> None:
        """Raises ``TOC-3143`` if the server has said since that we may not use this subject."""
        for words in self.denied[since:]:
            if f'"{subject}"'.lower() in words.lower():
                raise JournalError(f"We may not use {subject}.", code="TOC-3143")

    async def info(self, names: Names) -> dict[str, Any] | None:
        """State and configuration of a stream, None if there is none."""
        answer = await self.api(f"STREAM.INFO.{names.on_server}")
        error = answer.get("error")
        if error is None:
            return answer
        if error.get("code") == 404:
            return None
        raise JournalError(f"{names.on_server}: {error.get('description', 'refused')}.", code="TOC-3145")

    async def last(self, names: Names) -> Message | None:
        """The newest message as the stream's leader has it, None while there is none."""
        answer = await self.api(f"STREAM.MSG.GET.{names.on_server}", {"last_by_subj": names.commits})
        if (error := answer.get("error")) is not None:
            if error.get("code") == 404:
                return None
            raise JournalError(f"{names.on_server}: {error.get('description', 'refused')}.", code="TOC-3145")
        found = answer["message"]
        headers = _headers(base64.b64decode(found.get("hdrs", "")))
        return Message(int(found["seq"]), headers, base64.b64decode(found.get("data", "")))

    async def messages(self, names: Names, after: int, upto: int) -> AsyncIterator[Message]:
        """The messages with ``after < at <= upto`` in order; ``TOC-3002`` if one that must be there is not."""
        deadline = time.monotonic() + self.patience_s
        pause = 0.01
        while after < upto:
            got = 0
            async for message in self._batch(names, after, upto):
                if message.at != after + 1:
                    raise JournalError(f"Message {after + 1} of {names.on_server} is missing.", code="TOC-3002")
                after, got = message.at, got + 1
                yield message
            if got:
                deadline, pause = time.monotonic() + self.patience_s, 0.01
            elif time.monotonic() >= deadline:
                raise JournalError(f"Message {after + 1} of {names.on_server} cannot be had.", code="TOC-3141")
            elif after < upto:  # that replica does not have it yet, or the connection went
                await asyncio.sleep(pause)
                pause = min(0.5, pause * 2)

    async def _batch(self, names: Names, after: int, upto: int) -> AsyncIterator[Message]:
        request = {"seq": after + 1, "batch": min(BATCH, upto - after), "max_bytes": BATCH_BYTES}
        inbox = self.client.new_inbox()
        subject = f"{self._api}.DIRECT.GET.{names.on_server}"
        denied = len(self.denied)
        try:
            subscription = await self.client.subscribe(inbox, pending_bytes_limit=PENDING_BYTES)
        except nats.errors.Error:
            return
        try:
            await self.client.publish(subject, json.dumps(request).encode(), reply=inbox)
            for _ in range(request["batch"]):
                found = await subscription.next_msg(ASK_S)
                headers = found.headers or {}
                if "Status" in headers and "Nats-Sequence" not in headers:
                    return
                yield Message(int(headers["Nats-Sequence"]), headers, found.data)
        except (TimeoutError, nats.errors.Error):
            self.check_denied(subject, denied)
        finally:
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()

    async def send(self, subject: str, body: bytes, headers: dict[str, str]) -> asyncio.Future[int]:
        """The number that the message will have got, once the stream says so; a ``nats`` error if it says no.

        nats-py's own ``publish_async`` never answers where the stream refuses.
        """
        if not self._acks:
            inbox = self.client.new_inbox()
            await self.client.subscribe(f"{inbox}.*", cb=self._on_ack)
            self._acks = inbox
        self._sent += 1
        token = str(self._sent)
        ack: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._awaited[token] = ack
        ack.add_done_callback(lambda _: self._awaited.pop(token, None))
        try:
            await self.client.publish(subject, body, reply=f"{self._acks}.{token}", headers=dict(headers))
        except BaseException:
            ack.cancel()
            raise
        return ack

    async def _on_ack(self, message: Msg) -> None:
        ack = self._awaited.get(message.subject.rpartition(".")[2])
        if ack is None or ack.done():
            return
        if message.headers and message.headers.get("Status"):
            ack.set_exception(nats.js.errors.NoStreamResponseError())
            return
        said = json.loads(message.data)
        if "error" in said:
            ack.set_exception(nats.js.errors.APIError(**said["error"]))
        else:
            ack.set_result(int(said["seq"]))

    async def publish(self, subject: str, body: bytes, headers: dict[str, str]) -> int:
        """The number that the message got; a ``nats`` error or a timeout where there is no answer."""
        ack = await self.send(subject, body, headers)
        async with asyncio.timeout(ASK_S):
            return await ack

    async def listen(self, subject: str, call: Callable[[], None]) -> None:
        """Calls ``call`` for every message on a subject; only that one came, never what it says."""

        async def heard(_: Msg) -> None:
            call()

        await self.client.subscribe(subject, cb=heard)

    async def hear(self, subject: str, call: Callable[[bytes], None]) -> None:
        """Calls ``call`` with what every message on a subject says; anybody of the domain may have sent it."""

        async def heard(message: Msg) -> None:
            call(message.data)

        await self.client.subscribe(subject, cb=heard)

    async def tell(self, subject: str, body: bytes) -> None:
        """Sends what nobody stores or acknowledges; ``TOC-3142`` while nobody can be reached."""
        if not self.client.is_connected:
            raise JournalError("The server is away.", code="TOC-3142")
        try:
            await self.client.publish(subject, body)
        except (nats.errors.Error, OSError) as error:
            raise JournalError(f"{type(error).__name__}.", code="TOC-3142") from error

    async def durability(self, info: dict[str, Any]) -> Durability:
        """What a commit acknowledged by this stream survives, from its configuration and its servers' own.

        Where a server does not tell whether it syncs each write, it is taken not to.
        """
        config = info["config"]
        several = config.get("num_replicas", 1) > 1
        if config.get("storage") != "file" or config.get("persist_mode", "default") not in ("", "default"):
            return "quorum" if several else "process"
        cluster = info.get("cluster", {})
        homes = {cluster.get("leader", ""), *(peer.get("name", "") for peer in cluster.get("replicas") or ())} - {""}
        synced = await self._synced(homes)
        if several:
            return "quorum+disk" if synced else "quorum"
        return "disk" if synced else "process"

    async def _synced(self, homes: set[str]) -> bool:
        inbox = self.client.new_inbox()
        said: dict[str, bool] = {}
        try:
            subscription = await self.client.subscribe(inbox)
            await self.client.publish(SERVERS, b'{"config":true}', reply=inbox)
            end = time.monotonic() + _ROLL_CALL_S
            while (left := end - time.monotonic()) > 0 and not (said and homes <= said.keys()):
                answer = await subscription.next_msg(left)
                if not answer.data:  # nobody offers the service
                    break
                found = json.loads(answer.data)
                said[found["server"]["name"]] = bool(found["data"]["config"]["sync_always"])
            await subscription.unsubscribe()
        except (TimeoutError, nats.errors.Error, KeyError, ValueError, TypeError):
            pass
        return bool(said) and all(said.get(home, False) for home in homes or said)

    # --- what the client tells ----------------------------------------------------------------------------

    async def _on_error(self, error: Exception) -> None:
        if _VIOLATION in str(error).lower() and len(self.denied) < _DENIALS:
            self.denied.append(str(error))
            for call in self._on_return:
                call()

    async def _on_reconnected(self) -> None:
        self.returned += 1
        for call in self._on_return:
            call()


async def _closed(client: Client) -> None:
    # Where a TLS handshake failed, nats-py waits for ever for the end of a connection that never was.
    with suppress(TimeoutError, nats.errors.Error, OSError):
        async with asyncio.timeout(ASK_S):
            await client.close()


def _said(error: BaseException) -> str:
    return (str(error) or type(error).__name__).removeprefix("nats: ").rstrip(".")


def _headers(data: bytes) -> dict[str, str]:
    pairs = (line.partition(":") for line in data.decode("utf-8", "replace").split("\r\n")[1:] if line)
    return {name.strip(): value.strip() for name, _, value in pairs}
