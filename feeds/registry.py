"""Which wires there are: the built-in ones and those that installed distributions add (entry points ``tocsin.feeds``).

An entry point's name is the wire, its value a package with the same skeleton: ``manifest.yaml``, ``codec``, ``source``.
A wire is imported when it is first asked for, so that start-up does not pay for those a world does not use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Final, cast

from feeds.base import Codec, Framer, StreamSource
from feeds.fields import near
from feeds.gather import NewGatherer
from feeds.manifest import Manifest, load_manifest
from feeds.streams import Spec
from picture.errors import UsageError

GROUP: Final = "tocsin.feeds"
BUILT_IN: Final = (
    "ais", "cap", "datex", "eido", "emsi", "gtfs", "incident", "ngsi", "nws", "portcall", "sensorthings", "tak", "usgs",
)  # fmt: skip
_CONFIGURATION: Final = "TOC-1003"


@dataclass(frozen=True, slots=True)
class Wire:
    """A wire as the intake uses it."""

    manifest: Manifest
    codec: Codec
    new_framer: Callable[[], Framer]
    new_gatherer: NewGatherer | None = None
    """Of wires whose polled answers are lists of messages."""
    new_stream: Callable[[Spec], StreamSource] | None = None
    """Its connection that stays open, where the wire has one of its own."""


class Registry:
    """The wires by name; built-in names cannot be taken by others."""

    def __init__(self, packages: dict[str, str]) -> None:
        self._packages = packages
        self._wires: dict[str, Wire] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._packages))

    def wire(self, name: str) -> Wire:
        """The wire of this name; raises ``UsageError`` TOC-1003 where there is none or its package is not whole."""
        if name not in self._wires:
            package = self._packages.get(name)
            if package is None:
                raise UsageError(f"There is no wire {name!a}{near(name, self._packages)}", code=_CONFIGURATION)
            self._wires[name] = _load(name, package)
        return self._wires[name]


def installed() -> Registry:
    """The wires of this installation."""
    packages = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    return Registry(packages | {name: f"feeds.{name}" for name in BUILT_IN})


def _load(name: str, package: str) -> Wire:
    manifest = load_manifest(package)
    if manifest.wire != name:
        raise UsageError(f"{package}: its manifest is for {manifest.wire!a}, not {name!a}.", code=_CONFIGURATION)
    try:
        codec = import_module(f"{package}.codec")
        source = import_module(f"{package}.source")
        return Wire(
            manifest, cast(Codec, codec), source.new_framer,
            new_gatherer=getattr(source, "new_gatherer", None), new_stream=getattr(source, "new_stream", None),
        )  # fmt: skip
    except (ImportError, AttributeError) as error:
        raise UsageError(f"{package}: {error}", code=_CONFIGURATION) from None
