"""`backup` and `restore`: nothing that was recorded or trained is lost, nothing that was erased stays."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from speech.wav import wav_bytes
from tests import servers
from tests.studio.sounds import take
from tests.studio_server import environment, studio
from tests.studio_server import manage as run_manage

TEXTS = ("안녕하세요, 반갑습니다.", "오늘은 날씨가 참 맑네요.", "내일 아침에 다시 만나요.")


def manage(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return run_manage(environment(folder, more), *arguments, check=False)


def python(folder: Path, code: str, **more: str) -> str:
    return run_manage(environment(folder, more), "shell", "--no-imports", "-c", code).stdout.strip()


def import_corpus(folder: Path, data: Path, speaker: str, **more: str) -> None:
    corpus = folder / speaker
    (corpus / "wavs").mkdir(parents=True)
    for number in range(len(TEXTS)):
        sound = wav_bytes(take(2.0 + 0.1 * number), 48_000)
        (corpus / "wavs" / f"{number}.wav").write_bytes(sound)
    lines = [f"{number}|{text}" for number, text in enumerate(TEXTS)]
    (corpus / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    run_manage(environment(data, more), "import_clips", str(corpus), "--speaker", speaker, "--consent", "계약서")


STATE = """
from django.core.files.storage import default_storage
from studio.models import Clip, Speaker
print(sorted(Speaker.objects.values_list('name', flat=True)))
for clip in Clip.objects.order_by('id'):
    with default_storage.open(clip.file) as file:
        print(clip.pk, clip.text, clip.size, len(file.read()))
"""


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a speaker's three clips; never changed."""
    folder = tmp_path_factory.mktemp("backups")
    run_manage(environment(folder / "var"), "setup")
    import_corpus(folder, folder / "var", "mina")
    return folder / "var"


