"""CAP as publishers send it: Atom and RSS feeds, linked alerts, profiles and signatures."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from signxml.algorithms import SignatureMethod
from signxml.signer import XMLSigner

from feeds.base import FeedContext
from feeds.cap import codec as cap
from feeds.cap.source import BulletinFramer, Bulletins
from feeds.config import FeedConfig, load
from feeds.gather import Gathered
from feeds.intake import Accepted, Intake, Refused
from feeds.registry import installed
from picture.errors import InputError, UsageError
from picture.reports import AlertMessage

T = 1_800_000_000_000
MET = "met@example.org"


def alert(identifier: str = "a1", sent_ms: int = T, **changes: Any) -> AlertMessage:
    values: dict[str, Any] = {
        "at_ms": sent_ms, "sent_ms": sent_ms, "external_id": identifier, "sender": MET, "status": "Actual",
        "msg_type": "Alert", "event": "Surge", "headline": "Surge", "area": "Old Quay", "expires_ms": T + 3_600_000,
    }  # fmt: skip
    return AlertMessage(**(values | changes))


def bare(data: bytes) -> str:
    return data.decode().partition("?>")[2].strip()


def atom(*entries: str) -> bytes:
    inner = "".join(f"<entry><id>e</id><updated>1</updated>{entry}</entry>" for entry in entries)
    return f'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:x="urn:x"><title>All</title>{inner}</feed>'.encode()


def inline(data: bytes) -> str:
    return f'<content type="text/xml">{bare(data)}</content>'


def link(url: str) -> str:
    return f'<link rel="related" type="application/cap+xml" href="{url}"/><link href="https://elsewhere.example/"/>'


def intake(**config: Any) -> Intake:
    return Intake(load({"id": "met", "wire": "cap"} | config), installed())


# --- inline -------------------------------------------------------------------------------------------------------


def test_each_alert_of_an_atom_feed_is_a_message_of_its_own() -> None:
    reading = intake().read(atom(inline(cap.encode(alert("a1"))), inline(cap.encode(alert("a2")))), T)
    assert [one.external_id for one in reading.reports] == ["a1", "a2"]


def test_each_alert_of_an_rss_feed_is_a_message_of_its_own() -> None:
    rss = f'<rss version="2.0"><channel><item><title>x</title>{bare(cap.encode(alert()))}</item></channel></rss>'
    assert [one.external_id for one in intake().read(rss.encode(), T).reports] == ["a1"]


def test_one_broken_alert_of_a_feed_does_not_take_the_others_with_it() -> None:
    broken = cap.encode(alert("a1")).replace(b"<event>Surge</event>", b"")
    messages = intake().read(atom(inline(broken), inline(cap.encode(alert("a2")))), T).messages
    assert [type(one) for one in messages] == [Refused, Accepted]


def test_a_feed_in_which_nothing_stands_is_read_and_says_nothing() -> None:
    assert intake().read(atom(), T).messages == ()


def test_a_posted_feed_of_mere_links_is_refused_and_not_followed() -> None:
    (message,) = intake().read(atom(link("http://127.0.0.1:9/a")), T).messages
    assert isinstance(message, Refused) and message.error.code == "TOC-2006"


@pytest.mark.parametrize("name", ["weather.atom", "canada_signed.atom", "amber.atom", "xee.atom", "invalid.rss"])
def test_recorded_feeds_are_read_or_refused_by_code(name: str, corpus: Path) -> None:
    messages = intake(max_bytes=4_000_000).read((corpus / "cap/google-cap-library" / name).read_bytes(), T).messages
    assert all(isinstance(one, Accepted) or one.error.code.startswith("TOC-2") for one in messages)


def test_the_alerts_of_a_recorded_canadian_feed_are_read(corpus: Path) -> None:
    data = (corpus / "cap/google-cap-library/canada_signed.atom").read_bytes()
    found = intake().read(data, T).reports
    assert {one.sender for one in found if isinstance(one, AlertMessage)} == {"cap-pac@ec.gc.ca"}


# --- linked -------------------------------------------------------------------------------------------------------


@contextmanager
def serving(pages: dict[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """A loopback server of these pages, and what was asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = pages.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("content-length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


class Follower:
    """One polled feed, as the polling follows it."""

    def __init__(self, client: httpx.AsyncClient, host: str, **config: Any) -> None:
        feed = FeedConfig(id="met", wire="cap", url=f"http://{host}/feed", **config)
        self.bulletins = Bulletins(feed, client, Random(1))

    async def take(self, body: bytes) -> Gathered:
        gathered = await self.bulletins.gather(body)
        self.bulletins.taken(gathered)
        return gathered


async def test_linked_alerts_are_fetched_once_oldest_first_with_the_bytes_untouched() -> None:
    first, second = cap.encode(alert("a1", T)), cap.encode(alert("a2", T + 1000))
    with serving({"/1": first, "/2": second}) as (host, asked):
        async with httpx.AsyncClient(trust_env=False) as client:
            follower = Follower(client, host)
            body = atom(link(f"http://{host}/2"), link(f"http://{host}/1"))
            gathered = await follower.take(body)
            assert gathered.messages == (first, second)
            assert gathered.listed == frozenset({(MET, "a1"), (MET, "a2")}) and gathered.why == ""
            assert (await follower.take(body)).messages == ()
    assert asked == ["/2", "/1"]


async def test_a_link_to_another_host_is_not_followed_and_nothing_is_said_to_be_missing() -> None:
    with serving({"/1": cap.encode(alert())}) as (host, asked), serving({"/x": b"secret"}) as (other, spied):
        async with httpx.AsyncClient(trust_env=False) as client:
            gathered = await Follower(client, host).take(atom(link(f"http://{host}/1"), link(f"http://{other}/x")))
            assert len(gathered.messages) == 1 and gathered.listed is None and other in gathered.why
            allowed = await Follower(client, host, hosts=(other,)).take(atom(link(f"http://{other}/x")))
            assert allowed.messages == (b"secret",)
    assert (asked, spied) == (["/1"], ["/x"])


@pytest.mark.parametrize("target", ["file:///etc/passwd", "http://[", "//", "gopher://127.0.0.1/"])
async def test_what_is_no_link_to_a_web_server_is_not_followed(target: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        gathered = await Follower(client, "127.0.0.1:9").take(atom(link(target)))
    assert gathered.messages == () and gathered.listed is None and gathered.why


async def test_a_linked_alert_that_is_too_large_is_left_out_and_said() -> None:
    with serving({"/1": b" " * 600_000}) as (host, _):
        async with httpx.AsyncClient(trust_env=False) as client:
            gathered = await Follower(client, host).take(atom(link(f"http://{host}/1")))
    assert gathered.messages == () and "524288 bytes" in gathered.why and gathered.listed is None


async def test_what_failed_is_asked_for_again_and_what_came_is_not() -> None:
    pages = {"/1": cap.encode(alert("a1"))}
    with serving(pages) as (host, asked):
        async with httpx.AsyncClient(trust_env=False) as client:
            follower = Follower(client, host)
            body = atom(link(f"http://{host}/1"), link(f"http://{host}/2"))
            assert (await follower.take(body)).listed is None
            pages["/2"] = cap.encode(alert("a2"))
            gathered = await follower.take(body)
    assert gathered.messages == (pages["/2"],) and gathered.listed == frozenset({(MET, "a1"), (MET, "a2")})
    assert asked == ["/1", "/2", "/2"]


async def test_an_alert_that_comes_back_after_it_was_gone_is_heard_again() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        follower = Follower(client, "127.0.0.1:9")
        body = atom(inline(cap.encode(alert())))
        assert len((await follower.take(body)).messages) == 1
        assert await follower.take(atom()) == Gathered((), frozenset())
        assert len((await follower.take(body)).messages) == 1


async def test_an_address_of_one_alert_is_heard_when_it_changes_and_lists_nothing() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        follower = Follower(client, "127.0.0.1:9")
        bodies = [cap.encode(alert("a1")), cap.encode(alert("a1")), cap.encode(alert("a2"))]
        found = [await follower.take(body) for body in bodies]
    assert [len(one.messages) for one in found] == [1, 0, 1] and {one.listed for one in found} == {None}


async def test_what_a_listed_update_refers_to_is_not_missing() -> None:
    update = alert("a2", msg_type="Update", references=(cap.reference(alert("a1")),))
    async with httpx.AsyncClient(trust_env=False) as client:
        gathered = await Follower(client, "127.0.0.1:9").take(atom(inline(cap.encode(update))))
    assert gathered.listed == frozenset({(MET, "a1"), (MET, "a2")})


async def test_an_alert_without_a_name_makes_the_list_say_nothing_of_what_is_missing() -> None:
    nameless = cap.encode(alert()).replace(b"<identifier>a1</identifier>", b"")
    async with httpx.AsyncClient(trust_env=False) as client:
        gathered = await Follower(client, "127.0.0.1:9").take(atom(inline(nameless)))
    assert gathered.listed is None and len(gathered.messages) == 1


# --- profiles -----------------------------------------------------------------------------------------------------


def _ipaws(data: bytes) -> bytes:
    data = data.replace(b"<scope>", b"<scope>").replace(b"</scope>", b"</scope><code>IPAWSv1.0</code>")
    code = b"<eventCode><valueName>SAME</valueName><value>FFW</value></eventCode>"
    data = data.replace(b"</certainty>", b"</certainty>" + code)
    place = b"<geocode><valueName>SAME</valueName><value>048201</value></geocode></area>"
    return data.replace(b"</area>", place)


def test_an_alert_within_the_ipaws_profile_is_read() -> None:
    assert len(intake(profile="ipaws").read(_ipaws(cap.encode(alert())), T).reports) == 1


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (b"IPAWSv1.0", b"IPAWS", "alert.code"), (b"<value>FFW</value>", b"<value>flood</value>", "info.eventCode"),
        (b"<value>048201</value>", b"<value>48201</value>", "geocode"), (b"<expires>", b"<onset>", "info.expires"),
    ],
)  # fmt: skip
def test_an_alert_outside_the_ipaws_profile_is_refused_with_its_element(old: bytes, new: bytes, field: str) -> None:
    data = _ipaws(cap.encode(alert())).replace(old, new).replace(old.replace(b"<", b"</"), new.replace(b"<", b"</"))
    (message,) = intake(profile="ipaws").read(data, T).messages
    assert isinstance(message, Refused) and message.error.code == "TOC-2152" and field in message.error.detail


