"""Keeping the garbage collector out of the way for a moment."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Pause:
    """How many are building something now, in any thread."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.building = 0
        self.was_on = False


_PAUSE = _Pause()


@contextmanager
def without_collection() -> Iterator[None]:
    """While many records are built, the collector stands still: it finds nothing among them and doubles the time.

    For a fraction of a second only; several threads may be inside. What was built is then put among the old at once,
    without a walk through it, unless something is frozen, which would thaw with it.
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
                if not gc.get_freeze_count():
                    gc.freeze()
                    gc.unfreeze()
                gc.enable()