@pytest.fixture
def data(furnished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(furnished, tmp_path / "var")


@pytest.fixture(scope="module")
def kept(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it; never changed."""
    target = tmp_path_factory.mktemp("kept") / "backup"
    answer = manage(furnished, "backup", str(target))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "화자 1명" in answer.stdout
    return target


def test_what_was_kept_comes_back_on_another_machine(furnished: Path, kept: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    answer = manage(other, "restore", str(kept))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert python(other, STATE) == python(furnished, STATE)
    assert (other / "secret_key").read_text() == (furnished / "secret_key").read_text()
    assert (other / "secret_key").stat().st_mode & 0o777 == 0o600
    assert "✘" not in manage(other, "doctor").stdout


def test_a_copy_is_made_while_the_studio_runs(tmp_path: Path) -> None:
    with studio(tmp_path / "var") as house:
        import_corpus(tmp_path, house.data, "mina")
        answer = house.manage("backup", str(tmp_path / "backup"))
        assert "화자 1명" in answer.stdout
        running = house.manage("restore", str(tmp_path / "backup"), "--replace", check=False)
        assert running.returncode == 1 and "이미 켜져 있어요" in running.stderr
    assert manage(tmp_path / "other", "restore", str(tmp_path / "backup")).returncode == 0
    assert python(tmp_path / "other", STATE) == python(tmp_path / "var", STATE)


def test_the_next_copy_takes_what_is_new_and_drops_what_was_erased(data: Path, kept: Path, tmp_path: Path) -> None:
    target = shutil.copytree(kept, tmp_path / "backup")
    before = {path.name: path.stat().st_ino for path in (target / "files" / "clips").rglob("*.wav")}
    import_corpus(tmp_path, data, "narae")
    assert manage(data, "backup", str(target)).returncode == 0
    both = {path.name: path.stat().st_ino for path in (target / "files" / "clips").rglob("*.wav")}
    assert len(both) == 6 and before.items() <= both.items()
    assert manage(data, "erase_speaker", "mina", "--yes").returncode == 0
    assert manage(data, "backup", str(target)).returncode == 0
    left = {path.name for path in (target / "files" / "clips").rglob("*.wav")}
    assert len(left) == 3 and not left & before.keys()


def test_who_was_erased_since_is_named_when_a_backup_brings_them_back(data: Path, kept: Path) -> None:
    assert manage(data, "erase_speaker", "mina", "--yes").returncode == 0
    answer = manage(data, "restore", str(kept), "--replace")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "manage.py erase_speaker mina" in answer.stdout


def test_what_is_here_is_put_aside_only_when_asked_for(data: Path, kept: Path, tmp_path: Path) -> None:
    import_corpus(tmp_path, data, "narae")
    state = python(data, STATE)
    refused = manage(data, "restore", str(kept))
    assert refused.returncode == 1 and "--replace" in refused.stderr
    assert python(data, STATE) == state
    assert manage(data, "restore", str(kept), "--replace").returncode == 0
    assert python(data, STATE).startswith("['mina']")
    [aside] = data.glob("before-restore-*")
    for name in ("moksori.sqlite3", "files", "secret_key"):
        target = data.parent / "back" / name
        target.parent.mkdir(exist_ok=True)
        (aside / name).replace(target)
    assert python(data.parent / "back", STATE) == state


def test_a_backup_that_is_not_whole_changes_nothing(data: Path, kept: Path, tmp_path: Path) -> None:
    def note_of(folder: Path, **changes: object) -> None:
        note = json.loads((folder / "backup.json").read_text())
        (folder / "backup.json").write_text(json.dumps({**note, **changes}))

    def cut(folder: Path) -> None:
        with next(folder.glob("database-*.sqlite3")).open("r+b") as file:
            file.truncate(4096)

    harms: list[tuple[Callable[[Path], object], str]] = [
        (cut, "데이터베이스가 상했어요"),
        (lambda folder: next((folder / "files" / "clips").rglob("*.wav")).unlink(), "1개 모자라요"),
        (lambda folder: note_of(folder, migrations={"studio": "0999_of_tomorrow"}), "더 새로운"),
        (lambda folder: (folder / "backup.json").unlink(), "백업이 아니에요"),
    ]
    state = {path: path.stat().st_mtime_ns for path in data.rglob("*") if path.is_file()}
    for number, (harm, said) in enumerate(harms):
        broken = shutil.copytree(kept, tmp_path / f"broken-{number}")
        harm(broken)
        answer = manage(data, "restore", str(broken), "--replace")
        assert answer.returncode == 1 and said in answer.stderr and "Traceback" not in answer.stderr
    assert {path: path.stat().st_mtime_ns for path in data.rglob("*") if path.is_file()} == state


def test_a_sound_that_storage_lost_stays_in_the_backup_and_comes_back(data: Path, kept: Path, tmp_path: Path) -> None:
    target = shutil.copytree(kept, tmp_path / "backup")
    lost = next((data / "files" / "clips").rglob("*.wav"))
    lost.unlink()
    assert manage(data, "backup", str(target)).returncode == 0
    assert manage(data, "restore", str(target), "--replace").returncode == 0
    assert lost.is_file()


def test_a_storage_that_is_away_takes_no_copies_along(data: Path, kept: Path, tmp_path: Path) -> None:
    target = shutil.copytree(kept, tmp_path / "backup")
    (data / "files").rename(data / "elsewhere")
    answer = manage(data, "backup", str(target))
    assert answer.returncode == 1 and "이어져 있는지" in answer.stderr
    assert len(list((target / "files" / "clips").rglob("*.wav"))) == 3


def test_a_folder_with_something_else_in_it_is_left_alone(data: Path, tmp_path: Path) -> None:
    own = tmp_path / "photos"
    (own / "files").mkdir(parents=True)
    for name in ("cat.jpg", "backup.json", "files/dog.jpg"):
        (own / name).write_bytes(b"cat")
    for target, said in ((own, "빈 폴더나"), (data / "copy", "데이터 폴더 밖"), (own / "cat.jpg", "폴더가 아니에요")):
        answer = manage(data, "backup", str(target))
        assert answer.returncode == 1 and said in answer.stderr
    assert {path.name for path in own.rglob("*")} == {"cat.jpg", "backup.json", "files", "dog.jpg"}


def test_postgresql_is_kept_by_its_own_programs(postgres_url: str, tmp_path: Path) -> None:
    programs = servers.postgres_programs()
    assert programs is not None
    path = f"{programs}:{os.environ['PATH']}"
    for name in ("kept", "back"):
        subprocess.run([programs / "psql", postgres_url, "-qc", f"CREATE DATABASE {name}"], check=True)
    here, there = (f"{postgres_url.rpartition('/')[0]}/{name}" for name in ("kept", "back"))
    run_manage(environment(tmp_path / "var", {"DATABASE_URL": here}), "setup")
    import_corpus(tmp_path, tmp_path / "var", "mina", DATABASE_URL=here)
    answer = manage(tmp_path / "var", "backup", str(tmp_path / "backup"), DATABASE_URL=here, PATH=path)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    full = manage(tmp_path / "new", "restore", str(tmp_path / "backup"), "--replace", DATABASE_URL=here, PATH=path)
    assert full.returncode == 1 and "createdb" in full.stderr
    other = manage(tmp_path / "new", "restore", str(tmp_path / "backup"), PATH=path)
    assert other.returncode == 1 and "postgresql 백업" in other.stderr
    answer = manage(tmp_path / "new", "restore", str(tmp_path / "backup"), DATABASE_URL=there, PATH=path)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert python(tmp_path / "new", STATE, DATABASE_URL=there) == python(tmp_path / "var", STATE, DATABASE_URL=here)
