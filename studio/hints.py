"""Whether Redis was there when it was last needed.

It carries hints only, and many places notice at once that it is away: a process tells of it once, and once more when it
is back.
"""

from __future__ import annotations

import logging
import threading

logger = logging.getLogger(__name__)

_lock = threading.Lock()
_away = False


def lost(error: BaseException, what: str, *values: object) -> None:
    """Redis did not answer. `what`, filled in with `values`, says what did not happen because of it."""
    global _away
    with _lock:
        known, _away = _away, True
    level = logging.DEBUG if known else logging.WARNING
    message = "Redis is away (%s): %s. Until it is back, rows of the database take its place."
    logger.log(level, message, error, what % values)


def back() -> None:
    """Redis answered."""
    global _away
    if not _away:
        return
    with _lock:
        known, _away = _away, False
    if known:
        logger.warning("Redis is back.")
