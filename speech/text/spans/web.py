"""E-mail and web addresses, handles and hashtags."""

from __future__ import annotations

import re

from speech.text import numbers
from speech.text.latin import by_sound, lookup, read_word, spelled
from speech.text.lexicon import groups, mapping
from speech.text.spans.scan import Found
from speech.text.transliterate import korean_name

_LABEL = r"[A-Za-z0-9-]{1,63}"
_TOP = "(?:" + "|".join(sorted(groups("web")["top"], key=len, reverse=True)) + ")"
_EMAIL = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._%+-]{{0,63}}@(?:{_LABEL}\.){{1,8}}[A-Za-z]{{2,24}}")
_REST = r"(?::\d+)?(?P<path>/[A-Za-z0-9._~%/?#&=+@-]*)?"
_URL = re.compile(rf"(?P<host>(?:{_LABEL}\.){{1,8}}{_TOP})(?![A-Za-z0-9]){_REST}")
_URL_WITH_SCHEME = re.compile(rf"(?:https?|ftp)://(?P<host>(?:{_LABEL}\.){{0,8}}{_LABEL}){_REST}")
_TOKENS = re.compile(r"[A-Za-z]+|\d+|[^A-Za-z0-9]")
_HASHTAG = re.compile(r"#(?=[가-힣A-Za-z_])")
_HANDLE = re.compile(r"@[A-Za-z0-9](?:[A-Za-z0-9._]{0,60}[A-Za-z0-9_])?(?![A-Za-z0-9@])")
_KEY = re.compile(
    r"[#*](?=\s?(?:을|를|은|는|이|가|과|와|버튼|키)(?![가-힣])|번?[을를]\s?[누눌]|\s?버튼)"
)  # of a telephone
_FILE_NAME = re.compile(
    r"[A-Za-z0-9]{1,40}(?:[_-][A-Za-z0-9]{1,40}){1,8}\.(?:" + "|".join(groups("web")["file"]) + r")(?![A-Za-z0-9])"
)
_NET = re.compile(r"\.NET(?![A-Za-z])")
_FILE = re.compile(r"\.(?=(?:" + "|".join(groups("web")["file"]) + r")(?![A-Za-z0-9]))")


def _word(word: str, *, domain: bool) -> str:
    if domain and word.lower() in mapping("web_words"):
        return mapping("web_words")[word.lower()]
    if domain and len(word) == 2:
        return spelled(word)
    known = lookup(word)
    if known and (len(word) > 2 or not domain):
        return known[0]
    korean = "" if domain else korean_name(word)
    if korean and (len(korean) == 1 or not by_sound(word)):
        return korean
    if len(word) <= 4:
        return spelled(word)
    return read_word(word)[0]


def spoken(address: str) -> str:
    """An address aloud: words of the lexicon as words, short unknown ones letter by letter, figures one by one."""
    pieces: list[str] = []
    before = ""
    mailbox = "@" in address[1:]  # its dots part names
    for token in _TOKENS.findall(address):
        if token.isdigit():
            pieces.append(numbers.digits(token))
        elif token.isalpha():
            pieces.append(_word(token, domain=before == "." and not mailbox))
        else:
            pieces.append(mapping("web_words").get(token, ""))
            if "@" in token:
                mailbox = False
        before = token
    return " ".join(piece for piece in pieces if piece)


def email(text: str, position: int) -> Found | None:
    """`abc@naver.com` → 에이비씨 골뱅이 네이버 점 컴."""
    match = _EMAIL.match(text, position)
    if not match:
        return None
    reading = spoken(match.group())
    return Found(
        match.end(), reading, "email", "web.email", (reading.replace("점 컴", "닷컴").replace("골뱅이", "앳"),)
    )


def url(text: str, position: int) -> Found | None:
    """`www.kbs.co.kr` → 더블유더블유더블유 점 케이비에스 점 씨오 점 케이알; `https://` is not spoken."""
    match = _URL_WITH_SCHEME.match(text, position) or _URL.match(text, position)
    if not match or (position and (text[position - 1].isascii() and text[position - 1].isalnum())):
        return None
    end = match.end()
    path = match["path"] or ""
    while path and path[-1] in ".?~&=":
        path, end = path[:-1], end - 1
    reading = spoken(match["host"] + ("" if path == "/" else path))
    return Found(end, reading, "url", "web.url", (reading.replace("점 컴", "닷컴"),))


def file_name(text: str, position: int) -> Found | None:
    """`report_final.pdf` → 리포트 언더바 파이널 점 피디에프."""
    match = _FILE_NAME.match(text, position)
    if not match or (position and text[position - 1].isascii() and text[position - 1].isalnum()):
        return None
    return Found(match.end(), spoken(match.group()), "url", "web.file")


def mark(text: str, position: int) -> Found | None:
    """`#맛집` → the sign is not spoken; `@seoul_official` → 골뱅이 서울 …; `.pdf` → 점 피디에프."""
    handle = _HANDLE.match(text, position)
    if handle and (not position or not text[position - 1].isalnum()):
        return Found(handle.end(), spoken(handle.group()), "url", "web.handle")
    key = _KEY.match(text, position)
    if key:
        return Found(key.end(), "샵" if key.group() == "#" else "별표", "symbol", "sign.key")
    match = _HASHTAG.match(text, position)
    if match:
        return Found(match.end(), "", "symbol", "web.hashtag", ("해시태그 ", "샵 "), left_out="sign")
    net = _NET.match(text, position)
    if net:
        return Found(net.end(), "닷넷", "english", "english.lexicon")
    if _FILE.match(text, position):
        return Found(position + 1, " 점 ", "symbol", "web.file")
    return None
