"""The thresholds of the verdict on a take: one table for the server, the recording page and docs/recording.md."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Beyond = Literal["below", "above", "from", "off"]  # <, >, >=, and > either way from zero


@dataclass(frozen=True)
class Limits:
    """Thresholds of the verdict: `refuse_*` voids a take, `warn_*` lets it pass with a word.

    Starting points: Azure's guide for custom voices (peak, SNR, quiet at both ends), ACX (peak, noise floor).
    """

    refuse_clipped_runs: int = 1
    refuse_snr_below: float = 20.0  # dB
    warn_snr_below: float = 35.0
    warn_floor_above: float = -60.0  # dBFS
    refuse_peak_below: float = -30.0  # dBFS
    warn_peak_below: float = -12.0
    warn_peak_above: float = -3.0
    refuse_edge_below: float = 0.1  # seconds of quiet before and after speech
    refuse_dropouts_from: float = 1
    warn_dropouts_from: float = 1
    refuse_zeros_from: float = 0.25  # seconds
    warn_zeros_from: float = 0.05
    warn_dc_above: float = 0.01
    refuse_speech_below: float = 0.2  # seconds of speech
    warn_seconds_above: float = 15.0
    warn_pace_off: float = 25.0  # per cent from the speaker's own median (`speech.manner`)
    warn_loudness_off: float = 3.0  # LU from the speaker's own median

    @classmethod
    def for_import(cls) -> Limits:
        """For files that somebody else cut and levelled: edges, levels, digital silence and pace are as they are."""
        return cls(
            warn_peak_below=-24.0, warn_peak_above=math.inf, refuse_edge_below=-math.inf,
            refuse_dropouts_from=math.inf, refuse_zeros_from=math.inf, warn_zeros_from=1.0,
            warn_pace_off=math.inf, warn_loudness_off=math.inf,
        )  # fmt: skip


class Rule(NamedTuple):
    """A take is refused or warned of by `code` when a measure of its report is beyond a limit."""

    code: str
    level: Literal["warned", "refused"]
    measure: str  # a field of `quality.Report`
    beyond: Beyond
    limit: str  # a field of `Limits`

    def broken(self, value: float, limit: float) -> bool:
        if self.beyond == "below":
            return value < limit
        return value >= limit if self.beyond == "from" else value > limit


# The first one makes all others meaningless; of each code the first that is broken counts.
RULES = (
    Rule("silent", "refused", "speech_seconds", "below", "refuse_speech_below"),
    Rule("clipped", "refused", "clipped_runs", "from", "refuse_clipped_runs"),
    Rule("dropout", "refused", "dropouts", "from", "refuse_dropouts_from"),
    Rule("zeros", "refused", "longest_zero_run_seconds", "from", "refuse_zeros_from"),
    Rule("noisy", "refused", "snr_db", "below", "refuse_snr_below"),
    Rule("too_quiet", "refused", "peak_dbfs", "below", "refuse_peak_below"),
    Rule("edge_start", "refused", "lead_seconds", "below", "refuse_edge_below"),
    Rule("edge_end", "refused", "tail_seconds", "below", "refuse_edge_below"),
    Rule("dropout", "warned", "dropouts", "from", "warn_dropouts_from"),
    Rule("zeros", "warned", "longest_zero_run_seconds", "from", "warn_zeros_from"),
    Rule("noisy", "warned", "snr_db", "below", "warn_snr_below"),
    Rule("noisy_room", "warned", "noise_floor_dbfs", "above", "warn_floor_above"),
    Rule("too_quiet", "warned", "peak_dbfs", "below", "warn_peak_below"),
    Rule("too_loud", "warned", "peak_dbfs", "above", "warn_peak_above"),
    Rule("dc_offset", "warned", "dc_offset", "off", "warn_dc_above"),
    Rule("too_long", "warned", "seconds", "above", "warn_seconds_above"),
)


def rules_json(limits: Limits | None = None) -> list[dict[str, Any]]:
    """`RULES` with the limits as numbers, for the page; without those that no take can break."""
    table = limits or Limits()
    rules = [{**rule._asdict(), "limit": getattr(table, rule.limit)} for rule in RULES]
    return [rule for rule in rules if math.isfinite(rule["limit"])]
