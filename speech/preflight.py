"""What somebody should know of the clips before hours of training go into them: warnings, never errors."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable

from speech.events import Warned
from speech.manifest import ClipEntry, Manifest
from speech.text.hangul import FIRST_LEAD, FIRST_TAIL, FIRST_VOWEL
from speech.text.hangul import LEADS as LEAD_LETTERS
from speech.text.hangul import TAILS as TAIL_LETTERS
from speech.text.hangul import VOWELS as VOWEL_LETTERS
from speech.text.symbols import INDEX

LEAST_MINUTES = 3.0  # under this a voice hardly takes the speaker's timbre
LONGEST_FRAMES = 1000  # the published decoder stops there: 11.6 s
SKIPPED_SHARE = 0.1
PACE_CLIPS = 12  # that it takes to know a speaker's pace
PACE_SPREADS = 5.0  # robust standard deviations
PACE_FACTOR = 1.5  # and at least this much faster or slower than the median
NAMED = 20  # clips named in a warning

PRONOUNCED_TAILS = "ㄱㄴㄷㄹㅁㅂㅇ"
# Every positional jamo that speech is made of, and how it is shown: a tail has a dash before it.
JAMO: dict[str, str] = {
    **{chr(FIRST_LEAD + place): letter for place, letter in enumerate(LEAD_LETTERS)},
    **{chr(FIRST_VOWEL + place): letter for place, letter in enumerate(VOWEL_LETTERS)},
    **{chr(FIRST_TAIL + TAIL_LETTERS.index(letter)): f"-{letter}" for letter in PRONOUNCED_TAILS},
}


def check(manifest: Manifest) -> list[Warned]:
    """Warnings on prepared clips, the weightiest first.

    Codes: little_speech (minutes), many_skipped, missing_jamo (symbols), odd_pace, long_clips, repeated_texts (ids).
    """
    found = (
        _little_speech(manifest),
        _many_skipped(manifest),
        _missing_jamo(manifest),
        _odd_pace(manifest),
        _long_clips(manifest),
        _repeated_texts(manifest),
    )
    return [warning for warning in found if warning is not None]


def _little_speech(manifest: Manifest) -> Warned | None:
    minutes = manifest.seconds / 60
    if minutes >= LEAST_MINUTES:
        return None
    return Warned(
        "little_speech",
        f"There are only {minutes:.1f} minutes of speech; record at least {LEAST_MINUTES:.0f}, better 20.",
        {"minutes": round(minutes, 2), "limit": LEAST_MINUTES},
    )


def _many_skipped(manifest: Manifest) -> Warned | None:
    skipped, total = len(manifest.skipped), len(manifest.skipped) + len(manifest.entries)
    if skipped <= SKIPPED_SHARE * total:
        return None
    return Warned(
        "many_skipped",
        f"{skipped} of {total} clips cannot be used; the first: {manifest.skipped[0].message}",
        {"skipped": skipped, "total": total, "ids": _named(row.id for row in manifest.skipped)},
    )


def _missing_jamo(manifest: Manifest) -> Warned | None:
    """Sounds of Korean that no training clip has: the voice will have to guess them, or the base still knows them."""
    present = {symbol for entry in manifest.train for symbol in entry.symbols}
    missing = [jamo for jamo in JAMO if INDEX[jamo] not in present]
    if not missing:
        return None
    shown = [JAMO[jamo] for jamo in missing]
    return Warned(
        "missing_jamo",
        f"No training clip has {', '.join(shown)}; record sentences with them.",
        {"symbols": missing, "shown": shown},
    )


def _odd_pace(manifest: Manifest) -> Warned | None:
    """Clips much faster or slower than the others: the text is often not what was said."""
    entries = [entry for entry in manifest.entries if entry.symbols]
    if len(entries) < PACE_CLIPS:
        return None
    paces = [math.log(entry.frames / len(entry.symbols)) for entry in entries]
    median = statistics.median(paces)
    spread = 1.4826 * statistics.median(abs(pace - median) for pace in paces)
    limit = max(PACE_SPREADS * spread, math.log(PACE_FACTOR))
    odd = [entry for entry, pace in zip(entries, paces, strict=True) if abs(pace - median) > limit]
    if not odd:
        return None
    return Warned(
        "odd_pace",
        f"{len(odd)} clips are much faster or slower than the others; check that they say their text: {_list(odd)}.",
        {"count": len(odd), "ids": _named(entry.id for entry in odd)},
    )


def _long_clips(manifest: Manifest) -> Warned | None:
    long = [entry for entry in manifest.entries if entry.frames > LONGEST_FRAMES]
    if not long:
        return None
    seconds = LONGEST_FRAMES * manifest.audio.hop_length / manifest.audio.sample_rate
    return Warned(
        "long_clips",
        f"{len(long)} clips are longer than {seconds:.1f} s, which costs memory and teaches little: {_list(long)}.",
        {"count": len(long), "limit": round(seconds, 1), "ids": _named(entry.id for entry in long)},
    )


def _repeated_texts(manifest: Manifest) -> Warned | None:
    clips: dict[tuple[int, ...], list[ClipEntry]] = defaultdict(list)
    for entry in manifest.entries:
        clips[entry.symbols].append(entry)
    repeated = [entry for group in clips.values() for entry in group[1:]]
    if not repeated:
        return None
    return Warned(
        "repeated_texts",
        f"{len(repeated)} clips say what another clip says already: {_list(repeated)}.",
        {"count": len(repeated), "ids": _named(entry.id for entry in repeated)},
    )


def _named(ids: Iterable[str]) -> list[str]:
    return list(ids)[:NAMED]


def _list(entries: list[ClipEntry]) -> str:
    shown = ", ".join(entry.id for entry in entries[:3])
    return f"{shown} …" if len(entries) > 3 else shown
