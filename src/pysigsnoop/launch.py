"""A command under the tracer: held before it begins, waited for, its status passed on."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import struct
import time
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, NoReturn

from .errors import CommandFailed, PysigsnoopError
from .execute import execute, given
from .exit_status import ExitStatus
from .job_control import Job
from .run_as import RunAs
from .text import printable

if TYPE_CHECKING:
    from .passing import Passing

#: What is passed on to the command: all that a process can be sent, less what cannot be caught,
#: what it does to itself (a fault), and what Python ignores for its own sake.
PASSED_ON = signal.valid_signals() - {
    *(signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGCONT),
    *(signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP, signal.SIGSYS),
    *(signal.SIGABRT, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGXCPU),
}
_STOPPING = {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
_SI_KERNEL = 0x80
_ERROR = struct.Struct("=ii")
_BECOMING, _RUNNING = 0, 1
# What the child says before it tries to become the command.
_TRIES = _ERROR.pack(_RUNNING, 0)


class Launch:
    """A child that waits until `go`, then becomes the command, as the user `run_as`.

    From the main thread. Once it is entered, signals that would end or stop this process do not:
    its command gets them, and this process stops and ends when the command does. Leaving
    before `go` ends the child. What comes after the command's end has no effect at all: it would
    hide its status.
    """

    def __init__(self, command: list[str], run_as: RunAs | None = None) -> None:
        self._command = command
        self._run_as = run_as
        self._gone = False
        self._status: int | None = None
        #: When the command ended, in ns on the boot clock; and its exit status, or less the signal
        #: that it died of. None as long as it runs, or where it never ran.
        self.ended_ns: int | None = None
        self.code: int | None = None
        self._stop: Callable[[], None] | None = None
        self._passing: Passing | None = None
        self._lock = Lock()
        self._ended = Event()
        # Started late: rights are given up before, and a thread would keep its own.
        self._watcher = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Launch:
        # Ignored before means ignored by the command too: nohup, a shell's background job.
        self._passed_on = {s for s in PASSED_ON if signal.getsignal(s) != signal.SIG_IGN}
        # Of those that stop a process all are blocked, so that we can use the terminal from behind.
        self._waited = {*self._passed_on, *_STOPPING, signal.SIGCHLD, signal.SIGCONT}
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._waited)
        # Where it is ignored, the kernel keeps no status for us.
        self._on_child = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        try:
            with contextlib.ExitStack() as undo:
                self._held, self._release = os.pipe()
                undo.callback(_close, self._held, self._release)
                self._failure, self._fail = os.pipe()
                undo.callback(_close, self._failure, self._fail)
                self.pid = os.fork()
                undo.pop_all()
        except OSError as error:
            self._restore()
            which = "-n" if error.errno in (errno.EMFILE, errno.ENFILE) else "-u"
            raise CommandFailed(
                f"cannot start a process: {error.strerror}", hint=f"ulimit {which}"
            ) from error
        if not self.pid:
            self._become_command()
        os.close(self._held)
        os.close(self._fail)
        self._job = Job(self.pid)
        return self

    def _become_command(self) -> None:
        """In the child. Whatever happens, it ends here."""
        doing = _BECOMING
        try:
            os.close(self._release)
            os.close(self._failure)
            # As this process found them: handlers go with the exec, and what Python itself ignores
            # is put back to what it most likely was (subprocess does the same).
            for number in (*self._passed_on, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGCHLD, self._on_child or signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
            if os.read(self._held, 1):
                environment = given(os.environ)
                if self._run_as:
                    self._run_as.become()
                    environment = self._run_as.environment(environment)
                doing = _RUNNING
                os.write(self._fail, _TRIES)
                execute(self._command, environment)
        except OSError as error:
            os.write(self._fail, _ERROR.pack(doing, error.errno or 0))
        finally:
            os._exit(ExitStatus.NOT_RUN)

    def _watch(self) -> None:
        """In a thread: every signal is taken here, so none is acted on twice or missed."""
        code = None
        while code is None:
            # The command's end first, however many others come: those of lower numbers would be.
            found = signal.sigtimedwait({signal.SIGCHLD}, 0) or signal.sigwaitinfo(self._waited)
            if found.si_signo == signal.SIGCHLD:
                code = self._look()
            elif found.si_signo == signal.SIGCONT:
                self._job.continued()
            # Not yet waited for, so the number is still the command's.
            elif found.si_signo in self._passed_on and self._is_for_command(found):
                self._pass_on(found)
        self._job.ended(by_signal=code < 0)
        with self._lock:
            self.ended_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            self.code = code
            self._status = code if code >= 0 else ExitStatus.SIGNALLED - code
            stop = self._stop
        self._ended.set()
        if stop:
            # The tracer can be closed already, or its end fail: then nobody waits for it.
            with contextlib.suppress(PysigsnoopError):
                stop()

    def _pass_on(self, found: signal.struct_siginfo) -> None:
        with contextlib.suppress(PermissionError):
            os.kill(self.pid, found.si_signo)

    def _look(self) -> int | None:
        """What became of the command, where SIGCHLD says so: its exit code once it has ended."""
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            if not pid:
                return None
            if not os.WIFSTOPPED(status):
                return os.waitstatus_to_exitcode(status)
            self._job.stopped_by(os.WSTOPSIG(status))

    def _is_for_command(self, found: signal.struct_siginfo) -> bool:
        """Whether the command did not get it too, nor sent it.

        What a terminal sends goes to its whole foreground group, in which the command is, as
        long as it wants to be; a hang-up goes to the session's leader alone. What the command or a
        process of its own sends, as vim does to stop its process group, is not turned against it.
        Who else signals our group has reached the command by that, if it is still in it.
        """
        sender = _sender_of(found)
        if sender is None and not _is_for_leader(found):
            return False
        return self._passing is None or self._passing.is_for_command(found.si_signo, sender)

    def go(self, stop: Callable[[], None], passing: Passing) -> None:
        """Let it become the command; `stop` is called, in another thread, when the command ended.

        So is `passing` asked, which of what reaches us is the command's too.
        Raises CommandFailed where there is no such command, or it cannot be run. Returns too where
        the child was ended before it was the command: see `ran`.
        """
        with self._lock:
            self._stop, self._passing = stop, passing
        # What came before there was a command would end it as it is, so it never begins.
        while found := signal.sigtimedwait(self._passed_on, 0):
            passing.took(found.si_signo, _sender_of(found))
            if _sender_of(found) is not None or _is_for_leader(found):
                passing.passes(found.si_signo, None)
                self._pass_on(found)
        self._watcher.start()
        with contextlib.suppress(BrokenPipeError):  # ended by a signal, while it was held
            os.write(self._release, b"x")
        told = os.read(self._failure, _ERROR.size)
        if not told:
            self._ended.wait()
            self._status = ExitStatus.NOT_RUN
            return
        # Closed by the exec.
        failure = os.read(self._failure, _ERROR.size) if told == _TRIES else told
        if failure:
            self._ended.wait()
            self._fail_to(*_ERROR.unpack(failure))
        self._gone = True

    def _fail_to(self, doing: int, number: int) -> NoReturn:
        """Say why there is no command."""
        if doing == _BECOMING:
            self._status = ExitStatus.NOT_RUN
            user = printable(os.fsencode(self._run_as.name)) if self._run_as else "-"
            raise CommandFailed(
                f"cannot run as {user}: {os.strerror(number)}",
                hint="cat /proc/self/uid_map     (does this user namespace hold that user?)",
            )
        missing = number == errno.ENOENT
        self._status = ExitStatus.NOT_FOUND if missing else ExitStatus.NOT_EXECUTABLE
        name = printable(os.fsencode(self._command[0])) or "''"
        raise CommandFailed(
            f"cannot run {name}: {os.strerror(number)}",
            hint=f"command -v {name}" if missing else f"ls -l {name}",
        )

    def status(self) -> int:
        """What to exit with: the command's own status, for which this waits where it runs."""
        if self._gone:
            self._ended.wait()
        return ExitStatus.NOT_RUN if self._status is None else self._status

    @property
    def ran(self) -> bool:
        """Whether it became the command."""
        return self._gone

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        os.close(self._release)
        os.close(self._failure)
        if self._watcher.ident is None:
            self._watcher.start()
        self._ended.wait()
        self._job.close()

    def _restore(self) -> None:
        """There is no command that signals could be for."""
        signal.signal(signal.SIGCHLD, self._on_child or signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)


def _close(*descriptors: int) -> None:
    for each in descriptors:
        os.close(each)


def _sender_of(found: signal.struct_siginfo) -> int | None:
    """Its pid; None where the kernel says that nobody sent it."""
    return None if found.si_code == _SI_KERNEL else found.si_pid


def _is_for_leader(found: signal.struct_siginfo) -> bool:
    """Whether the kernel told us of a hang-up as the leader of a session, and nobody else."""
    return found.si_signo == signal.SIGHUP and os.getsid(0) == os.getpid()
