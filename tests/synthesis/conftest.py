"""A small voice of random weights, saved as a real checkpoint: it babbles, but every part of it is real."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from speech.acoustic import tacotron2
from speech.checkpoint import write_weights
from speech.config import AudioConfig, TextConfig
from speech.header import Header
from speech.text import FRONT_END_VERSION
from speech.text.symbols import SYMBOLS
from speech.vocoder import waveglow
from studio import files
from studio.models import Consent, Speaker
from synthesis import voices
from synthesis.models import Voice
from training import drain
from training.models import Checkpoint, TrainingRun


def write_acoustic(path: Path, *, endless: bool = False, seed: int = 2) -> Path:
    """A trial-size Tacotron 2 whose gate opens after a second or so; never, when `endless`."""
    torch.manual_seed(seed)
    model = tacotron2.Model(tacotron2.PRESETS["trial"]).eval()
    gate = model.decoder.gate_layer.linear_layer
    with torch.no_grad():
        gate.bias.fill_(-10)
        logits = model.infer(torch.randint(2, 70, (1, 30)), torch.tensor([30]), seed=0).gate[0] + 10
        gate.bias.fill_(-10 if endless else -float(logits[:60].max()))
    return write(path, "acoustic", "tacotron2", tacotron2.PRESETS["trial"].to_json(), model)


def write_vocoder(path: Path, audio: AudioConfig = AudioConfig()) -> Path:  # noqa: B008 - frozen
    torch.manual_seed(0)
    config = waveglow.PRESETS["trial"]
    return write(path, "vocoder", "waveglow", config.to_json(), waveglow.Model(config), audio)


def write(
    path: Path, kind: str, model: str, config: dict, network: torch.nn.Module, audio: AudioConfig | None = None
) -> Path:
    header = Header(
        kind=kind,
        model=model,
        config=config,
        size="trial",
        symbols=SYMBOLS if kind == "acoustic" else (),
        front_end={"version": FRONT_END_VERSION, "mode": "pronunciation", "dictionary_sha256": ""},
        audio=(audio or AudioConfig()).to_json(),
        text=TextConfig().to_json(),
        step=100,
    )
    write_weights(path, header, network.state_dict())
    return path


def store(
    path: Path, *, run: TrainingRun | None = None, kind: str = "acoustic", model: str = "tacotron2", **more
) -> Checkpoint:
    """The file as a checkpoint in storage, as a run leaves it."""
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    key = f"runs/tests/{sha256[:16]}.safetensors"
    files.save_bytes(key, content)
    values = {"name": path.stem, "step": 100, "size_name": "trial"} | more
    return Checkpoint.objects.create(
        run=run, kind=kind, model=model, file=key, sha256=sha256, size=len(content), **values
    )


@pytest.fixture(scope="session")
def acoustic_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_acoustic(tmp_path_factory.mktemp("voice") / "acoustic.safetensors")


@pytest.fixture(scope="session")
def vocoder_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_vocoder(tmp_path_factory.mktemp("voice") / "vocoder.safetensors")


@pytest.fixture(autouse=True)
def _own_work_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(settings, "WORK_DIR", tmp_path / "work")
    yield
    voices.forget()
    drain.clear()


@pytest.fixture
def listener(transactional_db: None) -> User:
    return User.objects.create_user("listener", first_name="듣는 이")


@pytest.fixture
def admin(transactional_db: None) -> User:
    return User.objects.create_user("admin", is_staff=True)


@pytest.fixture
def speaker(transactional_db: None) -> Speaker:
    speaker = Speaker.objects.create(name="mina", label="미나")
    Consent.objects.create(speaker=speaker, text="동의합니다.", text_version="1", text_sha256="0" * 64)
    return speaker


@pytest.fixture
def acoustic(transactional_db: None, acoustic_file: Path) -> Checkpoint:
    return store(acoustic_file)


@pytest.fixture
def voice(acoustic: Checkpoint) -> Voice:
    return Voice.objects.create(name="mina", label="미나", acoustic=acoustic)


@pytest.fixture
def signed_in() -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in
