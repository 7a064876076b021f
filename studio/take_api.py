"""What the recording page's program calls about what is there already: the list of sentences, where a take is cut."""

from __future__ import annotations

from uuid import UUID

from django.http import JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from studio import selectors, takes
from studio.access import SpeakerRequest, speaker_required
from studio.api import checked, json_body, own_clip
from studio.errors import Refused, api_errors
from studio.forms import NoteForm, PromptListForm, TrimForm
from studio.prompt_list import prompt_list


@require_POST
@api_errors
@speaker_required
def clip_trim(request: SpeakerRequest, clip_id: UUID) -> JsonResponse:
    """`{"start": seconds, "end": seconds}`, or `{}` for where the sound itself begins and ends → the take."""
    form = TrimForm(json_body(request))
    if not form.is_valid():
        raise Refused("bad_trim", _("자르는 자리는 초로 적은 두 수예요."), names=list(form.errors))
    clip = takes.clip_trim(clip=own_clip(request, clip_id), bounds=form.bounds())
    return JsonResponse(selectors.take_json(clip))


@require_POST
@api_errors
@speaker_required
def clip_note(request: SpeakerRequest, clip_id: UUID) -> JsonResponse:
    """`{"note": "…"}`, 300 characters at most → the take."""
    form = checked(NoteForm(json_body(request)))
    clip = takes.clip_note(clip=own_clip(request, clip_id), note=form["note"])
    return JsonResponse(selectors.take_json(clip))


@require_safe
@api_errors
@speaker_required
def record_prompts(request: SpeakerRequest) -> JsonResponse:
    """`?q=words&only=all|recorded|open|skipped&offset=0` → `{"rows", "total", "more"}`."""
    fields = checked(PromptListForm(request.GET))
    only, offset = fields["only"] or "all", fields["offset"] or 0
    return JsonResponse(prompt_list(speaker=request.speaker, query=fields["q"], only=only, offset=offset))
