"""All trials, and one line: python -m tests.guests.features [KEY...]"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable

from . import FAILED, FEATURES, MARK, NO, Lacking, attaching, calls, origins, reading, telling

_TRIALS: dict[str, Callable[[], str]] = {
    **attaching.TRIALS,
    **calls.TRIALS,
    **origins.TRIALS,
    **telling.TRIALS,
    **reading.TRIALS,
}


def main(wanted: list[str]) -> int:
    """Try those of these keys, or all; 1 where a trial failed."""
    assert [*_TRIALS] == [*FEATURES], {*_TRIALS} ^ {*FEATURES}
    found, status = {}, 0
    for key in wanted or FEATURES:
        try:
            found[key] = _TRIALS[key]()
        except Lacking as lacking:
            found[key] = f"{NO}{lacking}"
        except Exception as error:
            traceback.print_exc()
            found[key] = f"{FAILED}{type(error).__name__}"
            status = 1
        print(f"{key}: {found[key]}", file=sys.stderr, flush=True)
    print(MARK, json.dumps(found), flush=True)
    begins = [sum(told.startswith(word) for told in found.values()) for word in (NO, FAILED)]
    print(f"{len(found)} features tried, {begins[0]} lacking, {begins[1]} failed", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
