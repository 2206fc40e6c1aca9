"""Joins road pieces end to end where nothing changes, so that a graph has nodes only at junctions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Chain:
    """Pieces in driving order from ``tail`` to ``head``; ``backward[i]`` where one is passed against its points."""

    tail: int
    head: int
    pieces: tuple[int, ...]
    backward: tuple[bool, ...]


def chains(
    tail: NDArray[np.int64],
    head: NDArray[np.int64],
    attribute: NDArray[np.int64],
    directed: NDArray[np.bool_],
    keep: NDArray[np.bool_],
) -> list[Chain]:
    """Every piece in exactly one chain; one-ways and speeds by direction stay true.

    Two pieces are joined at a node that has no third, where ``attribute`` is the same for both and the node is
    not in ``keep``; ``directed`` pieces only head to tail. A ring of joined pieces is cut at one of its nodes,
    always the same.
    """
    partner = _partners(tail, head, attribute, directed, keep).tolist()
    starts = [end for end, other in enumerate(partner) if other < 0 and not end & 1]
    starts += [end for end, other in enumerate(partner) if other < 0 and end & 1 and not directed[end >> 1]]
    ends = (tail.tolist(), head.tolist())
    return list(_walk(ends, partner, [*starts, *range(0, len(partner), 2)]))


def _partners(
    tail: NDArray[np.int64],
    head: NDArray[np.int64],
    attribute: NDArray[np.int64],
    directed: NDArray[np.bool_],
    keep: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """The piece end that each piece end goes on to, −1 for none; end 2k is the tail of piece k, 2k + 1 its head."""
    node = np.column_stack([tail, head]).ravel()
    order = np.argsort(node, kind="stable")
    two = np.flatnonzero(np.bincount(node, minlength=len(keep)) == 2)
    at = np.searchsorted(node[order], two)
    one, other = order[at], order[at + 1]
    fit = (one // 2 != other // 2) & (attribute[one // 2] == attribute[other // 2]) & ~keep[two]
    fit &= ~directed[one // 2] | ((one & 1) != (other & 1))
    partner = np.full(len(node), -1, dtype=np.int64)
    partner[one[fit]], partner[other[fit]] = other[fit], one[fit]
    return partner


def _walk(ends: tuple[list[int], list[int]], partner: list[int], starts: list[int]) -> Iterator[Chain]:
    done = [False] * (len(partner) // 2)
    for start in starts:
        end, run, backward = start, [], []
        while end >= 0 and not done[end >> 1]:
            done[end >> 1] = True
            run.append(end >> 1)
            backward.append(bool(end & 1))
            end = partner[end ^ 1]
        if run:
            last = ends[0 if backward[-1] else 1][run[-1]]
            yield Chain(ends[start & 1][run[0]], last, tuple(run), tuple(backward))
