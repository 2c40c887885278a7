"""Which notices are one problem: pure functions from what a notice says to its fingerprint's text.

    production | KeyError | <text> | shop/views.py in checkout

Versions, hosts, URLs, users, lines, columns and the protocol are no part of it. The message is, without its
values: one library call that fails in one line has many causes.
"""

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import NamedTuple

from hoptoad.inbox.template import last_part, template
from hoptoad.notice import Frame, Notice

MAX_PLACE = 500
_OWN = re.compile(r"^[\[/]?PROJECT_ROOT[\]/]+")
_LIBRARY = re.compile(
    r"^[\[/](?:SITE_PACKAGES|STDLIB|GEM_ROOT)[\]/]|(?:^|/)(?:site-packages|dist-packages|node_modules|gems)/"
    r"|^/usr/(?:local/)?lib\d*/|/lib/python\d|^<frozen |^node:|^internal/|/PROJECT_ROOT/node_modules/"
)
_HOST = re.compile(r"^[a-z][a-z+.-]*://[^/]*/|[?#].*$", re.DOTALL)
# Of a bundle: index-DbQ2xY9p.js, main.3f2a91bc.js.
_HASH = re.compile(r"[-.](?:(?=[A-Za-z_]*\d)[\w-]{8,}|(?=[a-z_]*[A-Z])(?=[A-Z_]*[a-z])[\w]{8})(?=\.[a-z.]+$)")
# Names of code inside a function, which other versions of a language write without a frame.
_INNER = ("<lambda>", "<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>", "<anonymous>")


class Group(NamedTuple):
    """What a notice has in common with the others of its problem."""

    environment: str
    class_name: str
    template: str
    place: str

    @property
    def text(self) -> str:
        """As it is shown, and digested."""
        return " | ".join(self)

    @property
    def digest(self) -> str:
        """The text in 32 hexadecimal digits."""
        return blake2b(self.text.encode(errors="replace"), digest_size=16).hexdigest()


def group(notice: Notice) -> Group:
    """The group of a notice, by scheme 1."""
    class_name = last_part(notice.error.class_name)[:255] or "Exception"
    return Group(
        (notice.server.environment_name.strip() or "unknown")[:100],
        class_name,
        template(notice.error.class_name, notice.error.message),
        place(notice),
    )


def place(notice: Notice) -> str:
    """`shop/views.py in checkout`, else `component#action`, else the innermost function of a library."""
    frames = [frame for frame in notice.error.frames if frame.file and frame.file != "unknown"]
    root = notice.server.project_root.rstrip("/")
    found = _named(frame for frame in frames if is_own(frame.file, root))
    found = found or _named(frame for frame in frames if not _LIBRARY.search(frame.file))
    if found is None and notice.request.component:
        request = notice.request
        return "#".join(filter(None, (request.component, request.action)))[:MAX_PLACE]
    found = found or _named(frames)
    return "" if found is None else _shown(found, root)


def is_own(file: str, project_root: str = "") -> bool:
    """Whether a file of a backtrace is the project's, as far as its name tells."""
    under_root = bool(project_root) and file.startswith(f"{project_root}/")
    return (bool(_OWN.match(file)) or under_root) and not _LIBRARY.search(file)


def _named(frames: Iterable[Frame]) -> Frame | None:
    """The innermost frame of a function that has a name, else the innermost."""
    innermost = None
    for frame in frames:
        if _function(frame) not in _INNER:
            return frame
        innermost = innermost or frame
    return innermost


def _function(frame: Frame) -> str:
    """Without the line of source that some clients write after it."""
    return last_part(frame.function.partition(": ")[0])


def _shown(frame: Frame, root: str) -> str:
    file = short_file(frame.file, root)
    return " in ".join(filter(None, (file, _function(frame))))[:MAX_PLACE]


def short_file(file: str, project_root: str = "") -> str:
    """The file's name as it is on every host and in every release."""
    own = _OWN.sub("", file)
    if own == file and project_root and file.startswith(f"{project_root}/"):
        own = file[len(project_root) + 1 :]
    own = _HASH.sub("", _HOST.sub("", own.replace("\\", "/")))
    if own != file or not file.startswith("/"):
        return own
    return "".join(_without_numbers(file))


def _without_numbers(file: str) -> Iterator[str]:
    folder, slash, name = file.rpartition("/")
    yield re.sub(r"\d+", "<n>", folder)
    yield slash + name
