"""The one way XML enters: parsed without DTD, entities, external references or network, within stated limits.

Encodings are limited to those in which ``<`` is one ASCII byte, so that a forbidden construct cannot hide from the
search for it before parsing (UTF-7, UTF-16 and EBCDIC could).
"""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from feeds.base import Limits
from picture.errors import InputError

TOO_LARGE: Final = "TOC-2001"
MALFORMED: Final = "TOC-2002"
TOO_DEEP: Final = "TOC-2004"
FORBIDDEN: Final = "TOC-2005"
_ENCODINGS: Final = frozenset({"utf-8", "us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "windows-1252"})
_DECLARED: Final = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_NEVER: Final = (b"<!DOCTYPE", b"<!ENTITY", b"<!ELEMENT", b"<!ATTLIST", b"<!NOTATION")
_BOM: Final = b"\xef\xbb\xbf"


def parse(data: bytes, limits: Limits) -> etree._Element:
    """The root of a well-formed document, comments and processing instructions left out.

    Raises:
        InputError: TOC-2001 too large, TOC-2002 not well-formed, TOC-2004 too deep or too many parts,
            TOC-2005 a DTD or entity declaration.
    """
    if len(data) > limits.max_bytes:
        raise InputError(f"{len(data)} bytes; {limits.max_bytes} are allowed.", code=TOO_LARGE)
    _check_bytes(data)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, attribute_defaults=False,
        huge_tree=False, recover=False, remove_comments=True, remove_pis=True, collect_ids=False,
    )  # fmt: skip
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        code = TOO_DEEP if "depth" in (error.msg or "").lower() else MALFORMED
        raise InputError(f"XML: {error.msg}", code=code) from None
    except ValueError as error:
        raise InputError(f"XML: {error}", code=MALFORMED) from None
    _check_tree(root, limits)
    return root


def _check_bytes(data: bytes) -> None:
    if b"\0" in data:
        raise InputError("XML: zero bytes, or an encoding other than UTF-8.", code=MALFORMED)
    for construct in _NEVER:
        if construct in data:
            raise InputError(f"XML: {construct[2:].decode('ascii')}.", code=FORBIDDEN)
    declared = _DECLARED.match(data.removeprefix(_BOM)[:400])
    if declared and declared[1].decode("ascii").lower() not in _ENCODINGS:
        raise InputError(f"XML: encoding {declared[1].decode('ascii')} is not read.", code=MALFORMED)


def _check_tree(root: etree._Element, limits: Limits) -> None:
    depth = 0
    parts = 0
    for step, element in etree.iterwalk(root, events=("start", "end")):
        if step == "end":
            depth -= 1
            continue
        depth += 1
        parts += 1 + len(element.attrib)
        if depth > limits.max_depth or parts > limits.max_parts:
            raise InputError(f"XML: more than {limits.max_depth} levels or {limits.max_parts} parts.", code=TOO_DEEP)
        if not isinstance(element.tag, str):  # an entity reference that stayed one
            raise InputError("XML: an undeclared entity.", code=FORBIDDEN)


def legal(text: str) -> str:
    """The text with each character that XML 1.0 cannot carry (most controls, lone surrogates) replaced by U+FFFD."""
    return _ILLEGAL.sub("\ufffd", text)


_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
