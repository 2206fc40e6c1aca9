"""XML signatures of CAP alerts (CAP 1.2 §3.3.4.1), held against certificates that the site configured itself.

What the message says of its own signer proves nothing: no certificate in it, no authority, no network.
What is read further is the document that the signature covers, never the bytes around it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from lxml import etree
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from feeds.base import Limits
from feeds.fields import refuse
from feeds.xml import parse

_DSIG: Final = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_UNSIGNED: Final = "TOC-2150"
_WRONG: Final = "TOC-2151"
_MAX_SIGNATURES: Final = 4
_EXPECTED: Final = SignatureConfiguration(require_x509=True, location="./", expect_references=1)
"""SHA-1 is refused, as by signxml's own defaults; one reference, to the whole alert."""
_NOT_VERIFIED: Final = (
    SignXMLException, UnsupportedAlgorithm, etree.LxmlError, ValueError, TypeError, LookupError, AttributeError,
)  # fmt: skip
"""What signxml and what it is made of raise for signatures with parts missing, emptied or swapped; all mean no."""


def verified(data: bytes, certificates: Sequence[bytes], at_ms: int, limits: Limits) -> etree._Element:
    """The alert as it was signed, by one of the certificates (PEM) while that was valid; without its signature.

    Raises ``InputError``: TOC-2150 without a signature, TOC-2151 where none is by a configured certificate, and as
    ``feeds.xml.parse``.
    """
    root = parse(data, limits)
    signatures = root.findall(_DSIG)
    if not signatures:
        refuse("alert", "not signed", _UNSIGNED)
    if len(signatures) > _MAX_SIGNATURES:
        refuse("alert.Signature", f"more than {_MAX_SIGNATURES}", _WRONG)
    why = "by no certificate that this feed is configured with"
    for candidate in _each_alone(data):
        for pem in certificates:
            try:
                found = XMLVerifier().verify(candidate, x509_cert=_in_force(pem, at_ms), expect_config=_EXPECTED)
            except _NOT_VERIFIED as error:
                why = str(error)[:200] or type(error).__name__
                continue
            signed = found.signed_xml if not isinstance(found, list) else None
            if signed is not None and signed.tag == root.tag:
                return parse(etree.tostring(signed), limits)
            why = "it covers something other than the alert"
    refuse("alert.Signature", why, _WRONG)


def _each_alone(data: bytes) -> Iterator[etree._Element]:
    """The alert with each one of its signatures and without the others: each signer signed what was there before."""
    # ``parse`` was over these bytes: no DTD, no entity, within its limits. Comments stay: some signatures cover them.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    root = etree.fromstring(data, parser)
    for number in range(len(root.findall(_DSIG))):
        one = copy.deepcopy(root)
        for other, signature in enumerate(one.findall(_DSIG)):
            if other != number:
                _take_out(one, signature)
        yield one


def _take_out(root: etree._Element, signature: etree._Element) -> None:
    """Removes an element and leaves the text after it where it was."""
    before, tail = signature.getprevious(), signature.tail or ""
    if before is not None:
        before.tail = (before.tail or "") + tail
    else:
        root.text = (root.text or "") + tail
    root.remove(signature)


def _in_force(pem: bytes, at_ms: int) -> str:
    certificate = x509.load_pem_x509_certificate(pem)
    now = datetime.fromtimestamp(at_ms / 1000, UTC)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise ValueError("the certificate that the feed is configured with is not valid at this time")
    return pem.decode("ascii")