def _meteo(level: str) -> bytes:
    parameters = (("awareness_level", level), ("awareness_type", "1; Wind"))
    return cap.encode(alert(parameters=parameters))


def test_meteoalarm_colours_are_kept_and_green_warns_of_nothing() -> None:
    (found,) = intake(profile="meteoalarm").read(_meteo("3; orange; Severe"), T).reports
    assert isinstance(found, AlertMessage) and ("awareness_level", "3; orange; Severe") in found.parameters
    reading = intake(profile="meteoalarm").read(_meteo("1; green; Minor"), T)
    assert reading.reports == () and reading.refused == () and reading.skipped


def test_an_unknown_level_of_awareness_is_refused() -> None:
    (message,) = intake(profile="meteoalarm").read(_meteo("purple"), T).messages
    assert isinstance(message, Refused) and message.error.code == "TOC-2152"


def test_a_profile_that_a_wire_does_not_know_is_refused_when_the_feed_is_made() -> None:
    with pytest.raises(UsageError, match="profile"):
        intake(profile="ipaw")
    with pytest.raises(UsageError, match="signers"):
        intake(wire="ais", signers=["-----BEGIN CERTIFICATE-----"])


# --- signatures ---------------------------------------------------------------------------------------------------


class Signer:
    """An issuer with a key and a certificate of its own."""

    def __init__(self, name: str = "met", days: int = 3650) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        begins = datetime(2026, 1, 1, tzinfo=UTC)
        ends = begins + timedelta(days=days)
        builder = x509.CertificateBuilder(subject, subject, self.key.public_key(), 7, begins, ends)
        self.pem = builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    def sign(self, data: bytes) -> bytes:
        return etree.tostring(
            XMLSigner(signature_algorithm=SignatureMethod.ECDSA_SHA256).sign(
                etree.fromstring(data), key=self.key, cert=self.pem
            )
        )


