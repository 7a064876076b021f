"""Measures of one take and the verdict on it. numpy and scipy only, so that the web process may use it.

`inspect` measures, `judge` compares with the one table of thresholds, `speech.limits`. A verdict's reasons are codes;
the page has the words:

| code        | what is wrong                                                     | `value`                  |
| ----------- | ----------------------------------------------------------------- | ------------------------ |
| silent      | no speech was found                                               | speech seconds           |
| clipped     | the wave hits full scale three or more samples in a row           | number of such runs      |
| zeros       | a run of digital zeros: a dropout, or noise suppression is on     | seconds of the longest   |
| dropout     | digital zeros in the midst of sound: the computer missed some     | number of such holes     |
| noisy       | speech stands too little above the noise                          | SNR, dB                  |
| noisy_room  | the room itself is loud, though speech stands above it            | noise floor, dBFS        |
| too_quiet   | the peak is low: come closer or raise the gain                    | peak, dBFS               |
| too_loud    | the peak is close to full scale                                   | peak, dBFS               |
| edge_start  | speech begins too close to the start: its onset may be lost       | seconds before speech    |
| edge_end    | speech ends too close to the end: its last sound may be lost      | seconds after speech     |
| dc_offset   | the wave is not centred                                           | offset, share of full scale |
| too_long    | longer than training uses                                         | seconds                  |
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # its parts load when they are first used: the web process does not wait for them at its start

from speech.errors import BadAudio
from speech.limits import RULES, Limits
from speech.wav import Float32Array, Int16Array, to_float32

Level = Literal["good", "warned", "refused"]
Float64Array = npt.NDArray[np.float64]

SILENCE_DBFS = -96.0  # what 16 bits can hold; nothing is reported as quieter
CLIPPED_AT = 0.999  # of full scale
CLIPPED_RUN = 3  # samples
FRAME_SECONDS = 0.01  # hop of the level track; a frame of it spans two hops
MARGIN_FRAMES = 3  # beside speech, that belong neither to it nor to the room
ROOM_FRAMES = 10  # that it takes to know the room
ROOM_CHANGED_DB = 6.0  # off the measured room: something was switched on or off since
HOLE_SECONDS = 0.002  # of exact zeros, where the sound on both sides …
HOLE_SIDE_SECONDS = 0.001
HOLE_SIDE_DBFS = -50.0  # … is at least so loud: no voice and no noise gate does that
QUIET_HOLE_SECONDS = (0.005, 0.25)  # a hole in a quiet room is as bad: Chromium puts 10 ms of zeros, then loses as much
QUIET_SIDE_SECONDS = 0.01
QUIET_SIDE_ZEROS = 0.4  # share of zeros on either side at most: a room below the last bit is made of them
QUIET_EDGE = 0.25  # of a side's amplitude that its end has at least: a gate that closes fades


@dataclass(frozen=True)
class Report:
    """Measures of one take. Times in seconds, levels in dB relative to full scale (a full-scale square wave is 0)."""

    seconds: float
    sample_rate: int
    peak_dbfs: float
    rms_dbfs: float  # of the frames with speech
    loudness_lufs: float  # ITU-R BS.1770, gated
    noise_floor_dbfs: float
    snr_db: float  # speech frames over noise floor
    clipped_runs: int
    longest_clipped_run: int  # samples
    speech_start: float
    speech_end: float
    speech_seconds: float  # of the frames with speech, pauses left out
    lead_seconds: float  # quiet before speech
    tail_seconds: float  # quiet after speech
    longest_zero_run_seconds: float
    dropouts: int  # holes of digital zeros in the midst of sound
    dc_offset: float  # share of full scale

    def to_json(self) -> dict[str, Any]:
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in dataclasses.asdict(self).items()
        }


@dataclass(frozen=True)
class Reason:
    """One thing that is wrong: see the table of codes above."""

    code: str
    level: Literal["warned", "refused"]
    value: float
    limit: float


@dataclass(frozen=True)
class Verdict:
    """The worst level of all reasons; "good" has none. Refusals come first."""

    level: Level
    reasons: tuple[Reason, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "level": self.level,
            "reasons": [{**dataclasses.asdict(reason), "value": round(reason.value, 4)} for reason in self.reasons],
        }


class LevelTrack(NamedTuple):
    """Level over time; frame i spans samples [i·hop, i·hop + 2·hop)."""

    dbfs: Float64Array  # [frames]
    hop: int  # samples


def inspect(samples: Int16Array | Float32Array, sample_rate: int, *, room_dbfs: float | None = None) -> Report:
    """Measures a take. `samples`: [S] int16 or float32 in -1..1. Raises BadAudio (empty_file, not_mono, not_finite).

    `room_dbfs`: the noise floor of the sitting, where its room was measured; it says where speech begins and ends.
    """
    wave = _checked(samples)
    dc_offset = float(wave.mean(dtype=np.float64))
    centred = wave - np.float32(dc_offset)
    track = level_track(centred, sample_rate)
    floor = noise_floor(track, len(wave))
    start, end, speaking = find_speech(track, speech_floor(floor, room_dbfs), len(wave))
    powers = 10 ** (track.dbfs / 10)
    speech_dbfs = _to_db(float(powers[speaking].mean())) if speaking.any() else SILENCE_DBFS
    clipped = run_lengths(np.abs(wave) >= CLIPPED_AT)
    clipped = clipped[clipped >= CLIPPED_RUN]
    zeros = run_lengths(wave == 0)
    seconds = len(wave) / sample_rate
    return Report(
        seconds=seconds,
        sample_rate=sample_rate,
        peak_dbfs=_to_db(float(np.abs(wave).max()) ** 2),
        rms_dbfs=speech_dbfs,
        loudness_lufs=loudness(centred, sample_rate),
        noise_floor_dbfs=floor,
        snr_db=max(0.0, speech_dbfs - floor),
        clipped_runs=len(clipped),
        longest_clipped_run=int(clipped.max(initial=0)),
        speech_start=start / sample_rate,
        speech_end=end / sample_rate,
        speech_seconds=float(np.count_nonzero(speaking)) * track.hop / sample_rate,
        lead_seconds=start / sample_rate,
        tail_seconds=seconds - end / sample_rate,
        longest_zero_run_seconds=int(zeros.max(initial=0)) / sample_rate,
        dropouts=count_dropouts(wave, sample_rate),
        dc_offset=dc_offset,
    )


def judge(report: Report, limits: Limits | None = None, more: Sequence[Reason] = ()) -> Verdict:
    """The verdict on a take by `limits` (default: those of the recording room), with `more` reasons from elsewhere."""
    reasons = _reasons(report, limits or Limits())
    if reasons[:1] and reasons[0].code == "silent":  # without speech the other measures mean nothing
        return Verdict("refused", (reasons[0],))
    found = sorted([*reasons, *more], key=lambda reason: reason.level != "refused")
    level: Level = found[0].level if found else "good"
    return Verdict(level, tuple(found))


def _reasons(report: Report, limits: Limits) -> list[Reason]:
    """Everything that is beyond a limit, each code once at its worst level."""
    found: dict[str, Reason] = {}
    for rule in RULES:
        value, limit = float(getattr(report, rule.measure)), float(getattr(limits, rule.limit))
        value = abs(value) if rule.beyond == "off" else value
        if rule.code not in found and rule.broken(value, limit):
            found[rule.code] = Reason(rule.code, rule.level, value, limit)
    if found.get("clipped"):
        found.pop("too_loud", None)  # says the same, more weakly
    return list(found.values())


def count_dropouts(samples: Float32Array, sample_rate: int) -> int:
    """How often sound breaks off into digital zeros and comes back. `samples`: [S] float32.

    An audio system that gets no processor time puts zeros (10 ms in Chromium) where samples should be, and may lose as
    much or more right after, which nothing shows: so a hole in the quiet before a sentence counts as well. A noise gate
    makes zeros too, but fades into them. static/js/record/holes.js looks for the same.
    """
    starts, ends = _runs(samples == 0)
    long = (ends - starts) / sample_rate >= HOLE_SECONDS  # a quiet room has thousands of short ones
    return sum(1 for run in zip(starts[long], ends[long], strict=True) if _is_hole(samples, *run, sample_rate))


def _is_hole(samples: Float32Array, start: int, end: int, sample_rate: int) -> bool:
    """Whether the zeros from `start` to `end`, `HOLE_SECONDS` at least, interrupt sound or a quiet room's live hiss."""
    seconds, edge = (end - start) / sample_rate, max(1, round(HOLE_SIDE_SECONDS * sample_rate))
    before, after = _sides(samples, start, end, edge)
    if not len(before) or not len(after):
        return False
    if min(_rms(before), _rms(after)) >= 10 ** (HOLE_SIDE_DBFS / 20):
        return True
    shortest, longest = QUIET_HOLE_SECONDS
    wide_before, wide_after = _sides(samples, start, end, round(QUIET_SIDE_SECONDS * sample_rate))
    return (
        shortest <= seconds <= longest
        and len(wide_before) > 0
        and len(wide_after) > 0
        and max(float(np.mean(side == 0)) for side in (wide_before, wide_after)) <= QUIET_SIDE_ZEROS
        and _rms(before) >= QUIET_EDGE * _rms(wide_before)
        and _rms(after) >= QUIET_EDGE * _rms(wide_after)
    )


