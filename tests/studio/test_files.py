"""Files out of storage: whole, in parts, and only where they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.http import Http404
from django.test import RequestFactory

from studio import files
from studio.errors import Refused


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
    ],
)
def test_a_range_header_means_what_the_standard_says(header: str, wanted: object) -> None:
    assert files.parse_range(header, 100) == wanted


async def test_a_large_file_is_streamed_whole_and_in_parts() -> None:
    content = bytes(range(256)) * 40_000  # 10 MB
    files.save_bytes("test/large.bin", content)
    for header, expected in (("", content), ("bytes=5-9000000", content[5:9_000_001])):
        request = RequestFactory().get("/", headers={"Range": header} if header else {})
        response = files.serve(request, "test/large.bin", "application/octet-stream", "큰 파일.bin")
        assert response["Content-Length"] == str(len(expected))
        assert "filename*=utf-8''" in response["Content-Disposition"]
        assert b"".join([part async for part in response]) == expected  # type: ignore[attr-defined]


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


def test_a_floor_of_free_space_is_kept(settings: object) -> None:
    files.free_space_check()
    settings.MIN_FREE_BYTES = 2**62  # type: ignore[attr-defined]
    with pytest.raises(Refused) as refusal:
        files.free_space_check()
    assert refusal.value.status == 507
