"""A speaker who may be trained, and a stand-in trainer for what only concerns the process that it runs in."""

from __future__ import annotations

import hashlib
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections

from speech.wav import wav_bytes
from studio import files
from studio.models import Clip, Consent, Speaker
from training import drain
from training.models import TrainingRun
from training.trainer import Command

STAND_IN = Path(__file__).parent / "stand_in_trainer.py"
SENTENCES = (
    "안녕하세요.",
    "오늘은 날씨가 참 좋네요.",
    "내일 아침에 다시 올게요.",
    "정말 그렇게 생각하세요?",
    "여기 앉으세요.",
    "고마워요.",
)


def make_sound(seed: int, seconds: float = 1.2, rate: int = 24_000) -> bytes:
    """A WAV that has what a front end looks for: quiet edges, a voiced hum that moves, some noise."""
    generator = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    pitch = 140 + 40 * np.sin(2 * np.pi * (1 + seed % 3) * time)
    voice = sum(np.sin(2 * np.pi * k * np.cumsum(pitch) / rate) / k for k in range(1, 8))
    envelope = np.clip(np.minimum(time, seconds - time) * 8 - 1.2, 0, 1)
    sound = 0.12 * envelope * voice + 1e-4 * generator.standard_normal(time.size)
    return wav_bytes(sound.astype(np.float32), rate)


def make_speaker(name: str, clips: int = 6, user: User | None = None) -> Speaker:
    speaker = Speaker.objects.create(name=name, label=f"화자 {name}", user=user)
    Consent.objects.create(speaker=speaker, text="동의합니다.", text_version="1", text_sha256="0" * 64)
    for number in range(clips):
        content = make_sound(number)
        clip = Clip(speaker=speaker, source_id=f"{name}-{number}", text=SENTENCES[number % len(SENTENCES)], kept=True)
        clip.sha256 = clip.stored_sha256 = hashlib.sha256(content).hexdigest()
        clip.id = uuid.uuid4()
        clip.file = f"clips/{speaker.pk}/{clip.pk}-{clip.sha256[:12]}.wav"
        clip.size = files.save_bytes(clip.file, content)
        clip.sample_rate, clip.seconds, clip.verdict = 24_000, 1.2, Clip.Verdict.GOOD
        clip.save()
    return speaker


@pytest.fixture
def speaker(transactional_db: None) -> Speaker:
    return make_speaker("bora")


@pytest.fixture
def admin(transactional_db: None) -> User:
    return User.objects.create_user("admin", is_staff=True)


@pytest.fixture(autouse=True)
def _own_work_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(settings, "WORK_DIR", tmp_path / "work")
    yield
    drain.clear()


@pytest.fixture
def stand_in() -> Callable[..., Command]:
    """`stand_in(step_seconds=0.01, die_at=7)`: the command of a trainer that behaves so; see stand_in_trainer.py."""

    def make(**behaviour: float) -> Command:
        options = [f"--{name.replace('_', '-')}={value}" for name, value in behaviour.items()]
        return lambda job: [sys.executable, str(STAND_IN), str(job), *options]

    return make


@pytest.fixture
def meanwhile() -> Iterator[Callable[[Callable[[], None]], threading.Thread]]:
    """Do something in another thread while the test waits for a run; what it raised fails the test."""
    threads: list[threading.Thread] = []
    errors: list[BaseException] = []

    def start(do: Callable[[], None]) -> threading.Thread:
        def work() -> None:
            try:
                do()
            except BaseException as error:  # it is raised again below, in the test's own thread
                errors.append(error)
            finally:
                connections.close_all()

        thread = threading.Thread(target=work)
        thread.start()
        threads.append(thread)
        return thread

    yield start
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


def numbers_of(run: TrainingRun) -> list[int]:
    return list(run.events.order_by("seq").values_list("seq", flat=True))


def steps_of(run: TrainingRun) -> list[int]:
    return [data["step"] for data in run.events.filter(kind="step_done").order_by("seq").values_list("data", flat=True)]
