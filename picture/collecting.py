"""Keeping the garbage collector out of the way for a moment."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

MANY: Final = 20_000
"""New objects through which a walk would be felt."""


class _Pause:
    """How many are building something now, in any thread."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.building = 0
        self.was_on = False
        self.may_age = True
        """Whether nothing was found frozen; asking walks through all that is, so it is asked no more then."""

    def age(self) -> None:
        """Puts what was built among the old at once, without a walk through it."""
        self.may_age = self.may_age and not gc.get_freeze_count()  # which thaws with it, and was frozen on purpose
        if self.may_age:
            gc.freeze()
            gc.unfreeze()


_PAUSE = _Pause()


@contextmanager
def without_collection() -> Iterator[None]:
    """While many records are built, the collector stands still: it finds nothing among them and doubles the time.

    For a fraction of a second only; several threads may be inside. Much that was built is then old at once, and not
    walked through either, unless the process has frozen something.
    """
    with _PAUSE.lock:
        if not _PAUSE.building:
            _PAUSE.was_on = gc.isenabled()
            gc.disable()
        _PAUSE.building += 1
    try:
        yield
    finally:
        with _PAUSE.lock:
            _PAUSE.building -= 1
            if not _PAUSE.building and _PAUSE.was_on:
                if gc.get_count()[0] > MANY:
                    _PAUSE.age()
                gc.enable()
