"""What a room sounds like while nobody speaks: how loud, at which frequencies, and what makes it. numpy and scipy only.

`inspect_room` measures some seconds of it, `causes` says what a person can do something about. The page has the words:

| code      | what it is                                                        | `value`                        |
| --------- | ----------------------------------------------------------------- | ------------------------------ |
| zeros     | digital silence: muted, or a gate is on; measure again            | share of the time              |
| talking   | it got louder for a while: somebody spoke or moved; measure again | seconds of it                  |
| hum       | mains hum, at 50 or 60 Hz and its multiples                       | level, dBFS                    |
| fan       | broad noise that falls with frequency: a fan, air conditioning    | level, dBFS                    |
| rumble    | noise below 80 Hz: the desk, the street, the building             | level, dBFS                    |
| hiss      | broad noise that does not fall: the microphone's gain             | level, dBFS                    |
| clicks    | single short peaks                                                | how many                       |
| dc_offset | the wave is not centred                                           | offset, share of full scale    |
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy  # its parts load when they are first used: the web process does not wait for them at its start

from speech import quality
from speech.errors import BadAudio
from speech.wav import Float32Array, Int16Array, to_float32

Float64Array = npt.NDArray[np.float64]

SECONDS = 5.0  # what the page records
SHORTEST_SECONDS = 2.0  # four windows of the long transform that tells 50 from 60 Hz and both from a fan
MAINS_HZ = (50.0, 60.0)
HARMONICS = 10
WINDOW_SECONDS = 1.0
LINE_HZ = 2.5  # half width of a line in that transform, and how far the sound card's clock and the mains may be off
BESIDE_HZ = 12.0  # what a line is held against
LINE_DB = 10.0  # that it stands above what is beside it
BAND_CENTRES = tuple(1000 * 10 ** (step / 10) for step in range(-16, 13))  # 25 Hz to 16 kHz, IEC 61260's thirds
CLICK_SECONDS = 0.001
CLICK_RATIO = 5.0  # of the usual peak of a millisecond of the twice differenced wave; noise alone stays below 3
CLICK_WIDTH = 8  # ms: what is longer is no click
ZERO_RUN = 64  # samples
RISE_DB = 10.0
RISE_FRAMES = 8  # of 10 ms


@dataclass(frozen=True)
class Line:
    """One tone of the hum: its frequency in Hz, its level in dBFS."""

    hertz: float
    dbfs: float


@dataclass(frozen=True)
class RoomReport:
    """Measures of a room. Levels in dB relative to full scale, as in `quality.Report`."""

    seconds: float
    sample_rate: int
    noise_floor_dbfs: float  # the median frame: what `quality.noise_floor` finds beside speech
    peak_dbfs: float
    dc_offset: float  # share of full scale
    zero_share: float
    rise_seconds: float  # of something louder than the room
    clicks: int
    hum_hz: float  # 50, 60, or 0 where there is none
    hum_dbfs: float  # all its lines together
    hum_lines: tuple[Line, ...]
    broad_dbfs: float  # what is left without the hum
    rumble_dbfs: float  # of that, below 80 Hz
    slope_db: float  # of the broad noise from 100 Hz to 4 kHz, dB an octave
    bands: tuple[Line, ...]  # third octaves

    def to_json(self) -> dict[str, Any]:
        """Names as above; lines and bands as [Hz, dBFS]."""
        body = {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in dataclasses.asdict(self).items()
        }
        pairs = {"hum_lines": self.hum_lines, "bands": self.bands}
        return body | {name: [[round(x.hertz, 1), round(x.dbfs, 1)] for x in lines] for name, lines in pairs.items()}


@dataclass(frozen=True)
class Limits:
    """From where on something is a cause. Starting points: ACX (floor −60), Azure's goal for a room (−80)."""

    warn_floor_above: float = -60.0  # dBFS
    cause_above: float = -68.0  # dBFS: a part of the noise that alone would make the floor seen
    cause_share: float = 0.15  # of the noise power: less of it is not worth a walk to the fan
    warn_dc_above: float = 0.01  # of full scale
    warn_clicks_from: int = 2  # one may be the mouse
    again_zeros_above: float = 0.1
    again_rise_above: float = 0.3  # seconds
    falls_below: float = -2.0  # dB an octave: a fan's noise falls with frequency, a preamplifier's does not


@dataclass(frozen=True)
class Cause:
    """Something that makes noise: see the table of codes above. `level`: "again", "warned" or "noted"."""

    code: str
    level: str
    value: float
    hertz: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "value": round(self.value, 4)}


