"""People and sentences of the recording room."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from studio import services
from studio.models import Prompt, Speaker

SENTENCES = ("오늘은 바람이 참 시원하네요.", "저녁에 뭐 먹을까요?", "와, 벌써 다 왔네!", "창문 좀 닫아 주세요.")


@pytest.fixture(autouse=True)
def storage(tmp_path: Path) -> Iterator[Path]:
    """A folder of files of the test's own."""
    before = default_storage.location
    default_storage._wrapped._location = str(tmp_path / "files")  # type: ignore[attr-defined]
    default_storage._wrapped.__dict__.pop("base_location", None)
    default_storage._wrapped.__dict__.pop("location", None)
    yield tmp_path / "files"
    default_storage._wrapped._location = before  # type: ignore[attr-defined]
    default_storage._wrapped.__dict__.pop("base_location", None)
    default_storage._wrapped.__dict__.pop("location", None)


@pytest.fixture
def prompts(db: None) -> list[Prompt]:
    return [
        Prompt.objects.create(
            text=text, text_sha256=hashlib.sha256(text.encode()).hexdigest(), corpus="test", order=number
        )
        for number, text in enumerate(SENTENCES)
    ]


@pytest.fixture
def make_speaker(db: None) -> Callable[[str], Speaker]:
    def make(name: str) -> Speaker:
        user = User.objects.create_user(username=f"person-{name}")
        speaker = services.speaker_create(label=name, name=name, user=user)
        services.consent_give(speaker=speaker, text="동의합니다.")
        return speaker

    return make


@pytest.fixture
def speaker(make_speaker: Callable[[str], Speaker]) -> Speaker:
    return make_speaker("mina")


@pytest.fixture
def speaking(client: Client, speaker: Speaker) -> Client:
    """The browser of `speaker`."""
    assert speaker.user is not None
    client.force_login(speaker.user)
    return client


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_superuser(username="admin")


def send(client: Client, fields: dict, to: str = "/clips/", **headers: str) -> HttpResponse:
    """Sends a take, or another recording, as its page does."""
    body = {name: value for name, value in fields.items() if name != "data"}
    body["audio"] = SimpleUploadedFile("take.wav", fields["data"], content_type="audio/wav")
    return client.post(to, body, headers=headers)
