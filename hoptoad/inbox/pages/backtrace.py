"""Errors and their causes with their backtraces, own frames first to the eye and libraries folded."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from hoptoad.api.cgi_data import cause_key
from hoptoad.inbox.arrivals import without_class
from hoptoad.inbox.grouping import is_own
from hoptoad.inbox.pages import visible
from hoptoad.inbox.pages.visible import Row
from hoptoad.inbox.pages.written_causes import written_causes
from hoptoad.notice import ErrorInfo, Frame, Notice

_ROOT = re.compile(r"^(?:\[PROJECT_ROOT\]|/PROJECT_ROOT)/")
_PACKAGE = re.compile(
    r"(?:site-packages|dist-packages|node_modules|SITE_PACKAGES\]?|gems)/(@[^/]+/[^/]+|[^/]+)"
)
_RELATIONS = {
    "cause": "The direct cause of the error above",
    "context": "Happened first; the error above was raised while it was handled",
    "member": "One of the group above",
}
_MOST_IN_A_ROW = 10
_MOST_RUNS = 30


@dataclass(frozen=True, slots=True)
class ShownFrame:
    """A frame, ready to be shown."""

    file: str
    line: int
    function: str
    source: tuple[tuple[int, str, bool], ...]  # number, text, whether it is the frame's own line
    variables: tuple[Row, ...]
    is_own: bool
    is_open: bool = False

    @property
    def place(self) -> str:
        """File and line; only the file where the line is not known."""
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def has_details(self) -> bool:
        """Whether there is anything to unfold."""
        return bool(self.source or self.variables)


@dataclass(frozen=True, slots=True)
class Run:
    """Frames that follow each other: shown, or folded behind one line."""

    frames: tuple[ShownFrame, ...]
    folded: str = ""  # what the line says: "12 frames in django, asgiref"


@dataclass(frozen=True, slots=True)
class ShownError:
    """One error of the chain, the failure itself first."""

    class_name: str
    message: str
    relation: str = ""
    notes: tuple[str, ...] = ()
    runs: tuple[Run, ...] = ()
    left_out: int = 0
    frames: tuple[ShownFrame, ...] = field(default=(), repr=False)


def errors_of(notice: Notice) -> tuple[ShownError, ...]:
    """The error and its causes, each below the one it led to."""
    data, root = notice.request.cgi_data, notice.server.project_root.rstrip("/")
    shown = _shown(notice.error, root)
    main = replace(shown, notes=shown.notes or _lines(data.get("EXCEPTION_NOTES")))
    causes = (
        replace(_shown(cause, root), relation=_relation(cause, data.get(cause_key(number))))
        for number, cause in enumerate((*notice.causes, *written_causes(notice)), 1)
    )
    errors = (main, *causes)
    return tuple(
        replace(
            error,
            left_out=error.left_out
            or _number(data.get("FRAMES_LEFT_OUT" + (f"_{number}" if number else ""))),
        )
        for number, error in enumerate(errors)
    )


def innermost_own(frames: Sequence[ShownFrame]) -> "ShownFrame | None":
    """The frame at which a reader looks first."""
    return next((frame for frame in frames if frame.is_own), frames[0] if frames else None)


def _shown(error: ErrorInfo, root: str) -> ShownError:
    known = [frame for frame in error.frames if frame.line or frame.file not in ("", "unknown")]
    frames = [_frame(frame, root) for frame in known]
    first = innermost_own(frames)
    if first is not None:
        frames[frames.index(first)] = replace(first, is_open=True)
    return ShownError(
        visible.line(error.class_name),
        visible.url(without_class(error)),
        notes=tuple(map(visible.visible, error.notes)),
        runs=_at_most(tuple(_runs(tuple(frames)))),
        left_out=error.frames_left_out,
        frames=tuple(frames),
    )


def _frame(frame: Frame, root: str) -> ShownFrame:
    file = _ROOT.sub("", frame.file)
    return ShownFrame(
        visible.line(file.removeprefix(f"{root}/") if root else file, 500),
        frame.line,
        visible.line(frame.function),
        tuple((number, visible.visible(text), number == frame.line) for number, text in frame.source),
        visible.rows(frame.variables),
        is_own(frame.file, root),
    )


def _runs(frames: tuple[ShownFrame, ...]) -> Iterator[Run]:
    """Own frames are shown, at most some in a row; two and more frames of libraries are folded together."""
    if not any(frame.is_own for frame in frames):
        if frames:
            yield from _cut(frames)
        return
    for own, group in groupby(frames, key=lambda frame: frame.is_own):
        run = tuple(group)
        if own or len(run) == 1:
            yield from _cut(run)
        else:
            yield Run(run, f"{_count(len(run))} in {_packages(run)}")


def _cut(run: tuple[ShownFrame, ...]) -> Iterator[Run]:
    yield Run(run[:_MOST_IN_A_ROW])
    if rest := run[_MOST_IN_A_ROW:]:
        yield Run(rest, f"{_count(len(rest))} more")


def _at_most(runs: tuple[Run, ...]) -> tuple[Run, ...]:
    """Folds the outer frames of a very deep backtrace behind one line."""
    rest = tuple(frame for run in runs[_MOST_RUNS:] for frame in run.frames)
    return (*runs[:_MOST_RUNS], Run(rest, f"{_count(len(rest))} more")) if rest else runs


def _count(number: int) -> str:
    return f"{number:,} frame{'' if number == 1 else 's'}"


def _packages(run: tuple[ShownFrame, ...]) -> str:
    names = dict.fromkeys(_package(frame.file) for frame in run)
    shown = list(names)[:3]
    return ", ".join(shown) + (" and others" if len(names) > len(shown) else "")


def _package(file: str) -> str:
    found = _PACKAGE.search(file)
    return found[1].removesuffix(".py") if found else "the standard library"


def _relation(cause: ErrorInfo, text: object) -> str:
    """The heading of a cause; a document of version 3 has its relation in cgi-data."""
    first = text.partition("\n")[0] if isinstance(text, str) else ""
    name = cause.relation or first.rpartition("(")[2].removesuffix(")")
    return _RELATIONS.get(name, _RELATIONS["cause"])


def _lines(text: object) -> tuple[str, ...]:
    return tuple(visible.visible(text).split("\n")) if isinstance(text, str) and text else ()


def _number(text: object) -> int:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 10 else 0
