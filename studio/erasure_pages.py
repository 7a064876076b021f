"""The page on which an admin erases a speaker, after reading what goes and typing whose it is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from studio import erasure
from studio.access import admin_required, posted_from
from studio.errors import Refused
from studio.models import Erasure, Speaker

logger = logging.getLogger(__name__)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def speaker_erase(request: HttpRequest, name: str) -> HttpResponse:
    """GET names all that goes; POST with the speaker's name in `confirm` erases it."""
    speaker, refusal = get_object_or_404(Speaker, name=name), None
    if request.method == "POST":
        try:
            erasure.confirmed(speaker, request.POST.get("confirm", ""))
            return _told(request, lambda: erasure.speaker_erase(speaker=speaker, by=cast(User, request.user)))
        except Refused as refused:
            refusal = refused
    items = [(erasure.WORDS[item.code], item) for item in erasure.items_of(speaker)]
    context = {"speaker": speaker, "items": items, "begun": erasure.erasure_open(name), "refusal": refusal}
    return render(request, "studio/erase.html", context, status=refusal.status if refusal else 200)


@posted_from("studio:speakers", arguments=False)
@admin_required
def erasure_go_on(request: HttpRequest, pk: int) -> HttpResponse:
    """Ends an erasure that was cut off."""
    begun = get_object_or_404(Erasure, pk=pk)
    return _told(request, lambda: erasure.erasure_go_on(erasure=begun))


def _told(request: HttpRequest, erase: Callable[[], Erasure]) -> HttpResponse:
    """Back to the list, which shows what is left to do."""
    try:
        messages.success(request, _("%(name)s: 모두 지웠어요.") % {"name": erase().name})
    except Refused:
        raise
    except Exception:  # whatever a storage raises
        logger.exception("An erasure was cut off.")
        messages.error(request, _("저장소에 문제가 있어서 다 지우지 못했어요. 잠시 뒤에 아래에서 이어서 지워 주세요."))
    return redirect("studio:speakers")
