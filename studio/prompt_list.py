"""All sentences as one speaker sees them: what is recorded, skipped, open; found by words or by number."""

from __future__ import annotations

import unicodedata
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from studio.models import Clip, Prompt, PromptSkip, Speaker
from studio.selectors import prompts_active

PAGE = 50


def prompt_list(*, speaker: Speaker, query: str = "", only: str = "all", offset: int = 0) -> dict[str, Any]:
    """`PAGE` sentences from `offset` on, in their order: `rows`, their `total`, and whether there is `more`.

    `query`: a part of the text, or a sentence's number. `only`: recorded, open, skipped, or all.
    """
    ids = list(prompts_active().values_list("pk", flat=True))
    found = _annotated(speaker).filter(_condition(only))
    query = " ".join(unicodedata.normalize("NFC", query).split())
    if query:
        numbered = ids[int(query) - 1 : int(query)] if query.isdecimal() and int(query) > 0 else []
        found = found.filter(Q(text__icontains=query) | Q(pk__in=numbered))
    total = found.count()
    numbers = {pk: number for number, pk in enumerate(ids, start=1)}
    rows = [_row(prompt, numbers.get(prompt.pk, 0)) for prompt in found[offset : offset + PAGE]]
    return {"rows": rows, "total": total, "more": offset + len(rows) < total}


def _annotated(speaker: Speaker) -> QuerySet[Prompt, Any]:
    """Active prompts with `take_count`, `has_kept` and `skip_reason` (None: not skipped) of this speaker."""
    takes = Clip.objects.filter(speaker=speaker, prompt=OuterRef("pk"), discarded_at__isnull=True).order_by()
    counted = takes.values("prompt").annotate(count=Count("pk")).values("count")
    skips = PromptSkip.objects.filter(speaker=speaker, prompt=OuterRef("pk"))
    return prompts_active().annotate(
        take_count=Coalesce(Subquery(counted), 0),
        has_kept=Exists(takes.filter(kept=True)),
        skip_reason=Subquery(skips.values("reason")[:1]),
    )


def _condition(only: str) -> Q:
    """For `_annotated` prompts."""
    conditions = {
        "recorded": Q(take_count__gt=0),
        "open": Q(has_kept=False, skip_reason__isnull=True),
        "skipped": Q(skip_reason__isnull=False),
    }
    return conditions.get(only, Q())


def _row(prompt: Any, number: int) -> dict[str, Any]:
    skipped = "" if prompt.skip_reason is None else prompt.skip_reason or _("이유 없음")
    return {
        "id": prompt.pk, "number": number, "text": prompt.text, "takes": prompt.take_count, "kept": prompt.has_kept,
        "skipped": skipped,
    }  # fmt: skip
