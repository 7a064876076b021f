"""What is wrong with this installation: the checks behind `manage.py doctor`."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import redis
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config import env, preparation, redis_server
from config.celery import app
from config.problems import StartError
from studio import files, sweep
from studio.models import Prompt
from training.models import Checkpoint

PIN = re.compile(r"^(?P<name>[a-z0-9.-]+)==(?P<version>[^ ;\\]+)", re.MULTILINE)
QUEUES = {"train": "학습 작업자 · training worker", "speak": "말하기 작업자 · speaking worker"}


class Off(Exception):
    """What was looked for is not on, and need not be for this machine to be in order."""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: `state` is good, off or bad; `found` says what is, and when it is bad the mend."""

    state: str
    subject: str
    found: str


def findings() -> Iterator[Finding]:
    """Look at everything; one bad thing never hides the next."""
    looks: list[tuple[str, Callable[[], str]]] = [
        ("Python", _python),
        ("라이브러리 · libraries", _libraries),
        ("PyTorch", _torch),
        ("데이터 폴더 · data folder", _data_folder),
        ("데이터베이스 · database", _database),
        ("문장 · prompts", _prompts),
        ("저장소 · storage", _storage),
        ("소리와 가중치 · sounds and weights", _files),
        ("정적 파일 · static files", _static),
        ("Redis", _redis),
        *((label, lambda queue=queue: _worker(queue)) for queue, label in QUEUES.items()),
    ]
    for subject, look in looks:
        try:
            yield Finding("good", subject, look())
        except Off as off:
            yield Finding("off", subject, str(off))
        except Exception as error:
            yield Finding("bad", subject, str(error).strip().splitlines()[0] if str(error) else type(error).__name__)


def _python() -> str:
    return f"{'.'.join(map(str, sys.version_info[:3]))} ({sys.executable})"


def _libraries() -> str:
    wrong = []
    pins = PIN.finditer((env.ROOT / "requirements.txt").read_text())
    for pin in pins:
        try:
            installed = importlib.metadata.version(pin["name"])
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform or Python; what is needed and missing shows at once elsewhere
        if installed.split("+")[0] != pin["version"]:
            wrong.append(f"{pin['name']} {installed} ≠ {pin['version']}")
    preparation.environment_check()
    if wrong:
        raise StartError(f"{', '.join(wrong)}: `make install`을 실행해 주세요", "run `make install`")
    return "requirements.txt"


def _torch() -> str:
    """In a process of its own: this one stays without torch."""
    code = (
        "import torch; print(torch.__version__, torch.cuda.get_device_name() if torch.cuda.is_available() else 'CPU')"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603
    if answer.returncode != 0:
        last = answer.stderr.strip().splitlines()[-1]
        raise StartError(f"{last}: `make install`을 다시 실행해 주세요", "run `make install` again")
    return answer.stdout.strip()


def _data_folder() -> str:
    folder = Path(settings.DATA_DIR)
    free = shutil.disk_usage(folder).free
    probe = folder / f".doctor-{uuid.uuid4().hex}"
    probe.write_bytes(b"probe")
    probe.unlink()
    if free < settings.MIN_FREE_BYTES:
        raise StartError(f"{folder}: {free // 2**20} MiB만 남았어요. 자리를 비워 주세요", "make room on this disk")
    return f"{folder}, {free // 2**30} GiB"


def _database() -> str:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise StartError("표가 낡았어요: `manage.py setup`을 실행해 주세요", "tables are behind: run `manage.py setup`")
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA quick_check(1)")
            said = cursor.fetchone()[0]
        if said != "ok":
            raise StartError(f"SQLite 파일이 상했어요({said}): 백업을 되돌려 주세요", "restore a backup")
    return f"{connection.vendor} {connection.settings_dict['NAME']}"


def _prompts() -> str:
    count = Prompt.objects.filter(active=True).count()
    if count == 0:
        raise StartError("읽을 문장이 없어요: `manage.py setup`을 실행해 주세요", "no prompts: run `manage.py setup`")
    return str(count)


def _storage() -> str:
    """Write, read back and delete: the way of every take."""
    content = uuid.uuid4().bytes
    name = default_storage.save(f"doctor/{uuid.uuid4().hex}", ContentFile(content))
    try:
        with default_storage.open(name) as file:
            same = file.read() == content
    finally:
        default_storage.delete(name)
    if not same:
        raise StartError("쓴 것과 읽은 것이 달라요", "what was read is not what was written: look at the storage")
    s3 = env.s3()
    return f"S3 {s3.endpoint or s3.region}/{s3.bucket}" if s3 else f"{settings.DATA_DIR}/files"


def _files() -> str:
    """Whether what the database tells of is in storage: after a restore of one without the other it is not."""
    lost, total = sweep.rows_without_file()
    weights = list(Checkpoint.objects.values_list("file", flat=True))
    lost += [key for key in weights if not files.exists(key)]
    if lost:
        raise StartError(
            f"{len(lost):,}개가 저장소에 없어요({lost[0]} …). 백업에서 저장소를 되돌려 주세요",
            f"{len(lost):,} are not in storage: restore it from a backup",
        )
    left = len(sweep.orphans()[0])
    note = f", 주인 없는 파일 {left:,}개(`manage.py sweep_files`) · {left:,} that no row refers to" if left else ""
    return f"{total + len(weights):,}{note}"


def _static() -> str:
    if not preparation.static_is_collected():
        raise Off("`up`이나 `manage.py setup`이 모아 줘요 · collected by `up` or `manage.py setup`")
    return str(settings.STATIC_ROOT)


def _redis() -> str:
    url = env.redis_url()
    try:
        redis_server.ask(url)
    except redis.RedisError as error:
        if env.text("REDIS_URL"):
            raise StartError(
                f"{url}: {error}. 켜거나 REDIS_URL을 고쳐 주세요", "start it, or mend REDIS_URL"
            ) from error
        raise Off(f"`make run`이 켜요 · started by `make run` ({redis_server.executable()})") from error
    return url


def _worker(queue: str) -> str:
    """Workers that listen to `queue` and answer within two seconds."""
    try:
        redis_server.ask(env.redis_url())
        queues = app.control.inspect(timeout=2).active_queues() or {}
    except (redis.RedisError, OSError):
        queues = {}
    names = [worker for worker, listens in queues.items() if queue in {one["name"] for one in listens}]
    if not names:
        raise Off("꺼져 있어요. `make run`이 켜요 · off; started by `make run`")
    return ", ".join(names)
