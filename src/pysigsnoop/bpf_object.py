"""The BPF object: opened, set up, loaded, attached and closed. The only place that does."""

from __future__ import annotations

import errno
import mmap
import os
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from threading import Thread

from . import diagnosis, library
from ._records import (
    CGROUP_LEVELS,
    COUNTER,
    COUNTERS_FORMAT,
    LAYOUT,
    LIVE_FIELDS,
    LIVE_FORMAT,
    PHASE,
    SETTINGS_FIELDS,
    SETTINGS_FORMAT,
)
from .bpf_path import distrust, object_path
from .kernel_types import kernel_types
from .library import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any

# In C's own format, in which each number is read at once: programs count meanwhile, and the
# standard one, "=", promises no more than bytes.
_COUNTERS = struct.Struct(COUNTERS_FORMAT.replace("=", "@"))
_LIVE = struct.Struct(LIVE_FORMAT.replace("=", "@"))
# What programs at the return of a function are called, before its name.
_FUNCTION_EXIT = "fexit_"
# What addresses are cast to, by the names that the settings have for the kernel's ids; what casts;
# and what makes that needless for the current task.
_CASTS = ("task_struct", "kernel_siginfo", "pid_namespace", "xa_node", "pt_regs", "k_sigaction")
_HELPERS = _CAST, _CURRENT_TASK = ("bpf_rdonly_cast", "BPF_FUNC_get_current_task_btf")
# What counts the turns of loops; and what shows a kernel whose verifier knows well when such a loop
# is at its end. Of the commit that taught it that, 2793a8b015f7 (bpf: exact states comparison for
# iterator convergence checks), nothing is to be seen; this iterator came after it, with 6.11.
_COUNTS = ("bpf_iter_num_new", "bpf_iter_num_next", "bpf_iter_num_destroy")
_COUNTS_WELL = "bpf_iter_bits_new"
_HELD_NS = LIVE_FIELDS.index("held_ns")
# Descriptors that libbpf holds at load beside those of programs and maps: types, trials.
_SPARE = 4
_POSSIBLE_CPUS = "/sys/devices/system/cpu/possible"
_TAKING_IN = struct.calcsize(LIVE_FORMAT[: 1 + LIVE_FIELDS.index("taking_in")])
_BEGAN_NS = struct.calcsize(LIVE_FORMAT[: 1 + LIVE_FIELDS.index("began_ns")])
_LEVELS = struct.calcsize(LIVE_FORMAT[: 1 + LIVE_FIELDS.index("cgroup_levels.0")])
# That of no cgroup.
_TOO_DEEP = (1 << 32) - 1


