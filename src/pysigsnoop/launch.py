"""A command under the tracer: held before it begins, waited for, its status passed on."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import struct
from collections.abc import Callable
from threading import Event, Lock, Thread

from .errors import CommandFailed, PysigsnoopError
from .exit_status import ExitStatus
from .text import printable

# Those that ask a process to end. A terminal sends the first three to the command too.
_ENDING = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM)
_SI_KERNEL = 0x80
_ERROR = struct.Struct("=i")


class Launch:
    """A child that waits until `go`, then becomes the command.

    From the main thread. While it is entered, signals that would end this process do not: its
    command gets them, and it ends when the command does. Leaving before `go` ends the child.
    """

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._gone = False
        self._status: int | None = None
        self._stop: Callable[[], None] | None = None
        self._lock = Lock()
        self._ended = Event()

    def __enter__(self) -> Launch:
        # Ignored before means ignored by the command too: nohup, a shell's background job.
        self._passed_on = {s for s in _ENDING if signal.getsignal(s) != signal.SIG_IGN}
        self._waited = {*self._passed_on, signal.SIGCHLD}
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._waited)
        # Where it is ignored, the kernel keeps no status for us.
        self._on_child = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._held, self._release = os.pipe()
        self._failure, self._fail = os.pipe()
        try:
            self.pid = os.fork()
        except OSError as error:
            self._restore()
            raise CommandFailed(
                f"cannot start a process: {error.strerror}", hint="ulimit -u"
            ) from error
        if not self.pid:
            self._become_command()
        os.close(self._held)
        os.close(self._fail)
        Thread(target=self._watch, daemon=True).start()
        return self

    def _become_command(self) -> None:
        """In the child. Whatever happens, it ends here."""
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
                if not self._command[0]:
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
                os.execvp(self._command[0], self._command)
        except OSError as error:
            os.write(self._fail, _ERROR.pack(error.errno or 0))
        finally:
            os._exit(ExitStatus.NOT_RUN)

    def _watch(self) -> None:
        """In a thread: every signal is taken here, so none is acted on twice or missed."""
        while True:
            found = signal.sigwaitinfo(self._waited)
            if found.si_signo != signal.SIGCHLD:
                # Not yet waited for, so the number is still the command's.
                if _for_us_alone(found):
                    os.kill(self.pid, found.si_signo)
                continue
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                break
        with self._lock:
            code = os.waitstatus_to_exitcode(status)
            self._status = code if code >= 0 else ExitStatus.SIGNALLED - code
            stop = self._stop
        self._ended.set()
        if stop:
            # The tracer can be closed already, or its end fail: then nobody waits for it.
            with contextlib.suppress(PysigsnoopError):
                stop()

    def go(self, stop: Callable[[], None]) -> None:
        """Let it become the command; `stop` is called, in another thread, when the command ended.

        Raises CommandFailed where there is no such command, or it cannot be run.
        """
        with self._lock:
            ended = self._status is not None
            self._stop = stop
        with contextlib.suppress(BrokenPipeError):  # ended by a signal, while it was held
            os.write(self._release, b"x")
        self._gone = True
        # Closed by the exec.
        failure = os.read(self._failure, _ERROR.size)
        if failure:
            (number,) = _ERROR.unpack(failure)
            self._gone = False
            self._ended.wait()
            missing = number == errno.ENOENT
            self._status = ExitStatus.NOT_FOUND if missing else ExitStatus.NOT_EXECUTABLE
            name = printable(os.fsencode(self._command[0])) or "''"
            raise CommandFailed(
                f"cannot run {name}: {os.strerror(number)}",
                hint=f"command -v {name}" if missing else f"ls -l {name}",
            )
        if ended:
            stop()

    def status(self) -> int:
        """What to exit with: the command's own status, for which this waits where it runs."""
        if self._gone:
            self._ended.wait()
        return ExitStatus.NOT_RUN if self._status is None else self._status

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        os.close(self._release)
        os.close(self._failure)
        self._ended.wait()
        self._restore()

    def _restore(self) -> None:
        # What came too late for the command would end us instead, and hide its status.
        while signal.sigtimedwait(self._waited, 0):
            pass
        signal.signal(signal.SIGCHLD, self._on_child or signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)


def _for_us_alone(found: signal.struct_siginfo) -> bool:
    """Whether the command did not get it too.

    What a terminal sends goes to its whole foreground group, in which the command is, as
    long as it wants to be; a hang-up goes to the session's leader alone.
    """
    if found.si_code != _SI_KERNEL:
        return True
    return found.si_signo == signal.SIGHUP and os.getsid(0) == os.getpid()
