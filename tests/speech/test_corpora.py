"""Corpora of every kind that people bring: each is recognised, and what is wrong in it is named by its line."""

from __future__ import annotations

import sqlite3
import unicodedata
from pathlib import Path

import pytest

from speech.corpora import columns, parse, recognise
from speech.errors import BadDataset
from speech.source import Corpus, read_corpus

KSS = [
    "1/1_0000.wav|그는 괜찮은 척하려고 애쓰는 것 같았다.|그는 괜찮은 척하려고 애쓰는 것 같았다.|"
    + unicodedata.normalize("NFD", "그는 괜찮은 척하려고 애쓰는 것 같았다.")
    + "|3.5|He seemed to be pretending to be okay.",
    "1/1_0001.wav|나는 20살이다.|나는 스무 살이다.|"
    + unicodedata.normalize("NFD", "나는 스무 살이다.")
    + "|2.1|I am 20.",
]


def folder(root: Path, files: dict[str, str], sounds: tuple[str, ...] = ()) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8", newline="")
    for name in sounds:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def told(corpus: Corpus) -> list[tuple[str, str, str]]:
    return [(clip.id, clip.text, clip.reading) for clip in corpus.clips]


@pytest.mark.parametrize("place", ["", "kss/"])
def test_kss_is_read_with_the_text_as_it_is_said(tmp_path: Path, place: str) -> None:
    sounds = (f"{place}1/1_0000.wav", f"{place}1/1_0001.wav")
    corpus = read_corpus(folder(tmp_path, {"transcript.v.1.4.txt": "\n".join(KSS)}, sounds))
    assert corpus.format == "kss" and not corpus.skipped
    assert told(corpus) == [
        ("1/1_0000", "그는 괜찮은 척하려고 애쓰는 것 같았다.", ""),
        ("1/1_0001", "나는 20살이다.", "나는 스무 살이다."),
    ]
    assert [clip.audio for clip in corpus.clips] == [tmp_path / sound for sound in sounds]
    assert corpus.clips[1].line == "transcript.v.1.4.txt:2"


def test_an_older_kss_without_english_is_read(tmp_path: Path) -> None:
    rows = [row.rpartition("|")[0] for row in KSS]
    assert read_corpus(folder(tmp_path, {"transcript.v.1.2.txt": "\n".join(rows)})).format == "kss"


def test_file_lists_of_one_folder_are_one_corpus(tmp_path: Path) -> None:
    lists = {
        "ljs_audio_text_train_filelist.txt": "DUMMY/a.wav|안녕하세요.\nDUMMY/b.wav|반갑습니다.\n",
        "ljs_audio_text_val_filelist.txt": "/data/mina/wavs/c.wav|또 만나요.\n",
        "README.txt": "소리는 wavs 폴더에 있습니다.\n",
    }
    corpus = read_corpus(folder(tmp_path, lists, ("wavs/a.wav", "wavs/b.wav", "wavs/c.wav")))
    assert corpus.format == "filelist" and not corpus.skipped
    assert [clip.audio.name for clip in corpus.clips] == ["a.wav", "b.wav", "c.wav"]
    assert all(clip.audio.is_file() for clip in corpus.clips)
    assert [path.name for path in corpus.lists] == [
        "ljs_audio_text_train_filelist.txt", "ljs_audio_text_val_filelist.txt",
    ]  # fmt: skip


def test_one_list_can_be_named_by_itself(tmp_path: Path) -> None:
    lists = {"train.txt": "wavs/a.wav|안녕하세요.\n", "val.txt": "wavs/b.wav|반갑습니다.\n"}
    corpus = read_corpus(folder(tmp_path, lists) / "val.txt")
    assert told(corpus) == [("wavs/b", "반갑습니다.", "")]


@pytest.mark.parametrize("row", ["wavs/{0}.wav|{1}|7", "wavs/{0}.wav|7|{1}"])
def test_one_speaker_of_a_file_list_of_several_is_taken_at_a_time(tmp_path: Path, row: str) -> None:
    lines = [row.format("a", "안녕하세요, 여러분."), row.format("b", "반갑습니다, 여러분.").replace("7", "8")]
    folder(tmp_path, {"train.txt": "\n".join(lines)})
    with pytest.raises(BadDataset, match="7, 8") as error:
        read_corpus(tmp_path)
    assert error.value.code == "many_speakers"
    assert [clip.id for clip in read_corpus(tmp_path, speaker="8").clips] == ["wavs/b"]
    with pytest.raises(BadDataset, match="no speaker '9'"):
        read_corpus(tmp_path, speaker="9")


