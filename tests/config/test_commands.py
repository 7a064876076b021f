"""The commands around `up`: setup, doctor, admin_link, reconcile."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from tests import pace
from tests.servers import ROOT, program, wait_until
from tests.studio_server import environment
from tests.studio_server import manage as run_manage


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder that `setup` has prepared."""
    folder = tmp_path_factory.mktemp("commands") / "var"
    run_manage(environment(folder), "setup")
    yield folder


def manage(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return run_manage(environment(folder, more), *arguments, check=False)


def test_setup_makes_tables_prompts_and_static_files(data: Path) -> None:
    code = "from studio.models import Prompt; print(Prompt.objects.count())"
    assert int(manage(data, "shell", "--no-imports", "-c", code).stdout) >= 150
    assert (data / "static" / "staticfiles.json").exists()


def test_setup_brings_the_base_voice(data: Path) -> None:
    code = "from synthesis.models import Voice; print(*Voice.objects.values_list('name', 'acoustic__name'))"
    assert manage(data, "shell", "--no-imports", "-c", code).stdout.strip() == "('base', 'base')"


def test_the_doctor_finds_nothing_wrong_with_a_prepared_folder(data: Path) -> None:
    answer = manage(data, "doctor")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "✘" not in answer.stdout
    assert "✔ PyTorch: 2.13.0" in answer.stdout


def test_the_doctor_counts_files_that_no_row_refers_to(data: Path) -> None:
    stray = data / "files" / "runs" / "00000000-0000-0000-0000-000000000000" / "acoustic-00000005.safetensors"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"weights")
    os.utime(stray, (0, 0))
    assert "1 that no row refers to" in manage(data, "doctor").stdout
    assert "1 removed" in manage(data, "sweep_files").stdout
    assert "no row refers to" not in manage(data, "doctor").stdout


def test_the_doctor_names_missing_tables_and_the_mend(tmp_path: Path) -> None:
    answer = manage(tmp_path, "doctor")
    assert answer.returncode == 1
    assert "✘ 데이터베이스 · database" in answer.stdout
    assert "manage.py setup" in answer.stdout


def test_the_doctor_names_a_redis_that_does_not_answer(data: Path) -> None:
    answer = manage(data, "doctor", REDIS_URL="redis://127.0.0.1:1/0")
    assert answer.returncode == 1
    assert "✘ Redis: redis://127.0.0.1:1/0" in answer.stdout


def test_the_doctor_notices_a_restore_that_forgot_the_storage(data: Path, tmp_path: Path) -> None:
    restored = tmp_path / "restored"
    restored.mkdir()
    with closing(sqlite3.connect(data / "moksori.sqlite3")) as database:
        database.execute("VACUUM INTO ?", [str(restored / "moksori.sqlite3")])
    answer = manage(restored, "doctor")
    assert answer.returncode == 1
    assert "✘ 소리와 가중치 · sounds and weights" in answer.stdout and "restore it from a backup" in answer.stdout
    shutil.copytree(data / "files", restored / "files", dirs_exist_ok=True)
    assert "✘" not in manage(restored, "doctor").stdout


def test_an_admin_link_makes_the_first_admin_and_only_that_one(data: Path) -> None:
    first = manage(data, "admin_link", "--url", "https://studio.example")
    assert first.stdout.startswith("https://studio.example/enter/")
    assert manage(data, "admin_link").stdout.startswith("http://127.0.0.1:8000/enter/")
    stranger = manage(data, "admin_link", "--name", "stranger")
    assert stranger.returncode == 1
    assert "admin" in stranger.stderr


def test_the_reconciler_goes_on_without_redis_and_ends_when_asked(data: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "reconcile"],
        cwd=ROOT,
        env=environment(data),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=pace.patient(60))
    assert process.returncode == 0, said
    assert b"Traceback" not in said


def test_the_containers_health_check_hears_of_a_reconciler_that_hangs(data: Path) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    kind, command = compose["services"]["reconciler"]["healthcheck"]["test"]
    assert kind == "CMD-SHELL" and "/data/" in command

    def healthy() -> bool:
        check = ["sh", "-c", command.replace("/data/", f"{data}/")]
        return subprocess.run(check, capture_output=True, check=False).returncode == 0

    (data / "reconciled").unlink(missing_ok=True)
    assert not healthy()
    with program(
        [sys.executable, "manage.py", "reconcile"], log=data / "reconcile.log", env=environment(data)
    ) as process:
        wait_until(healthy, "the first round", process=process)
    os.utime(data / "reconciled", (0, 0))
    assert not healthy()
