"""Recognisers of the stretches of a text that are not plain Hangul words, most specific first."""

from __future__ import annotations

from speech.text.spans.scan import Found, Recogniser

__all__ = ["Found", "Recogniser"]
