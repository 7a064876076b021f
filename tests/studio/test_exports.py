"""Takes that leave the studio: as others read them, and back into another studio of ours without a change."""

from __future__ import annotations

import json
import os
import unicodedata
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from django.core.management import CommandError, call_command
from django.test import Client

from speech import clean
from speech.audio import resample
from speech.text import read
from speech.wav import parse_wav, to_float32, to_int16, wav_bytes
from studio import coverage, files, selectors, services, takes
from studio.exports import held_out
from studio.models import Clip, Prompt, Speaker
from studio.prompts import prompts_load
from tests.studio.conftest import send
from tests.studio.sounds import take, upload

LMY = Path(os.environ.get("MOKSORI_LMY", Path(__file__).resolve().parents[2] / "../shared/speech/lmy"))


def run(command: str, *arguments: str | Path) -> tuple[str, str]:
    """What a command said, and what it complained of."""
    out, err = StringIO(), StringIO()
    try:
        call_command(command, *map(str, arguments), stdout=out, stderr=err)
    except CommandError as error:
        err.write(str(error))
    return out.getvalue(), err.getvalue()


def recorded(speaker: Speaker, texts: list[str], rate: int = 48_000) -> list[Clip]:
    """Kept takes of these sentences, as an import makes them."""
    return [
        takes.clip_import(
            speaker=speaker, source_id=f"corpus/{number}", text=text, reading="",
            wav=parse_wav(wav_bytes(take(rate=rate, seed=number), rate)), trim=(0.3, 1.7) if number == 1 else None,
        )[0]
        for number, text in enumerate(texts)
    ]  # fmt: skip


@pytest.fixture
def voice(speaker: Speaker) -> Speaker:
    recorded(speaker, ["오늘은 3월 2일이에요.", '그가 "예"라고 했다.', "창문 좀 닫아 주세요.", "창문 좀 닫아 주세요!"])
    return speaker


def test_ljspeech_is_written_at_its_rate_with_numbers_spelled_out(voice: Speaker, tmp_path: Path) -> None:
    out, err = run("export_clips", "--speaker", "mina", tmp_path / "out")
    assert "4 clips" in out and not err
    rows = [row.split("|") for row in (tmp_path / "out/metadata.csv").read_text("utf-8").splitlines()]
    assert rows[0][1:] == ["오늘은 3월 2일이에요.", "오늘은 삼월 이 일이에요."]
    assert rows[1][1:] == ['그가 "예"라고 했다.'] * 2
    for name, *_texts in rows:
        info = soundfile.info(tmp_path / f"out/wavs/{name}.wav")
        assert (info.samplerate, info.channels, info.subtype) == (22_050, 1, "PCM_16")


def test_a_take_is_cut_where_its_speaker_said_else_where_training_cuts_it(voice: Speaker, tmp_path: Path) -> None:
    run("export_clips", "--speaker", "mina", tmp_path / "out")
    first, second = voice.clips.order_by("created_at", "id")[:2]
    for clip, seconds in ((first, None), (second, 1.4)):
        wav = parse_wav(files.read_bytes(clip.file))
        start, end = clean.trim_bounds(to_float32(wav.samples), wav.sample_rate) if seconds is None else (14400, 81600)
        expected = to_int16(resample(to_float32(wav.samples)[start:end], wav.sample_rate, 22_050))
        written = parse_wav((tmp_path / f"out/wavs/mina-{clip.pk.hex[:12]}.wav").read_bytes())
        assert np.array_equal(written.samples, expected)


def test_a_validation_list_shares_no_sentence_with_training(voice: Speaker, tmp_path: Path) -> None:
    out, _ = run(
        "export_clips",
        "--speaker",
        "mina",
        "--format",
        "filelist",
        "--validation",
        "0.4",
        "--seed",
        "5",
        tmp_path / "o",
    )
    lists = {}
    for name in ("train", "val"):
        rows = (tmp_path / f"o/mina_{name}_filelist.txt").read_text("utf-8").splitlines()
        assert all((tmp_path / "o" / row.split("|")[0]).is_file() for row in rows)
        lists[name] = {"".join(filter(str.isalnum, row.split("|")[1])) for row in rows}
    assert lists["train"] and lists["val"] and not lists["train"] & lists["val"]
    assert "for validation" in out


def test_the_split_keeps_whole_sentences_and_stays_when_others_are_added() -> None:
    sentences = [f"문장{number // 2}" for number in range(400)]
    held = held_out(sentences, 0.1, seed=1)
    assert 8 <= len(held) <= 34
    assert held <= held_out([*sentences, "새문장하나", "새문장둘"], 0.1, seed=1)
    assert held_out(["하나", "하나"], 0.1, seed=1) == set() and len(held_out(["하나", "둘"], 0.001, seed=1)) == 1


