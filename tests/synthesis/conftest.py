"""People, and a voice that speaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from studio.models import Consent, Speaker
from synthesis import voices
from synthesis.models import Voice
from tests.synthesis.babble import store, write_acoustic, write_vocoder
from training import drain
from training.models import Checkpoint


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
