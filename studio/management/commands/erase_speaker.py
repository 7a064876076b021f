"""manage.py erase_speaker NAME: all that was recorded, trained and spoken with a voice goes, for good."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from studio import erasure
from studio.errors import Refused, person_message
from studio.models import Erasure, Speaker


class Command(BaseCommand):
    """Cut off half-way, it goes on when it is called again; when all is gone already, it says so."""

    help = "화자의 녹음과 그것으로 만든 것을 모두 지워요. · Erase a speaker, with all that was made of the voice."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="name of the speaker")
        parser.add_argument("--yes", action="store_true", help="do not ask for the name once more")

    def handle(self, *args: Any, **options: Any) -> None:
        name: str = options["name"]
        speaker = Speaker.objects.filter(name=name).first()
        begun = erasure.erasure_open(name)
        if begun is None and speaker is None:
            self._say_gone(name)
            return
        try:
            if begun is None and speaker is not None:
                self._confirm(speaker, sure=options["yes"])
                begun = erasure.speaker_erase(speaker=speaker, by=None)
            elif begun is not None:
                begun = erasure.erasure_go_on(erasure=begun)
        except Refused as refusal:
            raise CommandError(person_message(refusal)) from refusal
        except Exception as error:  # whatever a storage raises
            if not erasure.erasure_open(name):
                raise
            raise CommandError(
                f"{error}: 다 지우지 못했어요. 같은 명령을 다시 하면 이어서 지워요. · Not all is erased; call it again."
            ) from error
        self.stdout.write(f"{name}: 모두 지웠어요. · erased. {erasure.erased_words(begun) if begun else ''}")

    def _confirm(self, speaker: Speaker, *, sure: bool) -> None:
        self.stdout.write(f"{speaker.label} ({speaker.name})")
        for item in erasure.items_of(speaker):
            self.stdout.write(f"  {erasure.WORDS[item.code]} {item.count:,}  {', '.join(item.names)}".rstrip())
        if not sure:
            try:
                erasure.confirmed(
                    speaker, input(f"되돌릴 수 없어요. 지우려면 이름을 적어 주세요 · name ({speaker.name}): ")
                )
            except EOFError as error:
                raise CommandError("--yes 없이는 이름을 물어봐요. · Without --yes the name is asked for.") from error

    def _say_gone(self, name: str) -> None:
        done = Erasure.objects.filter(name=name).first()
        if done is None:
            there = ", ".join(Speaker.objects.values_list("name", flat=True)) or "-"
            raise CommandError(f"그런 이름의 화자가 없어요: {name} · No such speaker; there are: {there}")
        self.stdout.write(f"{name}: 이미 지웠어요. · erased already, {done.finished_at:%Y-%m-%d %H:%M} UTC")