def _rms(samples: Float32Array) -> float:
    return math.sqrt(float(np.mean(np.square(samples, dtype=np.float64))))


def _sides(samples: Float32Array, start: int, end: int, length: int) -> tuple[Float32Array, Float32Array]:
    """`length` samples before and after a stretch; empty where there are not so many."""
    if start < length or end + length > len(samples):
        return samples[:0], samples[:0]
    return samples[start - length : start], samples[end : end + length]


def level_track(samples: Float32Array, sample_rate: int) -> LevelTrack:
    """RMS level of 20 ms frames every 10 ms, in dBFS, not below `SILENCE_DBFS`. `samples`: [S] float32."""
    hop = max(1, round(FRAME_SECONDS * sample_rate))
    blocks = len(samples) // hop
    if blocks < 2:
        return LevelTrack(np.array([_to_db(float(np.mean(np.square(samples, dtype=np.float64))))]), hop)
    squares = np.square(samples[: blocks * hop].reshape(blocks, hop), dtype=np.float64).mean(axis=1)
    power = (squares[:-1] + squares[1:]) / 2
    return LevelTrack(10 * np.log10(np.maximum(power, 10 ** (SILENCE_DBFS / 10))), hop)


def noise_floor(track: LevelTrack, length: int) -> float:
    """Level of the room in dBFS: the median frame before and after speech, or the quietest frames where there is none.

    Frames of digital silence are left out, since they are a dropout or a gate and not the room; unless they are more
    than a tenth of the take, when they are its quiet. `length`: of the take, in samples.
    """
    heard = track.dbfs[track.dbfs > SILENCE_DBFS]
    if len(heard) < 0.9 * len(track.dbfs):
        return SILENCE_DBFS
    quietest = np.sort(heard)[: max(4, len(heard) // 50)]
    rough = _to_db(float(np.mean(10 ** (quietest / 10))))
    start, end, speaking = find_speech(track, rough, length)
    if not speaking.any():
        return float(np.median(heard))
    before = track.dbfs[: max(0, start // track.hop - MARGIN_FRAMES)]
    after = track.dbfs[end // track.hop + MARGIN_FRAMES :]
    room = np.concatenate([before, after])
    room = room[room > SILENCE_DBFS]
    return float(np.median(room)) if len(room) >= ROOM_FRAMES else rough


def take_floor(samples: Float32Array, sample_rate: int, room_dbfs: float | None = None) -> float:
    """The floor that the speech in a take is told from, in dBFS. `samples`: [S]; `room_dbfs`: see `speech_floor`."""
    track = level_track(samples - np.float32(samples.mean(dtype=np.float64)), sample_rate)
    return speech_floor(noise_floor(track, len(samples)), room_dbfs)


def speech_floor(own_dbfs: float, room_dbfs: float | None) -> float:
    """The room's floor, where it was measured and the take does not tell of another room; else the take's own.

    What a take shows between words is breath, and where a fan turns it wavers; five seconds of the room do not. But
    when something was switched on or off since, the take knows better.
    """
    return own_dbfs if room_dbfs is None or abs(own_dbfs - room_dbfs) > ROOM_CHANGED_DB else room_dbfs


def find_speech(track: LevelTrack, floor: float, length: int) -> tuple[int, int, npt.NDArray[np.bool_]]:
    """Where speech starts and ends, in samples, and which frames of the track have it.

    Two thresholds: at least 40 ms must rise clearly above the floor (a click does not), then the edges are followed
    outwards while the level stays just above it, so that a soft onset is speech. Without speech: (0, 0, none).
    """
    loudest = float(np.percentile(track.dbfs, 95))
    high = max(floor + min(12.0, max(4.0, (loudest - floor) / 2)), loudest - 45.0)
    low = max(floor + 5.0, min(high, loudest - 55.0)) if high > floor + 5.0 else high
    loud = track.dbfs > high
    cores = _keep_long(loud, minimum=4)
    if loudest < -70.0 or not cores.any():
        return 0, 0, np.zeros(len(track.dbfs), dtype=np.bool_)
    first, last = int(np.argmax(cores)), len(cores) - 1 - int(np.argmax(cores[::-1]))
    above = track.dbfs > low
    while first > 0 and above[first - 1]:
        first -= 1
    while last < len(above) - 1 and above[last + 1]:
        last += 1
    # A frame spans two hops and rises as soon as its second half holds speech: so that half is where speech begins.
    start = 0 if first == 0 else (first + 1) * track.hop
    end = length if last == len(above) - 1 else (last + 1) * track.hop
    return start, end, cores


def loudness(samples: Float32Array, sample_rate: int) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770-4: K-weighting, 400 ms blocks, gates at -70 LUFS and -10 LU).

    Sound shorter than a block is one block. Silence is `SILENCE_DBFS`.
    """
    weighted = scipy.signal.sosfilt(_k_weighting(sample_rate), samples.astype(np.float64, copy=False))
    step = round(0.1 * sample_rate)
    parts = len(weighted) // step
    if parts < 4:
        power = np.array([np.mean(np.square(weighted))])
    else:
        tenths = np.square(weighted[: parts * step]).reshape(parts, step).mean(axis=1)
        power = np.convolve(tenths, np.full(4, 0.25), mode="valid")
    power = power[power > 10 ** ((-70.0 + 0.691) / 10)]
    if not len(power):
        return SILENCE_DBFS
    power = power[power > power.mean() / 10]
    return max(SILENCE_DBFS, -0.691 + 10 * math.log10(float(power.mean())))


@lru_cache(maxsize=16)
def _k_weighting(sample_rate: int) -> Float64Array:
    """BS.1770's two filters, [2, 6], for any rate: the analogue prototypes of what the standard tabulates at 48 kHz."""
    # High shelf of +4 dB (the head), by bilinear transform of the prototype.
    k = math.tan(math.pi * 1681.9744509555319 / sample_rate)
    quality = 0.7071752369554193
    gain = 10 ** (3.99984385397 / 20)
    edge = gain**0.499666774155
    a0 = 1 + k / quality + k * k
    shelf = [
        (gain + edge * k / quality + k * k) / a0, 2 * (k * k - gain) / a0, (gain - edge * k / quality + k * k) / a0,
        1.0, 2 * (k * k - 1) / a0, (1 - k / quality + k * k) / a0,
    ]  # fmt: skip
    # High-pass at 38 Hz (the revised low-frequency B curve).
    k = math.tan(math.pi * 38.13547087613982 / sample_rate)
    quality = 0.5003270373253953
    a0 = 1 + k / quality + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / quality + k * k) / a0]
    return np.array([shelf, high_pass])


def _checked(samples: Int16Array | Float32Array) -> Float32Array:
    if samples.ndim != 1:
        raise BadAudio(
            f"A take must be mono, [S]; this has the shape {samples.shape}.", code="not_mono", shape=list(samples.shape)
        )
    if not len(samples):
        raise BadAudio("The take has no samples; record it again.", code="empty_file")
    wave = to_float32(samples)
    if not np.isfinite(wave).all():
        raise BadAudio("The take has samples that are not finite numbers.", code="not_finite")
    return wave


def _to_db(power: float) -> float:
    return max(SILENCE_DBFS, 10 * math.log10(power)) if power > 0 else SILENCE_DBFS


def _runs(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Starts and ends (exclusive) of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False]))))
    return edges[::2], edges[1::2]


def run_lengths(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    starts, ends = _runs(mask)
    return ends - starts


def _keep_long(mask: npt.NDArray[np.bool_], *, minimum: int) -> npt.NDArray[np.bool_]:
    """`mask` without its runs shorter than `minimum`."""
    kept = np.zeros_like(mask)
    for start, end in zip(*_runs(mask), strict=True):
        if end - start >= minimum:
            kept[start:end] = True
    return kept