MET_SIGNER = Signer()


def _read(data: bytes, *signers: Signer) -> tuple[str, ...]:
    context = FeedContext("met", T, signers=tuple(one.pem.encode() for one in signers or (MET_SIGNER,)))
    try:
        return tuple(one.external_id for one in cap.decode(data, context))
    except InputError as error:
        return (error.code,)


def test_an_alert_that_its_issuer_signed_is_read() -> None:
    assert _read(MET_SIGNER.sign(cap.encode(alert()))) == ("a1",)


def test_an_unsigned_alert_of_a_feed_that_must_sign_is_refused() -> None:
    assert _read(cap.encode(alert())) == ("TOC-2150",)


def test_an_alert_signed_by_somebody_else_is_refused_whatever_certificate_it_brings() -> None:
    assert _read(Signer("met").sign(cap.encode(alert()))) == ("TOC-2151",)


def test_a_signed_alert_that_was_changed_is_refused() -> None:
    signed = MET_SIGNER.sign(cap.encode(alert()))
    assert b"Old Quay" in signed
    assert _read(signed.replace(b"Old Quay", b"New Quay")) == ("TOC-2151",)


def test_a_signed_alert_wrapped_into_a_forged_one_is_refused() -> None:
    signed = MET_SIGNER.sign(cap.encode(alert())).decode()
    forged = cap.encode(alert("forged")).decode().replace("</alert>", f"<note>{signed}</note></alert>")
    assert _read(forged.encode()) == ("TOC-2150",)
    signature = signed[signed.index("<ds:Signature") : signed.index("</ds:Signature>") + len("</ds:Signature>")]
    moved = cap.encode(alert("forged")).decode().replace("</alert>", f"{signature}</alert>")
    assert _read(moved.encode()) == ("TOC-2151",)