def test_mimic_lists_take_the_last_of_several_takes_and_pipes_in_a_text(tmp_path: Path) -> None:
    rows = [
        "0a1b.wav|가 | 나를 고르세요.|12",
        "ffff.wav|안녕하세요.|6",
        "0a1b.wav|가 | 나를 고르세요.|12",
        "cut.wav|끊긴|9",
    ]
    folder(tmp_path, {"u-1-metadata.txt": "\n".join(rows)}, ("0a1b.wav", "ffff.wav"))
    corpus = read_corpus(tmp_path)
    assert corpus.format == "mimic"
    assert told(corpus) == [("0a1b", "가 | 나를 고르세요.", ""), ("ffff", "안녕하세요.", "")]
    assert [one.id for one in corpus.skipped] == ["u-1-metadata.txt:4"] and "2 characters" in corpus.skipped[0].message


def test_the_folder_of_all_mimic_users_asks_for_one_of_them(tmp_path: Path) -> None:
    lists = {f"{user}/{user}-metadata.txt": f"0a.wav|{user}의 문장.|8" for user in ("u-1", "u-2")}
    folder(tmp_path, lists, ("u-1/0a.wav", "u-2/0a.wav"))
    with pytest.raises(BadDataset, match="u-1, u-2"):
        read_corpus(tmp_path)
    assert read_corpus(tmp_path, speaker="u-2").clips[0].audio == tmp_path / "u-2/0a.wav"


def mimic_base(path: Path) -> None:
    """As mimic-recording-studio's two tables are."""
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE usermodel (uuid VARCHAR PRIMARY KEY, user_name VARCHAR)")
        base.execute(
            "CREATE TABLE audiomodel (id INTEGER PRIMARY KEY, audio_id VARCHAR, prompt VARCHAR, language VARCHAR, "
            "user_id VARCHAR, created_date DATETIME)"
        )
        base.executemany("INSERT INTO usermodel VALUES (?, ?)", [("u-1", "mina"), ("u-2", "jun")])
        base.executemany(
            "INSERT INTO audiomodel (audio_id, prompt, language, user_id) VALUES (?, ?, 'korean', ?)",
            [("0a", "처음.", "u-1"), ("0b", "둘째.", "u-1"), ("0a", "처음.", "u-1"), ("0a", "처음.", "u-2")],
        )
    base.close()


def test_a_mimic_database_is_read_by_the_name_of_its_user(tmp_path: Path) -> None:
    mimic_base(tmp_path / "db/mimicstudio.db")
    folder(tmp_path, {}, ("audio_files/u-1/0a.wav", "audio_files/u-1/0b.wav"))
    with pytest.raises(BadDataset, match="u-1 / mina, u-2 / jun"):
        read_corpus(tmp_path)
    corpus = read_corpus(tmp_path, speaker="mina")
    assert (corpus.format, told(corpus)) == ("mimic", [("0a", "처음.", ""), ("0b", "둘째.", "")])
    assert corpus.clips[0].audio == tmp_path / "audio_files/u-1/0a.wav" and not corpus.skipped


def test_a_damaged_database_is_refused_and_not_changed(tmp_path: Path) -> None:
    mimic_base(tmp_path / "db/mimicstudio.db")
    damaged = (tmp_path / "db/mimicstudio.db").read_bytes()[:3000] + b"\x07" * 3000
    (tmp_path / "db/mimicstudio.db").write_bytes(damaged)
    with pytest.raises(BadDataset, match="cannot be read"):
        read_corpus(tmp_path)
    assert [path.name for path in (tmp_path / "db").iterdir()] == ["mimicstudio.db"]


def test_pipers_export_is_read_as_a_csv_writer_quotes_it(tmp_path: Path) -> None:
    rows = ["g1/0001.wav|안녕하세요.", 'g1/0002.wav|"그가 ""예""라고 했다."', 'g2/0001.wav|"하나 | 둘"']
    sounds = ("wav/g1/0001.wav", "wav/g1/0002.wav", "wav/g2/0001.wav")
    corpus = read_corpus(folder(tmp_path, {"metadata.csv": "\r\n".join(rows)}, sounds))
    assert corpus.format == "piper" and not corpus.skipped
    assert [clip.text for clip in corpus.clips] == ["안녕하세요.", '그가 "예"라고 했다.', "하나 | 둘"]
    assert [clip.audio for clip in corpus.clips] == [tmp_path / sound for sound in sounds]


def test_pipers_speakers_are_told_from_a_second_text(tmp_path: Path) -> None:
    rows = ["a|mina|안녕하세요.", "b|jun|반갑습니다.", "c|mina|또 만나요.", "d|jun|잘 가요."]
    folder(tmp_path, {"metadata.csv": "\n".join(rows)})
    assert told(read_corpus(tmp_path, speaker="jun")) == [("b", "반갑습니다.", ""), ("d", "잘 가요.", "")]


