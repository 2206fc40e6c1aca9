"""An online geocoder, where a site configures one: places that the city pack does not know, asked of a server.

Off by default and never in a drill: whoever composes a world gives it one or does not. Nobody waits for it: what is
asked for the first time is looked up in the background, and the answer is there when it is asked for again.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from picture.text import visible

Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees."""
Found = tuple[str, float, float]
"""Name, longitude, latitude."""
_KEPT: Final = 500
_MOST_WAITING: Final = 20
_LONGEST: Final = 200
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class GeocoderConfig(BaseModel):
    """``[geocoder]`` of ``tocsin.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Literal["nominatim", "photon"]
    url: str
    """Its root, as ``https://geo.example.org``; plain http on this machine alone."""
    user_agent: Annotated[str, Field(min_length=3, max_length=120)]
    """Who asks: public servers refuse the anonymous."""
    timeout_s: Annotated[float, Field(gt=0.0, le=10.0)] = 3.0
    pause_s: Annotated[float, Field(ge=0.0, le=60.0)] = 1.0
    """At least so long between two questions: one a second is what public servers allow."""

    @field_validator("url")
    @classmethod
    def _safe(cls, url: str) -> str:
        parts = urlsplit(url)
        plain_here = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not parts.hostname or not (parts.scheme == "https" or plain_here):
            raise ValueError("https, or http on this machine")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("a root without credentials or query")
        return url.rstrip("/")


class Geocoder:
    """Asks one server about places within ``bounds``; answers outside are dropped, names are plain text.

    ``fault`` says in plain words why the last question got no answer, "" while all is well. A failure is not
    remembered as an answer: the place is asked for again.
    """

    def __init__(
        self, config: GeocoderConfig, bounds: Bounds, *, pause: Callable[[float], object] = time.sleep
    ) -> None:
        self._config, self._bounds, self._pause = config, bounds, pause
        self.fault = ""
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, tuple[Found, ...]] = OrderedDict()
        self._asked: set[str] = set()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="geocoder")
        self._server = _server(config)

    def known(self, said: str) -> tuple[Found, ...]:
        """What the server has answered about this place; () while it has not, and it is then being asked."""
        said = _plain(said)
        if not said:
            return ()
        with self._lock:
            if said in self._answers:
                self._answers.move_to_end(said)
                return self._answers[said]
            if said in self._asked or len(self._asked) >= _MOST_WAITING:
                return ()
            self._asked.add(said)
        self._worker.submit(self._ask, said)
        return ()

    def close(self) -> None:
        """Asks nothing more; a question under way ends within its time limit."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _ask(self, said: str) -> None:
        from geopy.exc import GeopyError

        answer: tuple[Found, ...] | None = None
        try:
            answer = self._within(self._server(said, self._bounds))
            self.fault = ""
        except (GeopyError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            # geopy reads an answer of the wrong shape without a look, and trips in one of these ways.
            self.fault = visible(f"The geocoder does not answer: {type(error).__name__}")
        with self._lock:
            self._asked.discard(said)
            if answer is not None:
                self._answers[said] = answer
                while len(self._answers) > _KEPT:
                    self._answers.popitem(last=False)
        self._pause(self._config.pause_s)

    def _within(self, places: list[Any]) -> tuple[Found, ...]:
        west, south, east, north = self._bounds
        found = [(_plain(str(place.address)), float(place.longitude), float(place.latitude)) for place in places]
        return tuple(one for one in found if west <= one[1] <= east and south <= one[2] <= north)


def _plain(text: str) -> str:
    return visible(" ".join(text.split()))[:_LONGEST]


def _server(config: GeocoderConfig) -> Callable[[str, Bounds], list[Any]]:
    """``ask(said, bounds)`` of one server, by geopy's adapter for it."""
    from geopy.geocoders import Nominatim, Photon

    scheme, _, domain = config.url.partition("://")
    common = {"domain": domain, "scheme": scheme, "user_agent": config.user_agent, "timeout": config.timeout_s}
    if config.name == "nominatim":
        nominatim = Nominatim(**common)

        def ask(said: str, bounds: Bounds) -> list[Any]:
            west, south, east, north = bounds
            box = [(south, west), (north, east)]
            return nominatim.geocode(said, exactly_one=False, limit=5, viewbox=box, bounded=True) or []

        return ask
    photon = Photon(**common)

    def ask_photon(said: str, bounds: Bounds) -> list[Any]:
        west, south, east, north = bounds
        return photon.geocode(said, exactly_one=False, limit=5, bbox=[(south, west), (north, east)]) or []

    return ask_photon
