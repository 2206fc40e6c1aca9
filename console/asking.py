"""What the road commands have in common: the city asked with its closures, places as typed, places as shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli_city import order_of, pack_path
from picture.errors import InputError, UsageError

if TYPE_CHECKING:
    from twin.pack import CityPack
    from twin.profiles import Profile
    from twin.routing import RoutingService
    from twin.snap import Snap

LonLat = tuple[float, float]
MOST_PLACES = 2_000
_WAIT_S = 60.0

City = Annotated[str, typer.Option("--city", help="A city pack, or the name of a shipped or imported city.")]
Who = Annotated[str, typer.Option("--profile", help="Who drives: car, engine, ambulance, high_wheel, bus, foot, boat.")]
Close = Annotated[
    list[str] | None,
    typer.Option("--close", help="Closes every road it touches: WKT, or a GeoJSON or WKT file (may be repeated)."),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """A city with its closures, open for questions."""

    pack: CityPack
    service: RoutingService
    who: Profile
    closed: int

    def facts(self) -> dict[str, Any]:
        """What every answer says."""
        return {
            "city": self.pack.meta["name"],
            "attribution": self.pack.meta.get("attribution", ""),
            "profile": self.who.name,
            "epoch": self.service.epoch,
            "closed_roads": self.closed,
        }

    def snapped(self, places: list[LonLat]) -> list[Snap]:
        """Each place on the nearest road that the profile may use."""
        from twin.snap import Snappers

        return (
            Snappers(self.service.network)
            .of(self.who)
            .snap_many([lon for lon, _ in places], [lat for _, lat in places])
        )


@contextmanager
def opened(city: str, who: str, close: list[str] | None) -> Iterator[Asked]:
    """The city with its closures, open for questions; UsageError for an unknown profile or shape."""
    from console.config import Home
    from twin.geometry import edges_touching, read_shape
    from twin.network import RoadNetwork
    from twin.pack import CityPack
    from twin.profiles import PROFILES
    from twin.road_state import RoadState
    from twin.routing import RoutingService

    if who not in PROFILES:
        raise UsageError(f"--profile {who}: known are {', '.join(PROFILES)}.")
    shapes = [read_shape(_shape_text(one)) for one in close or []]
    pack = CityPack.open(pack_path(city))
    network = RoadNetwork(pack)
    shut = sorted({edge for shape in shapes for edge in edges_touching(pack, shape).tolist()})
    state = RoadState.free(network).with_changes(0, closed_edges=shut)
    service = RoutingService(network, order_cache=order_of(Home.find(), pack.path), state=state)
    try:
        if not service.wait_until_ready(_WAIT_S):
            typer.echo(f"The slower engine answers: {service.degraded}.", err=True)
        yield Asked(pack, service, PROFILES[who], len(shut))
    finally:
        service.close()


# --- what is typed ----------------------------------------------------------------------------------------


def typed_position(text: str, option: str) -> LonLat:
    """A position as typed; UsageError names the option."""
    from twin.geometry import check_position

    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"{option} {text[:60]}: give longitude,latitude, for example -30.01,45.99.") from None
    return check_position(lon, lat)


def typed_places(text: str, option: str) -> list[tuple[str, LonLat]]:
    """(name, position) of each place, typed or in a file."""
    from twin.geometry import read_shape

    path = Path(text)
    if ";" not in text and path.is_file():
        written = _read(path)
        if written.lstrip().startswith("{"):
            found = list(_named_points(json.loads(written), read_shape(written).points))
        else:
            lines = [line for line in map(str.strip, written.splitlines()) if line and not line.startswith("#")]
            found = [(line, typed_position(line, f"{option} {path.name}:")) for line in lines]
    else:
        found = [(part.strip(), typed_position(part, option)) for part in text.split(";") if part.strip()]
    if not found or len(found) > MOST_PLACES:
        raise UsageError(f"{option}: give between 1 and {MOST_PLACES} places.")
    return found


def _named_points(data: Any, points: tuple[LonLat, ...]) -> Iterator[tuple[str, LonLat]]:
    """Each point with its feature's name or id, otherwise its position."""
    features = data.get("features") or []
    for number, (lon, lat) in enumerate(points):
        facts = features[number].get("properties") or {} if len(features) == len(points) else {}
        yield str(facts.get("name") or facts.get("id") or f"{lon},{lat}"), (lon, lat)


def _shape_text(text: str) -> str:
    """The shape itself, or the file that holds it."""
    if re.match(r"\s*([A-Za-z]+\s*\(|\{)", text):
        return text
    path = Path(text)
    if not path.is_file():
        raise UsageError(f"--close {text[:60]}: neither WKT nor a file.")
    return _read(path)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name}: {error}") from error


def place_of(pack: CityPack, at: LonLat, snap: Snap) -> dict[str, Any]:
    """A place as it was asked for, and where it stands on the road."""
    return {
        "asked": list(at),
        "on_road": rounded(pack.to_lonlat(snap.x, snap.y)),
        "street": snap.name,
        "metres_off": round(snap.distance_m, 1),
    }


def rounded(place: LonLat) -> list[float]:
    """Seven decimals: a centimetre."""
    return [round(float(place[0]), 7), round(float(place[1]), 7)]
