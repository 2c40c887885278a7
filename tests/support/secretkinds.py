"""Secrets of every kind, and what becomes of them in texts: encodings, and pairs with their names."""

import base64
import html
import json
import re
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from django.utils.html import escapejs

WORDS = "abcdefghijklmnopqrstuvwxyz"
LETTERS = WORDS + WORDS.upper() + "0123456789"
ODD = LETTERS + "&<>\"'\\/%+=;:,@#!?$()[]{}|^~`.*_-"
ABROAD = "äöüßéèñøåçабвгджзиклмнопрстуфψωλ日本語密码鍵🔑🐸" + LETTERS


@dataclass(frozen=True)
class Secret:
    """`cores` are what must not be seen; of a private key, not its first line."""

    kind: str
    value: str
    cores: tuple
    is_number: bool = False  # planted as an int where that is possible

    @property
    def is_word(self):
        """Looked for as a whole word; docs/privacy.rst, rule 4."""
        value = self.value
        return (
            value.isalnum()
            and not value.isdigit()
            and (len(value) < 8 or (value.isalpha() and len(value) < 16))
        )


def random_text(rng, letters, low, high):
    """`low` to `high` of the letters."""
    return "".join(rng.choices(letters, k=rng.randint(low, high)))


def _words(rng, count):
    return [random_text(rng, WORDS, 5, 9) for _ in range(count)]


def _plain(kind, value, **more):
    return Secret(kind, value, (value,), **more)


def _token(rng):
    return _plain("token", random_text(rng, LETTERS + "_-", 8, 40) + random_text(rng, "0123456789", 1, 2))


def _card(rng):
    digits = rng.choice("3456") + random_text(rng, "0123456789", 12, 17)
    total = sum(
        sum(divmod(2 * int(digit), 10)) if index % 2 == 0 else int(digit)
        for index, digit in enumerate(digits[::-1])
    )
    digits += str(-total % 10)
    shown = rng.choice(
        [digits, " ".join(re.findall("..?.?.?", digits)), "-".join(re.findall("..?.?.?", digits))]
    )
    return Secret("card", shown, (digits, shown))


def _pem(rng):
    kind = rng.choice(["", "RSA ", "EC ", "ENCRYPTED "])
    lines = [random_text(rng, LETTERS + "+/", 64, 64) for _ in range(rng.randint(1, 4))]
    text = "\n".join([f"-----BEGIN {kind}PRIVATE KEY-----", *lines, f"-----END {kind}PRIVATE KEY-----"])
    return Secret("pem", text, tuple(lines))


def _jwt(rng):
    parts = [random_text(rng, LETTERS + "-_", 20, 40) for _ in range(2)]
    return Secret("jwt", f"eyJhbGciOiJIUzI1NiJ9.{'.'.join(parts)}", tuple(parts))


def _number(rng):
    value = rng.choice("123456789") + random_text(rng, "0123456789", 3, 18)
    return _plain("number", value, is_number=rng.random() < 0.5)


KINDS = {
    "token": _token,
    "hex": lambda rng: _plain("hex", random_text(rng, "0123456789abcdef", 16, 64)),
    "word": lambda rng: _plain("word", random_text(rng, WORDS, 6, 12)),
    "word abroad": lambda rng: _plain("word abroad", random_text(rng, "äöüßéабвгдежзиклм", 6, 12)),
    "passphrase": lambda rng: _plain("passphrase", " ".join(_words(rng, rng.randint(2, 5)))),
    "short": lambda rng: _plain("short", random_text(rng, WORDS, 3, 5) + random_text(rng, "23456789", 2, 2)),
    "number": _number,
    "card": _card,
    "pem": _pem,
    "jwt": _jwt,
    "odd": lambda rng: _plain("odd", "k" + random_text(rng, ODD, 8, 30) + "7z"),
    "raw odd": lambda rng: _plain("raw odd", random_text(rng, ODD, 10, 30)),
    "abroad": lambda rng: _plain("abroad", random_text(rng, ABROAD, 8, 30) + "9x"),
    "lines": lambda rng: _plain("lines", rng.choice(["\n", "\r\n", "\t"]).join(_words(rng, 3)) + "4"),
    "blanks": lambda rng: _plain(
        "blanks", "  ".join(random_text(rng, ODD, 6, 12) for _ in range(3)).strip() + "x"
    ),
    "long": lambda rng: _plain("long", random_text(rng, LETTERS + "+/", 260, 3000)),
    "long odd": lambda rng: _plain("long odd", random_text(rng, ODD, 260, 1200) + "x"),
    "aws": lambda rng: _plain("aws", "AKIA" + random_text(rng, WORDS.upper() + "234567", 16, 16)),
    "github": lambda rng: _plain("github", "ghp_" + random_text(rng, LETTERS, 36, 36)),
}
SHORTENED = ("beginning", "end", "both ends")  # of ENCODINGS
SHAPED = ("card", "pem", "jwt", "aws", "github")

ENCODINGS = {
    "plain": str,
    "quote": quote,
    "quote all": lambda text: quote(text, safe=""),
    "quote_plus": quote_plus,
    "quote, lower case": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    "quote twice": lambda text: quote(quote(text, safe=""), safe=""),
    "json": json.dumps,
    "json, not ascii": lambda text: json.dumps(text, ensure_ascii=False),
    "json, slashes": lambda text: json.dumps(text).replace("/", "\\/"),
    "json in json": lambda text: json.dumps(json.dumps({"it": text})),
    "quoted json": lambda text: quote(json.dumps({"it": text}), safe=""),
    "repr": repr,
    "repr of a list": lambda text: repr(["x", text]),
    "repr of bytes": lambda text: repr(text.encode()),
    "repr of a repr": lambda text: repr(repr(text)),
    "ascii": ascii,
    "html": html.escape,
    "html, &#39;": lambda text: html.escape(text).replace("&#x27;", "&#39;"),
    "html, quotes left": lambda text: html.escape(text, quote=False),
    "escapejs": escapejs,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64, urlsafe": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 inside": lambda text: base64.b64encode(f"id=5;{text};x".encode()).decode(),
    "base64 inside 1": lambda text: base64.b64encode(f"{{{text}}}".encode()).decode(),
    "base64 inside 2": lambda text: base64.b64encode(f"ab{text}yz".encode()).decode(),
    "quoted base64": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "beginning": lambda text: f"{text[:12]}...",
    "end": lambda text: f"…{text[-12:]}",
    "both ends": lambda text: f"'{text[:11]}...{text[-11:]}'",
    "utf-8 read as latin-1": lambda text: text.encode().decode("latin-1"),
}


def pair(name, value, style):
    """`name` and `value` as texts have them."""
    return {
        "=": f"{name}={value}",
        ": ": f"{name}: {value}",
        "=json": f"{name}={json.dumps(value)}",
        "dict": repr({"a": 1, name: value, "b": 2}),
        "json": json.dumps({"a": 1, name: value, "b": 2}),
        "json, not ascii": json.dumps({name: value}, ensure_ascii=False),
        "json in json": json.dumps(json.dumps({name: value})),
        "query": f"https://x.example/cb?a=1&{quote_plus(name)}={quote_plus(value)}&b=2",
        "html": html.escape(json.dumps({name: value})),
    }[style]


STYLES = ("=", ": ", "=json", "dict", "json", "json, not ascii", "json in json", "query", "html")
