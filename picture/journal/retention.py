"""How long sealed values are kept: days per retention class after their incident closed, and then their keys go.

What belongs to no incident (units' positions, calls that led to none) is sealed under keys that are renewed as time
goes; such a key's days begin when the next one takes over. The journal's entries stay: only what was sealed goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from picture.events import PayloadShredded
from picture.journal.custody import Keeping, shred
from picture.model import StreamPicture
from picture.sealing import KeyInfo, Keyring

DAY_MS = 86_400_000

Days = Annotated[int, Field(ge=0)] | Literal["keep"]


class RetentionPolicy(BaseModel):
    """``[retention]`` of ``tocsin.toml``: days after a scope is over, or ``keep``. The law of the site decides them."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    operations_days: Days = Field(default=1825, union_mode="left_to_right")
    """Log, decisions' reasons, routes."""
    personal_days: Days = Field(default=90, union_mode="left_to_right")
    """Callers, casualties, positions of responders, raw messages."""
    training_days: Days = Field(default=30, union_mode="left_to_right")
    """Everything sealed in a drill or what-if."""
    renew_days: int = Field(default=1, ge=1)
    """How long one key serves what belongs to no incident."""

    def days_for(self, retention_class: str, world: str) -> Days:
        """The days of a class in a world; a class that has none is kept."""
        if world != "live":
            return self.training_days
        return {
            "operations": self.operations_days, "personal": self.personal_days, "training": self.training_days,
        }.get(retention_class, "keep")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fate:
    """What the policy says of one key."""

    key: KeyInfo
    over_ms: int | None
    """When its scope was over; None while it is not."""
    due_ms: int | None
    """When the key is to be destroyed; None while its scope is not over, or where its class is kept."""
    held: bool
    """Under legal hold: not destroyed, whatever is due."""

    def ripe(self, now_ms: int) -> bool:
        """Whether the key is to be destroyed now."""
        return not self.held and self.due_ms is not None and self.due_ms <= now_ms


def fates(picture: StreamPicture, keyring: Keyring, policy: RetentionPolicy, now_ms: int) -> tuple[Fate, ...]:
    """What becomes of every key, soonest first; a key that a crash left doomed is due at once."""
    found = [_fate(picture, info, policy, now_ms) for info in keyring.inventory()]
    return tuple(sorted(found, key=lambda fate: (fate.due_ms is None, fate.due_ms or 0, fate.key)))


def apply_retention(keeping: Keeping, policy: RetentionPolicy, now_ms: int) -> tuple[PayloadShredded, ...]:
    """What was journalled about the keys that were due and are gone now; renews the keys of what has no incident."""
    for info in keeping.keyring.inventory():
        pooled = info.scope not in keeping.picture.incidents and not keeping.picture.drill.stopped
        if (
            pooled
            and info.retired_ms is None
            and not info.doomed
            and now_ms - info.made_ms >= policy.renew_days * DAY_MS
        ):
            keeping.keyring.renew(*info.place, at_ms=now_ms)
    ripe = [fate.key for fate in fates(keeping.picture, keeping.keyring, policy, now_ms) if fate.ripe(now_ms)]
    return shred(keeping, ripe, by=()) if ripe else ()


def _fate(picture: StreamPicture, info: KeyInfo, policy: RetentionPolicy, now_ms: int) -> Fate:
    held = info.scope in picture.holds
    if info.doomed:
        return Fate(info, now_ms, now_ms, held)
    over_ms = _over_ms(picture, info)
    days = policy.days_for(info.retention, picture.world)
    due_ms = None if over_ms is None or days == "keep" else over_ms + days * DAY_MS
    return Fate(info, over_ms, due_ms, held)


def _over_ms(picture: StreamPicture, info: KeyInfo) -> int | None:
    incident = picture.incidents.get(info.scope)
    ends = []
    if incident is None and info.retired_ms is not None:
        ends.append(info.retired_ms)
    if incident is not None and incident.status == "closed":
        ends.append(incident.updated_ms)
    if picture.drill.stopped:
        ends.append(picture.drill.end_ms or picture.at_ms)
    return min(ends, default=None)