def clips_of(name: str) -> dict[str, tuple[str, float | None, float | None, bytes]]:
    clips = Clip.objects.filter(speaker__name=name)
    return {c.text: (c.reading, c.trim_start, c.trim_end, files.read_bytes(c.file)) for c in clips}


def test_our_own_export_comes_back_bit_for_bit(voice: Speaker, tmp_path: Path) -> None:
    first = voice.clips.order_by("created_at", "id")[0]
    first.reading, first.measures["room_dbfs"] = "오늘은 삼월 이 일이에요.", -71.5
    first.save()
    run("export_clips", "--speaker", "mina", "--format", "moksori", tmp_path / "out")
    out, err = run("import_clips", tmp_path / "out", "--speaker", "other", "--consent", "공개해도 된다고 했어요.")
    assert out.startswith("Moksori's own export: 4 clips in clips.jsonl") and not err
    assert len(clips_of("mina")) == 4 and clips_of("other") == clips_of("mina")
    assert Clip.objects.get(speaker__name="other", text=first.text).measures["room_dbfs"] == -71.5


def test_the_folder_that_one_stands_in_is_a_folder_like_any_other(
    voice: Speaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    out, err = run("export_clips", "--speaker", "mina", ".")
    assert "4 clips" in out and not err and (tmp_path / "here/metadata.csv").is_file()


@pytest.mark.parametrize("form", ["ljspeech", "filelist"])
def test_what_others_read_comes_back_as_the_same_clips(voice: Speaker, tmp_path: Path, form: str) -> None:
    run("export_clips", "--speaker", "mina", "--format", form, tmp_path / "out")
    out, err = run("import_clips", tmp_path / "out", "--speaker", "other", "--consent", "공개해도 된다고 했어요.")
    assert "4 new" in out and not err
    said = [
        sorted(read(clip.reading or clip.text).pronunciation for clip in Clip.objects.filter(speaker__name=name))
        for name in ("mina", "other")
    ]
    assert said[0] == said[1]
    for clip in Clip.objects.filter(speaker__name="other"):
        name = clip.source_id.rpartition("/")[2]
        assert files.read_bytes(clip.file) == (tmp_path / f"out/wavs/{name}.wav").read_bytes()
        assert clip.sample_rate == 22_050 and clip.kept


def test_a_text_that_the_form_cannot_hold_and_a_lost_file_are_named_and_the_rest_goes_out(
    speaker: Speaker, tmp_path: Path
) -> None:
    clips = recorded(speaker, ["하나 | 둘", "어디 갔지?", "여기 있어요."])
    files.delete_file(clips[1].file)
    out, err = run("export_clips", "--speaker", "mina", tmp_path / "out")
    assert "1 clip," in out and "Clips left out: 2" in err
    assert str(clips[0].pk) in err and str(clips[1].pk) in err
    out, err = run("export_clips", "--speaker", "mina", "--format", "moksori", tmp_path / "own")
    assert "하나 | 둘" in (tmp_path / "own/clips.jsonl").read_text("utf-8") and "1 left out" in out


@pytest.mark.parametrize("form", ["moksori", "ljspeech"])
def test_a_take_that_is_no_longer_what_was_recorded_is_named_and_stays(
    speaker: Speaker, tmp_path: Path, form: str
) -> None:
    clip, _other = recorded(speaker, ["여기 있어요.", "저기 있어요."])
    data = bytearray(files.read_bytes(clip.file))
    data[len(data) // 2] ^= 0x40
    files.delete_file(clip.file)
    files.save_bytes(clip.file, bytes(data))
    out, err = run("export_clips", "--speaker", "mina", "--format", form, tmp_path / "out")
    assert "1 clip," in out and f"{clip.pk} 여기 있어요.: 저장소에 있는 소리 파일이 녹음한 그대로가 아니에요." in err


def test_nothing_is_exported_without_consent_or_into_a_folder_with_something_in_it(
    voice: Speaker, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("내 것", encoding="utf-8")
    assert "이미" in run("export_clips", "--speaker", "mina", tmp_path / "full")[1]
    services.consent_withdraw(speaker=voice)
    assert "동의" in run("export_clips", "--speaker", "mina", tmp_path / "out")[1]
    assert [path.name for path in tmp_path.iterdir() if path.name != "files"] == ["full"]
    assert "no speaker" in run("export_clips", "--speaker", "nobody", tmp_path / "out")[1]


def test_kss_is_recognised_and_what_was_said_is_kept_beside_what_is_written(tmp_path: Path, db: None) -> None:
    source = tmp_path / "kss"
    (source / "1").mkdir(parents=True)
    rows = []
    for number, (text, said) in enumerate([("나는 20살이다.", "나는 스무 살이다."), ("가 보자.", "가 보자.")]):
        (source / f"1/1_{number:04}.wav").write_bytes(wav_bytes(take(rate=44_100, seed=number), 44_100))
        rows.append(f"1/1_{number:04}.wav|{text}|{said}|{unicodedata.normalize('NFD', said)}|2.0|English.")
    rows.append("1/1_0002.wav|" + "가" * 301 + "|" + "가" * 301 + "|가|2.0|Long.")
    rows.append("1/1_0003.wav|없는 소리.|없는 소리.|가|2.0|Missing.")
    (source / "transcript.v.1.4.txt").write_text("\ufeff" + "\r\n".join(rows), encoding="utf-8", newline="")
    out, err = run("import_clips", source, "--speaker", "kss", "--consent", "CC BY-NC-SA 4.0")
    assert out.startswith("KSS: 4 clips in transcript.v.1.4.txt") and "2 new" in out and "Clips left out: 2" in err
    assert "transcript.v.1.4.txt:3: 301자" in err and "transcript.v.1.4.txt:4:" in err
    assert Clip.objects.get(source_id="kss/1/1_0000").reading == "나는 스무 살이다."


def test_an_imported_sentence_counts_as_the_prompt_that_it_says(
    speaker: Speaker, prompts: list[Prompt], speaking: Client, tmp_path: Path
) -> None:
    spoken = recorded(speaker, [prompts[1].text, prompts[1].text + " ", "다른 문장이에요."])
    Clip.objects.filter(pk=spoken[1].pk).update(text=prompts[1].text)
    before = selectors.progress(speaker)
    assert (before["done"], before["sentences"]) == (0, 3)
    run("import_clips", _empty_corpus(tmp_path), "--speaker", "mina")
    after = selectors.progress(speaker)
    assert (after["done"], after["sentences"], after["seconds"]) == (1, 3, before["seconds"])
    assert (
        Clip.objects.filter(prompt=prompts[1], kept=True).count() == 1 and speaker.clips.filter(kept=True).count() == 3
    )
    assert prompts[1].pk in coverage.standing(speaker).closed
    answer = send(speaking, upload(prompts[1].pk))  # a newer take of the prompt takes its place
    assert answer.status_code == 201
    assert [clip.source for clip in Clip.objects.filter(prompt=prompts[1], kept=True)] == ["browser"]


def test_prompts_that_come_later_find_the_sentences_that_were_imported(speaker: Speaker, tmp_path: Path) -> None:
    recorded(speaker, ["나무가 자란다.", "바람이 분다."])
    (tmp_path / "own.txt").write_text("바람이 분다.\n비가 온다.\n", encoding="utf-8")
    prompts_load(path=tmp_path / "own.txt")
    progress = selectors.progress(speaker)
    assert (progress["done"], progress["total"], progress["sentences"]) == (1, 2, 2)


def test_the_first_page_counts_the_sentences_of_an_imported_voice(speaker: Speaker, speaking: Client) -> None:
    recorded(speaker, ["나무가 자란다.", "바람이 분다."])
    assert "모은 문장 2개" in speaking.get("/").content.decode()


def _empty_corpus(tmp_path: Path) -> Path:
    (tmp_path / "corpus").mkdir()
    line = {"id": "x", "audio": "x.wav", "text": "없어요."}
    (tmp_path / "corpus/clips.jsonl").write_text(json.dumps(line, ensure_ascii=False), encoding="utf-8")
    return tmp_path / "corpus"


@pytest.mark.django_db
@pytest.mark.skipif(not LMY.is_dir(), reason="the lmy corpus is not here")
def test_a_real_corpus_goes_out_as_ljspeech_and_comes_back(tmp_path: Path) -> None:
    run("import_clips", LMY, "--speaker", "lmy", "--consent", "연구용 공개 말뭉치")
    out, err = run("export_clips", "--speaker", "lmy", tmp_path / "out")
    assert "300 clips" in out and not err
    out, err = run("import_clips", tmp_path / "out", "--speaker", "other", "--consent", "연구용 공개 말뭉치")
    assert "300 new" in out and "0 refused" in out and not err
    texts = [
        sorted(Clip.objects.filter(speaker__name=name).values_list("text", flat=True)) for name in ("lmy", "other")
    ]
    assert texts[0] == texts[1]