class BpfObject:
    """One loaded copy of the programs, and the links that attach them.

    Open it, `choose` what to load, `load`, `attach`, and close it in the end; when
    the process dies first, the kernel does.
    """

    def __init__(self) -> None:
        self.path = object_path()
        self._object = ffi.NULL
        self._links: list[tuple[str, Any]] = []
        self._views: list[mmap.mmap] = []
        self._types: IO[bytes] | None = None
        self._wanted: tuple[str, ...] = ()
        self._programs: dict[str, Any] | None = None
        self._descriptors = _SPARE
        if not os.path.isfile(self.path):
            raise diagnosis.no_object(self.path)
        if reason := distrust():
            raise diagnosis.distrusted_object(self.path, reason)
        with library.Log():
            try:
                self._types = _memory_file()
                self._open()
                self._check_layout()
                names = [name.removeprefix(_FUNCTION_EXIT) for name in self.programs()]
                self.types = kernel_types(
                    self.path, (*_CASTS, *_HELPERS, *_COUNTS, _COUNTS_WELL, *names)
                )
                self._fit_to(self.types.cut)
            except BaseException:
                self.close()
                raise

    def _open(self) -> None:
        types = b"/proc/self/fd/%d" % self._types.fileno() if self._types else ffi.NULL
        self._programs = None
        self._object = lib.open_object(os.fsencode(self.path), types)
        if self._object == ffi.NULL:
            number = ffi.errno
            limit = diagnosis.limit_reached(f"reading {self.path}", number)
            raise limit or diagnosis.bad_object(self.path, self._wanted, os.strerror(number))

    def _fit_to(self, types: bytes | None) -> None:
        """Have the programs fitted to these types: libbpf would look through all of the kernel's.

        They are named when the object is opened, and read at load.
        """
        try:
            if types and self._types:
                self._types.write(types)
                self._types.flush()
                return
        except OSError:
            pass
        # To the kernel's, then.
        self._forget_types()
        lib.bpf_object__close(self._object)
        self._open()

    def _check_layout(self) -> None:
        """Refuse an object built from another version of the shared header."""
        size = ffi.new("size_t *")
        settings = self._find_map(".rodata.settings")
        value = lib.bpf_map__initial_value(settings, size) if settings else ffi.NULL
        held = bytes(ffi.buffer(value, size[0])) if value else b""
        if len(held) != struct.calcsize(SETTINGS_FORMAT):
            raise diagnosis.bad_object(self.path, self._wanted, "its settings are not ours")
        if struct.unpack(SETTINGS_FORMAT, held)[0] != LAYOUT:
            raise diagnosis.bad_object(
                self.path, self._wanted, "it was built from another version of bpf/sigsnoop.h"
            )

    def programs(self) -> dict[str, Any]:
        """libbpf's handles of all programs in the object, by name."""
        if self._programs is None:
            self._programs = self._find_programs()
        return self._programs

    def _find_programs(self) -> dict[str, Any]:
        found = {}
        program = lib.bpf_object__next_program(self._object, ffi.NULL)
        while program != ffi.NULL:
            found[ffi.string(lib.bpf_program__name(program)).decode()] = program
            program = lib.bpf_object__next_program(self._object, program)
        return found

    def function_exits(self) -> list[str]:
        """The programs at the return of functions that the running kernel has."""
        known = {_FUNCTION_EXIT + name for name in self.types.ids}
        return [name for name in self.programs() if name in known]

    def try_function_exits(self, programs: Sequence[str]) -> None:
        """Raise what `load` would where the kernel takes no programs at the return of functions.

        That is found out without what else is to be loaded with them.
        """
        function = self.types.ids.get(programs[0].removeprefix(_FUNCTION_EXIT), 0)
        result = lib.try_function_exit(function) if function else 0
        if result:
            raise diagnosis.exits_refused(library.error_number(result), self.path, programs)

    @property
    def chosen(self) -> bool:
        """Whether `choose` was called."""
        return bool(self._wanted)

    def choose(self, programs: Iterable[str], maps: Iterable[str]) -> None:
        """Load only these: each unused program would cost time, and may be refused.

        Of the maps only `maps` are created, beside those that hold the programs'
        own variables.
        """
        self._wanted, maps = tuple(programs), frozenset(maps)
        self._descriptors = _SPARE + len(self._wanted) + len(maps)
        found = set()
        for name, program in self.programs().items():
            found.add(name)
            lib.bpf_program__set_autoload(program, name in self._wanted)
        bpf_map = lib.bpf_object__next_map(self._object, ffi.NULL)
        while bpf_map != ffi.NULL:
            name = ffi.string(lib.bpf_map__name(bpf_map)).decode()
            found.add(name)
            if "." in name:  # the compiler's own data maps, which always exist
                self._descriptors += 1
            else:
                lib.bpf_map__set_autocreate(bpf_map, name in maps)
            bpf_map = lib.bpf_object__next_map(self._object, bpf_map)
        missing = sorted({*self._wanted, *maps} - found)
        if missing:
            raise diagnosis.bad_object(self.path, self._wanted, f"{missing[0]} is not in it")

    def _find_map(self, name: str) -> Any:
        found = lib.bpf_object__find_map_by_name(self._object, name.encode())
        return None if found == ffi.NULL else found

    def set_settings(self, values: dict[str, int]) -> None:
        """Set the constants: each member of `struct sigsnoop_settings` but the first.

        How structures are read is set here, by what the kernel has.
        """
        values = values | self._reading(values["direct"])
        packed = struct.pack(SETTINGS_FORMAT, LAYOUT, *(values[n] for n in SETTINGS_FIELDS[1:]))
        lib.bpf_map__set_initial_value(self._find_map(".rodata.settings"), packed, len(packed))

    def _reading(self, typed: int) -> dict[str, int]:
        """See bpf/read.bpf.h. `typed`: the programs' arguments are."""
        ids = {name: self.types.ids.get(name, 0) for name in _CASTS}
        return {
            "direct": typed and _CURRENT_TASK in self.types.ids,
            "casts": _CAST in self.types.ids and all(ids.values()),
            "iterates": {*_COUNTS, _COUNTS_WELL} <= self.types.ids.keys(),
            **ids,
        }

    def resize(self, name: str, entries: int) -> None:
        """Set how many entries (for the ring: bytes) a map holds; before the load only."""
        lib.bpf_map__set_max_entries(self._find_map(name), entries)

    def load(self) -> None:
        """Create the maps and pass the programs through the verifier."""
        self._check_room()
        with library.Log():
            missing = [name for name in (_CAST, *_COUNTS) if name not in self.types.ids]
            if missing:
                self._do_not_search_modules(missing[0])
            result = lib.bpf_object__load(self._object)
            self._forget_types()
            lib.give_memory_back()
            if result:
                raise diagnosis.load_failed(library.error_number(result), self.path, self._wanted)

    def _do_not_search_modules(self, missing: str) -> None:
        """Have libbpf search the kernel's modules before the load, for a function that is missing.

        That takes CAP_SYS_ADMIN; where it is refused, the load would fail too, though it can do
        without the function. libbpf searches once for each object.
        """
        program = next(iter(self.programs().values()))
        lib.bpf_program__set_attach_target(program, 0, missing.encode())

    def _check_room(self) -> None:
        """Raise LimitReached where too few descriptors are free for a load.

        libbpf takes a trial that fails for want of one for something that the kernel cannot do.
        """
        held: list[int] = []
        try:
            while len(held) < self._descriptors:
                held += os.pipe()
        except OSError as error:
            raise diagnosis.call_failed("loading BPF programs", error.errno or 0) from error
        finally:
            for each in held:
                os.close(each)

    def map_fd(self, name: str) -> int:
        """The descriptor of a created map, which stays the object's."""
        return int(lib.bpf_map__fd(self._find_map(name)))

    def add_keys(self, name: str, keys: Iterable[bytes]) -> None:
        """Put keys into a set, a map whose values say nothing."""
        self._fill(name, ((key, b"\1") for key in keys))

    def add_words(self, name: str, words: Mapping[int, int]) -> None:
        """Put numbers of 64 bits into an array."""
        self._fill(name, ((struct.pack("=I", at), struct.pack("=Q", words[at])) for at in words))

    def _fill(self, name: str, entries: Iterable[tuple[bytes, bytes]]) -> None:
        fd = self.map_fd(name)
        for key, value in entries:
            result = lib.bpf_map_update_elem(fd, key, value, 0)
            if result:
                raise diagnosis.call_failed(f"filling {name}", library.error_number(result))

    def count_keys(self, name: str) -> int:
        """How many entries a map holds, one system call each."""
        return int(lib.count_keys(self.map_fd(name)))

    def set_jump(self, name: str, program: str) -> None:
        """Let programs that jump through a map of programs come to this one."""
        self._fill(name, [(b"\0" * 4, struct.pack("=I", self._program_fd(program)))])

    def view(self, name: str, size: int) -> mmap.mmap:
        """A map's values as memory, which stays readable when all rights are dropped."""
        try:
            view = mmap.mmap(self.map_fd(name), size)
        except OSError as error:
            raise diagnosis.call_failed(f"mapping {name}", error.errno or 0) from error
        self._views.append(view)
        return view

    def run_once(self, program: str, *arguments: int) -> int:
        """Run a program in this thread (BPF_PROG_TEST_RUN, kernel 5.10 for raw tracepoints).

        Returns what it returns.
        """
        result = int(lib.run_once(self._program_fd(program), arguments, len(arguments)))
        if result < 0:
            raise diagnosis.call_failed(f"running {program}", library.error_number(result))
        return result

    def run_for_tasks(self, program: str) -> None:
        """Run a task iterator's program for each task of this pid namespace."""
        with library.Log():
            result = lib.run_for_tasks(self._program(program))
            if result:
                raise diagnosis.call_failed(f"running {program}", -result)

    def _program(self, name: str) -> Any:
        return lib.bpf_object__find_program_by_name(self._object, name.encode())

    def _program_fd(self, name: str) -> int:
        return int(lib.bpf_program__fd(self._program(name)))

    def misses(self, program: str) -> int:
        """How often the kernel skipped a program (5.12 and newer tell)."""
        return int(lib.program_misses(self._program_fd(program)))

    def attach(self, program: str, tracepoint: tuple[str, str] | None = None) -> None:
        """Attach a program to what its section names, or to a tracepoint: category and name.

        To each of several, if it is called for each. Raises as `diagnosis` explains.
        """
        with library.Log():
            handle = self._program(program)
            if tracepoint is None:
                link = lib.bpf_program__attach(handle)
            else:
                names = (name.encode() for name in tracepoint)
                link = lib.bpf_program__attach_tracepoint(handle, *names)
            if link == ffi.NULL:
                raise diagnosis.attach_failed(program, ffi.errno)
        self._links.append((program, link))

    def detach(self) -> None:
        """Detach all, the last attached first; safe to call again.

        What begins something is attached last, so what completes it is there until it is over.
        """
        while self._links:
            lib.bpf_link__destroy(self._links.pop()[1])

    def detach_together(self) -> None:
        """The same in no order, and as long as one takes: the kernel waits for each by itself."""
        links = [self._links.pop()[1] for _ in range(len(self._links))]
        threads = []
        for link in links:
            thread = Thread(target=lib.bpf_link__destroy, args=(link,))
            try:
                thread.start()
            except RuntimeError:  # the machine has no more threads to give
                lib.bpf_link__destroy(link)
            else:
                threads.append(thread)
        for thread in threads:
            thread.join()

    def close(self) -> None:
        """Detach, unmap, and give everything back to the kernel; safe to call again."""
        self.detach()
        self._forget_types()
        while self._views:
            self._views.pop().close()
        if self._object != ffi.NULL:
            lib.bpf_object__close(self._object)
            self._object = ffi.NULL

    def _forget_types(self) -> None:
        if self._types:
            self._types.close()
            self._types = None


