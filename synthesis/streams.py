"""The sound of an utterance as it is made: waits for sentences, and gives each as soon as it is there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.utils.translation import gettext as _

from speech.errors import SpeechError
from studio import hints
from studio.errors import Refused
from synthesis import events, services, whole
from synthesis.models import Utterance, UtteranceSentence

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0  # how long a lost event may hold a stream up
CHANGING = ("state", "error", "sentence_count")  # of the row, while it is spoken
PATIENCE_SECONDS = 120.0  # how long a text may wait for a worker to take it


class Waiting:
    """Wakes at an event of one utterance, or after LOOK_SECONDS: what the channel layer loses costs no more."""

    def __init__(self, layer: Any, channel: str | None) -> None:
        self.layer, self.channel = layer, channel

    async def look(self) -> None:
        if self.channel is None:
            await asyncio.sleep(LOOK_SECONDS / 4)
            return
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self.layer.receive(self.channel)
        except TimeoutError:
            pass
        except Exception as error:  # Redis may be lost in many ways
            hints.lost(error, "events of an utterance are not heard")
            self.channel = None


@asynccontextmanager
async def waiting_for(utterance: Utterance) -> AsyncIterator[Waiting]:
    """Joins the utterance's group, before its rows are looked at."""
    layer = get_channel_layer()
    channel: str | None = None
    group = events.group_name(utterance.pk)
    try:
        async with asyncio.timeout(2):
            channel = await layer.new_channel()
            await layer.group_add(group, channel)
        hints.back()
    except Exception as error:
        hints.lost(error, "events of an utterance are not heard")
        channel = None
    waiting = Waiting(layer, channel)
    try:
        yield waiting
    finally:
        if waiting.channel is not None:
            try:
                await layer.group_discard(group, waiting.channel)
            except Exception as error:
                logger.debug("The group was not left: %s", error)


async def spoken(utterance: Utterance) -> AsyncGenerator[tuple[bytes, int], None]:
    """PCM-16 and sample rate of each sentence, in order, until the utterance ends.

    Raises SpeechError for one that failed, Refused nobody_speaks (503) when no worker takes it, deleted (410) when it
    is gone. Who stops listening stops the speaking.
    """
    index, waited = 0, 0.0
    ended = False
    try:
        async with waiting_for(utterance) as waiting:
            while True:
                try:
                    sentences = await database_sync_to_async(_sentences_from)(utterance, index)
                except Utterance.DoesNotExist:
                    ended = True
                    raise Refused("deleted", _("지워진 글이에요."), 410) from None
                ended = utterance.state not in Utterance.ACTIVE
                for sentence in sentences:
                    index, waited = sentence.index + 1, 0.0
                    yield await sync_to_async(whole.pcm)(sentence.file)
                if ended:
                    break
                begun = asyncio.get_running_loop().time()
                await waiting.look()
                waited += asyncio.get_running_loop().time() - begun
                if utterance.state == Utterance.State.QUEUED and waited > PATIENCE_SECONDS:
                    raise Refused(
                        "nobody_speaks", _("지금은 말하기 프로그램이 답하지 않아요. 잠시 뒤에 다시 해 주세요."), 503
                    )
        if utterance.state == Utterance.State.FAILED:
            raise failure(utterance)
    finally:
        if not ended:
            await asyncio.shield(sync_to_async(services.utterance_stop)(utterance=utterance))


def _sentences_from(utterance: Utterance, index: int) -> list[UtteranceSentence]:
    """The row as it is now, and then what is spoken of it from `index` on.

    Asked with `database_sync_to_async`, which closes the connection behind it: a listener who waits a minute for a
    worker, or reads slowly, would keep one of the database's few all the while.
    """
    utterance.refresh_from_db(fields=CHANGING)
    return list(utterance.sentences.filter(index__gte=index).order_by("index"))


def failure(utterance: Utterance) -> SpeechError:
    """The error that a failed utterance keeps."""
    error = utterance.error
    return SpeechError(error.get("message", ""), code=error.get("code"), **error.get("params", {}))
