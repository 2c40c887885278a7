"""Local variables and source lines of the project's frames, for sites that ask for them."""

from dataclasses import replace
from types import FrameType
from typing import Any

from hoptoad_before.budget import Budget
from hoptoad_before.errorchain import causes_of, slot
from hoptoad_before.failures import walked
from hoptoad_before.guard import guarded
from hoptoad_before.notice import Data, Frame
from hoptoad_before.reporterfilter import ReporterFilter, Unseen, is_wrapper, marks_variables, uses_marks
from hoptoad_before.scrub import Scrubber
from hoptoad_before.sources import Sources
from hoptoad_before.text import bounded_repr, cut, plain

RULE = "sensitive_variables"
HIDDEN: Data = {"[variables]": "[hidden: the exception reporter filter failed]"}

_MAX_LINE = 200
_NOTHING: Data = {}


class VariableReader:
    """Reads frames through the site's filter. Nothing is evaluated: lazy objects are only named."""

    def __init__(
        self,
        contract: ReporterFilter,
        scrubber: Scrubber,
        budget: Budget,
        *,
        wanted: bool,
        source_lines: int,
        project_root: str,
    ) -> None:
        self._contract = contract
        self._scrubber = scrubber
        self._budget = budget
        self._wanted = wanted
        self._source_lines = source_lines
        self._sources = Sources(project_root)

    def remember_marked(self, error: BaseException, max_frames: int) -> None:
        """Remembers what `sensitive_variables` hides, so that it is hidden in messages as well."""
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
            lambda: replace(shown, variables=self.variables(frame), source=self.source(frame, shown.line)),
            shown,
        )

    def variables(self, frame: FrameType) -> Data:
        """What the frame's variables hold, each bounded and scrubbed; empty unless wanted."""
        if not self._wanted:
            return _NOTHING
        seen = self._seen(frame)
        if seen is None:
            return HIDDEN
        masked = self._scrubber.masked
        masked.section, masked.strict = "variables", True  # `key = "name"` is a variable's everyday life
        try:
            if self._budget.variables <= 0:
                self._scrubber.know([dict(seen)])
                return _NOTHING
            for name, value in seen:
                if self._scrubber.rule(name):
                    self._scrubber.remember(value, name)  # what is shown of it is a representation
            return self._scrubber.mapping({name: self._shown(value) for name, value in seen}, self._budget)
        finally:
            masked.section, masked.strict = "error", False

    def source(self, frame: FrameType, line: int) -> tuple[tuple[int, str], ...]:
        """The lines around `line` with their numbers; reads the file, so it is off by default."""
        if not self._source_lines or self._budget.chars <= 0:
            return ()
        lines = self._sources.lines(frame.f_code.co_filename)
        first = max(line - self._source_lines, 1)
        return tuple(
            (number, self._line(text))
            for number, text in enumerate(lines[first - 1 : line + self._source_lines], first)
        )

    def _line(self, text: str) -> str:
        text = self._scrubber.source(cut(text.rstrip(), self._budget.window))
        return self._budget.spend(text, _MAX_LINE)

    def _seen(self, frame: FrameType) -> "list[tuple[str, Any]] | None":
        """The variables as the filter shows them; what it hides is remembered."""
        seen = self._contract.variables(frame)
        if is_wrapper(frame):
            return seen  # all arguments are hidden there; which of them are secret, the function's frame says
        shown = dict(seen or ())
        for name, value in dict(frame.f_locals).items():
            if name not in shown or (shown[name] is not value and type(shown[name]) is str):
                self._scrubber.hide(value, name, RULE)
        return seen

    def _shown(self, value: object) -> object:
        """Built-in containers stay what they are, to be masked by name; the rest becomes text."""
        kind = type(value)
        if kind in (list, tuple, set, frozenset) or issubclass(kind, dict):
            return value
        if issubclass(kind, str):
            return value if kind is Unseen else repr(plain(value, self._budget.window))
        return bounded_repr(value, self._budget.window)
