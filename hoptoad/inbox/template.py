"""A message without its values: two messages of one bug have one template.

Order 17 of bob@x.test failed after 1.2 s: 'no stock'
-> Order <n> of <email> failed after <duration>: <text>
"""

import re
import unicodedata

MAX_TEMPLATE = 200
_READ = 2000  # characters
# A value this long may reach beyond the end of a message that its client has cut: the template ends with it.
_LONG = 300
# Classes whose messages quote names of code: another name is another bug.
_NAMING = frozenset(
    "AttributeError NameError UnboundLocalError ImportError ModuleNotFoundError TypeError NoMethodError "
    "ReferenceError".split()
)
_ANSI = re.compile(r"(?:\x1b|\\x1b)\[[0-9;?]*[A-Za-z]")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_NUMBERED = re.compile(r"""\((\d{1,5}), (["'])(.*)\2\)""")  # how database drivers show code and message
_DATA = re.compile(r"""\{\s*["'{\[]""")
_NAME = re.compile(r"[\w.$<>-]{1,80}")
_STATUS_CLASS = re.compile(r"(?i)http|status|response")

_CODE = r"(?i:\b(?:constraint|column|relation|table|module|field|argument|for key))s? ?:? ?"
_DAY = r"\d{1,2}"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_TIME = rf"{_DAY}:\d\d(?::\d\d(?:[.,]\d{{1,9}})?)?(?: ?(?:Z|UTC|GMT)\b| ?[+-]\d\d:?\d\d\b)?"
_UNIT = r"(?:ns|µs|us|ms|s|secs?|seconds?|min|minutes?|h|hours?|days?)"
_PORT = r"(?::\d{1,5}\b)?"
_IP6 = r"(?=[0-9a-fA-F:]*(?:::|(?::[0-9a-fA-F]+){3}))\b(?:[0-9a-fA-F]{1,4}::?){1,7}[0-9a-fA-F]{1,4}\b"
_QUOTES = (("'", "'"), ('"', '"'), ("`", "`"), ("\u201c", "\u201d"), ("\u2018", "\u2019"), ("«", "»"))
_QUOTED = "|".join(rf"{a}[^{b}\\]*(?:\\.[^{b}\\]*)*{b}(?!\w)" for a, b in _QUOTES)
# In this order: what stands before takes the text from what stands after. A group is a value's name.
_VALUES = re.compile(
    "|".join(
        f"(?P<{name}>{pattern})"
        for name, pattern in (
            ("kept_code", r"\[(?:Errno|WinError) -?\d+\]|\bORA-\d{5}\b|\bSQLSTATE\[\w+\]|^\(\d{1,5}\)"),
            (
                "kept_status",
                r"(?:\bHTTP(?:/\d(?:\.\d)?)?|\b[Ss]tatus(?:[ _]?code)?|Error)[ :=]{0,3}[1-5]\d\d\b",
            ),
            ("status", r"^[1-5]\d\d\b"),
            ("email", r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"),
            ("url", r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,15}://[^\s\"'<>`)\]]+"),
            ("uuid", r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"),
            ("hex", r"\b0[xX][0-9a-fA-F]+\b|\b(?=[a-fA-F]*\d)(?=\d*[a-fA-F])[0-9a-fA-F]{8,}\b"),
            ("date", rf"\b\d{{4}}-{_DAY}-{_DAY}(?:[T ]{_TIME})?|\b{_DAY}([/.])\d{{1,2}}\3\d{{4}}\b"),
            ("day", rf"\b{_DAY}[ /-]{_MONTH}[ /-]\d{{4}}\b|\b{_MONTH} {_DAY}\b(?:,? \d{{4}}\b)?"),
            ("time", rf"\b{_TIME}"),
            ("ip", rf"\b\d{{1,3}}(?:\.\d{{1,3}}){{3}}{_PORT}|\[?{_IP6}\]?{_PORT}"),
            ("duration", rf"(?<![\w.])-?\d+(?:[.,]\d+)? ?{_UNIT}\b"),
            ("path", r"(?<!\w)/(?:tmp|var/tmp|private/var|var/folders)/[^\s\"'`,:;)\]]+"),
            ("token", r"\b(?=[\w-]{0,40}[a-z])(?=[\w-]{0,40}[A-Z])(?=[\w-]{0,40}\d)[\w-]{24,}={0,2}"),
            ("named", rf"{_CODE}(?:{_QUOTED})"),
            ("text", rf"(?<!\w)[bru]?(?:{_QUOTED})|(?<=\)=)\([^)]*\)"),
            ("n", r"(?:(?<![\w.])-)?\d+(?:[.,]\d+)*"),
        )
    )
)


def template(class_name: str, message: str) -> str:
    """The first line of a message, without its values and without the class before it."""
    line = _first_line(_ANSI.sub("", message[:_READ]))
    line = _ADDRESS.sub("", _without_class(class_name, unicodedata.normalize("NFC", line)))
    line = _NUMBERED.sub(r"(\1) \3", line, count=1)
    return _without_values(class_name, _without_data(line))[:MAX_TEMPLATE].rstrip()


def _first_line(message: str) -> str:
    return next((line.strip() for line in message.splitlines() if line.strip()), "")


def _without_class(class_name: str, line: str) -> str:
    before, colon, rest = line.partition(": ")
    return rest.strip() if colon and last_part(before) == last_part(class_name) else line


def last_part(dotted: str) -> str:
    """The name at the end: `Odd` of `shop.models.Odd` and of `Shop::Odd`."""
    return dotted.replace("::", ".").rpartition(".")[2]


def _without_data(line: str) -> str:
    """The line with each object of JSON, or dictionary, as `{}`; it ends after one that is long."""
    done = ""
    while found := _DATA.search(line):
        end = _end_of_data(line, found.start())
        done += f"{line[: found.start()]}{{}}"
        if end - found.start() > _LONG:
            return done
        line = line[end:]
    return done + line


def _end_of_data(line: str, start: int) -> int:
    depth = 0
    for index in range(start, len(line)):
        depth += (line[index] in "{[") - (line[index] in "}]")
        if not depth:
            return index + 1
    return len(line)


def _without_values(class_name: str, line: str) -> str:
    done: list[str] = []
    position = 0
    for found in _VALUES.finditer(line):
        done += [line[position : found.start()], _shown(class_name, found)]
        position = found.end()
        if position - found.start() > _LONG:
            return "".join(done)
    rest = line[position:]
    start = next((index for index, char in enumerate(rest) if char in "'\"`"), None)
    if start is not None and len(rest) - start > _LONG:  # its end was cut
        rest = f"{rest[:start]}<text>"
    return "".join([*done, rest])


def _shown(class_name: str, found: "re.Match[str]") -> str:
    kind, text = str(found.lastgroup), found[0]
    if kind.startswith("kept") or kind == "named":
        return text
    if kind == "status":
        return text if _STATUS_CLASS.search(class_name) else "<n>"
    if kind == "text" and last_part(class_name) in _NAMING and _NAME.fullmatch(text[1:-1]):
        return text
    return f"<{kind}>"
