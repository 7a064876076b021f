"""A studio in which things have happened: a speaker with clips, a finished run, a voice, people who may come in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.sounds import write_corpus
from tests.studio_server import Studio

PUBLISH = """
import json
from studio import services as studio_services
from studio.models import Speaker
from synthesis.services import listener_invite, voice_publish
from training.models import Checkpoint, TrainingRun
run = TrainingRun.objects.get(speaker__name="mina")
acoustic = run.checkpoints.filter(kind="acoustic").order_by("-step").first()
vocoder = run.checkpoints.filter(kind="vocoder").order_by("-step").first()
speaker = Speaker.objects.get(name="mina")
Speaker.objects.filter(pk=speaker.pk).update(label="미나")
speaker.refresh_from_db()
voice_publish(acoustic=acoustic, vocoder=vocoder, name="mina", label="미나의 목소리")
print(json.dumps({
    "run": str(run.pk), "checkpoint": str(acoustic.pk), "speaker": studio_services.speaker_invite(speaker=speaker),
    "listener": listener_invite(label="준호")[1], "unused": listener_invite(label="서연")[1],
}))
"""


@dataclass(frozen=True)
class Furnished:
    """What was put in, and the one-time links of those who may look at it."""

    run: str  # its id
    checkpoint: str  # the published one's id
    links: dict[str, str]  # of speaker, listener and unused (nobody's yet)


def furnish(house: Studio, folder: Path, *, texts: Sequence[str], steps: int) -> Furnished:
    """Import clips of espeak-ng's, train a run of trial size to its end and publish it. `folder`: for the clips."""
    house.manage("import_clips", str(write_corpus(folder, texts)), "--speaker", "mina", "--consent", "동의합니다.")
    vocoder = ["--vocoder", "hifi_gan", "--vocoder-steps", "5"]
    house.manage("finetune", "--speaker", "mina", "--size", "trial", "--steps", str(steps), *vocoder, "--follow")
    made = json.loads(house.python(PUBLISH))
    links = {who: f"{house.address}/enter/{made[who]}/" for who in ("speaker", "listener", "unused")}
    return Furnished(made["run"], made["checkpoint"], links)
