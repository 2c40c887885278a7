"""The frames of a traceback, and their local variables and source lines for sites that ask for them."""

import inspect
import io
import tokenize
from collections.abc import Iterable, Iterator
from types import FrameType, TracebackType
from typing import Any

from django.views.decorators import debug as marks

from hoptoad.capture.data import DataReader, Origin
from hoptoad.capture.raised import slot
from hoptoad.capture.reporter_filter import ReporterFilter, Unseen
from hoptoad.capture.values import SHORT, bounded_repr, number_text, plain
from hoptoad.notice import NOTHING, Data, Frame
from hoptoad.redaction.cutting import SLACK, Room
from hoptoad.runtime import safe_files
from hoptoad.runtime.guards import guarded

RULE = "sensitive_variables"
HIDDEN: Data = {"[variables]": "[hidden: the exception reporter filter failed]"}
_MAX_LINE = 200
_MARKED = Origin("error")
_VARIABLES = Origin("variables", as_word=False)  # `key = "name"` is a variable's everyday life
_CONTAINERS = frozenset({dict, list, tuple, set, frozenset})
_MAX_FILE = 1_000_000  # bytes
_MAX_ALL = 4_000_000  # bytes of one notice's files
_WRAPPER = "sensitive_variables_wrapper"
_COROUTINE = inspect.CO_COROUTINE


class VariableReader:
    """Reads frames through the site's filter. Nothing is evaluated: lazy objects are only named."""

    def __init__(
        self,
        reporter_filter: ReporterFilter,
        reader: DataReader,
        room: Room,
        *,
        wanted: bool,
        source_lines: int,
        project_root: str,
    ) -> None:
        self._filter = reporter_filter
        self._reader = reader
        self._room = room
        self._wanted = wanted
        self._source_lines = source_lines
        self._sources = Sources(project_root)

    def remember_marked(self, errors: "Iterable[BaseException]", max_frames: int) -> None:
        """Sets aside the values that `sensitive_variables` hides, so that messages are masked as well."""
        for failed in errors:
            trace = slot(failed, "__traceback__")
            if not uses_marks(trace):
                continue
            marked = False
            for frame in walked(trace, max_frames):
                marked = marked or marks_variables(frame)
                if marked:
                    self._seen(frame)

    def detailed(self, frame: FrameType, shown: Frame) -> Frame:
        """A frame of the project with its variables and source; any other as it is."""
        if not shown.file.startswith("[PROJECT_ROOT]"):
            return shown
        return guarded(
            "frame",
            lambda: Frame(
                shown.file, shown.line, shown.function, self.variables(frame), self.source(frame, shown.line)
            ),
            shown,
        )

    def variables(self, frame: FrameType) -> Data:
        """The frame's variables, each bounded; empty unless wanted."""
        if not self._wanted:
            return NOTHING
        seen = self._seen(frame)
        if seen is None:
            return HIDDEN
        if self._room.values <= 0:
            self._reader.know([dict(seen)], _VARIABLES)
            return NOTHING
        suspects = self._reader.suspects([name for name, _ in seen])
        for name, value in seen:
            if name in suspects and (rule := self._reader.rule(name)):  # what is shown is a representation
                self._reader.hide(value, name, rule, _VARIABLES)
        shown = {
            name: value
            if type(value) in _CONTAINERS
            else str(value)
            if type(value) in SHORT
            else self._shown(value)
            for name, value in seen
        }
        return self._reader.mapping(shown, self._room, _VARIABLES)

    def source(self, frame: FrameType, line: int) -> tuple[tuple[int, str], ...]:
        """The lines around `line` with their numbers; reads the file, so it is off by default."""
        if not self._source_lines or self._room.chars <= 0:
            return ()
        lines = self._sources.lines(frame.f_code.co_filename)
        first = max(line - self._source_lines, 1)
        shown = [text.rstrip()[: _MAX_LINE + SLACK] for text in lines[first - 1 : line + self._source_lines]]
        self._room.chars -= min(sum(map(len, shown)), _MAX_LINE * len(shown))
        return tuple(enumerate(shown, first))

    def _seen(self, frame: FrameType) -> "list[tuple[str, Any]] | None":
        """The variables as the filter shows them. What it hides is set aside as secrets."""
        seen = self._filter.variables(frame)
        if is_wrapper(frame):
            return seen  # hides all arguments; the decorated function's own frame shows which are secret
        shown = dict(seen or ())
        for name, value in dict(frame.f_locals).items():
            if name not in shown or (shown[name] is not value and type(shown[name]) is str):
                self._reader.hide(value, name, RULE, _MARKED)
        return seen

    def _shown(self, value: Any) -> object:
        """Dictionaries stay what they are, to be masked by name; the rest becomes text."""
        kind = type(value)
        if kind is str:
            return repr(value if len(value) <= self._room.window else plain(value, self._room.window))
        if kind is int:
            return number_text(value)
        if issubclass(kind, dict):
            return value
        if issubclass(kind, str):
            return value if kind is Unseen else repr(plain(value, self._room.window))
        return bounded_repr(value, self._room.window)


