"""Sentences and recorded clips that come in from files: each once, and what is wrong is named by its line."""

from __future__ import annotations

import os
import re
import struct
import unicodedata
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from difflib import SequenceMatcher
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from django.core.management import CommandError, call_command
from django.db import connection

from speech.errors import BadAudio
from speech.text import read
from speech.text.coverage import Heard, sounds_of
from speech.wav import parse_wav, wav_bytes
from studio import files
from studio.decoding import Decoder
from studio.imports import speaker_for_import
from studio.models import Clip, Prompt, Speaker
from studio.prompts import SETS, Sentence, prompts_load, read_sentences
from tests.studio.sounds import take

ROOT = Path(__file__).resolve().parents[2]
LMY = Path(os.environ.get("MOKSORI_LMY", ROOT / "../shared/speech/lmy"))


def write(path: Path, lines: Iterable[str], encoding: str = "utf-8", newline: str = "\n") -> Path:
    path.write_bytes(newline.join(lines).encode(encoding))
    return path


@pytest.mark.django_db
def test_the_shipped_corpus_goes_in_whole_and_once() -> None:
    first = prompts_load(path=ROOT / "prompts/ko/core.tsv")
    again = prompts_load(path=ROOT / "prompts/ko/core.tsv")
    assert first.created >= 1050 and not first.bad and not first.known
    assert (again.created, again.known) == (0, first.created)
    assert Prompt.objects.count() == first.created


def test_the_shipped_corpus_is_what_its_readme_says() -> None:
    rows = list(read_sentences(ROOT / "prompts/ko/core.tsv"))
    texts = [row.text for row in rows]  # type: ignore[union-attr]
    kinds = [row.kind for row in rows]  # type: ignore[union-attr]
    assert len(set(texts)) == len(texts) >= 1050
    assert all(8 <= len(text) <= 60 for text in texts)
    assert kinds.count("question") >= 0.12 * len(rows)
    assert kinds.count("exclamation") + kinds.count("request") >= 0.12 * len(rows)
    jamo = set(unicodedata.normalize("NFD", "".join(texts)))
    inventory = [*range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]
    assert not [chr(code) for code in inventory if chr(code) not in jamo]
    assert all(row.reading for row in rows if any(c.isascii() and c.isalnum() for c in row.text))  # type: ignore[union-attr]
    assert sum(bool(row.reading) for row in rows) >= 60  # type: ignore[union-attr]


def test_the_shipped_corpus_is_read_whole_and_its_readings_are_how_it_is_read() -> None:
    rows = [row for row in read_sentences(ROOT / "prompts/ko/core.tsv") if isinstance(row, Sentence)]
    assert not any(read(row.text).left_out for row in rows)
    given = [row for row in rows if row.reading]
    assert all(read(row.reading).reading == row.reading for row in given)
    otherwise = [row.text for row in given if read(row.text).reading != row.reading]
    assert len(otherwise) <= 2, otherwise  # a seat number may be read either way: there the column decides


def test_no_two_sentences_of_the_shipped_corpus_are_alike() -> None:
    texts = [row.text for row in read_sentences(ROOT / "prompts/ko/core.tsv") if isinstance(row, Sentence)]
    pieces = [{text[at : at + 3] for at in range(len(text) - 2)} for text in texts]
    for place, mine in enumerate(pieces):
        for other, theirs in enumerate(pieces[:place]):
            if 2 * len(mine & theirs) > min(len(mine), len(theirs)):
                alike = SequenceMatcher(None, texts[place], texts[other]).ratio()
                assert alike < 0.75, (texts[other], texts[place])


def test_the_shipped_corpus_has_all_common_sounds_and_its_small_sets_nearly_all() -> None:
    rows = [row for row in read_sentences(ROOT / "prompts/ko/core.tsv") if isinstance(row, Sentence)]
    for number, (name, minutes, coverage) in enumerate((("10", 10, 0.95), ("30", 30, 0.99), ("full", 70, 0.995))):
        part = [row for row in rows if row.set in SETS[: number + 1]]
        assert part[-1].set in SETS and any(row.set == name for row in part)
        sounds = [sounds_of(row.pronunciation, row.kind) for row in part]
        assert sum(each.seconds for each in sounds) / 60 == pytest.approx(minutes, rel=0.1) or name == "full"
        assert Heard(sounds).coverage() >= coverage
        kinds = [row.kind for row in part]
        assert kinds.count("question") >= 0.12 * len(part)
        assert kinds.count("exclamation") + kinds.count("request") >= 0.12 * len(part)


