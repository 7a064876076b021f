"""The main way with PostgreSQL, Redis and S3: a take, a run on a worker that shares no disk, a checkpoint, a sound."""

from __future__ import annotations

import hashlib
import io
import json
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from websockets.sync.client import connect

from tests import pace
from tests.integration.machines import Machines, Visitor, found, machines
from tests.servers import S3Server, redis_server, wait_until
from tests.studio.sounds import statement_upload, take, upload

pytestmark = pytest.mark.servers

TAKES = 3
STEPS = 4
BUCKET = "made-by-setup"
UUID = r"[0-9a-f]{8}-[0-9a-f-]{27}"


@pytest.fixture
def house(tmp_path: Path, postgres_url: str, s3: S3Server) -> Iterator[Machines]:
    with redis_server(tmp_path / "redis") as redis_url:
        shared = {"DATABASE_URL": postgres_url, "REDIS_URL": redis_url, **s3.environment, "S3_BUCKET": BUCKET}
        with machines(tmp_path, shared) as several:
            yield several


def stored(s3: S3Server) -> dict[str, int]:
    """Sizes of what lies in the bucket, by key."""
    client = boto3.client(
        "s3",
        endpoint_url=s3.endpoint,
        region_name="us-east-1",
        aws_access_key_id="tests",
        aws_secret_access_key="tests-secret",
    )
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    sizes = {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", [])}
    client.close()
    return sizes


def files_under(folder: Path) -> set[str]:
    return {path.suffix for path in folder.rglob("*") if path.is_file()}


def record(speaker: Visitor, count: int) -> None:
    """Give consent, and record `count` prompts; every take comes back as it was sent."""
    speaker.page("/record/consent/")
    spoken = statement_upload()
    audio = {"audio": ("statement.wav", spoken.pop("data"), "audio/wav")}
    speaker.post("/record/consent/statement", data=spoken, files=audio).raise_for_status()
    for seed in range(count):
        prompt = speaker.get("/record/next").json()["prompt"]["id"]
        fields = upload(prompt, take(seconds=3.0, seed=seed))
        sound = fields.pop("data")
        answer = speaker.post("/clips/", data=fields, files={"audio": ("take.wav", sound, "audio/wav")})
        assert answer.status_code == 201, answer.text
        assert answer.json()["sha256"] == hashlib.sha256(sound).hexdigest()
        assert speaker.get(answer.json()["url"]).content == sound
        speaker.post(f"/clips/{fields['id']}/keep", json={"forward": True}).raise_for_status()


def opened(house: Machines, label: str, name: str) -> tuple[Visitor, Visitor]:
    """A site that is set up and serves: its admin, and a speaker who has recorded what a run needs."""
    house.manage("setup", "setup")
    admin = Visitor(house.proxied(house.web()))
    admin.enter(house.manage("setup", "admin_link", "--url", admin.address))
    invitation = found(r'(http[^"<\s]+/enter/[^"<\s]+)', admin.submit("/speakers/", label=label, name=name).text)
    speaker = Visitor(admin.address)
    speaker.enter(invitation)
    record(speaker, TAKES)
    return admin, speaker


def start(admin: Visitor, label: str, steps: int) -> str:
    """Start a run of trial size; returns its id."""
    person = found(rf'<option value="([^"]+)"[^>]*>\s*{label}', admin.page("/train/"))
    fields = {"speaker": person, "size": "trial", "acoustic": "tacotron2", "acoustic_steps": steps}
    return found(rf"/train/({UUID})/", admin.submit("/train/", **fields, vocoder="", vocoder_steps=0).url)


def follow(admin: Visitor, run: str) -> list[dict[str, Any]]:
    """Events of a run over its WebSocket until it has ended."""
    cookies = "; ".join(f"{name}={value}" for name, value in admin.cookies.items())
    address = admin.address.replace("http", "ws", 1) + f"/ws/runs/{run}/"
    events: list[dict[str, Any]] = []
    with connect(address, origin=admin.address, additional_headers={"Cookie": cookies}) as socket:  # type: ignore[arg-type]
        socket.send(json.dumps({"after": 0}))
        while True:
            message = json.loads(socket.recv(timeout=pace.patient(180)))
            events += message.get("events", [])
            states = [event["data"].get("state") for event in events if event["kind"] == "state_changed"]
            if {"finished", "failed", "stopped"} & set(states):
                return events


def test_from_a_take_to_a_sound_with_no_disk_in_common(house: Machines, s3: S3Server) -> None:
    house.worker("train")
    house.worker("speak")
    admin, speaker = opened(house, "미나", "mina")
    assert len([key for key in stored(s3) if key.startswith("clips/")]) == TAKES

    run = start(admin, "미나", STEPS)
    events = follow(admin, run)
    assert events[-1]["data"].get("state", "finished") == "finished", events[-3:]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert STEPS in {event["data"]["step"] for event in events if event["kind"] == "step_done"}
    state = admin.get(f"/train/{run}/events").json()["run"]
    assert (state["state"], state["step"]) == ("finished", STEPS)
    assert any(key.endswith(".safetensors") for key in stored(s3))

    checkpoint = found(rf"/voices/publish/({UUID})/", admin.page(f"/train/{run}/"))
    admin.submit(
        f"/voices/publish/{checkpoint}/", acoustic=checkpoint, vocoder="auto", label="미나 목소리", name="mina"
    )
    said = speaker.get("/api/speak", params={"text": "안녕하세요. 반갑습니다.", "voice": "mina"})
    assert said.status_code == 200, said.text
    with wave.open(io.BytesIO(said.content)) as sound:
        samples = np.frombuffer(sound.readframes(10**8), dtype=np.int16)
    assert np.abs(samples).max() > 100

    # Each machine has seen only what it needed: sound and weights went through S3.
    assert not files_under(house.folder("web")) & {".wav", ".safetensors", ".sqlite3"}
    assert not files_under(house.folder("setup")) & {".wav", ".safetensors", ".sqlite3"}
    assert ".safetensors" in files_under(house.folder("speak"))


def test_a_run_goes_on_on_another_machine_when_its_worker_is_shut_down(house: Machines) -> None:
    first = house.worker("train")
    admin, _speaker = opened(house, "두나", "duna")
    run = start(admin, "두나", 400)

    def state() -> dict[str, Any]:
        answer: dict[str, Any] = admin.get(f"/train/{run}/events").json()["run"]
        return answer

    wait_until(lambda: state()["step"] >= 2, "the first steps", seconds=180)
    first.terminate()
    first.wait(60)
    left = state()
    assert left["state"] == "queued"
    assert left["step"] >= 2
    house.folder("train").rename(house.root / "train-gone")  # the next worker comes with an empty disk
    house.worker("train")
    wait_until(lambda: state()["attempt"] == 2 and state()["step"] > left["step"], "steps after the move", seconds=180)
    admin.post(f"/train/{run}/stop").raise_for_status()
    wait_until(lambda: state()["state"] == "stopped", "the stop", seconds=120)
    resumed = [
        event["data"]["step"]
        for event in admin.get(f"/train/{run}/events").json()["events"]
        if event["kind"] == "step_done"
    ]
    assert resumed == sorted(resumed)  # nothing was done twice: it went on from the checkpoint
