"""`manage.py speak --voice NAME TEXT -o FILE.wav`: what the page does, in this process and with no worker."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from speech.errors import SpeechError
from speech.files import write_atomic
from studio.dictionary import dictionary_for
from studio.errors import Refused, person_message
from synthesis import reading, selectors, services, speaker, voices
from synthesis.models import Voice
from synthesis.sound import Mark, marked_wav
from synthesis.words import READING_WORDS


class Command(BaseCommand):
    help = "글을 목소리로 읽어 WAV 파일로 저장해요. · Speak a text with a voice, to a WAV file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("text", help="읽을 글; -이면 표준 입력 · the text, or - for standard input")
        parser.add_argument(
            "--voice", default="", help="목소리 이름; 없으면 가장 최근 목소리 · without it the newest voice"
        )
        parser.add_argument("-o", "--output", required=True, type=Path, help="WAV 파일 · the file to write")
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *args: Any, **options: Any) -> None:
        text = sys.stdin.read() if options["text"] == "-" else options["text"]
        try:
            voice = self._voice(options["voice"])
            own = reading.dictionary_of(voice, text)
            services.seed_check(options["seed"])
            reading.check(text.strip(), own)
            samples, sample_rate = self._speak(voice, text.strip(), options["seed"], own)
        except (SpeechError, Refused) as error:
            raise CommandError(person_message(error)) from error
        output: Path = options["output"]
        wav = marked_wav(samples, sample_rate, Mark(voice.label))
        try:
            write_atomic(output, lambda path: _write(path, wav), needs=len(wav))
        except (OSError, SpeechError) as error:
            raise CommandError(f"{output}: {error}") from error
        self.stdout.write(f"{output}: {len(samples) / sample_rate:.1f} s, {voice.label}")

    def _voice(self, name: str) -> Voice:
        voice = selectors.voice_named(name)
        if voice is None:
            names = ", ".join(each.name for each in selectors.voices_in_use()) or "없음 · none"
            raise CommandError(f"‘{name}’: 그런 목소리가 없어요. 있는 목소리 · there are: {names}")
        return voice

    def _speak(self, voice: Voice, text: str, seed: int, own: dict[str, str]) -> tuple[np.ndarray, int]:
        synthesizer = voices.get(voice)
        for warning in synthesizer.warnings_by(dictionary_for(voice.speaker)):
            self.stderr.write(f"{READING_WORDS[warning.code]} · {warning.message}")
        total = len(synthesizer.plan(text, own))
        parts, sample_rate = [], 0
        sentences = synthesizer.stream(text, seed=seed, dictionary=own)
        for sentence in tqdm(sentences, total=total, unit="문장", disable=not sys.stderr.isatty()):
            parts.append(speaker.sound_of(sentence))
            sample_rate = sentence.sample_rate
            if sentence.reached_limit:
                self.stderr.write(
                    f"{sentence.index + 1}: 한 번에 말할 수 있는 길이에 닿았어요. 끝이 잘렸을 수 있어요. · "
                    f"the decoder's limit cut it off: {sentence.text}"
                )
        return np.concatenate(parts), sample_rate


def _write(path: Path, wav: bytes) -> None:
    path.write_bytes(wav)
