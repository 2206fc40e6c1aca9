"""Clients on other machines: TLS and the core's own names, or no link at all."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from console import commands as c
from console.link import Link
from console.web.listening import Tls, listen_tls
from picture.errors import UsageError
from tests.scaffold import build, key_of
from tests.test_link import NAME, Site, hello, until


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with build(tmp_path) as room, TemporaryDirectory(prefix="tl") as short:
        yield Site(room, Path(short))


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """A certificate for 127.0.0.1 that vouches for itself."""
    folder = tmp_path_factory.mktemp("tls")
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tocsin test")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    paths = Tls(folder / "certificate.pem", folder / "key.pem")
    paths.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths.key.touch(mode=0o600)
    paths.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@contextlib.asynccontextmanager
async def listening(config: uvicorn.Config) -> AsyncIterator[int]:
    """The port it listens on."""
    config.timeout_graceful_shutdown = 0
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    await until(lambda: server.started)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


async def test_a_client_follows_and_commands_over_tls(site: Site, tls: Tls) -> None:
    async with listening(listen_tls(site.door, "127.0.0.1", 0, tls)) as port:
        link = Link(f"wss://127.0.0.1:{port}", NAME, "duty_officer", key_of(NAME), ca=tls.certificate)
        running = asyncio.create_task(link.run(lambda _: None))
        await until(lambda: site.same(link))
        await link.command(c.SetHandsOff(on=True))
        await until(lambda: link.picture.home.hands_off)
        running.cancel()
        await asyncio.wait([running])


async def test_a_core_that_nobody_vouches_for_gets_no_hello(site: Site, tls: Tls) -> None:
    heard: list[object] = []
    site.gate.admit = heard.append  # type: ignore[method-assign,assignment]
    async with listening(listen_tls(site.door, "127.0.0.1", 0, tls)) as port:
        link = Link(f"wss://127.0.0.1:{port}", NAME, "duty_officer", key_of(NAME), token="secret")
        tried = asyncio.Event()
        running = asyncio.create_task(link.run(lambda _: tried.set()))
        await asyncio.wait_for(tried.wait(), 5)
        assert link.state == "connecting" and not heard
        running.cancel()
        await asyncio.wait([running])


async def test_only_its_own_names_reach_a_core_on_tcp_and_no_browser_does(site: Site) -> None:
    async with listening(listen_tls(site.door, "127.0.0.1", 0, None, names=["tocsin.example"])) as port:
        address = f"ws://127.0.0.1:{port}/link"
        async with connect(address) as wire:
            await wire.send(hello())
            assert json.loads(await wire.recv())["type"] == "hello"
        for headers in ({"Origin": f"http://127.0.0.1:{port}"}, {"Origin": "null"}):
            with pytest.raises(InvalidStatus):
                async with connect(address, additional_headers=headers):
                    pass
        for host, welcome in (("rebound.example", False), ("tocsin.example", True)):
            with contextlib.nullcontext() if welcome else pytest.raises(InvalidStatus):
                async with connect(f"ws://{host}:{port}/link", host="127.0.0.1", port=port) as wire:
                    await wire.send(hello())
                    assert json.loads(await wire.recv())["type"] == "hello"


def test_nothing_listens_beyond_loopback_without_a_certificate(site: Site, tls: Tls, tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "10.0.0.1", "tocsin.example"):
        with pytest.raises(UsageError) as caught:
            listen_tls(site.door, host, 0, None)
        assert caught.value.code == "TOC-4039"
    for broken in (Tls(tls.certificate, tmp_path / "none.pem"), Tls(tls.key, tls.key)):
        with pytest.raises(UsageError):
            listen_tls(site.door, "127.0.0.1", 0, broken)
    loose = tmp_path / "loose.pem"
    loose.write_bytes(tls.key.read_bytes())
    loose.chmod(0o644)
    with pytest.raises(UsageError) as caught:
        listen_tls(site.door, "127.0.0.1", 0, Tls(tls.certificate, loose))
    assert "others may read it" in caught.value.message


@pytest.mark.parametrize("address", ["ws://tocsin.example:1", "http://tocsin.example", "tocsin.example", ""])
def test_a_client_sends_its_token_to_no_address_in_clear(address: str) -> None:
    with pytest.raises(UsageError) as caught:
        Link(address, NAME, "duty_officer", key_of(NAME), token="secret")
    assert caught.value.code == "TOC-4039"
