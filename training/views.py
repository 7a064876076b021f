"""Pages of the training room, and the files of a checkpoint."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from speech.errors import SpeechError
from studio import files
from studio.access import admin_required, posted_from, sign_in_required
from studio.errors import Refused, api_errors, person_message
from training import pages, selectors, services
from training.forms import RunForm
from training.models import Checkpoint, TrainingRun


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def runs(request: HttpRequest) -> HttpResponse:
    """All runs, and the form that starts one."""
    form = RunForm(request.POST or None, initial={"speaker": request.GET.get("speaker")})
    refusal = ""
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("training:run", form.start(request.user).pk)  # type: ignore[arg-type]
        except (Refused, SpeechError) as error:
            refusal = person_message(error)
    status = 400 if request.method == "POST" else 200
    context = {**pages.runs(request.user), **pages.start(form, refusal)}
    return render(request, "training/runs.html", context, status=status)


@never_cache
@require_safe
@sign_in_required
def run(request: HttpRequest, pk: UUID) -> HttpResponse:
    """How one run goes: for admins, and for the speaker whose voice it is."""
    return render(request, "training/run.html", pages.run(_visible(request, pk), request.user))


@posted_from("training:run")
@admin_required
def run_stop(request: HttpRequest, pk: UUID) -> HttpResponse:
    try:
        services.run_stop(run=_visible(request, pk))
    except Refused as refusal:
        messages.error(request, refusal.message)
    return redirect("training:run", pk)


@posted_from("training:run")
@admin_required
def run_resume(request: HttpRequest, pk: UUID) -> HttpResponse:
    try:
        services.run_resume(run=_visible(request, pk))
    except Refused as refusal:
        messages.error(request, refusal.message)
    return redirect("training:run", pk)


@never_cache
@require_safe
@api_errors
@sign_in_required
def run_events(request: HttpRequest, pk: UUID) -> JsonResponse:
    """`?after=N`: the run as it is, and its next events, for programs and for pages without a socket."""
    after = request.GET.get("after", "0")
    if not after.isdecimal():
        raise Refused("bad_number", _("after는 사건의 번호예요."), after=after)
    run = _visible(request, pk)
    return JsonResponse({"run": selectors.run_state(run), "events": selectors.events_after(run, int(after))})


@require_safe
@sign_in_required
def checkpoint_picture(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    return files.serve(request, _checkpoint(request, pk).picture, "image/png")


@require_safe
@sign_in_required
def checkpoint_sample(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    return files.serve(request, _checkpoint(request, pk).sample, "audio/wav")


@require_safe
@admin_required
def checkpoint_file(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The weights, to take to another installation."""
    row = _checkpoint(request, pk)
    return files.serve(request, row.file, "application/octet-stream", f"{row.model}-{row.step}.safetensors")


def _visible(request: HttpRequest, pk: UUID) -> TrainingRun:
    return get_object_or_404(selectors.runs_visible_to(request.user), pk=pk)


def _checkpoint(request: HttpRequest, pk: UUID) -> Checkpoint:
    """A checkpoint of a run that this person may see; imported ones belong to the admins."""
    row = get_object_or_404(Checkpoint, pk=pk)
    if row.run_id is None and not request.user.is_staff:
        raise Http404(pk)
    if row.run_id is not None:
        _visible(request, row.run_id)
    return row