def inspect_room(samples: Int16Array | Float32Array, sample_rate: int) -> RoomReport:
    """Measures a room. `samples`: [S] int16 or float32 in -1..1. Raises BadAudio (not_mono; too_short: below 2 s)."""
    wave = to_float32(samples).astype(np.float64)
    if wave.ndim != 1:
        raise BadAudio(f"A room must be mono, [S]; this is {wave.shape}.", code="not_mono", shape=list(wave.shape))
    seconds = len(wave) / sample_rate
    if seconds < SHORTEST_SECONDS:
        raise BadAudio(
            f"The room was recorded for {seconds:.1f} s; {SHORTEST_SECONDS:.0f} s are needed.",
            code="too_short", seconds=round(seconds, 3), limit=SHORTEST_SECONDS,
        )  # fmt: skip
    dc_offset = float(wave.mean())
    centred = wave - dc_offset
    hertz, density = _density(centred, sample_rate, "median")  # so that a click or a word is not the room
    hum_hz, lines, without = _hum(hertz, density, _density(centred, sample_rate, "mean")[1])
    step = hertz[1] - hertz[0]
    track = quality.level_track(centred.astype(np.float32), sample_rate)
    return RoomReport(
        seconds=seconds,
        sample_rate=sample_rate,
        noise_floor_dbfs=float(np.median(track.dbfs)),
        peak_dbfs=_db(float(np.abs(wave).max()) ** 2),
        dc_offset=dc_offset,
        zero_share=_zero_share(wave),
        rise_seconds=_rise_seconds(centred, sample_rate),
        clicks=_clicks(centred, sample_rate),
        hum_hz=hum_hz,
        hum_dbfs=_db(sum(10 ** (line.dbfs / 10) for line in lines)),
        hum_lines=lines,
        broad_dbfs=_db(float(without.sum() * step)),
        rumble_dbfs=_db(float(without[hertz < 80].sum() * step)),
        slope_db=_slope(hertz, without),
        bands=_bands(hertz, without, lines),
    )


def causes(report: RoomReport, limits: Limits | None = None) -> tuple[Cause, ...]:
    """What a person can do something about, the most telling first; none for a quiet room."""
    table = limits or Limits()
    if report.zero_share > table.again_zeros_above:  # the other measures mean nothing
        return (Cause("zeros", "again", report.zero_share),)
    found = []
    if report.rise_seconds > table.again_rise_above:
        found.append(Cause("talking", "again", report.rise_seconds))
    level = "warned" if report.noise_floor_dbfs > table.warn_floor_above else "noted"
    for code, dbfs, hertz in sorted(_parts(report, table), key=lambda part: -part[1]):
        if dbfs > table.cause_above and _share(dbfs, report) > table.cause_share:
            found.append(Cause(code, level, dbfs, hertz))
    if report.clicks >= table.warn_clicks_from:
        found.append(Cause("clicks", "warned", report.clicks))
    if abs(report.dc_offset) > table.warn_dc_above:
        found.append(Cause("dc_offset", "warned", report.dc_offset))
    return tuple(found)


def is_quiet(report: RoomReport, limits: Limits | None = None) -> bool:
    """Whether the room is quiet enough to record in."""
    return report.noise_floor_dbfs <= (limits or Limits()).warn_floor_above


def _parts(report: RoomReport, limits: Limits) -> list[tuple[str, float, float]]:
    """Code, level and frequency of what the noise is made of."""
    parts = [("hum", report.hum_dbfs, report.hum_hz)] if report.hum_hz else []
    above = _db(10 ** (report.broad_dbfs / 10) - 10 ** (report.rumble_dbfs / 10))
    parts.append(("rumble", report.rumble_dbfs, 0.0))
    parts.append(("fan" if report.slope_db < limits.falls_below else "hiss", above, 0.0))
    return parts


def _share(dbfs: float, report: RoomReport) -> float:
    whole = 10 ** (report.hum_dbfs / 10) * bool(report.hum_hz) + 10 ** (report.broad_dbfs / 10)
    return float(10 ** (dbfs / 10) / whole) if whole > 0 else 0.0


def _density(wave: Float64Array, sample_rate: int, average: str) -> tuple[Float64Array, Float64Array]:
    """Frequencies in Hz and power density."""
    size = round(WINDOW_SECONDS * sample_rate)
    hertz, density = scipy.signal.welch(wave, sample_rate, window="hann", nperseg=size, average=average, detrend=False)
    return hertz, density


