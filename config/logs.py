"""How log lines are written: without the secrets that addresses carry."""

from __future__ import annotations

import logging
import re

ONE_TIME_LINK = re.compile(r"/enter/[^/\s\"']+")


class DiscreetFormatter(logging.Formatter):
    """Leaves the token out of sign-in links: one that was only looked at, or refused, still lets somebody in."""

    def format(self, record: logging.LogRecord) -> str:
        return ONE_TIME_LINK.sub("/enter/…", super().format(record))