def test_any_one_of_the_configured_certificates_will_do_and_a_second_signature_does_no_harm() -> None:
    other = Signer("relay")
    signed = MET_SIGNER.sign(cap.encode(alert()))
    assert _read(signed, other, MET_SIGNER) == ("a1",)
    assert _read(other.sign(signed), MET_SIGNER) == ("a1",)


def test_a_certificate_that_has_run_out_verifies_nothing() -> None:
    old = Signer("met", days=30)
    assert _read(old.sign(cap.encode(alert())), old) == ("TOC-2151",)


def test_signatures_by_sha1_as_of_old_are_refused(corpus: Path) -> None:
    folder = corpus / "cap/google-cap-library"
    pem = (folder / "environment_canada_x509_cert.pem").read_bytes()
    with pytest.raises(InputError) as refused:
        cap.decode((folder / "canada_signed.cap").read_bytes(), FeedContext("met", 1_377_000_000_000, signers=(pem,)))
    assert refused.value.code == "TOC-2151"


_PIECE = re.compile(rb'Algorithm="[^"]*"|URI="[^"]*"|<ds:[A-Za-z0-9]+[^<>]*/>|(?<=>)[^<>]+(?=<)')


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_signature_with_any_parts_swapped_is_refused_by_code_or_covers_the_same_alert(data: st.DataObject) -> None:
    signed = MET_SIGNER.sign(cap.encode(alert()))
    start = signed.index(b"<ds:Signature")
    for _ in range(data.draw(st.integers(1, 3))):
        pieces = [one for one in _PIECE.finditer(signed) if one.start() > start]
        piece = data.draw(st.sampled_from(pieces))
        other = data.draw(st.sampled_from([b"", b"QUJD", b"!!", *(one[0] for one in pieces)]))
        if piece[0].startswith(b"<") == other.startswith(b"<") and (b'="' in piece[0]) == (b'="' in other):
            signed = signed[: piece.start()] + other + signed[piece.end() :]
    assert _read(signed)[0] in ("a1", "TOC-2002", "TOC-2150", "TOC-2151")


@pytest.mark.parametrize("uri", [b'URI="http://127.0.0.1:9/x"', b'URI="file:///etc/passwd"', b'URI="#x"', b""])
def test_a_signature_over_something_else_than_the_alert_is_refused_and_nothing_is_fetched(
    uri: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, to: asked.append(to))
    signed = MET_SIGNER.sign(cap.encode(alert()))
    assert b'URI=""' in signed
    assert _read(signed.replace(b'URI=""', uri)) == ("TOC-2151",) and asked == []


def test_an_inline_alert_of_a_feed_keeps_its_signature() -> None:
    signed = MET_SIGNER.sign(cap.encode(alert()))
    body = atom(f'<content type="text/xml">{signed.decode()}</content>')
    (message,) = BulletinFramer().push(body)
    assert _read(message) == ("a1",)


def test_a_feed_configured_to_sign_refuses_by_code_what_is_not_signed(tmp_path: Path) -> None:
    (tmp_path / "met.pem").write_text(MET_SIGNER.pem, encoding="ascii")
    config = load({"id": "met", "wire": "cap", "signers": ["file:met.pem"]})
    feed = Intake(config, installed(), tmp_path)
    (message,) = feed.read(cap.encode(alert()), T).messages
    assert isinstance(message, Refused) and message.error.code == "TOC-2150"
    assert len(feed.read(MET_SIGNER.sign(cap.encode(alert())), T).reports) == 1
    with pytest.raises(UsageError, match="signers"):
        Intake(config, installed(), tmp_path / "elsewhere")