class Sources:
    """The files of one notice, each read once.

    `linecache` is not used: it asks the loader of a module for its source, which is code of the site, it
    waits for FIFOs, and it keeps whole files for good.
    """

    def __init__(self, project_root: str) -> None:
        self._root = project_root
        self._left = _MAX_ALL
        self._files: dict[str, list[str]] = {}

    def lines(self, file: str) -> list[str]:
        """The lines of a regular file below the project's root; none where it is another or too large."""
        found = self._files.get(file)
        if found is None:
            found = self._files[file] = self._read(file)
        return found

    def _read(self, file: str) -> list[str]:
        try:
            real = safe_files.real_path_below(file, self._root)
            # Whose it is does not matter: Python has run it.
            raw = safe_files.read(real, min(_MAX_FILE, self._left), of_anybody=True)
            self._left -= len(raw)
            encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
            return io.TextIOWrapper(io.BytesIO(raw), encoding).readlines()
        except (OSError, SyntaxError, ValueError, LookupError):  # SyntaxError: an unknown encoding
            return []


def walked(traceback: TracebackType | None, max_frames: int) -> Iterator[FrameType]:
    """The frames of a traceback, outermost first, at most `max_frames` from either end."""
    yield from (frame for frame, _ in reversed(frames_of(traceback, max_frames)) if frame is not None)


def frames_of(
    traceback: TracebackType | None, max_frames: int, end: TracebackType | None = None
) -> "list[tuple[FrameType, int] | tuple[None, int]]":
    """The frames before `end` and their lines, innermost first. Of more than `max_frames` both ends are kept,
    with None and the number of those left out between them.
    """
    first: list[tuple[FrameType, int]] = []
    room = max_frames - max_frames // 2
    while traceback is not None and traceback is not end and room:
        first += [(traceback.tb_frame, traceback.tb_lineno or 0)]
        traceback = traceback.tb_next
        room -= 1
    rest, left_out = traceback, -(max_frames // 2)
    while rest is not None and rest is not end:
        rest = rest.tb_next
        left_out += 1
    for _ in range(left_out):
        traceback = traceback.tb_next  # type: ignore[union-attr]
    last: list[tuple[FrameType, int] | tuple[None, int]] = []
    while traceback is not None and traceback is not end:
        last += [(traceback.tb_frame, traceback.tb_lineno or 0)]
        traceback = traceback.tb_next
    between: list[tuple[None, int]] = [(None, left_out)] if left_out > 0 else []
    return [*reversed(last), *between, *reversed(first)]


def uses_marks(trace: TracebackType | None) -> bool:
    """Whether any frame is marked, or a coroutine's, which may be."""
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_name == _WRAPPER or code.co_flags & _COROUTINE:
            return True
        trace = trace.tb_next
    return False


def marks_variables(frame: FrameType) -> bool:
    """Whether `sensitive_variables` was used on this frame's function, or this is its wrapper."""
    code = frame.f_code
    if code.co_flags & _COROUTINE:
        key = hash(f"{code.co_filename}:{code.co_firstlineno}")
        return key in marks.coroutine_functions_to_sensitive_variables
    return is_wrapper(frame)


def is_wrapper(frame: FrameType) -> bool:
    """Whether this is the frame in which `sensitive_variables` calls what it decorates."""
    return frame.f_code.co_name == _WRAPPER
