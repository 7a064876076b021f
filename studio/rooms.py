"""The three rooms of the first page. Rooms above this one tell their state by registering, so that none is imported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from django.contrib.auth.models import User


@dataclass(frozen=True)
class RoomState:
    """One line about a room, and the shape of its badge ("" for a plain one)."""

    words: str
    level: Literal["", "good", "warn", "bad", "busy"] = ""
    detail: str = ""


_states: dict[str, Callable[[User], RoomState]] = {}


def register(room: str, state: Callable[[User], RoomState]) -> None:
    """Called once, in a room's `AppConfig.ready`: `register("training", selectors.room_state)`."""
    _states[room] = state


def state_of(room: str, user: User) -> RoomState | None:
    """What a room says of itself to this person, or None when it has nothing to say."""
    state = _states.get(room)
    return state(user) if state else None
