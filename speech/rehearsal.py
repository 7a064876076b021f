"""What one hears and sees of a run: the sample sentence read free, or a held-out clip copied by a vocoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from speech import audio as sound
from speech import devices, pictures
from speech.alignment import alignment_figures
from speech.dataset import Manifest
from speech.distortion import mel_distortion
from speech.plan import Plan
from speech.text import encode
from speech.text.symbols import SYMBOLS
from speech.vocoder import griffin_lim

Samples = npt.NDArray[np.float32]

_SEED = 0  # one and the same noise at every checkpoint, so that what changes is the voice
_LOUDEST = 0.1  # of the samples' root mean square, -20 dBFS
_LONGEST_COPY = 5.0  # seconds of a clip that a vocoder copies
_FREE = 8  # held-out sentences that are read freely at each evaluation
_PATIENCE = 2  # times the longest of their takes, then the decoder has not stopped by itself


class Rehearsal(Protocol):
    """`run` first, then `write` shows what came of it."""

    text: str

    def run(self, model: Any) -> dict[str, float]: ...

    def write(self, picture: Path, wave: Path) -> None: ...


class AcousticRehearsal:
    """Reads the sample sentence with nobody forcing the decoder, which Griffin-Lim makes heard, and held-out ones."""

    def __init__(self, plan: Plan, manifest: Manifest) -> None:
        """Raises BadText when the sample sentence cannot be read."""
        self.text = plan.job.sample_text
        self._plan = plan
        self._symbols = encode(self.text, plan.text)
        self._manifest = manifest
        self._held_out = sorted(manifest.held_out, key=lambda entry: entry.id)[:_FREE]
        self._alignment = np.zeros((0, len(self._symbols)), np.float32)
        self._mel = np.zeros((plan.audio.n_mels, 0), np.float32)

    def run(self, model: Any) -> dict[str, float]:
        """Figures of `alignment.alignment_figures`, and as `held_out_…` their means over held-out sentences.

        `held_out_mcd` is how far their mels lie from the takes', dB: of what is read freely, as it will be heard.
        """
        spoken = self._speak(model, [self._symbols])
        frames = int(spoken.mel_lengths[0])
        self._alignment = spoken.alignment[0, :frames].float().cpu().numpy()
        self._mel = spoken.mel[0, :, :frames].float().cpu().numpy()
        figures = alignment_figures(self._alignment, reached_limit=bool(spoken.reached_limit[0]))
        return figures | self._read_held_out(model)

    def _read_held_out(self, model: Any) -> dict[str, float]:
        longest = max(entry.frames for entry in self._held_out)
        spoken = self._speak(model, [entry.symbols for entry in self._held_out], max_frames=_PATIENCE * longest)
        alignments, mels = (one.float().cpu().numpy() for one in (spoken.alignment, spoken.mel))
        each = [
            alignment_figures(alignments[row, :frames, : len(entry.symbols)], reached_limit=limit)
            | {"mcd": mel_distortion(self._manifest.mel(entry), mels[row, :, :frames])}
            for row, (entry, frames, limit) in enumerate(
                zip(self._held_out, spoken.mel_lengths.tolist(), spoken.reached_limit.tolist(), strict=True)
            )
        ]
        return {f"held_out_{name}": float(np.mean([figures[name] for figures in each])) for name in each[0]}

    def _speak(self, model: Any, sentences: Sequence[Sequence[int]], **limits: int) -> Any:
        device = self._plan.device
        lengths = torch.tensor([len(sentence) for sentence in sentences])
        symbols = torch.zeros(len(sentences), int(lengths.max()), dtype=torch.int64)
        for row, sentence in enumerate(sentences):
            symbols[row, : len(sentence)] = torch.tensor(sentence)
        with devices.autocast(device, self._plan.precision):
            return model.infer(symbols.to(device), lengths.to(device), seed=_SEED, **limits)

    def write(self, picture: Path, wave: Path) -> None:
        names = [SYMBOLS[number] for number in self._symbols]
        pictures.draw_alignment(picture, self._alignment, self._mel, names, self._plan.audio)
        vocoder = griffin_lim.Model(griffin_lim.Config.from_json(self._plan.audio.to_json()))
        samples = vocoder.infer(torch.from_numpy(self._mel)[None])[0].numpy()
        sound.write(wave, _gentle(samples), self._plan.audio.sample_rate)


class VocoderRehearsal:
    """Makes a held-out clip again from its mel."""

    def __init__(self, plan: Plan, manifest: Manifest) -> None:
        clip = min(manifest.held_out, key=lambda entry: entry.id)
        frames = int(_LONGEST_COPY * plan.audio.sample_rate / plan.audio.hop_length)
        self.text = clip.text
        self._plan = plan
        self._mel = manifest.mel(clip, 0, frames)
        self._copy = np.zeros(0, np.float32)

    def run(self, model: Any) -> dict[str, float]:
        """`copy_mel_l1`: mean distance of the copy's log mel from the clip's."""
        mel = torch.from_numpy(self._mel)[None].to(self._plan.device)
        model.eval()
        with torch.inference_mode(), devices.autocast(self._plan.device, self._plan.precision):
            copy = model.infer(mel, seed=_SEED)[0]
        model.train()
        self._copy = np.clip(np.nan_to_num(copy.float().cpu().numpy()), -1.0, 1.0)
        again = sound.log_mel(self._copy, self._plan.audio)[:, : self._mel.shape[1]]
        return {"copy_mel_l1": float(np.abs(again - self._mel[:, : again.shape[1]]).mean())}

    def write(self, picture: Path, wave: Path) -> None:
        copied = sound.log_mel(self._copy, self._plan.audio)
        pictures.draw_copy(picture, self._mel, copied, self._plan.audio)
        sound.write(wave, _gentle(self._copy), self._plan.audio.sample_rate)


def _gentle(samples: Samples) -> Samples:
    """Not louder than speech is: the first sounds of a network are noise at full scale, and someone will play them."""
    loudness = float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0
    quieter: Samples = (samples * np.float32(min(1.0, _LOUDEST / max(loudness, 1e-9)))).astype(np.float32)
    return quieter
