"""Files out of storage: whole, in parts, and only where they are."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.http import Http404
from django.test import RequestFactory

from studio import files
from studio.errors import Refused
from tests.servers import S3Server


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", None),
        ("bytes=0-9", (0, 9)),
        ("bytes=90-", (90, 99)),
        ("bytes=90-500", (90, 99)),
        ("bytes=-10", (90, 99)),
        ("bytes=-500", (0, 99)),
        ("bytes=100-", "unsatisfiable"),
        ("bytes=9-5", "unsatisfiable"),
        ("bytes=-0", "unsatisfiable"),
        ("bytes=0-1,5-6", None),
        ("bytes=-", None),
        ("items=0-1", None),
        (f"bytes=0-{'9' * 5000}", None),  # more figures than Python reads
    ],
)
def test_a_range_header_means_what_the_standard_says(header: str, wanted: object) -> None:
    assert files.parse_range(header, 100) == wanted


@pytest.mark.django_db  # a thread of an earlier test may still hold a connection, which is closed here
async def test_a_large_file_is_streamed_whole_and_in_parts() -> None:
    content = bytes(range(256)) * 40_000  # 10 MB
    files.save_bytes("test/large.bin", content)
    for header, expected in (("", content), ("bytes=5-9000000", content[5:9_000_001])):
        request = RequestFactory().get("/", headers={"Range": header} if header else {})
        response = files.serve(request, "test/large.bin", "application/octet-stream", "큰 파일.bin")
        assert response["Content-Length"] == str(len(expected))
        assert "filename*=utf-8''" in response["Content-Disposition"]
        assert b"".join([part async for part in response]) == expected  # type: ignore[attr-defined]


def test_a_head_request_gets_the_size_and_no_sound() -> None:
    files.save_bytes("test/head.wav", b"sound")
    response = files.serve(RequestFactory().head("/"), "test/head.wav", "audio/wav")
    assert (response["Content-Length"], response["Accept-Ranges"], response.content) == ("5", "bytes", b"")  # type: ignore[attr-defined]


def test_a_file_that_is_gone_is_not_found() -> None:
    with pytest.raises(Http404):
        files.serve(RequestFactory().get("/"), "test/none.wav", "audio/wav")


def test_a_file_is_saved_from_a_path_and_fetched_to_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"moksori")
    assert files.save_bytes("test/a", tmp_path / "a") == 7
    assert files.fetch("test/a", tmp_path / "deep/b").read_bytes() == files.read_bytes("test/a") == b"moksori"
    files.delete_file("test/a")
    files.delete_file("test/a")
    with pytest.raises(FileNotFoundError):
        files.read_bytes("test/a")


def test_several_workers_bring_the_same_file_at_once(tmp_path: Path) -> None:
    content = bytes(range(256)) * 2**14
    files.save_bytes("test/base", content)

    def bring(number: int) -> bytes:
        return files.fetch("test/base", tmp_path / "work" / f"base-{number // 8}").read_bytes()

    with ThreadPoolExecutor(8) as workers:
        assert all(brought == content for brought in workers.map(bring, range(64)))
    assert {path.name for path in (tmp_path / "work").iterdir()} == {f"base-{number}" for number in range(8)}
    files.delete_file("test/base")


def test_a_full_disk_is_told_and_leaves_nothing_half_made(tmp_path: Path) -> None:
    files.save_bytes("test/large", bytes(2**16))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**12, before[1]))
    try:
        with pytest.raises(Refused) as refusal:
            files.fetch("test/large", tmp_path / "work" / "large")
        with pytest.raises(Refused):
            files.save_bytes("test/larger", bytes(2**16))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (refusal.value.code, list((tmp_path / "work").iterdir())) == ("disk_full", [])
    assert files.names("test") == ["large"]
    files.delete_file("test/large")


def test_a_floor_of_free_space_is_kept(settings: object) -> None:
    files.free_space_check()
    settings.MIN_FREE_BYTES = 2**62  # type: ignore[attr-defined]
    with pytest.raises(Refused) as refusal:
        files.free_space_check()
    assert refusal.value.status == 507


def test_a_folder_goes_with_all_that_is_in_it_and_nothing_beside_it(storage: Path) -> None:
    for key in ("runs/y/a.wav", "runs/y/deep/b.wav", "runs/yy/c.wav"):
        files.save_bytes(key, b"0123456789")
    for _again in range(2):
        files.delete_folder("runs/y")
        assert sorted(str(path.relative_to(storage)) for path in storage.rglob("*")) == [
            "runs",
            "runs/yy",
            "runs/yy/c.wav",
        ]


@pytest.mark.servers
def test_a_bucket_serves_files_as_a_folder_does(s3: S3Server) -> None:
    code = """
import django; django.setup()
from datetime import timedelta
from django.http import Http404
from django.test import RequestFactory
from studio import files
files.free_space_check()
assert files.save_bytes("clips/x/a.wav", b"0123456789") == 10
request = RequestFactory().get("/", headers={"Range": "bytes=2-4"})
response = files.serve(request, "clips/x/a.wav", "audio/wav")
assert (response.status_code, response.content) == (206, b"234"), response
assert files.folders("clips") == ["x"] and files.names("clips/x") == ["a.wav"] and files.names("none") == []
assert files.modified_at("clips/x/a.wav").year > 2000
for key in ("clips/x/none.wav",):
    try:
        files.serve(request, key, "audio/wav")
    except Http404:
        pass
    else:
        raise SystemExit("a file that is not there was served")
    try:
        files.read_bytes(key)
    except FileNotFoundError:
        pass
    else:
        raise SystemExit("a file that is not there was read")
files.delete_file("clips/x/a.wav")
assert files.names("clips/x") == []
for key in ("runs/y/a.wav", "runs/y/deep/b.wav", "runs/yy/c.wav"):
    files.save_bytes(key, b"0123456789")
for _again in range(2):
    files.delete_folder("runs/y")
    assert files.folders("runs") == ["yy"] and files.names("runs/y/deep") == []
"""
    environment = {**os.environ, **s3.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
