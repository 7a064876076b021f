"""How a voice learned to read, held against how texts are read to it now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from speech.config import TextConfig
from speech.events import Warned
from speech.text import FRONT_END_VERSION, generation
from speech.text.dictionary import sha256


def differences(learned: Mapping[str, Any], own: Mapping[str, str] | None = None) -> list[Warned]:
    """What a person should know before the voice speaks, in their order of weight.

    `learned`: `front_end` of the checkpoint's header, `{version, mode, dictionary_sha256}`. `own`: the dictionary that
    holds for the voice now; None leaves it unasked, as a checkpoint does that kept no hash of its own.
    """
    found = []
    version, mode = learned.get("version", ""), learned.get("mode", "")
    if generation(version) != generation(FRONT_END_VERSION):
        message = (
            f"This voice learned to read by front end {version or 'unknown'}; {FRONT_END_VERSION} reads to it now."
        )
        found.append(Warned("other_front_end", message, {"voice": version, "now": FRONT_END_VERSION}))
    if mode not in ("", TextConfig().mode):
        message = f"This voice learned to read in mode {mode}, not {TextConfig().mode}; texts are read to it that way."
        found.append(Warned("other_mode", message, {"voice": mode, "usual": TextConfig().mode}))
    had = learned.get("dictionary_sha256", "")
    if own is not None and had and had != (now := sha256(own)):
        message = "This voice learned to read by another dictionary; words that changed since may sound unsure."
        found.append(Warned("other_dictionary", message, {"voice": had, "now": now}))
    return found
