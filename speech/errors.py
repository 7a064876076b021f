"""Errors of the voice. Each names the bad value and the mend, in English; the edge translates by `code`."""

from __future__ import annotations

from typing import Any


class SpeechError(Exception):
    """Base of all errors that a person can mend.

    `code` is stable and machine-readable (a page looks its own words up by it), `params` holds the values that the
    words name, and `str(error)` is the English sentence.
    """

    code = "speech_error"

    def __init__(self, message: str, *, code: str | None = None, **params: Any) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.params: dict[str, Any] = params

    @property
    def message(self) -> str:
        return str(self.args[0])

    def to_json(self) -> dict[str, Any]:
        """`{code, message, params}`: what an event or an HTTP answer carries."""
        return {"code": self.code, "message": self.message, "params": self.params}


class BadText(SpeechError):
    """A text that cannot be read aloud: empty, or with characters nobody knows how to read."""

    code = "bad_text"


class BadAudio(SpeechError):
    """A sound file that is not what was asked for, or a take that is no use."""

    code = "bad_audio"


class BadConfig(SpeechError):
    """A setting that is unknown or out of range."""

    code = "bad_config"


class BadDataset(SpeechError):
    """Clips and texts that no voice can be made of."""

    code = "bad_dataset"


class BadCheckpoint(SpeechError):
    """A file that is no checkpoint, or is a checkpoint of something else, or is damaged."""

    code = "bad_checkpoint"


class NonFinite(SpeechError):
    """A loss or gradient became NaN or infinite."""

    code = "non_finite"


class OutOfMemory(SpeechError):
    """The device has too little memory for the batch."""

    code = "out_of_memory"


class DiskFull(SpeechError):
    """There is no room for a file; nothing that was there before is lost."""

    code = "disk_full"


class Busy(SpeechError):
    """Another process is at work in the same folder."""

    code = "busy"
