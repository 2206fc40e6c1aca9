"""What sensors measure: our names for quantities, one unit for each, how others write them, and what is possible.

Codes of units: UN/CEFACT Recommendation 20 (NGSI-LD ``unitCode``), UCUM (SensorThings ``symbol`` and ``definition``).
A quantity or unit that is not listed passes unchanged: an unknown measure is shown, only an impossible one is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from feeds.fields import IMPOSSIBLE, refuse


@dataclass(frozen=True, slots=True)
class Quantity:
    """Its unit, and the lowest and highest value (in that unit) that can be on Earth."""

    unit: str
    low: float
    high: float


QUANTITIES: Final[dict[str, Quantity]] = {
    "water_level": Quantity("m", -50.0, 100.0),
    "wave_height": Quantity("m", 0.0, 40.0),
    "flow": Quantity("m3/s", -400_000.0, 400_000.0),
    "rain_rate": Quantity("mm/h", 0.0, 2_000.0),
    "wind_speed": Quantity("m/s", 0.0, 150.0),
    "wind_gust": Quantity("m/s", 0.0, 150.0),
    "wind_direction": Quantity("deg", 0.0, 360.0),
    "air_temperature": Quantity("degC", -95.0, 70.0),
    "air_pressure": Quantity("hPa", 800.0, 1_100.0),
    "humidity": Quantity("%", 0.0, 100.0),
    "gas_concentration": Quantity("ppm", 0.0, 1_000_000.0),
    "vehicle_speed": Quantity("m/s", 0.0, 150.0),
}

_NAMES: Final[dict[str, str]] = {
    "waterlevel": "water_level", "level": "water_level", "height": "water_level", "stage": "water_level",
    "gaugeheight": "water_level", "tide": "water_level", "waveheight": "wave_height", "flow": "flow",
    "discharge": "flow", "precipitation": "rain_rate", "windspeed": "wind_speed", "gustspeed": "wind_gust",
    "windgust": "wind_gust", "winddirection": "wind_direction", "temperature": "air_temperature",
    "airtemperature": "air_temperature", "atmosphericpressure": "air_pressure", "airpressure": "air_pressure",
    "pressure": "air_pressure", "relativehumidity": "humidity", "humidity": "humidity",
    "gasconcentration": "gas_concentration",
}  # fmt: skip

_UNITS: Final[dict[str, tuple[str, float]]] = {
    # as written: (as we write it, factor)
    "m": ("m", 1.0), "MTR": ("m", 1.0), "cm": ("m", 0.01), "CMT": ("m", 0.01), "mm": ("m", 0.001),
    "MMT": ("m", 0.001), "ft": ("m", 0.3048), "[ft_i]": ("m", 0.3048), "FOT": ("m", 0.3048),
    "m/s": ("m/s", 1.0), "MTS": ("m/s", 1.0), "km/h": ("m/s", 1 / 3.6), "KMH": ("m/s", 1 / 3.6),
    "kn": ("m/s", 1852 / 3600), "kt": ("m/s", 1852 / 3600), "[kn_i]": ("m/s", 1852 / 3600),
    "KNT": ("m/s", 1852 / 3600), "m3/s": ("m3/s", 1.0), "MQS": ("m3/s", 1.0), "mm/h": ("mm/h", 1.0),
    "H67": ("mm/h", 1.0), "deg": ("deg", 1.0), "°": ("deg", 1.0), "DD": ("deg", 1.0), "degC": ("degC", 1.0),
    "Cel": ("degC", 1.0), "°C": ("degC", 1.0), "CEL": ("degC", 1.0), "hPa": ("hPa", 1.0), "A97": ("hPa", 1.0),
    "mbar": ("hPa", 1.0), "MBR": ("hPa", 1.0), "Pa": ("hPa", 0.01), "PAL": ("hPa", 0.01), "%": ("%", 1.0),
    "P1": ("%", 1.0), "ppm": ("ppm", 1.0), "[ppm]": ("ppm", 1.0), "59": ("ppm", 1.0),
}  # fmt: skip

CEFACT: Final[dict[str, str]] = {
    "m": "MTR", "m/s": "MTS", "m3/s": "MQS", "mm/h": "H67", "deg": "DD", "degC": "CEL", "hPa": "A97", "%": "P1",
    "ppm": "59",
}  # fmt: skip
"""Our unit -> its UN/CEFACT code, for what we render."""


def quantity_named(name: str) -> str:
    """Our name of a quantity (``waterLevel``, ``Water level`` -> ``water_level``); an unknown one as it came."""
    if name in QUANTITIES:
        return name
    return _NAMES.get("".join(c for c in name if c.isalnum()).lower(), name)


def measured(quantity: str, value: float, unit: str, field: str) -> tuple[float, str]:
    """(value, unit) in our unit of this quantity.

    Without a unit the quantity's own is meant. Raises ``InputError``: TOC-2003 where the unit cannot measure this
    quantity, TOC-2009 where the value cannot be.
    """
    known = QUANTITIES.get(quantity)
    ours, factor = _UNITS.get(unit.strip(), (unit.strip(), 1.0))
    if known is None:
        return value, unit.strip()
    if not unit.strip():
        ours = known.unit
    if ours != known.unit:
        refuse(field, f"{quantity} is measured in {known.unit}, not {unit[:20]!a}")
    converted = value if factor == 1.0 else value * factor
    if not known.low <= converted <= known.high:
        refuse(field, f"{quantity} of {converted:g} {ours} is not possible", IMPOSSIBLE)
    return converted, ours
