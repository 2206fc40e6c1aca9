"""Street names: invented, plausible, and the same along the whole course of a street."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from twin.city import plan
from twin.city.weave import Graph

_FIRST = (
    "Ash Birch Black Brad Bram Bren Brook Burn Cal Carn Chal Cold Cran Dal Dun East Elder Elm Fal Farn Fen "
    "Fern Glen Gold Grims Hal Hart Hawk Hazel Hol Ivy Kel Kirk Lang Lark Lin Long Mal Mar May Mel Mill Nether "
    "New North Oak Old Pen Raven Red Rose Rush Sand Sea Shel Silver Stan Stone Swan Thorn Tarn Under Wal Wat "
    "West Whit Wick Wil Win Wood Wren Yarrow"
)
FIRST = tuple(_FIRST.split())
_LAST = (
    "bank beck borne bourne bridge burn bury by combe cott croft dale dean den ditch field firth fold ford "
    "gate grove ham haven hay hill holm hurst ing leigh ley low mead mere moor more ness over ridge rigg shaw "
    "side stead stoke thorpe ton wade wall ward well wich wick wold worth"
)
LAST = tuple(_LAST.split())
_SINGLE = (
    "Admiral Alder Amber Anchor Apple Archer Baker Barrel Beacon Bell Bishop Bow Brewer Briar Bridle Butcher "
    "Candle Canon Capstan Carpenter Carter Chandler Chapel Cherry Church Cloister Clover Cobbler Compass "
    "Cooper Coral Corn Cross Crown Dyer Falcon Farrier Fiddler Fisher Fletcher Forge Foundry Fuller Glover "
    "Goose Granary Green Guild Hammer Hatter Herring Honey Hook Hope Iron Juniper Keel King Lantern Lime "
    "Linen Loom Mariner Mason Mercer Merchant Minster Mint Nail Oar Orchard Oyster Palmer Pepper Pewter "
    "Pilgrim Pilot Plum Potter Prince Prior Pump Queen Quince Rope Rowan Saddler Sail Salt Sexton Shepherd "
    "Ship Skinner Smith Spicer Spring Star Sun Swallow Tailor Tanner Temple Thatcher Tiller Tower Trinity "
    "Turner Vine Walnut Water Weaver Wheel Willow"
)
SINGLE = tuple(_SINGLE.split())
KINDS = {
    "medieval": ("Lane", "Row", "Alley", "Wynd", "Gate", "Passage", "Street", "Yard"),
    "terrace": ("Street", "Road", "Terrace", "Place", "Row"),
    "grid": ("Street", "Avenue", "Place"),
    "garden": ("Road", "Drive", "Way", "Crescent", "Rise", "Gardens"),
    "works": ("Road", "Way", "Works Road"),
    "port": ("Dock Road", "Wharf", "Terminal Road"),
    "village": ("Lane", "Road", "Hill", "Green"),
    "seam": ("Link", "Cut", "Passage", "Lane", "Street"),
}
SEAM_COURSE = 10_000_000


def name_streets(
    graph: Graph,
    drawn: dict[int, str],
    rng: np.random.Generator,
) -> tuple[list[str], NDArray[np.int32]]:
    """All names (the first empty) and the index of each edge's name."""
    names = [""]
    index: dict[str, int] = {}
    of_edge = np.zeros(len(graph.tail), dtype=np.int32)
    for k in np.flatnonzero(np.isin(graph.course, list(drawn))):
        name = drawn[int(graph.course[k])]
        if name not in index:
            index[name] = len(names)
            names.append(name)
        of_edge[k] = index[name]
    roots = _roots(rng)
    turn: dict[str, int] = {}
    for course, edges in _runs(graph, drawn):
        fabric = "seam" if course >= SEAM_COURSE else plan.DISTRICTS[course // 20_000].fabric
        kinds = KINDS[fabric]
        if fabric in ("garden", "village") and len(edges) <= 2:
            kinds = ("Close", "Court", "Mews", "Nook")
        name, step = "", turn.get(fabric, 0)
        while not name or name in index:
            trade = fabric == "medieval" and step < 6 * len(SINGLE)
            root = SINGLE[step % len(SINGLE)] if trade else roots[(step * 7 + len(fabric) * 331) % len(roots)]
            name = f"{root} {kinds[(step // 3 + step // len(SINGLE)) % len(kinds)]}"
            step += 1
        turn[fabric] = step
        index[name] = len(names)
        of_edge[edges] = len(names)
        names.append(name)
    return names, of_edge


def _roots(rng: np.random.Generator) -> list[str]:
    compounds = [a + b for a in FIRST for b in LAST if a[-1].lower() != b[0]]
    roots = compounds + [single for single in SINGLE for _ in range(4)]
    return [roots[k] for k in rng.permutation(len(roots))]


def _runs(graph: Graph, drawn: dict[int, str]) -> list[tuple[int, NDArray[np.int64]]]:
    """Unbroken stretches of each unnamed course: the course and its edges, in a fixed order."""
    local = np.flatnonzero(~np.isin(graph.course, list(drawn)))
    ends = np.concatenate([graph.tail[local], graph.head[local]])
    spots, spot = np.unique(np.tile(graph.course[local], 2) * 1_000_000 + ends, return_inverse=True)
    half = len(local)
    links = coo_matrix((np.ones(half), (spot[:half], spot[half:])), shape=(len(spots), len(spots)))
    _, label = connected_components(links, directed=False)
    run = label[spot[:half]]
    order = np.argsort(run, kind="stable")
    cuts = np.flatnonzero(np.diff(run[order])) + 1
    return [(int(graph.course[local[part[0]]]), local[part]) for part in np.split(order, cuts)]
