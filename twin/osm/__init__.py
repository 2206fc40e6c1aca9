"""OpenStreetMap extracts become city packs here: tags read, roads joined, ground drawn, sites listed.

May import the pack, the pyramid and the elevation reader of the twin, and osmium. Knows nothing of routing
engines, of hazards, or of who asks for the import.
"""

from __future__ import annotations

from twin.osm.importing import import_osm
from twin.osm.report import ImportReport

__all__ = ["ImportReport", "import_osm"]
