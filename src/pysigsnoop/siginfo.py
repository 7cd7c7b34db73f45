"""The names of si_code: include/uapi/asm-generic/siginfo.h."""

from __future__ import annotations

_ANY = {
    0: "SI_USER",
    128: "SI_KERNEL",
    -1: "SI_QUEUE",
    -2: "SI_TIMER",
    -3: "SI_MESGQ",
    -4: "SI_ASYNCIO",
    -5: "SI_SIGIO",
    -6: "SI_TKILL",
    -7: "SI_DETHREAD",
    -60: "SI_ASYNCNL",
}

# Codes above 0 mean something else for each signal; from 1 on, in the header's order.
_OF_SIGNAL = {
    4: (
        *("ILL_ILLOPC", "ILL_ILLOPN", "ILL_ILLADR", "ILL_ILLTRP", "ILL_PRVOPC"),
        *("ILL_PRVREG", "ILL_COPROC", "ILL_BADSTK", "ILL_BADIADDR"),
    ),
    5: ("TRAP_BRKPT", "TRAP_TRACE", "TRAP_BRANCH", "TRAP_HWBKPT", "TRAP_UNK", "TRAP_PERF"),
    7: ("BUS_ADRALN", "BUS_ADRERR", "BUS_OBJERR", "BUS_MCEERR_AR", "BUS_MCEERR_AO"),
    8: (
        *("FPE_INTDIV", "FPE_INTOVF", "FPE_FLTDIV", "FPE_FLTOVF", "FPE_FLTUND", "FPE_FLTRES"),
        *("FPE_FLTINV", "FPE_FLTSUB", "__FPE_DECOVF", "__FPE_DECDIV", "__FPE_DECERR"),
        *("__FPE_INVASC", "__FPE_INVDEC", "FPE_FLTUNK", "FPE_CONDTRAP"),
    ),
    11: (
        *(
            "SEGV_MAPERR",
            "SEGV_ACCERR",
            "SEGV_BNDERR",
            "SEGV_PKUERR",
            "SEGV_ACCADI",
            "SEGV_ADIDERR",
        ),
        *("SEGV_ADIPERR", "SEGV_MTEAERR", "SEGV_MTESERR", "SEGV_CPERR"),
    ),
    17: (
        *("CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"),
    ),
    29: ("POLL_IN", "POLL_OUT", "POLL_MSG", "POLL_ERR", "POLL_PRI", "POLL_HUP"),
    31: ("SYS_SECCOMP", "SYS_USER_DISPATCH"),
}


def code_name(signo: int, code: int, origin: str) -> str:
    """`SI_TKILL`, `SEGV_MAPERR`; a code without a name, as callers can invent, in digits.

    What a code above 0 means depends on who made it: a child's state comes with
    whatever signal clone() asked for, an I/O event with the one of F_SETSIG.
    """
    if code in _ANY:
        return _ANY[code]
    names = _OF_SIGNAL.get({"child": 17, "io": 29}.get(origin, signo), ())
    return names[code - 1] if 0 < code <= len(names) else str(code)
