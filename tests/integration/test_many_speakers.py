"""Many speakers at one server at the same time: everything arrives, once, and where it belongs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from tests.e2e import record_room as room
from tests.recorders import Recorder
from tests.studio.sounds import take, upload

SPEAKERS = [f"speaker-{number:02}" for number in range(20)]
TAKES = 5
SENTENCES = [f"{number}번째 문장을 소리 내어 읽습니다." for number in range(TAKES)]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[room.WebServer]:
    with room.web_server(tmp_path / "data", SENTENCES, SPEAKERS) as server:
        yield server


def test_twenty_speakers_who_record_at_once_lose_nothing(web: room.WebServer) -> None:
    prompts = [int(pk) for pk in web.python(
        "from studio.models import Prompt; print(*Prompt.objects.order_by('order').values_list('pk', flat=True))"
    ).split()]  # fmt: skip
    start = Barrier(len(SPEAKERS))

    def record(number: int) -> dict[str, str]:
        """All takes of one speaker, each sent twice, as after an answer that got lost; id → hash."""
        sent = {}
        with Recorder(web.link(SPEAKERS[number])) as recorder:
            start.wait(60)
            for place, prompt in enumerate(prompts):
                fields = upload(prompt, take(seed=100 * number + place))
                for expected in (201, 200):
                    status, answer = recorder.send(fields)
                    assert status == expected, answer
                    assert answer["sha256"] == fields["sha256"]
                sent[fields["id"]] = fields["sha256"]
        return sent

    with ThreadPoolExecutor(len(SPEAKERS)) as pool:
        sent = list(pool.map(record, range(len(SPEAKERS))))
    for name, takes in zip(SPEAKERS, sent, strict=True):
        clips = web.clips(name)
        assert {clip.id: clip.sha256 for clip in clips} == takes
        assert sorted(clip.prompt for clip in clips) == list(range(TAKES))
        for clip in clips:
            data = (web.data / "files" / clip.file).read_bytes()
            assert hashlib.sha256(data).hexdigest() == clip.sha256