def test_quotes_that_belong_to_the_text_of_ljspeech_stay(tmp_path: Path) -> None:
    rows = [
        'a|"안녕," 그가 말했다.|"안녕," 그가 말했다.',
        'b|"안녕하세요."|"안녕하세요."',
        'c|그가 "예"라고|그가 "예"라고',
    ]
    corpus = read_corpus(folder(tmp_path, {"metadata.csv": "\n".join(rows)}))
    assert corpus.format == "ljspeech"
    assert [clip.text for clip in corpus.clips] == ['"안녕," 그가 말했다.', '"안녕하세요."', '그가 "예"라고']


def test_every_kind_of_bad_line_is_named_and_the_rest_goes_in(tmp_path: Path) -> None:
    lines = [
        b"\xef\xbb\xbfa|\xea\xb0\x80\xeb\x82\x98|\xea\xb0\x80\xeb\x82\x98\r",
        "b|가|나|다|라".encode(),
        b"c|\xff|x",
    ]
    lines += ["d|마지막 문장|마지막 문장".encode(), "|이름 없음|이름 없음".encode(), b"e||", "a|또|또".encode()]
    (tmp_path / "metadata.csv").write_bytes(b"\n".join(lines))
    corpus = read_corpus(tmp_path)
    assert [clip.id for clip in corpus.clips] == ["a", "d"]
    numbers = sorted(int(one.message.split()[1]) for one in corpus.skipped)
    assert numbers == [2, 3, 5, 6, 7]


@pytest.mark.parametrize("on_disk", ["NFD", "NFC"])
def test_a_name_in_hangul_is_found_however_a_system_writes_it(tmp_path: Path, on_disk: str) -> None:
    name = unicodedata.normalize(on_disk, "인사/안녕.wav")  # type: ignore[arg-type]
    other = unicodedata.normalize("NFC" if on_disk == "NFD" else "NFD", "인사/안녕")
    folder(tmp_path, {"metadata.csv": f"{other}|안녕하세요.|안녕하세요."}, (f"wavs/{name}",))
    assert read_corpus(tmp_path).clips[0].audio.is_file()


def test_two_lines_over_one_sound_are_not_two_clips(tmp_path: Path) -> None:
    rows = "s1/0001.wav|안녕하세요.\ns2/0001.wav|반갑습니다."
    corpus = read_corpus(folder(tmp_path, {"train.txt": rows}, ("wavs/0001.wav",)))
    assert [clip.text for clip in corpus.clips] == ["안녕하세요."]
    assert "Line 2" in corpus.skipped[0].message and "0001.wav again" in corpus.skipped[0].message


def test_a_sound_that_is_missing_keeps_its_name_for_the_report(tmp_path: Path) -> None:
    corpus = read_corpus(folder(tmp_path, {"train.txt": "s1/0001.wav|안녕하세요.\ns2/0001.wav|반갑습니다."}))
    assert [clip.audio for clip in corpus.clips] == [tmp_path / "wavs/s1/0001.wav", tmp_path / "wavs/s2/0001.wav"]


@pytest.mark.parametrize("list_name", ["train.txt", "metadata.csv"])
def test_a_sound_outside_the_folder_is_no_clip(tmp_path: Path, list_name: str) -> None:
    rows = "../a.wav|밖입니다.\nb.wav|안입니다."
    corpus = read_corpus(folder(tmp_path / "in", {list_name: rows}, ("b.wav",)))
    assert [clip.id for clip in corpus.clips] == ["b"] and "outside" in corpus.skipped[0].message


def test_a_form_can_be_asked_for(tmp_path: Path) -> None:
    folder(
        tmp_path, {"metadata.csv": "a|mina|안녕하세요.", "clips.jsonl": '{"id": "x", "audio": "x.wav", "text": "가"}'}
    )
    assert read_corpus(tmp_path).format == "moksori"
    assert told(read_corpus(tmp_path, format="ljspeech")) == [("a", "mina", "안녕하세요.")]
    assert told(read_corpus(tmp_path, format="piper")) == [("a", "안녕하세요.", "")]
    with pytest.raises(BadDataset, match="as kss does"):
        read_corpus(tmp_path, format="kss")


def test_text_that_lists_nothing_is_no_corpus(tmp_path: Path) -> None:
    folder(tmp_path, {"README.txt": "이름|설명\n가|나\n", "notes.txt": "wav 파일은 따로 보내 드립니다.\n"})
    with pytest.raises(BadDataset, match=r"clips\.jsonl"):
        read_corpus(tmp_path)


def test_a_line_is_split_as_it_was_written() -> None:
    assert columns('"a"|"나 | 다"') == ["a", "나 | 다"]
    assert columns('a|"나|다"') == ["a", "나|다"]
    assert columns('a|"나"|다') == ["a", '"나"', "다"]
    assert recognise([]) is None and recognise(["가|나"]) == "ljspeech"
    with pytest.raises(ValueError, match="six"):
        parse("kss", "a.wav|나")
