"""Atom and RSS feeds of CAP alerts: the alerts that stand in them, and the links to those that do not.

Atom (RFC 4287): an entry's ``content`` holds the alert, or a link leads to it. RSS 2.0: an item holds it, or its link
leads to it. Everything else a feed says (titles, summaries) is passed over: the alert alone counts.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lxml import etree

from feeds import fields, xml
from feeds.base import Limits
from feeds.gather import Part
from picture.errors import InputError

ATOM: Final = "http://www.w3.org/2005/Atom"
LIMITS: Final = Limits(max_bytes=16 * 1024 * 1024, max_depth=24, max_parts=500_000)
MAX_ITEMS: Final = 2_000
CAP_TYPE: Final = "application/cap+xml"
_TOO_MANY: Final = "TOC-2153"


@dataclass(frozen=True, slots=True)
class Item:
    """One entry: the alert's bytes, or where to fetch it, and the entry's own name for this version of it."""

    alert: bytes = b""
    link: str = ""
    version: str = ""


def read(data: bytes) -> tuple[Item, ...] | None:
    """The entries of an Atom or RSS feed in its order; None where the document is neither.

    Raises ``InputError``: TOC-2153 for more than 2,000 entries, and as ``feeds.xml.parse``.
    """
    root = xml.parse(data, LIMITS)
    if root.tag == f"{{{ATOM}}}feed":
        entries = root.findall(f"{{{ATOM}}}entry")
    elif root.tag == "rss":
        entries = root.findall("./channel/item")
    else:
        return None
    if len(entries) > MAX_ITEMS:
        raise InputError(f"{len(entries)} entries; {MAX_ITEMS} are allowed.", code=_TOO_MANY)
    atom = root.tag != "rss"
    return tuple(item for entry in entries for item in _items(entry, atom))


def _items(entry: etree._Element, atom: bool) -> Iterator[Item]:
    inline = [one for one in entry.iter() if etree.QName(one).localname == "alert"]
    if inline:
        for alert in inline:
            yield Item(alert=_alone(alert))
        return
    link = _atom_link(entry) if atom else _text(entry, "link")
    if link:
        names = (f"{{{ATOM}}}id", f"{{{ATOM}}}updated") if atom else ("guid", "pubDate")
        yield Item(link=link, version=" ".join(_text(entry, name) for name in names))


def _alone(alert: etree._Element) -> bytes:
    """The alert as a document of its own, with the namespaces that it uses and none of the feed around it."""
    copied = copy.deepcopy(alert)
    copied.tail = None
    return etree.tostring(copied, encoding="UTF-8", xml_declaration=True)


def _atom_link(entry: etree._Element) -> str:
    """The link that is labelled as CAP, else the content's ``src``, else the alternate."""
    links = entry.findall(f"{{{ATOM}}}link")
    for link in links:
        if link.get("type", "").partition(";")[0].strip().lower() == CAP_TYPE:
            return link.get("href", "").strip()
    content = entry.find(f"{{{ATOM}}}content")
    if content is not None and content.get("src"):
        return content.get("src", "").strip()
    alternates = (link.get("href", "") for link in links if link.get("rel", "alternate") == "alternate")
    return next(alternates, "").strip()


def _text(entry: etree._Element, name: str) -> str:
    return (entry.findtext(name) or "").strip()


def part(raw: bytes) -> Part:
    """The alert with its name, time and references, of whatever CAP version; nameless where it cannot be read."""
    try:
        root = xml.parse(raw, LIMITS)
        sender, identifier = _child(root, "sender"), _child(root, "identifier")
        sent_ms = fields.instant(_child(root, "sent"), "alert.sent")
    except InputError:
        return Part(raw)
    named = [tuple(triple.split(",")[:2]) for triple in _child(root, "references").split() if triple.count(",") == 2]
    if not (sender and identifier):
        return Part(raw)
    return Part(raw, (sender, identifier), sent_ms, tuple((one[0], one[1]) for one in named))


def _child(root: etree._Element, name: str) -> str:
    found = next((one for one in root if etree.QName(one).localname == name), None)
    return "" if found is None else (found.text or "").strip()
