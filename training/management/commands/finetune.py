"""`manage.py finetune`: what the button does, from a terminal."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any, Literal

from django.core.management.base import BaseCommand, CommandError

from speech.errors import SpeechError
from studio.errors import Refused, person_message
from studio.models import Speaker
from training import runner, selectors, services
from training.follow import Follower
from training.models import Checkpoint, TrainingRun
from training.words import failure_words

NONE = "none"


class Command(BaseCommand):
    help = "화자의 녹음으로 목소리를 학습해요. · Fine-tune a voice on a speaker's takes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--speaker", required=True, help="name of the speaker")
        parser.add_argument("--acoustic", default="tacotron2", help="acoustic model (tacotron2)")
        parser.add_argument(
            "--vocoder", default=services.AUTO,
            help="train this vocoder as well: waveglow, hifi_gan …; none; not given: the base voice's, if of this size",
        )  # fmt: skip
        parser.add_argument("--base", default="", help="name of a checkpoint to start from; none: from nothing")
        most = services.STEPS["vocoder"]
        parser.add_argument("--steps", type=int, default=services.STEPS["acoustic"], help="default: %(default)s")
        parser.add_argument("--vocoder-steps", type=int, help=f"not given: as many as --steps, but no more than {most}")
        parser.add_argument("--size", default="compact", choices=selectors.SIZES)
        parser.add_argument("--batch-size", type=int, help="clips a step; the model's own, if not given")
        parser.add_argument("--follow", action="store_true", help="show how it goes; Ctrl-C leaves it running")
        parser.add_argument("--here", action="store_true", help="train in this process, without a worker; Ctrl-C stops")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = self._start(options)
        except (Refused, SpeechError) as error:
            raise CommandError(person_message(error)) from error
        self.stdout.write(f"학습 {run.pk} · {run.speaker.label} · /train/{run.pk}/")
        if options["vocoder"] == services.AUTO and not run.vocoder:
            self.stdout.write(
                "보코더는 배우지 않아요. 배우려면 --vocoder 로 골라 주세요. · No vocoder is trained; see --vocoder."
            )
        if options["here"]:
            self._work_here(run)
        elif options["follow"]:
            with suppress(KeyboardInterrupt):
                Follower(run).follow()
        run.refresh_from_db()
        if run.state == TrainingRun.State.FAILED:
            raise CommandError(failure_words(run.error))
        self.stdout.write(f"{run.get_state_display()} · {run.state}")

    def _start(self, options: dict[str, Any]) -> TrainingRun:
        speaker = Speaker.objects.filter(name=options["speaker"]).first()
        if speaker is None:
            there = ", ".join(Speaker.objects.values_list("name", flat=True)) or "-"
            raise CommandError(f"그런 이름의 화자가 없어요: {options['speaker']} · No such speaker; there are: {there}")
        vocoder_steps = options["vocoder_steps"]
        if vocoder_steps is None:
            vocoder_steps = min(options["steps"], services.STEPS["vocoder"])
        vocoder = "" if options["vocoder"] == NONE else options["vocoder"]
        return services.run_start(
            speaker=speaker,
            acoustic=options["acoustic"],
            acoustic_steps=options["steps"],
            vocoder=vocoder,
            vocoder_steps=vocoder_steps,
            size=options["size"],
            acoustic_base=_base(options["base"], Checkpoint.Kind.ACOUSTIC),
            vocoder_base=_base(options["base"], Checkpoint.Kind.VOCODER),
            overrides={"batch_size": options["batch_size"]} if options["batch_size"] else {},
            send=not options["here"],  # a worker that hears of it would be first
        )

    def _work_here(self, run: TrainingRun) -> None:
        """Own the run in this process: the trainer is a child of it, as it is of a worker."""
        stop = threading.Event()
        before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with Follower(run).in_background():
                runner.execute(run.pk, stop=stop)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _base(name: str, kind: str) -> Checkpoint | Literal["shipped"] | None:
    """Without a name it is the base voice that ships, where that is of the size asked for."""
    if not name:
        return "shipped"
    if name == NONE:
        return None
    base = Checkpoint.objects.filter(name=name, kind=kind).first()
    if base is None and kind == Checkpoint.Kind.ACOUSTIC:
        there = ", ".join(Checkpoint.objects.filter(kind=kind).exclude(name="").values_list("name", flat=True)) or "-"
        raise CommandError(f"그런 이름의 바탕 체크포인트가 없어요: {name} · No such base; there are: {there}")
    return base