def test_a_command_shows_what_a_corpus_covers(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("prompt_coverage", str(ROOT / "prompts/ko/core.tsv"))
    shown = capsys.readouterr().out
    assert "of 797" in shown and "set 30" in shown and "greedy order" in shown


def test_a_command_writes_the_sets_of_a_corpus(tmp_path: Path) -> None:
    lines = ["text\tkind", *(f"{number}번 버스가 방금 떠났어요.\tstatement" for number in range(900))]
    path = write(tmp_path / "own.tsv", lines)
    call_command("prompt_coverage", str(path), "--write-sets", stdout=StringIO())
    sets = [row.set for row in read_sentences(path) if isinstance(row, Sentence)]
    assert set(sets) == set(SETS) and len(sets) == 900


@pytest.mark.django_db
def test_a_smaller_set_goes_in_first_and_the_rest_later(tmp_path: Path) -> None:
    lines = [
        "text\tset",
        "첫째로 읽어요.\t10",
        "셋째로 읽어요.\tfull",
        "둘째로 읽어요.\t30",
        "언제나 읽어요.\t",
        "누구예요?\t5",
    ]
    path = write(tmp_path / "own.tsv", lines)
    loaded = prompts_load(path=path, upto="10")
    assert loaded.created == 2 and [row.line for row in loaded.bad] == [6]
    assert prompts_load(path=path, upto="30").created == 1
    assert prompts_load(path=path).created == 1 and Prompt.objects.get(order=3).text == "셋째로 읽어요."


@pytest.mark.django_db
def test_sentences_are_ordered_by_what_the_ones_before_them_lack(tmp_path: Path) -> None:
    prompts_load(path=write(tmp_path / "first.txt", ["나무가 자란다."]))
    lines = ["나무가 자란다니.", "참새 떼가 짹짹거린다.", "나무가 자랐다."]
    prompts_load(path=write(tmp_path / "second.txt", lines))
    assert [prompt.text for prompt in Prompt.objects.all()][:2] == ["나무가 자란다.", "참새 떼가 짹짹거린다."]
    assert Prompt.objects.get(order=1).pronunciation == "참새 떼가 짹짹꺼린다."


@pytest.mark.django_db
def test_a_corpus_of_thousands_in_the_form_of_a_public_one_goes_in(tmp_path: Path) -> None:
    lines = [f"{number}번째 문장을 소리 내어 읽습니다.\t{number}" for number in range(3922)]
    assert prompts_load(path=write(tmp_path / "korean_corpus.csv", lines), keep_order=True).created == 3922
    assert Prompt.objects.get(order=3921).text == "3921번째 문장을 소리 내어 읽습니다."


@pytest.mark.django_db
def test_bad_rows_are_named_by_line_and_the_rest_goes_in(tmp_path: Path) -> None:
    path = tmp_path / "bad.tsv"
    path.write_bytes(
        "첫 문장입니다.\t7\n\t3\n".encode()
        + b"\xff\xfe\n"
        + "길다 ".encode() * 200
        + "\n!!!\n벨\x07소리\n마지막 문장입니다.\t9\n".encode()
    )
    errors = StringIO()
    with pytest.raises(CommandError, match="Bad lines: 5"):
        call_command("load_prompts", str(path), stdout=StringIO(), stderr=errors)
    assert [line.split(":")[1] for line in errors.getvalue().splitlines()] == ["2", "3", "4", "5", "6"]
    assert set(Prompt.objects.values_list("text", flat=True)) == {"첫 문장입니다.", "마지막 문장입니다."}


@pytest.mark.django_db
def test_a_byte_order_mark_windows_lines_and_decomposed_hangul_do_no_harm(tmp_path: Path) -> None:
    lines = ["text\treading\tkind", unicodedata.normalize("NFD", "각자 읽어 주세요."), "3시야?\t세 시야?\tquestion"]
    path = write(tmp_path / "own.tsv", ["\ufeff" + lines[0], *lines[1:], "각자 읽어 주세요."], newline="\r\n")
    loaded = prompts_load(path=path)
    assert (loaded.created, loaded.known, loaded.bad) == (2, 1, [])
    assert {(p.text, p.reading, p.kind) for p in Prompt.objects.all()} == {
        ("각자 읽어 주세요.", "", "request"),
        ("3시야?", "세 시야?", "question"),
    }


@pytest.mark.django_db
def test_a_comma_in_a_plain_list_separates_nothing_and_in_a_csv_with_a_header_it_does(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.txt", ["네, 알겠습니다.", "아니요, 괜찮아요."])
    table = write(tmp_path / "table.csv", ["text,kind", '"글쎄요, 잘 모르겠어요.",statement'])
    assert prompts_load(path=plain).created == 2 and prompts_load(path=table).created == 1
    assert set(Prompt.objects.values_list("text", flat=True)) == {
        "네, 알겠습니다.", "아니요, 괜찮아요.", "글쎄요, 잘 모르겠어요.",
    }  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(("header", "between"), [("id\ttext\tkind", "\t"), ("id,문장,kind", ",")])
def test_the_sentences_are_those_of_the_column_that_the_header_names(tmp_path: Path, header: str, between: str) -> None:
    rows = [between.join(cells) for cells in (("1", "오늘은 날이 좋아요.", "statement"), ("2", "", "question"))]
    loaded = prompts_load(path=write(tmp_path / "numbered", [header, *rows]))
    assert [(prompt.text, prompt.kind) for prompt in Prompt.objects.all()] == [("오늘은 날이 좋아요.", "statement")]
    assert [bad.line for bad in loaded.bad] == [3]


@pytest.mark.django_db
def test_a_list_with_the_line_ends_of_an_old_mac_is_read_line_by_line(tmp_path: Path) -> None:
    path = write(tmp_path / "mac.csv", ["text,kind", '"네, 알겠어요."', "갈까요?,question"], newline="\r")
    assert prompts_load(path=path).created == 2
    assert "갈까요?" in Prompt.objects.values_list("text", flat=True)


@pytest.mark.django_db
@pytest.mark.parametrize("encoding", ["cp949", "utf-16"])
def test_a_list_in_another_encoding_brings_nothing_in_and_says_how_to_save_it(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "excel.csv", ["안녕하세요, 여러분.", "날씨가 좋네요."], encoding, newline="\r\n")
    loaded = prompts_load(path=path)
    assert loaded.bad and not Prompt.objects.exists()
    assert "UTF-8로 저장해 주세요" in loaded.bad[0].why


@pytest.mark.django_db
def test_a_cell_that_no_csv_reader_takes_is_named_like_any_long_sentence(tmp_path: Path) -> None:
    path = write(tmp_path / "long.csv", ["text,kind", "가" * 200_000, "짧아요.,statement"])
    loaded = prompts_load(path=path)
    assert (loaded.created, [row.line for row in loaded.bad]) == (1, [2])


def test_a_quoted_cell_that_spans_lines_is_one_sentence_and_one_that_nothing_closes_takes_no_other(
    tmp_path: Path,
) -> None:
    lines = [
        "text,kind",
        '"글쎄요,',
        "",
        '잘 모르겠어요.",statement',
        '"네, 알겠어요.',
        "갈까요?,question",
        '5" 화면이에요.,',
    ]
    rows = [(row.line, getattr(row, "text", "")) for row in read_sentences(write(tmp_path / "table.csv", lines))]
    assert rows == [(2, "글쎄요, 잘 모르겠어요."), (5, "네, 알겠어요."), (6, "갈까요?"), (7, '5" 화면이에요.')]


@pytest.mark.django_db
def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("load_prompts", str(tmp_path / "none.tsv"))


def corpus(folder: Path) -> Path:
    """Three clips in the form of LJSpeech, one of them FLAC, and every kind of trouble."""
    (folder / "wavs").mkdir(parents=True)
    (folder / "wavs/a1.wav").write_bytes(wav_bytes(take(rate=22_050), 22_050))
    soundfile.write(folder / "wavs/a2.flac", take(rate=48_000, seed=1), 48_000)
    soundfile.write(folder / "wavs/many.wav", np.zeros((4800, 96), np.int16), 48_000)
    (folder / "wavs/broken.wav").write_bytes(b"RIFF" + struct.pack("<I", 10) + b"WAVEnonsense")
    soundfile.write(folder / "wavs/fast.wav", take(rate=48_000)[:1000], 48_000)
    rows = [
        "a1|3개 주세요.|세 개 주세요.",
        "a2|좋은 아침입니다.|좋은 아침입니다.",
        "many|채널이 많습니다.|채널이 많습니다.",
        "broken|깨졌습니다.|깨졌습니다.",
        "fast|짧습니다.|짧습니다.",
        "gone|없습니다.|없습니다.",
        "|빈 이름|빈 이름",
        "../../a1|밖입니다.|밖입니다.",
    ]
    write(folder / "metadata.csv", rows)
    return folder


def run_import(folder: Path, **options: str | int) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("import_clips", str(folder), stdout=out, stderr=err, **{"speaker": "corpus", **options})
    except CommandError as error:
        err.write(str(error))
    return out.getvalue(), err.getvalue()


@pytest.mark.django_db
def test_good_clips_come_in_once_and_bad_ones_are_named(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "corpus")
    out, err = run_import(folder, consent="공개 말뭉치")
    assert "2 new" in out and "6 left out" in out, err
    named = [line.split(":")[0] for line in err.splitlines()]
    assert {"many", "broken", "fast", "gone"} <= set(named)
    out, _ = run_import(folder, consent="공개 말뭉치")
    assert "0 new" in out and "2 known" in out
    clips = Clip.objects.order_by("source_id")
    assert [clip.source_id for clip in clips] == ["corpus/a1", "corpus/a2"]
    assert (clips[0].text, clips[0].reading, clips[0].kept) == ("3개 주세요.", "세 개 주세요.", True)


@pytest.mark.django_db
def test_an_imported_clip_is_stored_bit_for_bit_at_its_own_rate(tmp_path: Path) -> None:
    run_import(corpus(tmp_path / "corpus"), consent="공개 말뭉치")
    for source_id, rate, seed in (("corpus/a1", 22_050, 0), ("corpus/a2", 48_000, 1)):
        clip = Clip.objects.get(source_id=source_id)
        wav = parse_wav(files.read_bytes(clip.file))
        assert wav.sample_rate == clip.sample_rate == rate
        assert np.array_equal(wav.samples, take(rate=rate, seed=seed))


@pytest.mark.django_db
def test_what_cannot_be_seen_in_a_text_stays_outside_and_its_prompt_finds_the_clip(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "corpus")
    write(folder / "metadata.csv", ["a1|\u202e좋은\u200b 아침입니다.\u202c\x07|", "a2|\u200b\u200b|"])
    prompts_load(path=write(tmp_path / "prompts.tsv", ["좋은 아침입니다."]))
    _, err = run_import(folder, consent="공개 말뭉치")
    assert "a2: metadata.csv:2: 문장이 비어 있어요." in err
    assert [(clip.text, clip.prompt is not None) for clip in Clip.objects.all()] == [("좋은 아침입니다.", True)]
    assert "1 known" in run_import(folder)[0]


@pytest.mark.django_db
def test_the_same_corpus_under_another_folder_name_does_not_double_its_clips(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "corpus")
    run_import(folder, consent="공개 말뭉치")
    out, _ = run_import(folder.rename(tmp_path / "renamed"), consent="공개 말뭉치")
    assert "0 new" in out and Clip.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["mina--2", "mina_", "a__b"])
def test_a_speaker_of_an_import_keeps_the_name_and_is_found_by_it(tmp_path: Path, name: str) -> None:
    folder = corpus(tmp_path / "corpus")
    run_import(folder, speaker=name, consent="공개 말뭉치")
    assert "2 known" in run_import(folder, speaker=name)[0]
    assert Speaker.objects.get().name == name


@pytest.mark.django_db
@pytest.mark.parametrize("changed", ["text", "sound"])
def test_another_corpus_in_a_folder_of_the_same_name_is_not_taken_for_the_first(tmp_path: Path, changed: str) -> None:
    for number, text in enumerate(["하나 둘 셋.", "넷 다섯 여섯." if changed == "text" else "하나 둘 셋."]):
        folder = tmp_path / str(number) / "data"
        (folder / "wavs").mkdir(parents=True)
        sound = take(seconds=2.0 + (changed == "sound") * number, seed=number)
        (folder / "wavs/0001.wav").write_bytes(wav_bytes(sound, 48_000))
        write(folder / "metadata.csv", [f"0001|{text}|{text}"])
    run_import(tmp_path / "0/data", consent="공개 말뭉치")
    out, err = run_import(tmp_path / "1/data")
    assert "0 known, 1 left out" in out and "폴더 이름을 바꿔서" in err
    out, err = run_import((tmp_path / "1/data").rename(tmp_path / "1/more"))
    assert "1 new" in out and not err and Clip.objects.filter(kept=True).count() == 2
    assert all("1 known" in run_import(tmp_path / name)[0] for name in ("0/data", "1/more"))


@pytest.mark.django_db(transaction=True)
def test_one_corpus_imported_twice_at_once_comes_in_once(tmp_path: Path, storage: Path) -> None:
    folder = corpus(tmp_path / "corpus")
    speaker_for_import(name="corpus", consent="공개 말뭉치")

    def once(_: int) -> str:
        try:
            return run_import(folder)[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(once, range(4)))
    assert sum(int(re.findall(r"(\d+) new", out)[0]) for out in told) == 2 == Clip.objects.count()
    assert {str(path.relative_to(storage)) for path in storage.rglob("*.wav")} == {
        clip.file for clip in Clip.objects.all()
    }


@pytest.mark.django_db
def test_a_sound_that_is_there_and_cannot_be_decoded_is_not_called_missing(tmp_path: Path) -> None:
    (tmp_path / "phone").mkdir()
    (tmp_path / "phone/memo.m4a").write_bytes(bytes(8) + b"M4A " + bytes(4000))
    write(tmp_path / "phone/metadata.csv", ["memo.m4a|안녕하세요.", "gone.m4a|안녕히 가세요."])
    _, err = run_import(tmp_path / "phone", consent="공개 말뭉치", format="ljspeech")
    assert "memo.m4a: metadata.csv:1: 이 소리 파일은 열 수 없어요" in err
    assert "gone.m4a: metadata.csv:2: 소리 파일이 없어요" in err


@pytest.mark.django_db
def test_nothing_is_imported_without_consent(tmp_path: Path) -> None:
    _, err = run_import(corpus(tmp_path / "corpus"))
    assert "--consent" in err and not Speaker.objects.exists()


def test_a_file_that_hangs_or_kills_the_decoder_harms_only_its_child(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hangs.wav")
    (tmp_path / "good.wav").write_bytes(wav_bytes(take(), 48_000))
    with Decoder(seconds=0.2) as decoder:
        with pytest.raises(BadAudio):
            decoder.decode(tmp_path / "hangs.wav")
        decoder.seconds = 30
        assert decoder.decode(tmp_path / "good.wav").seconds == 2.0
        assert decoder.child is not None
        decoder.child.kill()
        decoder.child.wait()
        with pytest.raises(BadAudio, match="within the limits"):
            decoder.decode(tmp_path / "good.wav")
        assert decoder.decode(tmp_path / "good.wav").seconds == 2.0


@pytest.mark.django_db
@pytest.mark.skipif(not LMY.is_dir(), reason="the lmy corpus is not here")
def test_a_real_corpus_of_300_clips_comes_in_twice_without_doubling() -> None:
    out, _ = run_import(LMY, consent="연구용 공개 말뭉치", verbosity=2)
    assert "300 new" in out and "0 refused" in out
    named = dict(re.findall(r"lmy(\d+): warned: (.+)", out))
    assert named == {"02016": "문장이 길어요 (18초)", "02147": "문장이 길어요 (19초)"}  # see docs/recording.md
    out, _ = run_import(LMY, consent="연구용 공개 말뭉치")
    assert "300 known" in out and Clip.objects.count() == 300
    assert Clip.objects.filter(verdict="warned").count() == 2
