"""The desk's roads: closing, reopening and changing them by hand.

Which roads are meant is found once, here; the entry names their segments, so that it means the same for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from console import commands as c
from console.core import Core, Draft
from picture import events as ev
from picture.errors import RefusedError, RoadError
from picture.model import Closure, RoadChange
from picture.places import distance_m, to_e7

if TYPE_CHECKING:
    from console.desk import Handled, Located
    from console.people import Person

NEAR_M = 50.0
"""A picked position farther than this from every road means none of them."""
MOST_SEGMENTS = 5_000
"""More in one entry is a slip of the hand, not a closure."""
LonLat = tuple[float, float]


@runtime_checkable
class KnowsRoads(Protocol):
    """What the desk asks of a city about its roads; a road segment is an int."""

    def street_edges(self, name: str) -> tuple[int, ...]: ...

    def street_like(self, said: str) -> str: ...

    def road_at(self, lon: float, lat: float) -> tuple[int, float] | None: ...

    def roads_in(self, shape: str) -> tuple[int, ...]: ...

    def names_of(self, edges: Iterable[int]) -> tuple[str, ...]: ...

    def one_ways(self, edges: Iterable[int]) -> tuple[int, ...]: ...

    def crossing_at(self, lon: float, lat: float) -> tuple[int, LonLat] | None: ...

    def knows_profile(self, name: str) -> bool: ...


class DeskRoads:
    """Turns commands about roads into drafts."""

    def __init__(self, core: Core, city: object, locate: Callable[[c.PlaceInput | None], Located | None]) -> None:
        self._core = core
        self._city = city if isinstance(city, KnowsRoads) else None
        self._locate = locate
        self.handlers: dict[type[Any], Callable[[Any, Person], Handled]] = {
            c.CloseRoad: self.close,
            c.ReopenRoad: self.reopen,
            c.ChangeRoad: self.change,
        }

    def close(self, command: c.CloseRoad, person: Person) -> Handled:
        """RoadError TOC-5211 where no road is meant, TOC-5203 for an unknown profile; refused if closed already."""
        for name in command.profiles:
            if not self._known.knows_profile(name):
                raise RoadError(f"{name!r}.", code="TOC-5203")
        edges, name, at = self._meant(command)
        if standing := self._closed_by(edges, command.profiles):
            raise RefusedError(f"{name}: {standing.id} by {standing.by}, {standing.reason}.", code="TOC-4009")
        identifier = self._core.ids.new("C")
        event = ev.RoadClosed(
            id=identifier,
            name=name,
            edges=edges,
            reason=command.reason,
            by=person.name,
            profiles=tuple(sorted(set(command.profiles))),
            **_position(at),
        )
        return [Draft(event)], {"closure": identifier, "name": name, "segments": len(edges)}

    def _closed_by(self, edges: tuple[int, ...], profiles: tuple[str, ...]) -> Closure | None:
        """A closure that does all of this already. Water is none: it goes, and this one is to stay."""
        for one in self._core.home.closures.values():
            everybody = not one.profiles or (profiles and set(profiles) <= set(one.profiles))
            if one.status == "active" and one.by != "flood" and everybody and set(edges) <= set(one.edges):
                return one
        return None

    def change(self, command: c.ChangeRoad, person: Person) -> Handled:
        """RoadError TOC-5214 where nothing would change, TOC-5211 where no road or crossing is meant."""
        identifier = self._core.ids.new("RC")
        common: dict[str, Any] = {"id": identifier, "reason": command.reason, "by": person.name}
        if command.link is not None:
            if command.contraflow or command.factor is not None or command.shape:
                raise RoadError("A link is laid by itself, without factor, contraflow or shape.", code="TOC-5214")
            name = command.road or "temporary link"
            event = ev.RoadChanged(name=name, link=self._link(command.link), **common)
        else:
            if command.factor is None and not command.contraflow:
                raise RoadError("Nothing was asked for.", code="TOC-5214")
            edges, name, at = self._meant(command)
            if command.contraflow and not self._known.one_ways(edges):
                raise RoadError(f"{name} is open in both directions.", code="TOC-5214")
            event = ev.RoadChanged(
                name=name,
                edges=edges,
                factor_pct=None if command.factor is None else round(command.factor * 100),
                contraflow=command.contraflow,
                **_position(at),
                **common,
            )
        return [Draft(event)], {"change": identifier, "name": name, "segments": len(event.edges)}

    def _link(self, link: c.LinkInput) -> ev.RoadLinkModel:
        ends = []
        for place in (link.start, link.end):
            where = self._locate(place)
            crossing = self._known.crossing_at(where.lon, where.lat) if where is not None else None
            if crossing is None:
                raise RoadError("A link needs a crossing at both ends.", code="TOC-5211")
            ends.append(crossing)
        (start, a), (end, b) = ends
        if start == end:
            raise RoadError("Both ends of the link are the same crossing.", code="TOC-5214")
        points = tuple((to_e7(lon), to_e7(lat)) for lon, lat in (a, b))
        return ev.RoadLinkModel(
            start=start,
            end=end,
            length_mm=max(1, round(1000 * distance_m(*points[0], *points[1]))),
            speed_mmps=round(link.speed_kmh * 1000 / 3.6),
            one_way=link.one_way,
            points=points,
        )

    def reopen(self, command: c.ReopenRoad, person: Person) -> Handled:
        """RoadError TOC-5212 where nothing stands, TOC-5213 for what water closes."""
        home, wanted = self._core.home, command.road.casefold()
        known: list[Closure | RoadChange] = [*home.closures.values(), *home.road_changes.values()]
        meant = [
            one
            for one in known
            if one.status == "active"
            and (one.id == command.closure if command.closure else wanted and one.name.casefold() == wanted)
        ]
        lifted = [one for one in meant if one.by != "flood"]
        if not lifted:
            words = command.closure or command.road or "Neither a closure nor a street was named"
            raise RoadError(f"{words}.", code="TOC-5213" if meant else "TOC-5212")
        freed = {edge for one in lifted for edge in one.edges}
        still = [
            one.id for one in home.closures.values()
            if one.status == "active" and one not in lifted and freed & set(one.edges)
        ]  # fmt: skip
        why = command.why or f"by {person.name}"
        drafts = [Draft(ev.RoadReopened(id=one.id, why=why)) for one in lifted]
        return drafts, {"lifted": [one.id for one in lifted], "still_closed": still}

    # --- which roads ----------------------------------------------------------------------------------------

    @property
    def _known(self) -> KnowsRoads:
        if self._city is None:
            raise RoadError("No roads are known here.", code="TOC-5211")
        return self._city

    def _meant(self, command: c.RoadsMeant) -> tuple[tuple[int, ...], str, LonLat | None]:
        """(segments, name, position) of the roads a command means; RoadError TOC-5211 where it means none."""
        given = [bool(command.road), command.place is not None, bool(command.shape)]
        if sum(given) != 1:
            raise RoadError("Give a street, a position or a shape: exactly one of them.", code="TOC-5211")
        if command.road:
            return self._by_name(command.road), self._known.names_of(self._by_name(command.road))[0], None
        return self._by_shape(command.shape) if command.shape else self._by_place(command.place)

    def _by_name(self, road: str) -> tuple[int, ...]:
        edges = self._known.street_edges(road)
        if not edges:
            like = self._known.street_like(road)
            raise RoadError(f"There is no “{road}”." + (f" Is it {like}?" if like else ""), code="TOC-5211")
        return edges

    def _by_place(self, place: c.PlaceInput | None) -> tuple[tuple[int, ...], str, LonLat | None]:
        where = self._locate(place)
        if where is None:
            raise RoadError("The place was not found.", code="TOC-5211")
        found = self._known.road_at(where.lon, where.lat)
        if found is None or found[1] > NEAR_M:
            away = f"; the nearest road is {found[1]:.0f} m away" if found else ""
            raise RoadError(f"No road within {NEAR_M:.0f} m{away}.", code="TOC-5211")
        names = self._known.names_of([found[0]])
        return (found[0],), names[0] if names else (where.label or "unnamed road"), (where.lon, where.lat)

    def _by_shape(self, shape: str) -> tuple[tuple[int, ...], str, LonLat | None]:
        edges = self._known.roads_in(shape)
        if not edges:
            raise RoadError("The shape touches no road.", code="TOC-5211")
        if len(edges) > MOST_SEGMENTS:
            raise RoadError(
                f"The shape touches {len(edges)} road segments, more than {MOST_SEGMENTS}.", code="TOC-5211"
            )
        names = self._known.names_of(edges)
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return edges, ", ".join(names[:3]) + more if names else "unnamed roads", None


def _position(at: LonLat | None) -> dict[str, Any]:
    return {} if at is None else {"lon_e7": to_e7(at[0]), "lat_e7": to_e7(at[1])}
