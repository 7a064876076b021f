"""What a run draws: the attention over the sample sentence and the mel that it made, as one PNG."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from speech.config import AudioConfig
from speech.files import write_atomic

Array = npt.NDArray[np.floating]

_INK, _SOFT, _LINE, _PAPER = "#14181a", "#a9b1b3", "#313a3d", "#ece8df"
_COLOURS = LinearSegmentedColormap.from_list("celadon", [_INK, "#1f4f4a", "#3f9a86", "#9fdcc8", "#fffdf2"])
_HANGUL_FONTS = ("Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "Apple SD Gothic Neo", "Malgun Gothic")
_MARKS = "DejaVu Sans"  # comes with matplotlib, and has the mark of a space, which NanumGothic lacks
_MOST_LABELS = 72  # symbols that can still be told apart beside the picture
_ROWS_PER_COLUMN = 24  # of their letters
# Room for what stands beside the rows: to have matplotlib find it costs as much as the picture.
_MARGINS = {"left": 0.084, "right": 0.97, "bottom": 0.055}


def draw_alignment(path: Path, alignment: Array, mel: Array, symbols: Sequence[str], audio: AudioConfig) -> None:
    """Attention above, mel below, over one time axis, as a PNG of 1200 x 900 pixels at `path`.

    alignment: [T, N]; mel: [M, T], log amplitude; symbols: N names, lowest row first.
    """
    figure = Figure(figsize=(8, 6), facecolor=_INK)
    figure.subplots_adjust(**_MARGINS, top=0.99, hspace=0.075)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    seconds = max(1, mel.shape[1]) * audio.hop_length / audio.sample_rate
    above.imshow(
        alignment.T, origin="lower", aspect="auto", interpolation="nearest", cmap=_COLOURS,
        norm=PowerNorm(0.6, 0.0, 1.0), extent=(0.0, seconds, -0.5, len(symbols) - 0.5),
    )  # fmt: skip
    _label_symbols(above, symbols)
    _show_mel(below, mel, seconds, audio)
    _finish(figure, (above, below), seconds, path)


def draw_copy(path: Path, mel: Array, copy: Array, audio: AudioConfig) -> None:
    """The mel [M, T] of a recording above, that of a vocoder's copy below, as a PNG of 1200 x 780 pixels at `path`."""
    figure = Figure(figsize=(8, 5.2), facecolor=_INK)
    figure.subplots_adjust(**_MARGINS, top=0.957, hspace=0.145)
    rows = list(figure.subplots(2, 1, sharex=True))
    seconds = max(1, mel.shape[1], copy.shape[1]) * audio.hop_length / audio.sample_rate
    titles = ("녹음", "모델이 만든 소리") if _hangul_font() else ("recording", "made by the model")
    for row, shown, title in zip(rows, (mel, copy), titles, strict=True):
        _show_mel(row, shown, max(1, shown.shape[1]) * audio.hop_length / audio.sample_rate, audio)
        row.set_title(title, color=_PAPER, fontsize=9, loc="left", fontfamily=_hangul_font() or "sans-serif")
    _finish(figure, rows, seconds, path)


def _show_mel(axes: Any, mel: Array, seconds: float, audio: AudioConfig) -> None:
    axes.imshow(
        mel, origin="lower", aspect="auto", interpolation="nearest", cmap=_COLOURS,
        vmin=np.log(audio.clip_floor), vmax=max(1.0, float(mel.max(initial=0.0))), extent=(0.0, seconds, 0.0, len(mel)),
    )  # fmt: skip
    centres = _mel_centres(audio)
    marks = [hertz for hertz in (500, 1000, 2000, 4000, 8000) if audio.f_min <= hertz <= audio.f_max]
    axes.set_yticks([float(np.interp(hertz, centres, np.arange(len(centres)))) for hertz in marks])
    axes.set_yticklabels([f"{hertz / 1000:g} kHz" for hertz in marks])


def _mel_centres(audio: AudioConfig) -> npt.NDArray[np.float64]:
    """Hz at each band's edge and centre, on Slaney's scale: linear to 1 kHz, logarithmic above."""
    knee, step = 15.0, np.log(6.4) / 27

    def to_mel(hertz: float) -> float:
        return hertz * 3 / 200 if hertz < 1000 else knee + float(np.log(hertz / 1000)) / step

    mels = np.linspace(to_mel(audio.f_min), to_mel(audio.f_max), audio.n_mels + 1)
    return np.where(mels < knee, mels * 200 / 3, 1000 * np.exp(step * (mels - knee)))


def _label_symbols(axes: Any, symbols: Sequence[str]) -> None:
    font = _hangul_font()
    if font is None or len(symbols) > _MOST_LABELS:
        axes.set_yticks(range(0, len(symbols), max(1, len(symbols) // 8)))
        return
    axes.set_yticks(range(len(symbols)))
    axes.set_yticklabels([_letter(symbol) for symbol in symbols], fontfamily=[font, _MARKS], fontsize=9)
    columns = 1 + (len(symbols) - 1) // _ROWS_PER_COLUMN  # neighbours step aside where rows are narrow
    for number, tick in enumerate(axes.yaxis.get_major_ticks()):
        tick.set_pad(3 + 11 * (number % columns))
        tick.tick1line.set_visible(False)


def _letter(symbol: str) -> str:
    """As it is written alone: a lead, vowel or tail as its letter, a space as a mark."""
    name = unicodedata.name(symbol, "")
    for position in ("CHOSEONG", "JUNGSEONG", "JONGSEONG"):
        if name.startswith(f"HANGUL {position} "):
            return unicodedata.lookup(name.replace(position, "LETTER"))
    return "␣" if symbol == " " else symbol


@cache
def _hangul_font() -> str | None:
    there = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in _HANGUL_FONTS if name in there), None)


def _finish(figure: Figure, rows: Sequence[Any], seconds: float, path: Path) -> None:
    for row in rows:
        row.set_facecolor(_INK)
        row.tick_params(colors=_SOFT)
        for spine in row.spines.values():
            spine.set_color(_LINE)
    rows[-1].set_xlim(0.0, max(seconds, 0.1))
    rows[-1].xaxis.set_major_locator(MultipleLocator(0.5 if seconds < 6 else 1.0 if seconds < 15 else 5.0))
    rows[-1].xaxis.set_major_formatter(lambda value, _: f"{value:g} s")
    content = io.BytesIO()
    FigureCanvasAgg(figure)  # no window system is asked for
    figure.savefig(content, dpi=150, format="png")
    write_atomic(path, lambda temporary: _write_bytes(temporary, content.getvalue()))


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)