def _hum(
    hertz: Float64Array, density: Float64Array, mean: Float64Array
) -> tuple[float, tuple[Line, ...], Float64Array]:
    """The mains frequency (0: none), its lines, and the density without them.

    `mean`: the density that a steady tone's level is read from; the median is right for noise only. A multiple of both
    50 and 60 Hz says nothing of which it is. It takes three lines, or one of the first two that stands out by twice as
    much.
    """
    best: tuple[float, float, tuple[Line, ...]] = (0.0, 0.0, ())
    for mains in MAINS_HZ:
        found = [(k, *_line(hertz, density, mean, k * mains)) for k in range(1, HARMONICS + 1)]
        lines = [(k, line, above) for k, line, above in found if above > LINE_DB]
        own = [(k, above) for k, _line_, above in lines if (k * mains) % 300]
        sure = len(own) >= 3 or any(k <= 2 and above > 2 * LINE_DB for k, above in own)
        weight = sum(above for _k, above in own)
        if sure and weight > best[1]:
            best = (mains, weight, tuple(line for _k, line, _above in lines))
    without = density.copy()
    for line in best[2]:
        inside, beside = _around(hertz, line.hertz)
        without[inside] = np.median(density[beside])
    return best[0], best[2], without


def _line(hertz: Float64Array, density: Float64Array, mean: Float64Array, at: float) -> tuple[Line, float]:
    """The line nearest to a frequency, and by how many dB it stands above what is beside it."""
    inside, beside = _around(hertz, at)
    if not inside.any() or not beside.any():
        return Line(at, quality.SILENCE_DBFS), 0.0
    floor = max(float(np.median(density[beside])), 1e-20)
    power = float(np.maximum(mean[inside] - floor, 0).sum() * (hertz[1] - hertz[0]))
    peak = float(hertz[inside][np.argmax(density[inside])])
    return Line(peak, _db(power)), 10 * math.log10(max(float(density[inside].max()) / floor, 1e-9))


def _around(hertz: Float64Array, at: float) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    distance = np.abs(hertz - at)
    return distance <= LINE_HZ, (distance > LINE_HZ + 1) & (distance <= BESIDE_HZ) & (hertz > 0)


def _slope(hertz: Float64Array, density: Float64Array) -> float:
    """dB an octave of the density from 100 Hz to 4 kHz (or to a third of the rate), by third octaves."""
    points = []
    for centre in BAND_CENTRES:
        inside = (hertz >= centre / 2 ** (1 / 6)) & (hertz < centre * 2 ** (1 / 6))
        if 100 <= centre <= min(4000.0, float(hertz[-1]) * 2 / 3) and inside.any():
            points.append((math.log2(centre), 10 * math.log10(max(float(np.median(density[inside])), 1e-20))))
    octaves, decibels = np.array(points).T
    return float(np.polyfit(octaves, decibels, 1)[0])


def _bands(hertz: Float64Array, without: Float64Array, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Third octaves of the noise and the lines together."""
    step = hertz[1] - hertz[0]
    bands = []
    for centre in BAND_CENTRES:
        low, high = centre / 2 ** (1 / 6), centre * 2 ** (1 / 6)
        if high <= hertz[-1]:
            tones = sum(10 ** (line.dbfs / 10) for line in lines if low <= line.hertz < high)
            bands.append(Line(centre, _db(float(without[(hertz >= low) & (hertz < high)].sum() * step) + tones)))
    return tuple(bands)


def _zero_share(wave: Float64Array) -> float:
    """Share of the samples in long runs of zeros; a very quiet room of 16 bits has short ones."""
    runs = quality.run_lengths(wave == 0)
    return float(runs[runs >= ZERO_RUN].sum()) / len(wave)


def _rise_seconds(wave: Float64Array, sample_rate: int) -> float:
    """How long something was clearly louder than the room, above 150 Hz: lower noise wavers by itself."""
    filters = scipy.signal.butter(2, 150, "highpass", fs=sample_rate, output="sos")
    high = scipy.signal.sosfilt(filters, wave)
    high = high[round(0.05 * sample_rate) :]  # the filter begins
    track = quality.level_track(high.astype(np.float32), sample_rate)
    louder = track.dbfs > float(np.percentile(track.dbfs, 10)) + RISE_DB  # who talks all the time still takes breath
    lengths = quality.run_lengths(louder)
    return float(lengths[lengths >= RISE_FRAMES].sum()) * track.hop / sample_rate


def _clicks(wave: Float64Array, sample_rate: int) -> int:
    """Milliseconds that stand far above the others in the twice differenced wave, alone or a few together."""
    size = max(1, round(CLICK_SECONDS * sample_rate))
    sharp = np.abs(np.diff(wave, 2))
    peaks = sharp[: len(sharp) // size * size].reshape(-1, size).max(axis=1)
    usual = float(np.median(peaks))
    lengths = quality.run_lengths(peaks > max(CLICK_RATIO * usual, 4 / 32_768))  # of 16 bits, one step is no click
    return int(np.count_nonzero(lengths <= CLICK_WIDTH))


def _db(power: float) -> float:
    return max(quality.SILENCE_DBFS, 10 * math.log10(power)) if power > 0 else quality.SILENCE_DBFS
