"""``units.yaml``: the agencies, stations and units of a site whose city pack has none, as an imported city has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from picture import events as ev
from picture.errors import UsageError
from picture.places import to_e7

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AgencySpec(_Strict):
    """An agency that the city pack does not know."""

    id: Id
    name: str
    kind: str


class FacilitySpec(_Strict):
    """A station or another place of the site's own."""

    id: Id
    kind: str
    name: str
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)
    agency: str = ""
    address: str = ""


class UnitSpec(_Strict):
    """A unit, based at a position or at one of the facilities listed beside it."""

    id: Id
    name: str
    agency: str
    nims_kind: str
    nims_type: int = Field(ge=1, le=4)
    station: str = ""
    lon: float | None = Field(default=None, ge=-180, le=180)
    lat: float | None = Field(default=None, ge=-90, le=90)
    profile: str
    wading_m: float = Field(default=0.3, ge=0, le=5)
    crew: int = Field(default=2, ge=0, le=100)
    skills: tuple[str, ...] = ()


class _File(_Strict):
    agencies: tuple[AgencySpec, ...] = ()
    facilities: tuple[FacilitySpec, ...] = ()
    units: tuple[UnitSpec, ...] = ()


class OwnRoster:
    """What a site itself lists; nothing if it lists nothing."""

    def __init__(self, file: _File | None = None, agencies: tuple[AgencySpec, ...] = ()) -> None:
        self._file = file or _File()
        self._agencies = (*agencies, *self._file.agencies)

    @classmethod
    def read(cls, path: Path, agencies: tuple[AgencySpec, ...] = ()) -> OwnRoster:
        """The roster in a file, or none where there is no file; ``UsageError`` TOC-1003 names a wrong key."""
        if not path.exists():
            return cls(None, agencies)
        try:
            file = _File.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {})
        except (OSError, YAMLError, UnicodeDecodeError) as error:
            raise UsageError(f"{path.name}: {error}", code="TOC-1003") from None
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise UsageError(f"{path.name}: {where}: {first['msg']}", code="TOC-1003") from None
        places = {one.id for one in file.facilities}
        for unit in file.units:
            if unit.station not in places and (unit.lon is None or unit.lat is None):
                raise UsageError(f"{path.name}: {unit.id}: give lon and lat, or a listed station.", code="TOC-1003")
        return cls(file, agencies)

    def agencies(self) -> Iterator[ev.AgencyRegistered]:
        """Each agency as an event."""
        for one in self._agencies:
            yield ev.AgencyRegistered(id=one.id, name=one.name, agency_kind=one.kind)

    def facilities(self) -> Iterator[ev.FacilityRegistered]:
        """Each facility as an event."""
        for one in self._file.facilities:
            yield ev.FacilityRegistered(
                id=one.id,
                facility_kind=one.kind,
                name=one.name,
                lon_e7=to_e7(one.lon),
                lat_e7=to_e7(one.lat),
                agency=one.agency,
                address=one.address,
            )

    def units(self) -> Iterator[ev.UnitRegistered]:
        """Each unit as an event, based where its station is."""
        at = {one.id: (one.lon, one.lat) for one in self._file.facilities}
        for one in self._file.units:
            lon, lat = (one.lon, one.lat) if one.lon is not None and one.lat is not None else at[one.station]
            yield ev.UnitRegistered(
                id=one.id,
                name=one.name,
                agency=one.agency,
                nims_kind=one.nims_kind,
                nims_type=one.nims_type,
                station=one.station,
                home_lon_e7=to_e7(lon),
                home_lat_e7=to_e7(lat),
                profile=one.profile,
                wading_mm=round(one.wading_m * 1000),
                crew=one.crew,
                skills=one.skills,
            )
