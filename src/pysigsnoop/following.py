"""Following processes: who is in the kernel's set, and how those that run already get in."""

from __future__ import annotations

import errno

from . import diagnosis
from .bpf_object import BpfObject, Controls
from .errors import FilterInvalid
from .library import ffi, lib

#: Attached for as long as the trace lasts.
PROGRAMS = ("follow_birth", "follow_end")
#: Run now and then.
RUN = ("follow_number", "follow_look")
MAPS = ("followed", "creators")
#: How many processes can be followed at once, and looked through at the start.
DEFAULT_MAX = 65536


class Following:
    """The set of followed processes, of a tracer whose programs are loaded.

    Once it is made, whom a followed process creates is followed before its first instruction.
    """

    def __init__(self, bpf: BpfObject, controls: Controls) -> None:
        self._bpf, self._controls = bpf, controls
        self._refused = 0
        # The end first: who is born is also seen to end.
        for program in reversed(PROGRAMS):
            bpf.attach(program)

    def add(self, pid: int) -> None:
        """Follow a process, and all that it and they have created already and not left behind.

        Without a race, though they fork and end meanwhile:

        - From the first step on the kernel notes of each new process who created it, and
          one walk over all processes notes it of those that were there (as far as the
          kernel still knows: an orphan is its reaper's). A note outlives both.
        - Then the process itself is followed, and from then on whom a followed process
          creates is followed at birth. What is missing was created by a process that was
          itself not followed at that moment, and so was noted.
        - So the notes are gone through until a pass finds nothing: all creators were
          then followed before that pass began, and whoever they had created until then was
          noted before it began too.
        """
        controls, bpf = self._controls, self._bpf
        creators, followed = (bpf.map_fd(name) for name in reversed(MAPS))
        refused = ffi.new("unsigned int *")
        controls.set_taking_in(True)
        try:
            bpf.run_for_tasks("follow_look")
            error = bpf.run_once("follow_number", pid)
            if error == errno.ESRCH:
                raise FilterInvalid(
                    f"no process {pid} to follow", hint="ps -e lists the pids of running processes"
                )
            if error == errno.E2BIG:
                refused[0] = 1
            elif error:
                raise diagnosis.call_failed("following a process", error)
            else:
                found = lib.take_in(creators, followed, refused)
                if found < 0:
                    raise diagnosis.call_failed("following its descendants", -found)
            self._refused += refused[0]
        finally:
            controls.set_taking_in(False)
            lib.forget_creators(creators, followed)

    def unfollowed(self) -> int:
        """How many processes were not taken in that should be, but for those counted by the kernel.

        The programs that found no room count for themselves; here are those that were refused
        from here, and those whose program the kernel skipped.
        """
        return self._refused + self._bpf.misses("follow_birth")
