"""What the recording room writes: links, speakers, consent, positions. Takes are in `studio.takes`."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from studio import consent, selectors
from studio.arrivals import speaker_lock
from studio.errors import Refused
from studio.models import Consent, Prompt, PromptSkip, SignInLink, Speaker
from studio.signals import consent_withdrawn

LINK_HOURS = 24
INVITATION_HOURS = 24 * 7
NAME_TRIES = 20  # of so many who are made at once, without a name, each gets a number of their own


def sign_in_link_create(*, user: User, hours: int = LINK_HOURS) -> str:
    """A new link that signs `user` in once; the token, which is shown once and kept nowhere.

    Its address is `reverse("studio:enter", args=[token])`.
    """
    token = secrets.token_urlsafe(32)
    SignInLink.objects.create(
        user=user, token_sha256=_digest(token), expires_at=timezone.now() + timedelta(hours=hours)
    )
    return token


def sign_in_link_find(*, token: str) -> SignInLink | None:
    """The link, if it can still be used. Looking does not use it up."""
    return (
        SignInLink.objects.select_related("user")
        .filter(token_sha256=_digest(token), used_at__isnull=True, expires_at__gt=timezone.now(), user__is_active=True)
        .first()
    )


def sign_in_link_use(*, token: str) -> User | None:
    """Uses the link up; its person, or None when it is unknown, used or expired. Two clicks at once: one gets in."""
    link = sign_in_link_find(token=token)
    if link is None or not SignInLink.objects.filter(pk=link.pk, used_at__isnull=True).update(used_at=timezone.now()):
        return None
    return link.user


def speaker_create(*, label: str, name: str = "", user: User | None = None) -> Speaker:
    """A speaker; without `name` one is made of the label, or of the next free number. Refused when it is taken.

    `name`: lower-case letters, digits, - and _, as the caller has checked; it is kept as it is.
    """
    wanted = name or slugify(label)
    for _try in range(1 if wanted else NAME_TRIES):
        name = wanted or _free_name()
        with suppress(IntegrityError), transaction.atomic():
            return Speaker.objects.create(name=name[:64], label=label.strip()[:80], user=user)
    raise Refused("name_taken", _("이미 있는 이름이에요: %(name)s") % {"name": name}, 409, name=name)


def speaker_invite(*, speaker: Speaker) -> str:
    """A sign-in link for a speaker who needs no password; the token. The account is made at the first invitation.

    Refused (410): erased.
    """
    with transaction.atomic():
        speaker_lock(speaker)
        speaker.refresh_from_db(fields=["user"])  # a second click may have been faster
        if speaker.user is None:
            username = f"speaker-{speaker.name}"
            speaker.user = User.objects.filter(username=username, speaker__isnull=True).first() or (
                User.objects.create_user(username=username, first_name=speaker.label)
            )
            speaker.save(update_fields=["user"])
        return sign_in_link_create(user=speaker.user, hours=INVITATION_HOURS)


def consent_give(*, speaker: Speaker, text: str, version: str = consent.BY_WORD) -> Consent:
    """The consent in force, by the admin's word; given again, the one that holds stays. Refused (410): erased.

    What a speaker agrees to in a browser is spoken: see `studio.statements`.
    """
    if current := selectors.consent_in_force(speaker):
        return current
    try:
        with transaction.atomic():
            speaker_lock(speaker)
            ticked_close(speaker=speaker)
            return Consent.objects.create(
                speaker=speaker, text=text, text_version=version, text_sha256=consent.text_sha256(text)
            )
    except IntegrityError:  # given in two tabs at once
        return speaker.consents.get(withdrawn_at__isnull=True)


def consent_withdraw(*, speaker: Speaker) -> None:
    """From now on no take is accepted, no run uses the clips, and no voice made of them speaks.

    The row stays, with the time. The rooms above hear of it by the signal and do their part in the same transaction.
    """
    with transaction.atomic():
        list(
            Speaker.objects.select_for_update().filter(pk=speaker.pk)
        )  # what is just being stored is there, or refused
        if speaker.consents.filter(withdrawn_at__isnull=True).update(withdrawn_at=timezone.now()):
            consent_withdrawn.send(sender=Consent, speaker=speaker)


def ticked_close(*, speaker: Speaker) -> None:
    """A tick from before statements were spoken ends where a new consent begins. Within a transaction."""
    ticked = speaker.consents.filter(withdrawn_at__isnull=True, kind=Consent.Kind.TICKED)
    ticked.update(withdrawn_at=timezone.now())


def position_move(*, speaker: Speaker, action: str, prompt: Prompt | None = None, reason: str = "") -> None:
    """Moves the speaker: `next` and `back` by one, `forward` to the next open prompt, `open` a given one, `skip`.

    `prompt` is the one that the person saw when they asked (another tab may have moved on); needed for `open`.
    Refused for an unknown action.
    """
    current = prompt or selectors.prompt_shown(speaker)
    target: Prompt | None
    if action == "open":
        if prompt is None:
            raise Refused("no_prompt", _("어느 문장인지 알 수 없어요."), 404)
        target = prompt
    elif action == "next":
        target = selectors.prompts_after(current).first() or current
    elif action == "back":
        target = (
            (selectors.prompts_before(current).first() or current) if current else selectors.prompts_active().last()
        )
    elif action == "forward":
        target = selectors.prompt_open_next(speaker, current)
    elif action == "skip":
        if current is not None:
            PromptSkip.objects.update_or_create(
                speaker=speaker, prompt=current, defaults={"reason": reason[:200], "created_at": timezone.now()}
            )
        target = selectors.prompt_open_next(speaker, current)
    else:
        raise Refused("bad_action", _("모르는 동작이에요: %(action)s") % {"action": action}, action=action)
    # Only this speaker's row, and only this column.
    Speaker.objects.filter(pk=speaker.pk).update(position=target)
    speaker.position = target


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _free_name() -> str:
    number = Speaker.objects.count() + 1
    while Speaker.objects.filter(name=f"speaker-{number}").exists():
        number += 1
    return f"speaker-{number}"
