"""The model card of a packed base voice, in Korean and English, from its `base.json`."""

from __future__ import annotations

from typing import Any

_FIGURES = (
    ("coverage", "읽은 글자 비율", "symbols read", "{:.1%}"),
    ("stopped", "스스로 멈춘 문장", "sentences that stopped by themselves", "{:.0%}"),
    ("mcd", "멜 켑스트럼 거리", "mel-cepstral distortion", "{:.2f} dB"),
    ("pitch_cents", "음높이 오차", "pitch error", "{:.0f} cent"),
    ("voicing_error", "유성음 판단 오차", "voicing error", "{:.1%}"),
    ("duration_ratio", "길이 비율", "length, made / real", "{:.2f}"),
)


def card(base: dict[str, Any]) -> str:
    """Markdown. `base` is what `pack` writes to base.json."""
    corpus, measures = base["corpus"], base["measures"]
    files = "\n".join(
        f"| `{one['file']}` | {one['model']} ({one['size']}) | {one['step']:,} | {one['bytes'] / 1e6:.1f} MB | "
        f"`{one['sha256']}` |"
        for one in base["files"].values()
    )
    figures = "\n".join(
        f"| {korean} · {english} | {_shown(measures.get(name), form)} |" for name, korean, english, form in _FIGURES
    )
    return f"""# 기본 목소리 · The base voice

사람의 목소리가 아니라 espeak-ng가 읽은 한국어로 배운 목소리입니다. 첫 화자가 오기 전에도 말하고, 모든 학습이 여기서
시작합니다.

It learned from Korean that espeak-ng spoke, from no person's voice. It speaks before the first speaker comes, and every
fine-tune starts from it.

| 파일 · file | 모델 · model | 걸음 · steps | 크기 · size | SHA-256 |
| --- | --- | --- | --- | --- |
{files}

## 어떻게 만들었나 · How it was made

`python -m speech base OUT`: {corpus["clips"]:,}문장(직접 쓴 문장과 낱말 목록으로 만든 문장)을 espeak-ng의 목소리
{len(corpus["voices"])}개로 읽어 학습하고 반정밀도로 줄였습니다.
{corpus["clips"]:,} sentences, written for this project or made from its word lists, spoken by {len(corpus["voices"])}
voices of espeak-ng; then half precision.

## 얼마나 되나 · Measures

배우지 않은 {measures["sentences"]}문장을 이 파일로 읽어 espeak-ng가 읽은 것과 견주었습니다.
{measures["sentences"]} sentences that it never learned, spoken by these files, against espeak-ng's own rendering.

| | |
| --- | --- |
{figures}

## 쓰임새 · Use

CC0 1.0. 출처를 밝히지 않고도 마음대로 쓸 수 있습니다. 기계가 읽은 소리를 배웠으므로 기계처럼 들립니다. 제 목소리는
녹음하고 나서 시작됩니다.
CC0 1.0: free for any use. It learned from a machine and sounds like one; a voice of one's own begins with recordings.
"""


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
