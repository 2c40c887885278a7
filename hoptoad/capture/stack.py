"""Local variables and source lines of the project's frames, for sites that ask for them."""

from types import FrameType
from typing import Any

from hoptoad.capture.chain import causes_of, slot
from hoptoad.capture.data import DataReader, Origin, Room
from hoptoad.capture.failures import walked
from hoptoad.capture.reporter_filter import ReporterFilter, Unseen, is_wrapper, marks_variables, uses_marks
from hoptoad.capture.sources import Sources
from hoptoad.capture.values import SHORT, bounded_repr, number_text, plain
from hoptoad.notice import NOTHING, Data, Frame
from hoptoad.redaction.cutting import SLACK
from hoptoad.runtime.guards import guarded

RULE = "sensitive_variables"
HIDDEN: Data = {"[variables]": "[hidden: the exception reporter filter failed]"}

_MAX_LINE = 200
_MARKED = Origin("error")
_VARIABLES = Origin("variables", as_word=False)  # `key = "name"` is a variable's everyday life
_CONTAINERS = frozenset({dict, list, tuple, set, frozenset})


class VariableReader:
    """Reads frames through the site's filter. Nothing is evaluated: lazy objects are only named."""

    def __init__(
        self,
        contract: ReporterFilter,
        reader: DataReader,
        room: Room,
        *,
        wanted: bool,
        source_lines: int,
        project_root: str,
    ) -> None:
        self._contract = contract
        self._reader = reader
        self._room = room
        self._wanted = wanted
        self._source_lines = source_lines
        self._sources = Sources(project_root)

    def remember_marked(self, error: BaseException, max_frames: int) -> None:
        """Sets aside what `sensitive_variables` hides, so that it is hidden in messages as well."""
        for failed in (error, *(cause for cause, _ in causes_of(error))):
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
        """What the frame's variables hold, each bounded; empty unless wanted."""
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
        """The variables as the filter shows them; what it hides is set aside."""
        seen = self._contract.variables(frame)
        if is_wrapper(frame):
            return seen  # all arguments are hidden there; which of them are secret, the function's frame says
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