class Controls:
    """The memory that user space shares with the running programs: phase and counters."""

    def __init__(self, bpf: BpfObject, cpus: int) -> None:
        self._live = bpf.view(".bss", _LIVE.size)
        self._counters = bpf.view("counters", cpus * _COUNTERS.size)

    def set_taking_in(self, on: bool) -> None:
        """Whether the kernel programs note who creates whom."""
        self._set(_TAKING_IN, on)

    def begin(self) -> int:
        """Begin the trace on all CPUs at one instant; when, in ns on the boot clock."""
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        # Before the phase, since the programs compare with it from then on.
        with memoryview(self._live) as octets, octets.cast("Q") as words:
            words[_BEGAN_NS // words.itemsize] = now
        self.set_phase("tracing")
        return now

    def set_cgroup_levels(self, levels: Sequence[int]) -> None:
        """At which levels cgroups are wanted, ascending."""
        for i in range(CGROUP_LEVELS):
            self._set(_LEVELS + 4 * i, levels[i] if i < len(levels) else _TOO_DEEP)

    def set_phase(self, phase: str) -> None:
        """Enter a phase on all CPUs at one instant; the trace itself is begun by `begin`."""
        self._set(0, PHASE[phase])

    def _set(self, offset: int, value: int) -> None:
        # At once. struct.pack_into writes zeros first, and so another phase for a moment, in
        # which a signal would be left out.
        with memoryview(self._live) as octets, octets.cast("I") as words:
            words[offset // words.itemsize] = value

    def held_ns(self) -> int:
        """When, on the boot clock, the last SIGKILL was told that may be the OOM killer's."""
        return int(_LIVE.unpack_from(self._live)[_HELD_NS])

    def counters(self) -> list[int]:
        """Each counter summed over the CPUs, indexed by `enum sigsnoop_counter`."""
        sums = [0] * COUNTER["counters"]
        for slot in _COUNTERS.iter_unpack(self._counters):
            sums = [a + b for a, b in zip(sums, slot, strict=True)]
        return sums


def _memory_file() -> IO[bytes] | None:
    """An empty file that is nowhere; None where the kernel gives none."""
    try:
        return os.fdopen(os.memfd_create("sigsnoop-types"), "wb")
    except OSError:
        return None


def possible_cpus() -> int:
    """How many numbers of CPUs there are: one more than the highest that could be, offline or not.

    Programs count by that number, and there are machines where some before it stand for nothing:
    libbpf's own count would be too small.
    """
    try:
        with open(_POSSIBLE_CPUS) as possible:
            return highest(possible.read()) + 1
    except (OSError, ValueError) as error:
        raise diagnosis.cpus_unknown(getattr(error, "errno", errno.EINVAL)) from error


def highest(ranges: str) -> int:
    """The last number of ascending ones, as the kernel writes them: `0-3,8-11`."""
    return int(ranges.replace("-", ",").rsplit(",", 1)[-1])
