"""Which sounds a speaker has recorded, and which prompt adds most to them.

The sounds of the prompts are held by the process until the prompts change; what a speaker has kept is counted at each
request. So nothing is stored that could go stale, and two web processes agree.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from django.db.models import Count, Max, Min, Sum
from django.db.models.functions import Length

from speech.text import read
from speech.text.coverage import DIGITS, Heard, Sounds, order, sounds_of, still_worth
from studio.asked import Asked, asked_of
from studio.models import Prompt, Speaker
from studio.prompts import guess_kind, prompt_sounds

OTHERS_COUNTED = 500  # clips of no active prompt, imported ones mostly: so many have nearly all common sounds
CANDIDATES = 200  # prompts among which the reserve is chosen one after another
PACE_FROM = 10  # takes, before a speaker's own pace says how long the others will be


class Corpus:
    """The active prompts in order: what each brings, and all of it as one flat array of pairs."""

    def __init__(self, prompts: list[Prompt]) -> None:
        self.sounds = {prompt.pk: prompt_sounds(prompt) for prompt in prompts}
        self._ids = list(self.sounds)
        self.places = {pk: place for place, pk in enumerate(self.sounds)}
        self.by_gain = {prompt.pk for prompt in prompts if prompt.pronunciation}  # the others keep their file's order
        every = list(self.sounds.values())
        self._pairs = list({pair for sounds in every for pair in sounds.pairs})
        numbers = {pair: number for number, pair in enumerate(self._pairs)}
        self._flat = np.array([numbers[pair] for sounds in every for pair in sounds.pairs], np.intp)
        self._rows = np.repeat(np.arange(len(every)), [len(sounds.pairs) for sounds in every])
        self._kinds = [sounds.kind for sounds in every]
        self._seconds = np.array([sounds.seconds for sounds in every])

    def gains(self, heard: Heard) -> npt.NDArray[np.float64]:
        """What each prompt adds to `heard`, a second of it: `Heard.gain` of all of them, by place."""
        worth = np.array([heard.worth(pair) for pair in self._pairs])
        sums = np.bincount(self._rows, worth[self._flat], len(self._kinds)) if self._pairs else 0.0
        kinds = {kind: heard.kind_worth(kind) for kind in set(self._kinds)}
        gains: npt.NDArray[np.float64] = (sums + np.array([kinds[kind] for kind in self._kinds])) / self._seconds
        return gains

    def best(self, heard: Heard, shut: Collection[int], count: int) -> dict[int, float]:
        """Of the prompts that are not `shut`, those that add most to `heard`, and their gains; most first."""
        if not self.by_gain:
            return {}
        gains = np.round(self.gains(heard), DIGITS)
        gains[[place for pk, place in self.places.items() if pk in shut or pk not in self.by_gain]] = -1.0
        places = np.argsort(-gains, kind="stable")[:count].tolist()
        return {self._ids[place]: gain for place in places if (gain := float(gains[place])) >= 0}


@dataclass(frozen=True)
class Standing:
    """What a speaker has said, and what is open."""

    corpus: Corpus
    heard: Heard
    closed: frozenset[int]  # prompts with a kept take, and those that were skipped
    pace: float  # seconds that this speaker takes for an estimated one
    asked: tuple[Asked, ...] = ()  # to read again: they come before all others

    def next_prompts(self, count: int, after: int | None = None, *, said: bool = False) -> list[int]:
        """The open prompts to record, each adding most to what was heard with those before it.

        Those that are asked for again come first. Prompts that keep their file's order come last: from `after` on, then
        those before it. `after` itself is none of them; with `said` it counts as heard.
        """
        corpus, heard = self.corpus, self.heard.copy()
        if said and after in corpus.sounds and after not in self.closed:
            heard.add(corpus.sounds[after])
        again = [each.prompt for each in self.asked if self._wants(each) and each.prompt != after][:count]
        for pk in again:
            heard.add(corpus.sounds[pk])
        if not (count := count - len(again)):
            return again
        shut = self.closed | {*again} if after is None else self.closed | {*again, after}
        best = corpus.best(heard, shut, max(count, CANDIDATES) if count > 1 else 1)
        chosen = order({pk: corpus.sounds[pk] for pk in best}, heard, limit=count, bounds=list(best.values()))
        if len(chosen) == count:
            return [*again, *chosen]
        here = corpus.places.get(after, 0) if after is not None else 0
        rest = [pk for pk in corpus.sounds if pk not in corpus.by_gain and pk not in shut]
        rest.sort(key=lambda pk: (corpus.places[pk] < here, corpus.places[pk]))
        return [*again, *[*chosen, *rest][:count]]

    def _wants(self, asked: Asked) -> bool:
        """Only prompts that are still read; and the match sentence only while takes are to follow it."""
        more = not asked.is_match or not self.closed.issuperset(self.corpus.sounds)
        return more and asked.prompt in self.corpus.sounds

    def coverage(self) -> int:
        """How many per cent of the common pairs of sounds were said; 100 only when all were."""
        return int(100 * self.heard.coverage())

    def minutes_worth(self) -> float:
        """Minutes of the open prompts that bring a common pair which was not said often enough."""
        left = (sounds for pk, sounds in self.corpus.sounds.items() if pk not in self.closed)
        return self.pace * still_worth(left, self.heard) / 60


def corpus() -> Corpus:
    """The active prompts; read again when one was added, switched, moved or rewritten."""
    active = Prompt.objects.filter(active=True)
    key = active.aggregate(
        Count("id"), Sum("id"), Sum("order"), Min("text_sha256"), Max("text_sha256"),
        characters=Sum(Length("text") + Length("pronunciation")),
    )  # fmt: skip
    return _corpus(tuple(key.values()))


@lru_cache(maxsize=1)
def _corpus(_key: tuple[object, ...]) -> Corpus:
    return Corpus(list(Prompt.objects.filter(active=True).order_by("order", "id")))


def standing(speaker: Speaker, *, with_asked: bool = True) -> Standing:
    """Where a speaker stands by what they have kept; `with_asked`: for who wants the next prompts."""
    prompts = corpus()
    kept = speaker.clips.filter(kept=True, discarded_at__isnull=True)
    rows = [row for row in kept.values_list("prompt_id", "seconds") if row[0] in prompts.sounds]
    said = [prompts.sounds[pk] for pk, _seconds in rows if pk is not None]
    texts = kept.exclude(prompt__active=True).order_by("-created_at").values_list("reading", "text")[:OTHERS_COUNTED]
    others = [_sounds(reading or text) for reading, text in texts]
    pace = 1.0
    if len(rows) >= PACE_FROM:
        pace = sum(seconds for _pk, seconds in rows) / sum(sounds.seconds for sounds in said)
    skipped = speaker.skips.values_list("prompt_id", flat=True)
    closed = frozenset(pk for pk, _seconds in rows if pk is not None) | frozenset(skipped)
    return Standing(prompts, Heard([*said, *others]), closed, pace, tuple(asked_of(speaker)) if with_asked else ())


@lru_cache(maxsize=20_000)
def _sounds(text: str) -> Sounds:
    return sounds_of(read(text).pronunciation, guess_kind(text))
