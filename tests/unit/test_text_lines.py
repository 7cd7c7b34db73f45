"""The default view: sentences in columns, at every width, whatever others call themselves."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from pysigsnoop import Event
from pysigsnoop._records import ORIGIN, OUTCOME, RESULT
from pysigsnoop.clock_text import clock
from pysigsnoop.ends import Death, Delivery
from pysigsnoop.marks import Marks
from pysigsnoop.terminal import FULL, PLAIN, Screen, width_of
from pysigsnoop.text_lines import KEPT, TextLines, layout

from .records import KILL, end, event, known

Told = Event | Delivery | Death

PROBE = {"signo": 0, "outcome": 0, "known": known("sender", "target", "argument", "ret")}
MISSED = {"outcome": 0, "known": known("sender", "argument", "ret"), "ret": -3}


class Sized(Screen):
    """A screen of some width, which can change."""

    def __init__(self, width: int | None, *, coloured: bool = False) -> None:
        super().__init__(None, "always" if coloured else "never")
        self.width = self.next_width = width

    def look(self) -> bool:
        if not hasattr(self, "next_width"):
            return False
        before, self.width = self.width, self.next_width
        return before != self.width


def view(width: int | None = None, *, coloured: bool = False, **more: Any) -> TextLines:
    return TextLines(Sized(width, coloured=coloured), clock("utc"), **more)


def line_of(told: Told, width: int | None = None, **more: Any) -> str:
    (line,) = view(width, **more).lines([told])
    return line


def sent(**changed: Any) -> Event:
    return event(KILL, **changed)


WIDTHS = [80, 100, 132, 200, None]

# What each column of the widest view begins with, by its header.
STARTS = {"TIME": 0, "SENDER": 14, "TARGET": 40, "SIGNAL": 64, "HOW": 76, "RESULT": 90}


def columns(line: str, header: str) -> dict[str, str]:
    """What stands below each word of a header."""
    words = header.split()
    begin = [header.index(word) for word in words]
    ends = [*begin[1:], len(line)]
    found = {w: line[a:b].strip() for w, a, b in zip(words, begin, ends, strict=True)}
    # The arrow stands between the two columns.
    found["SENDER"] = found["SENDER"].rstrip(FULL.arrow + FULL.branch).rstrip()
    return found


def test_a_send_reads_as_a_sentence() -> None:
    told = view()
    assert [told.header, *told.lines([sent(outcome=OUTCOME["died"])])] == [
        "TIME          SENDER                    TARGET                 "
        " SIGNAL      HOW           RESULT",
        "00:00:05.000Z bash 12                 → sleep 2219             "
        " SIGKILL     kill          died #1",
    ]
    assert {word: told.header.index(word) for word in STARTS} == STARTS


def test_at_80_columns_too() -> None:
    told = TextLines(Sized(80), clock("relative", began_ns=4_000_000_000))
    assert [told.header, *told.lines([sent(), end("death", "killed")])] == [
        "TIME         SENDER            TARGET          SIGNAL    HOW      RESULT",
        "    1.000000 bash 12         → sleep 2219      SIGKILL   kill     fatal #1",
        "    1.000136              #1 └ sleep 2219      SIGKILL   +136 µs  died",
    ]


@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize("pid", [0, 2**22])
@pytest.mark.parametrize("comm", [b"a b", b"123456789012345", b"\x1b\n\xff\xfe\xfd", "界" * 5])
def test_every_line_fits_and_stays_aligned(width: int, pid: int, comm: bytes | str) -> None:
    raw = comm.encode() if isinstance(comm, str) else comm
    told = view(width)
    at = {word: told.header.index(word) for word in STARTS}
    assert width_of(told.header) < width
    for origin in ORIGIN.values():
        for changed in (
            *({"outcome": number} for number in OUTCOME.values()),
            *({"result": number, "outcome": 6} for number in RESULT.values()),
            *(MISSED | {"ret": ret, "target_arg": arg} for ret in (-3, -11) for arg in (0, -1, -5)),
            PROBE,
        ):
            if not origin:
                continue
            send = event(
                dict(KILL, signo=64, origin=origin) | changed,
                sender_pid=pid,
                sender_comm=raw,
                target_pid=pid,
                target_comm=raw,
            )
            (line,) = told.lines([send])
            assert line.isprintable()
            assert width_of(line) < width
            before = shown_columns(line, at["SIGNAL"])
            assert before.endswith(" ")
            assert line[len(before) :].startswith(("SIGRTMIN+30", "RTMIN+30", "0 "))
            assert shown_columns(line, at["HOW"]).endswith(" ")
            assert shown_columns(line, at["RESULT"]).endswith(" ")


def shown_columns(line: str, width: int) -> str:
    """The beginning of a line, as far as a terminal shows it left of a column."""
    ends = [*itertools.accumulate(map(width_of, line))]
    return line[: ends.index(width) + 1]


@pytest.mark.parametrize("width", WIDTHS)
def test_what_does_not_fit_is_seen_to_be_cut_and_numbers_are_whole(width: int | None) -> None:
    line = line_of(sent(sender_pid=2**22, sender_comm=b"123456789012345"), width)
    assert " 4194304 → " in line
    if width is None or width >= 100:
        assert "123456789012345 4194304" in line
    else:
        assert "123456… 4194304" in line


def test_without_a_terminal_nothing_is_cut() -> None:
    name = b"\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b"
    line = line_of(sent(target_comm=name, ret=-3, **{"known": KILL["known"]}))
    assert "\\x1b" * 15 + " 2219" in line
    assert line.endswith("failed ESRCH (no such process) #1")


@pytest.mark.parametrize(
    ("changed", "whom"),
    [
        ({}, "sleep 2219"),
        # The process reached, whatever the argument was.
        ({"target_arg": -1}, "sleep 2219"),
        # Reached, and not in sight from here: the argument is another namespace's number.
        ({"target_pid": 0, "target_arg": 5}, "sleep -"),
        (MISSED, "2219"),
        (MISSED | {"target_arg": 0}, "0 (own group)"),
        (MISSED | {"target_arg": -1}, "-1 (all)"),
        (MISSED | {"target_arg": -2219}, "-2219 (group)"),
        (MISSED | {"origin": ORIGIN["tgkill"]}, "2219 (thread)"),
        (MISSED | {"origin": ORIGIN["pidfd_send_signal"], "target_arg": 7}, "7 (pidfd)"),
        ({"origin": ORIGIN["kernel"], "known": known("generated")}, "-"),
    ],
)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_target_is_the_process_reached_or_else_the_argument(
    width: int | None, changed: dict[str, Any], whom: str
) -> None:
    told = view(width)
    (line,) = told.lines([sent(**changed)])
    assert columns(line, told.header)["TARGET"] == whom


@pytest.mark.parametrize(
    ("origin", "brief", "whole"),
    [
        ("kill", "kill", "kill"),
        ("rt_sigqueueinfo", "sigqueue", "sigqueue"),
        ("rt_tgsigqueueinfo", "tgqueue", "tgsigqueue"),
        ("pidfd_send_signal", "pidfd", "pidfd"),
        ("parent-death", "parent", "parent"),
        ("cgroup.kill", "cgroup", "cgroup"),
        ("fault", "fault", "fault"),
    ],
)
def test_how_is_a_word_that_fits(origin: str, brief: str, whole: str) -> None:
    for width, word in ((80, brief), (200, whole), (None, whole)):
        told = view(width)
        (line,) = told.lines([sent(origin=ORIGIN[origin])])
        assert columns(line, told.header)["HOW"] == word


@pytest.mark.parametrize(("argument", "how"), [(-2219, "kill -2219"), (0, "kill 0"), (5, "kill")])
def test_where_there_is_room_a_group_send_is_told_as_one(argument: int, how: str) -> None:
    told = view(200)
    (line,) = told.lines([sent(target_arg=argument)])
    assert columns(line, told.header)["HOW"] == how


def test_what_nobody_sent_is_the_kernels() -> None:
    line = line_of(sent(origin=ORIGIN["fault"], known=known("target", "generated")))
    assert "kernel   " in line
    assert "bash" not in line


@pytest.mark.parametrize(
    ("changed", "brief", "whole"),
    [
        ({}, "fatal #1", "fatal #1"),
        ({"fatal": 0}, "queued #1", "queued #1"),
        ({"blocked": 1}, "blocked #1", "blocked #1"),
        ({"result": 1, "outcome": 6}, "ignored", "ignored"),
        ({"result": 2, "outcome": 6}, "pending", "already pending"),
        ({"result": 3, "ret": -11}, "failed EAGAIN", "failed EAGAIN (resource temporarily unava"),
        ({"result": 3, "outcome": 6, "origin": ORIGIN["timer"]}, "overflow", "overflow"),
        ({"result": 4, "fatal": 0}, "no info #1", "queued, without its siginfo #1"),
        ({"outcome": 2}, "taken #1", "delivered #1"),
        ({"outcome": 3}, "stopped #1", "stopped #1"),
        ({"outcome": 4, "result": 1}, "continued", "continued"),
        ({"outcome": 5}, "died #1", "died #1"),
        ({"outcome": 6}, "nothing #1", "no effect #1"),
        (MISSED | {"ret": -1}, "failed EPERM", "failed EPERM (operation not permitted)"),
        # Signal 0: the call succeeded, and nothing was sent.
        (PROBE, "ok", "ok"),
        # kill(-1), and nobody may be sent it.
        (PROBE | {"signo": 15, "target_arg": -1}, "refused", "refused by all"),
        ({"known": known("sender", "argument")}, "-", "-"),
    ],
)
def test_the_result_is_a_word_that_fits(changed: dict[str, Any], brief: str, whole: str) -> None:
    for width, words in ((80, brief), (200, whole), (None, whole)):
        told = view(width)
        (line,) = told.lines([sent(**changed)])
        assert columns(line, told.header)["RESULT"].startswith(words)
        assert ("#" in line) == ("#" in words)


@pytest.mark.parametrize(
    ("told", "brief", "whole"),
    [
        (end("delivery", "handler"), "handled", "handled"),
        (end("delivery", "default"), "dying", "dying"),
        (end("delivery", "stop"), "stopped", "stopped"),
        (end("delivery", "ignore"), "no effect", "no effect"),
        (end("delivery", "unknown"), "stopped?", "stopped, or no effect"),
        (end("death", "killed"), "died", "died"),
        (end("death", "killed", status=0x8B), "died, core", "died, core dumped"),
    ],
)
def test_a_follow_up_repeats_what_it_takes_to_match_it(
    told: Delivery | Death, brief: str, whole: str
) -> None:
    for width, words in ((80, brief), (200, whole), (None, whole)):
        lines = view(width)
        first, second = lines.lines([sent(), told])
        assert first.endswith(" #1")
        shown = columns(second, lines.header)
        assert (shown["SENDER"], shown["TARGET"]) == ("#1", "sleep 2219")
        assert (shown["SIGNAL"], shown["HOW"], shown["RESULT"]) == ("SIGKILL", "+136 µs", words)


@pytest.mark.parametrize(
    ("changed", "whose", "result"),
    [
        ({"no_send": "before"}, "sent before", "died"),
        ({"no_send": "lost"}, "send lost", "died"),
        ({"no_send": "parent"}, "to its parent", "died"),
        ({"no_send": "unknown"}, "send unknown", "died"),
        ({"no_send": "none"}, "no send", "died"),
        ({"no_send": "none", "signo": 0, "status": 3 << 8}, "", "exited 3"),
        # So long ago that its mark is forgotten; the delay is known all the same.
        ({"send_id": 5}, "sent earlier", "died"),
    ],
)
@pytest.mark.parametrize("width", WIDTHS)
def test_where_no_send_is_known_it_says_why(
    width: int | None, changed: dict[str, Any], whose: str, result: str
) -> None:
    told = view(width)
    (line,) = told.lines([end("death", "exited" if "signo" in changed else "killed", **changed)])
    shown = columns(line, told.header)
    assert (shown["SENDER"], shown["RESULT"]) == (whose, result)
    assert bool(shown["HOW"]) == ("send_id" in changed)
    assert shown["SIGNAL"] == ("-" if "signo" in changed else "SIGKILL")


def test_marks_count_what_can_have_an_end_and_nothing_else() -> None:
    told = view(80)
    lines = told.lines(
        [sent(id=1), sent(id=3, **MISSED), sent(id=5, result=1, outcome=6), sent(id=7)]
    )
    assert [re.findall(r"#\d+", line) for line in lines] == [["#1"], [], [], ["#2"]]
    (follow_up,) = told.lines([end("death", "killed", send_id=7)])
    assert " #2 └ " in follow_up
    assert "#" not in line_of(sent(), follow_ups=False)


def test_a_mark_of_many_digits_fits_too() -> None:
    told = view(80)
    told._marks._count = 9_998
    for mark in (9_999, 10_000, 123_456_789):
        told._marks._count = mark - 1
        for origin in ("kill", "rt_tgsigqueueinfo"):
            told._marks._count = mark - 1
            (line,) = told.lines([sent(id=mark, outcome=2, origin=ORIGIN[origin])])
            assert width_of(line) < 80
            assert line.endswith(f" #{mark}")
    (follow_up,) = told.lines([end("death", "killed", send_id=123_456_789)])
    assert " #123456789 └ sleep 2219" in follow_up


def test_marks_are_remembered_as_long_as_the_kernel_remembers_sends() -> None:
    marks = Marks(100)
    for number in range(1000):
        assert marks.new(number) == number + 1
    assert [marks.of(number) for number in range(900, 1000)] == [*range(901, 1001)]
    assert marks.of(5) is None


def test_colours_mark_failures_and_deaths_and_change_no_letter() -> None:
    tellings = [
        sent(outcome=5),
        sent(**MISSED),
        sent(fatal=0),
        end("death", "killed"),
        end("delivery", "handler"),
    ]
    coloured = view(80, coloured=True).lines(tellings)
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in coloured] == view(80).lines(tellings)
    died, failed, queued, death, handled = coloured
    assert "\x1b[1;31mdied\x1b[m" in died
    assert "\x1b[1;31mdied\x1b[m" in death
    assert "\x1b[33mfailed ESRCH\x1b[m" in failed
    assert "31m" not in queued + handled
    for line in (died, queued, death, handled):
        assert re.search(r"\x1b\[36m#\d\x1b\[m", line)
    assert not any("\x1b" in line for line in view(80).lines(tellings))


def test_no_byte_of_a_name_comes_raw_even_in_colours() -> None:
    for comm in (b"\x1b[31mred\x07", "\u202eabc".encode(), b"\x9b31m", b"two\nlines", b"\xff"):
        told = [sent(sender_comm=comm, target_comm=comm), end("death", "killed", target_comm=comm)]
        for line in view(80, coloured=True).lines(told):
            assert re.sub(r"\x1b\[(36|2|1;31|31)?m", "", line).isprintable()


def test_lines_that_differ_are_never_mixed_up_however_many_names_there_are() -> None:
    told = view()
    for number in range(3 * KEPT):
        name = f"x{number % (2 * KEPT)}".encode()
        send = sent(sender_comm=name, sender_pid=number + 1, target_pid=number + 2)
        death = end("death", "killed", target_pid=number + 2)
        line, follow_up = told.lines([send, death])
        assert f" {name.decode()} {number + 1} " in line
        assert f" sleep {number + 2} " in line
        assert f" sleep {number + 2} " in follow_up
    for kept in (told._sends, told._rests, told._processes, told._ends):
        assert len(kept) <= KEPT


def test_a_new_width_lays_out_anew_below_a_new_header() -> None:
    screen = Sized(80)
    told = TextLines(screen, clock("utc"))
    narrow = told.header
    assert len(told.lines([sent()])) == 1
    screen.next_width = 200
    header, line = told.lines([sent()])
    assert header == told.header != narrow
    assert columns(line, header)["RESULT"] == "fatal #2"
    assert len(told.lines([sent()])) == 1


@pytest.mark.parametrize("width", [20, 60, 79, 80, 81, 90, 100, 120, 200])
@pytest.mark.parametrize("told", [12, 13, 23, 24])
def test_columns_fill_a_line_and_never_vanish(width: int, told: int) -> None:
    at = layout(width, told)
    assert min(at.sender, at.target) >= 9
    assert (at.signal, at.how) >= (9, 8)
    if width >= 80:
        assert (at.tail or 0) >= at.how + 1 + 13
    assert layout(250, told)[1:5] == layout(None, told)[1:5]


def test_what_goes_below_comes_below_its_line() -> None:
    told = view(below=lambda event: [f"    {event.type}"])
    lines = told.lines([sent(), end("death", "killed")])
    assert [line.strip() for line in lines[1::2]] == ["send", "death"]


def test_an_encoding_without_arrows_gets_ascii() -> None:
    screen = Sized(80)
    screen.glyphs = PLAIN
    lines = TextLines(screen, clock("utc")).lines(
        [sent(sender_comm=b"123456789012345"), end("death", "killed")]
    )
    assert all(line.isascii() for line in lines)
    assert " > sleep 2219" in lines[0]
    assert "+136 us" in lines[1]
