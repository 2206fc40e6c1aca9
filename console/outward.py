"""What of the picture is shown to field teams over TAK: units, incidents, hazards and closures, as configured.

It follows the picture and stores nothing. Nothing sealed goes out but the positions of our own units, and these only
where the site says so. In a drill everything that goes out says that it is an exercise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final

from console.city import City
from console.core import Core
from feeds.notify.message import World, marked
from feeds.tak import codec
from feeds.tak.codec import OURS
from feeds.tak.stream import STALE_S
from picture.model import Closure, Hazard, Incident, Unit
from picture.places import to_e7
from picture.reports import Report, UnitReport

Thing = Unit | Incident | Hazard | Closure
_STALE_MS: Final = STALE_S * 1000


class OnTak:
    """The picture as one TAK connection shows it."""

    def __init__(
        self,
        core: Core,
        city: City,
        *,
        world: World,
        wants: Collection[str],
        where: Callable[[Unit], tuple[float, float]],
        now_ms: Callable[[], int],
    ) -> None:
        """``where`` tells a unit's (lon, lat); ``now_ms`` is the real time, which is what field teams live by."""
        self._core, self._city, self._world = core, city, world
        self._wants, self._where, self._now_ms = frozenset(wants), where, now_ms
        self.words = ", ".join(wants)
        self._shown: dict[str, Thing | None] = {}
        """By name: what was said last; None where it is to be said again."""
        self._theirs: dict[str, int] = {}
        """Call sign -> when the connection itself last told where it is."""

    # --- what stands ----------------------------------------------------------------------------------------

    def standing(self) -> Iterator[bytes]:
        self._shown = dict.fromkeys(self._shown)
        yield from self.changed()

    def changed(self) -> Iterator[bytes]:
        now = dict(self._things())
        for name, thing in now.items():
            if self._shown.get(name) is not thing:
                self._shown[name] = thing
                yield self._told(name, thing)
        for name in [name for name in self._shown if name not in now]:
            del self._shown[name]
            yield codec.encode_gone(self._uid(name), self._now_ms())

    def heard(self, reports: Iterable[Report]) -> None:
        """Units that are on the connection themselves are not shown there a second time."""
        for report in reports:
            if isinstance(report, UnitReport):
                self._theirs[report.callsign.casefold()] = self._now_ms()

    def _things(self) -> Iterator[tuple[str, Thing]]:
        every = {
            "incidents": self._incidents, "hazards": self._hazards, "closures": self._closures, "units": self._units,
        }  # fmt: skip
        for want in self._wants:
            yield from every[want]()

    def _incidents(self) -> Iterator[tuple[str, Thing]]:
        for incident in list(self._core.home.incidents.values()):
            if incident.status == "open" and incident.place is not None and not incident.duplicate_of:
                yield f"incident.{incident.id}", incident

    def _hazards(self) -> Iterator[tuple[str, Thing]]:
        for hazard in list(self._core.home.hazards.values()):
            if hazard.status == "active":
                yield from ((f"hazard.{hazard.id}.{number}", hazard) for number in range(len(hazard.rings)))

    def _closures(self) -> Iterator[tuple[str, Thing]]:
        for closure in list(self._core.home.closures.values()):
            if closure.status == "active" and (closure.place is not None or closure.edges):
                yield f"closure.{closure.id}", closure

    def _units(self) -> Iterator[tuple[str, Thing]]:
        for unit in list(self._core.home.units.values()):
            if not self._is_theirs(unit):
                yield f"unit.{unit.id}", unit

    def _is_theirs(self, unit: Unit) -> bool:
        since_ms = self._now_ms() - _STALE_MS
        return any(self._theirs.get(name.casefold(), since_ms) > since_ms for name in (unit.id, unit.name))

    # --- in words -------------------------------------------------------------------------------------------

    def _uid(self, name: str) -> str:
        return f"{OURS}{self._core.journal.stream}.{name}"

    def _told(self, name: str, thing: Thing) -> bytes:
        uid, now = self._uid(name), self._now_ms()
        if isinstance(thing, Incident):
            return self._incident(uid, thing, now)
        if isinstance(thing, Hazard):
            ring = thing.rings[int(name.rpartition(".")[2])]
            remarks = f"{thing.kind} {thing.severity}".strip()
            return codec.encode_area(uid, self._said(thing.title), ring, now, remarks=remarks, stale_s=STALE_S)
        if isinstance(thing, Closure):
            lon_e7, lat_e7 = self._on_road(thing)
            title = self._said(f"CLOSED {thing.name}")
            return codec.encode_spot(uid, title, lon_e7, lat_e7, now, remarks=thing.reason, stale_s=STALE_S)
        return self._unit(uid, thing, now)

    def _incident(self, uid: str, incident: Incident, now: int) -> bytes:
        assert incident.place is not None
        remarks = f"Priority {incident.priority}. {incident.kind.replace('_', ' ')}."
        if incident.people_at_risk is not None:
            remarks += f" People at risk: {incident.people_at_risk}."
        return codec.encode_marker(
            uid, self._said(incident.title), incident.place.lon_e7, incident.place.lat_e7, now,
            # A casualty evacuation would alarm every device: that is asked for by people, not shown by a map.
            incident_kind="other" if incident.kind == "medical" else incident.kind, remarks=remarks, stale_s=STALE_S,
        )  # fmt: skip

    def _unit(self, uid: str, unit: Unit, now: int) -> bytes:
        lon, lat = self._where(unit)
        report = UnitReport(
            at_ms=now,
            external_id=uid,
            callsign=self._said(unit.name or unit.id)[:80],
            lon_e7=to_e7(lon),
            lat_e7=to_e7(lat),
            status=unit.local_status,
            text=None if unit.position is not None else "at its base; it has reported no position",
        )
        return codec.encode(report, stale_s=STALE_S)

    def _on_road(self, closure: Closure) -> tuple[int, int]:
        """Where the closure is marked: its own place, else the middle of its middle segment."""
        if closure.place is not None:
            return closure.place.lon_e7, closure.place.lat_e7
        line = self._city.network.edge_line(closure.edges[len(closure.edges) // 2])
        x, y = line[len(line) // 2].tolist()
        lon, lat = self._city.pack.to_lonlat(x, y)
        return to_e7(lon), to_e7(lat)

    def _said(self, title: str) -> str:
        return marked(title, self._world)
