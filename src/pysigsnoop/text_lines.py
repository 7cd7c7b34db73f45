"""The default view: each event one line that reads as a sentence, in columns.

    14:53:28.513 bash 29611        → sleep 29620       SIGTERM   kill     died #1
    14:53:28.513                #1 └ sleep 29620       SIGTERM   +136 µs  died

Lines are put together from parts that are kept, since most lines are like another:
a line of a flood costs its clock and a look-up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from . import line_words
from .clock_text import span
from .layout import END_LAYOUT, SEND_LAYOUT, picker
from .marks import Marks
from .terminal import padded, shortened
from .text import printable

if TYPE_CHECKING:
    from .clock_text import Clock
    from .ends import Death, Delivery
    from .event import Event, Process
    from .line_words import Words
    from .signals import Signal
    from .terminal import Screen

# So many lines' parts are kept: some hundred bytes each. Others choose them, so all go when full.
KEPT = 2048

# What a line of a send says depends on these, and on nothing else but its time and its id.
_REST = (
    *("origin", "signo", "ret", "target_arg", "known", "result", "blocked", "fatal", "outcome"),
)
_SAYS = picker(SEND_LAYOUT, *_REST, "sender.pid", "sender.comm", "target.pid", "target.comm")
_ENDS_AT = len(_REST)
_NUMBERS = picker(SEND_LAYOUT, "id", "boot_ns")
# The same of an end, but for its delay and the mark of its send.
_END_SAYS = picker(END_LAYOUT, "type", "signo", "status", "action", "target.pid", "target.comm")

# Room for a mark: a space, # and four digits.
_MARK = 6
_NO_LIMIT = 1 << 63
# So much of a long word is left in any case.
_LEAST_HOW = 3


class Layout(NamedTuple):
    """How wide each column is; `edge` is where the line must end, None for nowhere."""

    clock: int
    sender: int
    target: int
    signal: int
    how: int
    edge: int | None

    @property
    def tail(self) -> int | None:
        """What `how` and the result have together."""
        before = self.clock + 1 + self.sender + 3 + self.target + 1 + self.signal + 1
        return None if self.edge is None else self.edge - before


# A name of 15 bytes and a pid of 7 digits; SIGRTMIN+30; tgsigqueue and more.
_ROOMY = Layout(0, 23, 23, 11, 13, None)
_TIGHT = Layout(0, 15, 15, 9, 8, None)
_RESULT_TIGHT, _END_TIGHT = 13, 9


def layout(width: int | None, clock: int) -> Layout:
    """The columns for a width: the names first get more, then fewer, of what there is."""
    if width is None:
        return _ROOMY._replace(clock=clock)
    tight = _TIGHT._replace(clock=clock, edge=width - 1)
    spare = (tight.tail or 0) - tight.how - 1 - _RESULT_TIGHT
    signal = min(_ROOMY.signal, tight.signal + max(0, spare))
    spare -= signal - tight.signal
    ends = max(2 * _END_TIGHT, min(2 * _ROOMY.target, 2 * tight.target + spare))
    spare -= ends - 2 * tight.target
    how = min(_ROOMY.how, tight.how + max(0, spare))
    return Layout(clock, (ends + 1) // 2, ends // 2, signal, how, width - 1)


class _Line(NamedTuple):
    """A send's line less its clock, up to where its mark goes; `end` goes behind that. It fits
    marks up to `largest`; 0: it has none."""

    text: str
    end: str
    largest: int


class TextLines:
    """Makes lines; `follow_ups`: whether the trace tells what becomes of sends.

    `below` gives lines that go below an event's own.
    """

    def __init__(
        self,
        screen: Screen,
        clock: Clock,
        *,
        follow_ups: bool = True,
        below: Callable[[Event | Delivery | Death], list[str]] | None = None,
    ) -> None:
        self._screen = screen
        self._clock = clock
        self._follow_ups = follow_ups
        self._below = below
        self._marks = Marks()
        self._room = _MARK  # as wide as the widest mark so far
        # Whole lines, their parts where others differ, and the parts of ends.
        self._sends: dict[tuple[Any, ...], _Line] = {}
        self._rests: dict[tuple[Any, ...], _Line] = {}
        self._processes: dict[tuple[Any, ...], str] = {}
        self._ends: dict[tuple[Any, ...], tuple[str, str]] = {}
        self._fit()

    def _fit(self) -> None:
        self._layout = layout(self._screen.width, self._clock.width)
        paint, glyphs = self._screen.paint, self._screen.glyphs
        self._arrow = f" {paint(glyphs.arrow, 'faint')} "
        self._branch = f" {paint(glyphs.branch, 'faint')} "
        self._before_mark, _, self._behind_mark = paint("\0", "mark").partition("\0")
        for kept in (self._sends, self._rests, self._processes, self._ends):
            kept.clear()

    @property
    def header(self) -> str:
        """What the columns are."""
        at = self._layout
        first = f"{'TIME':{at.clock}} {'SENDER':{at.sender}}   {'TARGET':{at.target}}"
        line = f"{first} {'SIGNAL':{at.signal}} {'HOW':{at.how}} RESULT"
        return self._screen.paint(line[: at.edge], "heading")

    def lines(self, events: Iterable[Event | Delivery | Death]) -> list[str]:
        """The lines of some events, each as it is printed; the header again on a new width."""
        told: list[str] = []
        if self._screen.look():
            self._fit()
            told.append(self.header)
        clock, sends, marks, below = self._clock, self._sends, self._marks, self._below
        for event in events:
            if event.type == "send":
                record = event._record
                says = _SAYS(record)
                line = sends.get(says)
                if line is None:
                    line = _keep(sends, says, self._send(says, event))
                number, boot_ns = _NUMBERS(record)
                when = clock(boot_ns, event._wall_offset)
                if line.largest:
                    mark = marks.new(number)
                    if mark > line.largest:
                        self._room = len(f" #{mark}")
                        line = _keep(sends, says, self._send(says, event))
                    told.append(f"{when} {line.text}{mark}{line.end}")
                else:
                    told.append(f"{when} {line.text}")
            else:
                told.append(self._end(event))
            if below:
                told += below(event)
        return told

    def _send(self, says: tuple[Any, ...], event: Event) -> _Line:
        """A send's line, with room for a mark where an end can come."""
        at, sender, target = self._layout, event.sender, event.target
        if sender is None:
            # The kernel's own: nobody sent it.
            who = self._screen.paint(padded("kernel", at.sender), "faint")
        else:
            who = self._process(says[_ENDS_AT : _ENDS_AT + 2], sender, at.sender)
        if target is None:
            whom = self._fitted(line_words.as_given(event), at.target)
        else:
            whom = self._process(says[_ENDS_AT + 2 :], target, at.target)
        key = (self._room, *says[:_ENDS_AT])
        rest = self._rests.get(key)
        if rest is None:
            rest = _keep(self._rests, key, self._rest(event, self._room))
        return _Line(f"{who}{self._arrow}{whom} {rest.text}", rest.end, rest.largest)

    def _rest(self, event: Event, room: int) -> _Line:
        """What comes behind the two ends."""
        at, answer = self._layout, line_words.answer(event)
        marked = self._follow_ups and event.result in ("queued", "lost_info")
        how = line_words.how(event, brief=at.how < _ROOMY.how)
        line = f"{self._signal(event.signal)} {self._tail(how, answer, room if marked else 0)}"
        if not marked:
            return _Line(line, "", 0)
        largest = _NO_LIMIT if at.edge is None else 10 ** (room - len(" #")) - 1
        return _Line(f"{line} {self._before_mark}#", self._behind_mark, largest)

    def _end(self, event: Delivery | Death) -> str:
        """The line of a delivery or a death: the mark of its send, or why there is none."""
        at, says = self._layout, _END_SAYS(event._record)
        parts = self._ends.get(says)
        if parts is None:
            words = line_words.end(event)
            whom = self._process(says[-2:], event.target, at.target)
            result = self._screen.paint(self._best(words.ways, at.how, 0), words.style)
            parts = _keep(self._ends, says, (f"{whom} {self._signal(event.signal)}", f" {result}"))
        whom, result = parts
        when = self._clock(event.boot_ns, event._wall_offset)
        send_id, delay = event.send_id or event.parent_send_id, ""
        if send_id is None:
            whose = f"{line_words.cause(event):>{at.sender}}"
        else:
            mark = self._marks.of(send_id)
            number = "sent earlier" if mark is None else f"#{mark}"
            room = " " * (at.sender - len(number))
            whose = f"{room}{self._before_mark}{number}{self._behind_mark}"
            delay = f"+{span(event.delay_ns or 0, self._screen.glyphs.micro)}"
        return f"{when} {whose}{self._branch}{whom} {delay:{at.how}}{result}"

    def _process(self, says: tuple[Any, ...], process: Process, width: int) -> str:
        """Name and number; of a name that does not fit, the beginning."""
        key = (width, *says)
        known = self._processes.get(key)
        if known is None:
            name, number = printable(process.comm_bytes), f" {process.pid or '-'}"
            if self._layout.edge is not None:
                name = shortened(name, width - len(number), self._screen.glyphs.cut)
            known = _keep(self._processes, key, padded(name + number, width))
        return known

    def _fitted(self, text: str, width: int) -> str:
        if self._layout.edge is not None:
            text = shortened(text, width, self._screen.glyphs.cut)
        return padded(text, width)

    def _signal(self, signal: Signal | None) -> str:
        width = self._layout.signal
        text = "-" if signal is None else signal.name or str(int(signal))
        return f"{text if len(text) <= width else text.removeprefix('SIG'):{width}}"

    def _best(self, ways: tuple[str, ...], how: int, mark: int) -> str:
        """The longest way that fits behind the column before it, with a mark of that width."""
        room = self._layout.tail
        if room is None:
            return ways[0]
        return next((way for way in ways if how + 1 + len(way) + mark <= room), ways[-1])

    def _tail(self, how: str, words: Words, mark: int) -> str:
        """How and what became of it; beyond its columns only where it does not fit in them."""
        at = self._layout
        told = self._best(words.ways, at.how, mark)
        width = at.how
        if at.tail is not None:
            width = min(width, max(_LEAST_HOW, at.tail - len(f" {told}") - mark))
            how = shortened(
                how, max(width, at.tail - len(f" {told}") - mark), self._screen.glyphs.cut
            )
        return f"{how:{width}} {self._screen.paint(told, words.style)}"


_Value = TypeVar("_Value")


def _keep(kept: dict[tuple[Any, ...], _Value], key: tuple[Any, ...], value: _Value) -> _Value:
    if len(kept) >= KEPT:
        kept.clear()
    kept[key] = value
    return value
