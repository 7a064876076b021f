"""What keeps a command from starting: said in one line, Korean first, with the mend."""

from __future__ import annotations


class StartError(Exception):
    """Something outside the program is in the way; `str()` is the one line that a person reads."""

    def __init__(self, korean: str, english: str) -> None:
        super().__init__(f"{korean} · {english}")
