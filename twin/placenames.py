"""How people write places: coordinates, crossings, house numbers, and names spelt nearly right."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from difflib import SequenceMatcher

Coordinates = list[tuple[float, float]]

_WORDS = {
    "st": "street",
    "str": "street",
    "rd": "road",
    "ave": "avenue",
    "av": "avenue",
    "ln": "lane",
    "sq": "square",
    "pl": "place",
    "dr": "drive",
    "blvd": "boulevard",
    "ct": "court",
    "hosp": "hospital",
    "stn": "station",
    "gdns": "gardens",
    "ter": "terrace",
    "cres": "crescent",
    "brg": "bridge",
    "hwy": "highway",
    "pk": "park",
}
_LEAD = re.compile(r"^(?:the )?(?:corner of|junction of|intersection of|near|opposite|outside|behind|at|by)\s+", re.I)
_BETWEEN = re.compile(r"\s*(?:&|/|@|\s(?:and|at|x|corner(?: of)?|cnr)\s)\s*", re.I)
_NUMBER_FIRST = re.compile(r"^(?:no\.?\s*)?(\d{1,4})\s?[a-z]?\s+(\D.*)$", re.I)
_NUMBER_LAST = re.compile(r"^(\D.*?),?\s+(?:no\.?\s*)?(\d{1,4})\s?[a-z]?$", re.I)
_PAIR = re.compile(r"^\s*([-+]?\d{1,3}(?:\.\d+)?)\s*[,; ]\s*([-+]?\d{1,3}(?:\.\d+)?)\s*$")
_ANGLE = re.compile(
    r"(\d{1,3}(?:\.\d+)?)\s*[°d ]?\s*(?:(\d{1,2}(?:\.\d+)?)\s*['′m]?)?\s*"
    r"(?:(\d{1,2}(?:\.\d+)?)\s*[\"″s]?)?\s*([NSEW])",
    re.I,
)


def normal(text: str) -> str:
    """The form names are compared in: lower case, no accents or punctuation, street words in full.

    "St" is Saint in front of a name and Street behind one.
    """
    plain = unicodedata.normalize("NFKD", text).casefold().replace("'", "").replace("’", "")
    words = "".join(char if char.isalnum() else " " for char in plain if not unicodedata.combining(char)).split()
    return " ".join(
        "saint" if word == "st" and place < len(words) - 1 else _WORDS.get(word, word)
        for place, word in enumerate(words)
    )


def read_coordinates(said: str) -> Coordinates | None:
    """Readings of coordinates as (longitude, latitude), likelier first; None where the text is none.

    Plain pairs are read longitude first, then latitude first; letters (45°12.5'N 30°00.6'W) leave no choice.
    """
    pair = _PAIR.match(said)
    if pair:
        a, b = float(pair[1]), float(pair[2])
        readings = [(lon, lat) for lon, lat in ((a, b), (b, a)) if abs(lon) <= 180.0 and abs(lat) <= 90.0]
        return readings or None
    angles = list(_ANGLE.finditer(said))
    if len(angles) != 2 or _ANGLE.sub("", said).strip(" ,;/") or any(not angle[1] for angle in angles):
        return None
    by_axis: dict[bool, float] = {}
    for angle in angles:
        degrees = float(angle[1]) + float(angle[2] or 0) / 60 + float(angle[3] or 0) / 3600
        by_axis[angle[4].upper() in "NS"] = -degrees if angle[4].upper() in "SW" else degrees
    if len(by_axis) != 2 or abs(by_axis[True]) > 90.0 or abs(by_axis[False]) > 180.0:
        return None
    return [(by_axis[False], by_axis[True])]


def split_crossing(said: str) -> tuple[str, str] | None:
    """The two streets of "A & B", "corner of A and B", "A at B" or "A / B"; None for any other text."""
    parts = [part for part in _BETWEEN.split(_LEAD.sub("", f"{said}")) if part]
    return (parts[0], parts[1]) if len(parts) == 2 else None


def split_number(said: str) -> tuple[int, str, str] | None:
    """(number, street, district or "") of "12 Customs Quay, Old Harbour" or "Customs Quay 12", else None."""
    said = _LEAD.sub("", said)
    street, _, district = said.partition(",")
    first, last = _NUMBER_FIRST.match(street.strip()), _NUMBER_LAST.match(street.strip())
    if first:
        return int(first[1]), first[2], district.strip()
    if last:
        return int(last[2]), last[1], district.strip()
    return None


class NameIndex:
    """Names by likeness: shared trigrams choose candidates, then the ratio of equal letters ranks them."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = [normal(name) for name in names]
        self._exact: dict[str, list[int]] = defaultdict(list)
        self._grams: dict[str, list[int]] = defaultdict(list)
        self._sizes = []
        for position, name in enumerate(self._names):
            grams = _trigrams(name)
            self._sizes.append(len(grams))
            if name:
                self._exact[name].append(position)
            for gram in grams:
                self._grams[gram].append(position)

    def search(self, said: str, limit: int, floor: float = 0.72) -> list[tuple[int, float]]:
        """(position, score 0 to 1) of the likest names, best first, from ``floor``; exact ones 1."""
        wanted = normal(_LEAD.sub("", said))
        exact = self._exact.get(wanted)
        if exact:
            return [(position, 1.0) for position in exact[:limit]]
        shared: dict[int, int] = defaultdict(int)
        grams = _trigrams(wanted)
        for gram in grams:
            for position in self._grams.get(gram, ()):
                shared[position] += 1

        def likeness(position: int) -> float:
            """By shared trigrams of both, or of what was said alone: people say the beginning of a long name."""
            both = 2 * shared[position] / (len(grams) + self._sizes[position])
            return max(both, 0.85 * shared[position] / len(grams))

        likely = sorted(shared, key=lambda p: (-likeness(p), p))[: 8 * limit]
        scored = [(position, self._score(wanted, self._names[position])) for position in likely]
        return sorted((pair for pair in scored if pair[1] >= floor), key=lambda pair: (-pair[1], pair[0]))[:limit]

    @staticmethod
    def _score(wanted: str, name: str) -> float:
        """Ratio of equal letters; or a name with words that begin as was said ("st anne" for the hospital)."""
        ratio = SequenceMatcher(None, wanted, name, autojunk=False).ratio()
        if len(wanted) >= 4 and f" {wanted}" in f" {name}":
            ratio = max(ratio, 0.85 + 0.1 * len(wanted) / len(name))
        return min(ratio, 0.99)


def _trigrams(name: str) -> set[str]:
    padded = f"  {name} "
    return {padded[i : i + 3] for i in range(len(padded) - 2)} if name else set()
