"""An online geocoder on this machine: asked in the background, kept within the city, plain, and never in the way."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from feeds.geocoder import Geocoder, GeocoderConfig

BOUNDS = (-30.2, 45.8, -29.8, 46.2)


class Server:
    """A Nominatim on loopback that says what it is told to."""

    def __init__(self) -> None:
        self.answer: Any = []
        self.status = 200
        self.asked: list[tuple[dict[str, list[str]], str]] = []
        self.hold = threading.Event()
        self.hold.set()
        mine = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mine.asked.append((parse_qs(urlsplit(self.path).query), self.headers.get("User-Agent", "")))
                mine.hold.wait(5.0)
                body = mine.answer if isinstance(mine.answer, bytes) else json.dumps(mine.answer).encode()
                self.send_response(mine.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.hold.set()
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture
def geocoder(server: Server) -> Iterator[Geocoder]:
    made = Geocoder(
        GeocoderConfig(name="nominatim", url=server.url, user_agent="tocsin-test", timeout_s=2.0),
        BOUNDS,
        pause=lambda _s: None,
    )
    yield made
    server.hold.set()
    made.close()


def until(holds: Callable[[], object]) -> None:
    for _ in range(500):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


def place(name: str, lon: float, lat: float) -> dict[str, str]:
    return {"display_name": name, "lon": str(lon), "lat": str(lat)}


def test_the_answer_is_there_when_it_is_asked_for_again(server: Server, geocoder: Geocoder) -> None:
    server.answer = [place("Blue Mill, Port Meridian", -30.01, 45.99)]
    assert geocoder.known("the blue  mill") == ()
    until(lambda: geocoder.known("the blue mill"))
    assert geocoder.known("the blue mill") == (("Blue Mill, Port Meridian", -30.01, 45.99),)
    assert len(server.asked) == 1
    query, agent = server.asked[0]
    assert query["q"] == ["the blue mill"] and query["bounded"] == ["1"] and agent == "tocsin-test"


def test_nobody_waits_for_a_server_that_does_not_answer(server: Server, geocoder: Geocoder) -> None:
    server.hold.clear()
    assert [geocoder.known(f"place {k}") for k in range(200)] == [()] * 200
    assert len(server.asked) <= 1


def test_what_lies_outside_the_city_is_dropped(server: Server, geocoder: Geocoder) -> None:
    server.answer = [place("Mill, Elsewhere", 7.4, 43.7), place("Mill, Here", -30.0, 46.0)]
    until(lambda: geocoder.known("mill"))
    assert geocoder.known("mill") == (("Mill, Here", -30.0, 46.0),)


def test_names_are_plain_text(server: Server, geocoder: Geocoder) -> None:
    server.answer = [place("Mill \x1b[31m\u202eevil\n" + "x" * 900, -30.0, 46.0)]
    until(lambda: geocoder.known("mill"))
    name = geocoder.known("mill")[0][0]
    assert not set("\x1b\u202e\n") & set(name) and len(name) <= 200


@pytest.mark.parametrize("answer", [b"<html>", [{"lat": "x", "lon": "y", "display_name": "a"}], [1], {"a": 1}])
def test_nonsense_is_a_fault_and_not_an_answer(server: Server, geocoder: Geocoder, answer: Any) -> None:
    server.answer = answer
    assert geocoder.known("mill") == ()
    until(lambda: geocoder.fault)
    server.answer = [place("Mill", -30.0, 46.0)]
    until(lambda: geocoder.known("mill"))
    assert geocoder.fault == ""


def test_a_refusal_is_a_fault_and_the_place_is_asked_for_again(server: Server, geocoder: Geocoder) -> None:
    server.status = 503
    geocoder.known("mill")
    until(lambda: geocoder.fault)
    server.status, server.answer = 200, [place("Mill", -30.0, 46.0)]
    until(lambda: geocoder.known("mill"))
    assert geocoder.fault == ""


@pytest.mark.parametrize(
    "url",
    ["http://geo.example.org", "ftp://geo.example.org", "geo.example.org", "https://u:p@geo.example.org", "https://"],
)
def test_only_a_safe_root_is_taken(url: str) -> None:
    with pytest.raises(ValidationError):
        GeocoderConfig(name="nominatim", url=url, user_agent="tocsin-test")
