"""How well a grouping of reports fits the truth: pairwise precision, recall, F1, and B-cubed.

Pairwise counts every two reports that were put together; a large group weighs with the square of its size. B-cubed
(Bagga & Baldwin 1998) asks each report how pure and how whole its own group is, so that small incidents count too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fit:
    """Shares of 1."""

    pair_precision: float
    pair_recall: float
    pair_f1: float
    b3_precision: float
    b3_recall: float
    b3_f1: float


def fit(truth: Sequence[int], groups: Sequence[int]) -> Fit:
    """How the groups fit the truth; both are one label per report, in the same order."""
    cells = Counter(zip(truth, groups, strict=True))
    real, made = Counter(truth), Counter(groups)
    both, in_truth, in_groups = (sum(_pairs(n) for n in one.values()) for one in (cells, real, made))
    total = len(truth)
    pure = sum(count * count / made[group] for (_, group), count in cells.items()) / max(total, 1)
    whole = sum(count * count / real[label] for (label, _), count in cells.items()) / max(total, 1)
    precision, recall = _share(both, in_groups), _share(both, in_truth)
    return Fit(precision, recall, _f1(precision, recall), pure, whole, _f1(pure, whole))


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
