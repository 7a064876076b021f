"""What has to be there before the studio serves: free space, tables, prompts, static files, the first admin."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles.finders import get_finders
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

import studio.services
from config import env
from config.problems import StartError, disk_is_full
from studio.models import Prompt

LEAST_FREE_BYTES = 64 * 2**20  # below this nothing starts: SQLite, Redis and the logs need a little each
NEEDED = ("uvicorn", "celery", "channels_redis", "redis", "whitenoise", "soundfile")
PROMPTS = settings.BASE_DIR / "prompts" / "ko"
BASE_VOICE = settings.BASE_DIR / "voices" / "base"


def environment_check() -> None:
    """StartError when a library that `make install` brings is missing."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise StartError(
            f"설치가 덜 되었어요({', '.join(missing)}). `make install`을 실행해 주세요.",
            "The environment is not complete: run `make install`.",
        )


def space_check(folder: Path) -> None:
    """StartError when the disk of the data folder is full."""
    if shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
        raise disk_is_full(folder)


@contextmanager
def only_one(folder: Path) -> Iterator[Path]:
    """Hold the data folder: a second `up` on it is refused. The lock ends with the process, however that ends.

    Yields the file to write this studio's address into.
    """
    path = folder / "up.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            address = path.read_text().strip()
            raise StartError(
                f"이미 켜져 있어요: {address} ({folder}). 그 창에서 Ctrl-C로 끄거나 MOKSORI_DATA를 바꿔 주세요.",
                "This data folder is in use already: end the other one, or choose another MOKSORI_DATA.",
            ) from None
        try:
            yield path
        finally:
            path.write_text("")


def database_prepare() -> None:
    """Create or migrate the tables; cheap when there is nothing to do."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)


def storage_prepare() -> None:
    """Create the S3 bucket when it is not there; a folder needs nothing."""
    s3 = env.s3()
    if s3 is None:
        return
    client = default_storage.connection.meta.client  # type: ignore[attr-defined]
    try:
        client.head_bucket(Bucket=s3.bucket)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != HTTPStatus.NOT_FOUND:
            raise _storage_problem(s3, error) from error
        client.create_bucket(Bucket=s3.bucket)
    except BotoCoreError as error:
        raise _storage_problem(s3, error) from error


def _storage_problem(s3: env.S3, error: Exception) -> StartError:
    return StartError(
        f"저장소를 쓸 수 없어요: {s3.endpoint or s3.region}/{s3.bucket} ({error}). S3_…과 AWS_… 설정을 확인해 주세요.",
        "The storage cannot be used: look at S3_… and AWS_….",
    )


def prompts_prepare() -> None:
    """Load the sentences that ship with the project when one of their files is new or changed."""
    files = sorted(PROMPTS.glob("*.tsv"))
    done = settings.DATA_DIR / "prompts.loaded"
    state = _fingerprint([str(connection.settings_dict["NAME"]), *(_file_state(file) for file in files)])
    if Prompt.objects.exists() and _read(done) == state:
        return
    for file in files:
        call_command("load_prompts", str(file), verbosity=0)
    done.write_text(state)


def base_voice_prepare() -> None:
    """Take the base voice that ships into storage and publish it, when it is new, changed, gone or silent."""
    from synthesis import selectors
    from synthesis import services as synthesis
    from training import shelf

    done = settings.DATA_DIR / "base.loaded"
    state = _fingerprint([str(connection.settings_dict["NAME"]), _file_state(BASE_VOICE / "base.json")])
    if _read(done) == state and selectors.base_voice_is_well():
        return
    acoustic, vocoder = shelf.base_ship(folder=BASE_VOICE)
    synthesis.base_voice_publish(acoustic=acoustic, vocoder=vocoder)
    done.write_text(state)


def static_prepare() -> None:
    """Collect static files when one of them is new or changed; a folder of one's own is filled by whoever set it."""
    if not static_is_collected() and not env.text("MOKSORI_STATIC"):
        call_command("collectstatic", interactive=False, verbosity=0)
        _static_mark().write_text(_static_state())


def static_is_collected() -> bool:
    """Whether what lies collected is what there is to collect."""
    if env.text("MOKSORI_STATIC"):
        return (Path(settings.STATIC_ROOT) / "staticfiles.json").exists()
    return _read(_static_mark()) == _static_state()


def _static_mark() -> Path:
    return Path(settings.STATIC_ROOT) / ".collected"


def _static_state() -> str:
    files = [_file_state(Path(storage.path(name))) for finder in get_finders() for name, storage in finder.list([])]
    return _fingerprint(files)


def prepare() -> None:
    """All of it; what is done already is found out in a few milliseconds and not done again."""
    space_check(Path(settings.DATA_DIR))
    database_prepare()
    storage_prepare()
    prompts_prepare()
    base_voice_prepare()
    static_prepare()


def first_admin_link(address: str) -> str | None:
    """A one-time link for the first admin, whom it makes when there is none; None once an admin has signed in."""
    admins = User.objects.filter(is_staff=True, is_active=True)
    if admins.filter(last_login__isnull=False).exists():
        return None
    return sign_in_address(admins.order_by("pk").first() or admin_create("admin"), address)


def admin_create(username: str) -> User:
    """A new admin without a password: they come in by a link, and may set a password later."""
    admin = User(username=username, is_staff=True, is_superuser=True)
    admin.set_unusable_password()
    admin.save()
    return admin


def sign_in_address(user: User, address: str) -> str:
    """A new one-time sign-in link for `user` under the site's `address`."""
    token = studio.services.sign_in_link_create(user=user)
    return f"{address.rstrip('/')}{reverse('studio:enter', args=[token])}"


def _file_state(path: Path) -> str:
    status = path.stat()
    return f"{path} {status.st_size} {status.st_mtime_ns}"


def _fingerprint(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode(errors="surrogateescape")).hexdigest()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
