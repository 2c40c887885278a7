"""What an exception says, whatever it tries: cycles, lies, failing texts, endless tracebacks."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from types import CodeType, FrameType, TracebackType

from hoptoad.capture import paths
from hoptoad.capture.chain import causes_with_parents, slot
from hoptoad.capture.data import Room
from hoptoad.capture.values import class_name, exact, exception_text, module_of, without_addresses
from hoptoad.notice import NOTHING, ErrorInfo, Frame
from hoptoad.redaction.cutting import cut

_MAX_NAME = 255
_MAX_NOTES = 20
# Always the same, because servers group by every line of the backtrace.
_LEFT_OUT = Frame("[cut]", 0, "frames left out")
_HAS_QUALNAME = hasattr(CodeType, "co_qualname")  # from Python 3.11 on


Parts = list[tuple[TracebackType | None, TracebackType | None]]


def _whole(error: BaseException) -> Parts:
    return [(slot(error, "__traceback__"), None)]


class Describer:
    """Copies what exceptions say, within the room it is given.

    `detail` may add to a frame what else is to be said of it. `parts` chooses what of an exception's
    traceback is told, outermost first, each with the line that is no longer part of it.
    """

    def __init__(
        self,
        *,
        room: Room,
        project_root: str,
        max_frames: int,
        gem_paths: bool = False,
        short_class_names: bool = False,
        detail: "Callable[[FrameType, Frame], Frame] | None" = None,
        parts: "Callable[[BaseException], Parts]" = _whole,
    ) -> None:
        self._room = room
        self._project_root = project_root
        self._max_frames = max_frames
        self._gem_paths = gem_paths
        self._short = short_class_names
        self._detail = detail
        self._parts = parts

    def describe(self, error: BaseException) -> tuple[ErrorInfo, tuple[ErrorInfo, ...]]:
        """The error, and the causes, contexts and group members that led to it."""
        main = self._info(error, "", 0)
        led = tuple(
            [self._info(cause, relation, parent) for cause, relation, parent in causes_with_parents(error)]
        )
        return main, led

    def _info(self, error: BaseException, relation: str, parent: int) -> ErrorInfo:
        name = class_name(type(error))
        short = name.rpartition(".")[2]
        parts = [self._frames(*part) for part in reversed(self._parts(error))]
        frames, left_out = parts[0]
        for more, number in parts[1:]:
            frames, left_out = frames + more, left_out + number
        return ErrorInfo(
            class_name=cut(short if self._short else name, _MAX_NAME).strip() or "Exception",
            message=self._message(error, short.strip() or "Exception"),
            frames=frames,
            frames_left_out=left_out,
            notes=tuple([self._text(note) for note in _notes(error)]),
            relation=relation,
            module=cut(module_of(type(error)), _MAX_NAME),
            parent=parent,
        )

    def _message(self, error: BaseException, short: str) -> str:
        window = self._room.window
        text = without_addresses(cut(exception_text(error, window).strip(), window))
        return self._room.take(f"{short}: {text}" if text else short)

    def _text(self, text: str) -> str:
        return self._room.take(without_addresses(cut(text, self._room.window)))

    def _frames(
        self, traceback: TracebackType | None, end: TracebackType | None
    ) -> tuple[tuple[Frame, ...], int]:
        """The frames, and how many are left out of their middle."""
        root, gem_paths, detail = self._project_root, self._gem_paths, self._detail
        shown: list[Frame] = []
        left_out = 0
        for frame, line in frames_of(self._from_own(traceback, end), self._max_frames, end):
            if frame is None:
                shown += [_LEFT_OUT]
                left_out = line
                continue
            code = frame.f_code
            file = code.co_filename
            function: str = code.co_qualname if _HAS_QUALNAME else code.co_name  # type: ignore[attr-defined,unused-ignore]
            # A site that compiles what its users write can be made to name a file anything.
            is_usual = not (file[paths.MAX_FILE :] or function[_MAX_NAME:])
            at = _at if is_usual else _at.__wrapped__
            found = at(file, line, function, root, gem_paths)
            shown += [found if detail is None else detail(frame, found)]
        return tuple(shown), left_out

    def _from_own(self, traceback: TracebackType | None, end: TracebackType | None) -> TracebackType | None:
        """The traceback from the project's outermost frame on; the whole where it has none.

        What is below, the server and Django's handlers, differs between WSGI and ASGI and with each
        upgrade, and would split the server's groups.
        """
        step = traceback
        while step is not None and step is not end:
            if paths.is_own(step.tb_frame.f_code.co_filename, self._project_root):
                return step
            step = step.tb_next
        return traceback


@lru_cache(maxsize=4096)
def _at(file: str, line: int, function: str, project_root: str, gem_paths: bool) -> Frame:
    """A line of the project, which is the same each time it fails."""
    file = paths.shorten(file, project_root, gem_paths=gem_paths)
    return Frame(file or "unknown", line, cut(function, _MAX_NAME), NOTHING)


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


def _notes(error: BaseException) -> list[str]:
    notes = slot(error, "__dict__").get("__notes__", ())
    if type(notes) not in (list, tuple):
        return []
    return [exact(note) for note in notes[:_MAX_NOTES] if issubclass(type(note), str)]
