"""From a folder of clips and texts to what a network is fed: `prepare`, then `Manifest` and its batches."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np

from speech import audio as sound
from speech import clean, quality
from speech import text as front_end
from speech.batches import (
    AcousticBatch,
    AcousticBatches,
    Batches,
    VocoderBatch,
    VocoderBatches,
    collate_acoustic,
    collate_vocoder,
)
from speech.config import AudioConfig, TextConfig
from speech.errors import BadAudio, BadDataset, DiskFull, SpeechError
from speech.events import DataPrepared, Event, StageChanged
from speech.files import is_file, sha256_of, sweep
from speech.lifetime import turn
from speech.manifest import NAME, UNFINISHED, ClipEntry, Manifest
from speech.source import Skipped, SourceClip, read_source
from speech.wav import Float32Array, Int16Array, to_float32, to_int16

__all__ = [
    "AcousticBatch",
    "AcousticBatches",
    "Batches",
    "ClipEntry",
    "Manifest",
    "VocoderBatch",
    "VocoderBatches",
    "collate_acoustic",
    "collate_vocoder",
    "prepare",
]

PREPARATION = 1  # raised when trimming, levelling or the mel changes, so that old results are not taken for new ones
MIN_CLIP_SECONDS = 0.3
MAX_CLIP_SECONDS = 15.0  # longer ones only fill the memory
MAX_HELD_OUT = 100  # clips
BLOCK = 32  # clips worked on at a time, which bounds the memory
EVENT_SECONDS = 0.2  # between two events of progress
KEEP_SECONDS = 20.0  # of work that a preparation which is cut off may lose


def prepare(
    source: Path,
    out: Path,
    *,
    audio: AudioConfig,
    text: TextConfig,
    held_out: float,
    seed: int,
    dictionary: Mapping[str, str] | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
) -> Manifest:
    """Makes the clips of `source` ready for training in `out`; what has been made before is not made again.

    Nor is what a preparation made that was cut off, but for its last `KEEP_SECONDS`. While another one is at work in
    `out` this one waits for it.

    Each clip is decoded, trimmed (by its row, else by its own silence), levelled, resampled and measured as a mel; its
    text, read by `dictionary` too, becomes symbols. Clips that cannot be used are in `skipped`. About the share
    `held_out` of the clips, at least one and at most 100, is kept from training: by sentence, so that no text is on
    both sides, and by a hash of the sentence and `seed`, so that they stay the same when clips are added.
    Raises BadDataset for fewer than two usable clips, or fewer than two sentences to hold one out of; DiskFull.
    """
    clips, skipped = read_source(source)
    readable: list[tuple[SourceClip, tuple[int, ...]]] = []
    for clip in clips:
        try:
            said = front_end.read(clip.reading or clip.text, dictionary=dictionary, mode=text.mode)
            readable.append((clip, tuple(front_end.encode(said, text))))
        except SpeechError as error:
            skipped.append(Skipped(clip.id, error.code, error.message))
    out.mkdir(parents=True, exist_ok=True)
    # Two at once would write over each other, and a manifest that names zeros stays as it is ever after.
    with turn(out, lambda: on_event(StageChanged("prepare", 0, len(readable)))):
        sweep(out)
        sounds = _Sounds(out, audio, text, on_event)
        results = sounds.make([clip for clip, _ in readable])
        entries = []
        for clip, symbols in readable:
            result = results[clip.id]
            if isinstance(result, Skipped):
                skipped.append(result)
            else:
                entries.append(replace(result, text=clip.text, reading=clip.reading, symbols=symbols))
        entries = _hold_out(entries, held_out, seed, skipped)
        version = front_end.FRONT_END_VERSION
        manifest = Manifest(
            out, audio, text, version, tuple(entries), tuple(skipped), sounds.mels_file, sounds.samples_file
        )
        manifest.save()
        (out / UNFINISHED).unlink(missing_ok=True)
        _remove_others(manifest)
    on_event(
        DataPrepared(
            clips=len(entries),
            train=len(manifest.train),
            held_out=len(manifest.held_out),
            seconds=round(manifest.seconds, 2),
            skipped=[dict(row.to_json()) for row in skipped],
        )
    )
    return Manifest.load(out)


class _Sounds:
    """Makes the mels and samples of clips in the files of `out`, several clips at a time."""

    def __init__(self, out: Path, audio: AudioConfig, text: TextConfig, on_event: Callable[[Event], None]) -> None:
        self.out, self.audio, self.text, self.on_event = out, audio, text, on_event
        self.mels_file = self.samples_file = ""

    def make(self, clips: Sequence[SourceClip]) -> dict[str, ClipEntry | Skipped]:
        """By clip id: where its sound lies now (the text is still to be filled in), or why it cannot be used."""
        results: dict[str, ClipEntry | Skipped] = {}
        progress = _Progress(len(clips), self.on_event)
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            marked = list(zip(clips, pool.map(self._fingerprint, clips), strict=True))
            with self._open({mark for _, mark in marked}) as store:
                kept = time.monotonic()
                for start in range(0, len(marked), BLOCK):
                    block = marked[start : start + BLOCK]
                    fresh = [clip for clip, mark in block if mark not in store.entries]
                    made = dict(zip((clip.id for clip in fresh), pool.map(self._make_one, fresh), strict=True))
                    for clip, mark in block:
                        outcome = made.get(clip.id)
                        if isinstance(outcome, Skipped):
                            results[clip.id] = outcome
                        else:
                            if outcome is not None and mark not in store.entries:
                                store.append(mark, *outcome)
                            results[clip.id] = replace(store.entries[mark], id=clip.id)
                        progress.advance()
                    if time.monotonic() - kept >= KEEP_SECONDS and store.entries:
                        self._keep(store)
                        kept = time.monotonic()
        return results

    def _keep(self, store: _Store) -> None:
        """Write down what is there, for the next time should this one be cut off."""
        store.sync()
        entries, version = tuple(store.entries.values()), front_end.FRONT_END_VERSION
        files = self.mels_file, self.samples_file
        Manifest(self.out, self.audio, self.text, version, entries, (), *files).save(UNFINISHED)

    def _last(self, wanted: set[str]) -> Manifest | None:
        """Of the last preparation, finished or cut off, the one that made more of what is wanted.

        Where that is not the one that was cut off, this is forgotten: its files may be written over.
        """
        found: dict[str, Manifest] = {}
        for name in (NAME, UNFINISHED):
            with suppress(BadDataset):
                found[name] = Manifest.load(self.out, name)
        best = max(found, key=lambda name: len(wanted & {one.fingerprint for one in found[name].entries}), default=None)
        if best != UNFINISHED:
            (self.out / UNFINISHED).unlink(missing_ok=True)
        return found[best] if best else None

    def _fingerprint(self, clip: SourceClip) -> str:
        """Of all that the mel and the samples depend on; empty for a sound that cannot be opened."""
        if not is_file(clip.audio):
            return ""
        try:
            parts = [PREPARATION, sha256_of(clip.audio), clip.trim, self.audio.to_json()]
            if clip.room_dbfs is not None:
                parts.append(clip.room_dbfs)
        except OSError:
            return ""  # loading it will say why
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @contextmanager
    def _open(self, wanted: set[str]) -> Iterator[_Store]:
        """The files of the last time, where all that they hold is still wanted; else new ones with what is.

        So a clip that was taken back leaves nothing of itself behind.
        """
        last = self._last(wanted)
        number = int(last.mels_file.removeprefix("mels-").removesuffix(".f32")) if last else 0
        valid = {entry.fingerprint: entry for entry in last.entries if entry.fingerprint in wanted} if last else {}
        append = last is not None and len(valid) == len({entry.fingerprint for entry in last.entries})
        if not append:
            number += 1
        self.mels_file, self.samples_file = f"mels-{number}.f32", f"samples-{number}.s16"
        mode = "r+b" if append else "w+b"
        paths = self.out / self.mels_file, self.out / self.samples_file
        try:
            with paths[0].open(mode) as mels, paths[1].open(mode) as samples:
                store = _Store(mels, samples, self.audio.n_mels)
                if append:
                    store.resume(valid)
                elif last is not None:
                    for mark, entry in valid.items():
                        store.append(mark, last.mel(entry), to_int16(last.samples(entry)))
                yield store
                store.sync()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            raise DiskFull(
                f"The disk is full: {self.out} has no room for the prepared clips. Free some space there.",
                path=str(self.out),
            ) from error

    def _make_one(self, clip: SourceClip) -> tuple[Float32Array, Int16Array] | Skipped:
        try:
            return make_sound(clip, self.audio)
        except SpeechError as error:
            return Skipped(clip.id, error.code, error.message)


def make_sound(clip: SourceClip, audio: AudioConfig) -> tuple[Float32Array, Int16Array]:
    """The mel [M, T] of a clip and the samples [S] at the front end's rate that it was made from.

    Raises BadAudio: what `speech.audio.load` raises, silent, too_short, too_long.
    """
    wave, rate = sound.load(clip.audio)
    if clip.trim:
        start, end = (min(len(wave), round(seconds * rate)) for seconds in clip.trim)
    else:
        floor = quality.take_floor(wave, rate, clip.room_dbfs)
        start, end = clean.trim_bounds(wave, rate, noise_floor_dbfs=floor)
    wave = wave[start:end]
    _check_length(clip.audio.name, len(wave) / rate)
    if quality.loudness(wave, rate) <= quality.SILENCE_DBFS:
        raise BadAudio(f"{clip.audio.name} is silent; record it again.", code="silent")
    levelled = clean.level(wave, rate)
    samples = to_int16(sound.resample(levelled, rate, audio.sample_rate))
    return sound.log_mel(to_float32(samples), audio), samples


def _check_length(name: str, seconds: float) -> None:
    if seconds < MIN_CLIP_SECONDS:
        raise BadAudio(
            f"{name} has {seconds:.2f} s of speech; at least {MIN_CLIP_SECONDS} s are needed. Record it again.",
            code="too_short", seconds=round(seconds, 3), limit=MIN_CLIP_SECONDS,
        )  # fmt: skip
    if seconds > MAX_CLIP_SECONDS:
        raise BadAudio(
            f"{name} has {seconds:.1f} s of speech; at most {MAX_CLIP_SECONDS:.0f} s are used. Cut it in two.",
            code="too_long", seconds=round(seconds, 3), limit=MAX_CLIP_SECONDS,
        )  # fmt: skip


class _Store:
    """The two open files, and what lies where in them by fingerprint."""

    def __init__(self, mels: IO[bytes], samples: IO[bytes], n_mels: int) -> None:
        self.mels, self.samples, self.n_mels = mels, samples, n_mels
        self.entries: dict[str, ClipEntry] = {}
        self.frames = self.sample_count = 0

    def resume(self, entries: dict[str, ClipEntry]) -> None:
        """Go on behind `entries`; what an interrupted preparation wrote there is cut off."""
        self.entries = dict(entries)
        self.frames = max(entry.offset + entry.frames for entry in entries.values())
        self.sample_count = max(entry.sample_offset + entry.sample_count for entry in entries.values())
        for file, size in ((self.mels, 4 * self.frames * self.n_mels), (self.samples, 2 * self.sample_count)):
            if file.seek(0, os.SEEK_END) != size:
                file.truncate(size)
                file.seek(size)

    def append(self, fingerprint: str, mel: Float32Array, samples: Int16Array) -> None:
        """`mel`: [M, T], `samples`: [S]."""
        self.mels.write(np.ascontiguousarray(mel.T, dtype="<f4").tobytes())
        self.samples.write(samples.astype("<i2").tobytes())
        self.entries[fingerprint] = ClipEntry(
            id="", text="", reading="", symbols=(), frames=mel.shape[1], offset=self.frames,
            sample_count=len(samples), sample_offset=self.sample_count, held_out=False, fingerprint=fingerprint,
        )  # fmt: skip
        self.frames += mel.shape[1]
        self.sample_count += len(samples)

    def sync(self) -> None:
        """All is on disk once this returns: the manifest may name it."""
        for file in (self.mels, self.samples):
            file.flush()
            os.fsync(file.fileno())


class _Progress:
    """Tells how far the work is, not more often than somebody can read."""

    def __init__(self, total: int, on_event: Callable[[Event], None]) -> None:
        self.done, self.total, self.on_event = 0, total, on_event
        self.told = time.monotonic()
        on_event(StageChanged("prepare", 0, total))

    def advance(self) -> None:
        self.done += 1
        now = time.monotonic()
        if self.done == self.total or now - self.told >= EVENT_SECONDS:
            self.told = now
            self.on_event(StageChanged("prepare", self.done, self.total))


def _hold_out(entries: list[ClipEntry], share: float, seed: int, skipped: list[Skipped]) -> list[ClipEntry]:
    """The entries with `held_out` set: whole sentences, in the order of a hash that no other sentence moves."""
    groups: dict[str, list[str]] = {}
    for entry in entries:
        groups.setdefault(_sentence(entry), []).append(entry.id)
    if len(entries) < 2 or (share > 0 and len(groups) < 2):
        why = f" {len(skipped)} were skipped, the first because: {skipped[0].message}" if skipped else ""
        raise BadDataset(
            f"{len(entries)} clips with {len(groups)} different sentences can be used; at least 2 are needed.{why}",
            code="too_few_clips", clips=len(entries), sentences=len(groups), skipped=len(skipped),
        )  # fmt: skip
    drawn = sorted((_draw(sentence, seed), sentence) for sentence in groups)
    held: set[str] = set()
    for number, sentence in drawn[:-1] if share > 0 else ():
        ids = groups[sentence]
        if held and (number >= share or len(held) + len(ids) > MAX_HELD_OUT):
            break
        held.update(ids)
    return [replace(entry, held_out=entry.id in held) for entry in entries]


def _sentence(entry: ClipEntry) -> str:
    """What is said, without what only spelling knows: spaces and punctuation."""
    said = unicodedata.normalize("NFC", entry.reading or entry.text).casefold()
    return "".join(character for character in said if character.isalnum())


def _draw(sentence: str, seed: int) -> float:
    """A number in 0..1 that depends on the sentence and the seed only."""
    digest = hashlib.sha256(f"{seed}\n{sentence}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def _remove_others(manifest: Manifest) -> None:
    """Files of earlier preparations; whoever still has them open keeps what he sees."""
    for path in (*manifest.folder.glob("mels-*.f32"), *manifest.folder.glob("samples-*.s16")):
        if path.name not in (manifest.mels_file, manifest.samples_file):
            path.unlink()
