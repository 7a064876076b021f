"""The model card of a packed base voice, in Korean and English, from its `base.json`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_FIGURES = (
    ("coverage", "읽은 글자 비율", "symbols read", "{:.1%}"),
    ("stopped", "스스로 멈춘 문장", "sentences that stopped by themselves", "{:.0%}"),
    ("mcd", "멜 켑스트럼 거리", "mel-cepstral distortion", "{:.2f} dB"),
    ("mcd_worst", "그중 가장 먼 문장", "the worst sentence of them", "{:.2f} dB"),
    ("pitch_cents", "음높이 오차", "pitch error", "{:.0f} cent"),
    ("voicing_error", "유성음 판단 오차", "voicing error", "{:.1%}"),
    ("duration_ratio", "길이 비율", "length, made / real", "{:.2f}"),
)
_COPY_FIGURES = (
    ("spectral_distance", "스펙트럼 거리", "spectral distance", "{:.2f} dB"),
    ("mcd", "멜 켑스트럼 거리", "mel-cepstral distortion", "{:.2f} dB"),
    ("pitch_cents", "음높이 오차", "pitch error", "{:.0f} cent"),
    ("gross_pitch_error", "음높이가 크게 틀린 비율", "gross pitch error", "{:.1%}"),
    ("voicing_error", "유성음 판단 오차", "voicing error", "{:.1%}"),
)


def _counted(corpus: dict[str, Any]) -> str:
    """Clips, those of the voice that this one went on from first: 2,512 + 6,000."""
    own = f"{corpus['clips']:,}"
    return f"{_counted(corpus['before'])} + {own}" if "before" in corpus else own


def card(base: dict[str, Any]) -> str:
    """Markdown. `base` is what `pack` writes to base.json."""
    (one, many), measures = (base["corpus"][name] for name in ("voice", "voices")), base["measures"]
    files = "\n".join(
        f"| `{file['file']}` | {file['model']} ({file['size']}) | {file['step']:,} | {file['bytes'] / 1e6:.1f} MB | "
        f"`{file['sha256']}` |"
        for file in base["files"].values()
    )
    ways = {"Griffin-Lim": base["griffin_lim"]}
    if "vocoder" in base["files"]:
        ways = {"HiFi-GAN": measures, **ways}
    figures = _table(_FIGURES, ways)
    copies = _table(_COPY_FIGURES, {"HiFi-GAN": base["copy"]["vocoder"], "Griffin-Lim": base["copy"]["griffin_lim"]})
    return f"""# 기본 목소리 · The base voice

사람의 목소리가 아니라 espeak-ng가 읽은 한국어로 배운 목소리입니다. 첫 화자가 오기 전에도 말하고, 크기가 같은
학습은 여기서 시작합니다.

It learned from Korean that espeak-ng spoke, from no person's voice. It speaks before the first speaker comes, and every
fine-tune of its size starts from it, unless told otherwise.

| 파일 · file | 모델 · model | 걸음 · steps | 크기 · size | SHA-256 |
| --- | --- | --- | --- | --- |
{files}

## 어떻게 만들었나 · How it was made

`python -m speech base OUT`: 이 프로젝트를 위해 쓰거나 낱말 목록으로 만든 문장을 espeak-ng가 읽었습니다. 음향 모델은
한 목소리({", ".join(one["voices"])})가 읽은 {_counted(one)}문장, 보코더는 목소리 {len(many["voices"])}개가 읽은
{_counted(many)}문장으로 배웠고, 반정밀도로 줄였습니다.{_takes(many)[0]}
Sentences written for this project or made from its word lists, spoken by espeak-ng: the acoustic model learned from
{_counted(one)} in one voice ({", ".join(one["voices"])}), the vocoder from {_counted(many)} in
{len(many["voices"])} voices; then half precision.{_takes(many)[1]}

## 얼마나 되나 · Measures

배우지 않은 {measures["sentences"]}문장을 이 파일로 읽어 espeak-ng가 읽은 것과 견주었습니다.
{measures["sentences"]} sentences that it never learned, spoken by these files, against espeak-ng's own rendering.
{_left_out(base)}
{figures}

같은 문장을 espeak-ng가 읽은 소리의 멜에서 되살린 것(보코더만 잰 것)입니다. 멜 켑스트럼 거리는 Griffin-Lim이 맞추는 바로
그 멜로 재므로, 창 길이 다섯 가지로 잰 스펙트럼 거리를 함께 봅니다.
The same sentences made again from the mels of espeak-ng's sound, so the vocoder alone. The mel-cepstral distortion is
measured by the very mel that Griffin-Lim is fitted to; hence the distance of spectra of five window lengths beside it.

{copies}

## 쓰임새 · Use

CC0 1.0. 출처를 밝히지 않고도 마음대로 쓸 수 있습니다. 기계가 읽은 소리를 배웠으므로 기계처럼 들립니다. 제 목소리는
녹음하고 나서 시작됩니다.
CC0 1.0: free for any use. It learned from a machine and sounds like one; a voice of one's own begins with recordings.
"""


def _takes(corpus: dict[str, Any]) -> tuple[str, str]:
    """How many of the last clips were made to sound like a person's, in both languages."""
    takes = corpus.get("takes", 0)
    if not takes:
        return "", ""
    return (
        f"\n보코더의 마지막 말뭉치에서 {takes:,}문장은 사람이 방에서 녹음한 듯이 숨, 떨림, 마이크, 울림을 더했습니다.",
        f"\n{takes:,} clips of the vocoder's last corpus were made to sound like a person's takes: breath, an unsteady "
        "voice, a microphone,\na room.",
    )


def _left_out(base: dict[str, Any]) -> str:
    """A vocoder that is not there yet, and why."""
    if not base["left_out"]:
        return ""
    young = base["left_out"]["vocoder"]
    return f"""
HiFi-GAN은 {young["step"]:,}걸음까지 배웠지만 아직 Griffin-Lim보다 못해(아래 표) 넣지 않았습니다.
A HiFi-GAN of {young["step"]:,} steps is not in here: its copies are further off than Griffin-Lim's (see below).
"""


def _table(figures: Iterable[tuple[str, str, str, str]], ways: dict[str, dict[str, Any]]) -> str:
    lines = [f"| | {' | '.join(ways)} |", f"| --- |{' ---: |' * len(ways)}"]
    for name, korean, english, form in figures:
        shown = (_shown(row.get(name), form) for row in ways.values())
        lines.append(f"| {korean} · {english} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
