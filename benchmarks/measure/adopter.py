"""Run a command and adopt every process that it leaves behind, so that the CPU time of all of them can be known.

A daemon's sessions may end without being waited for by the daemon: as orphans their times would go to init.
"""

import ctypes
import os
import signal
import subprocess
import sys
from types import FrameType

_PR_SET_CHILD_SUBREAPER = 36


def main() -> int:
    """Run until the command ends, or until told to stop."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    command = subprocess.Popen(sys.argv[1:])

    def stop(_number: int, _frame: FrameType | None) -> None:
        command.terminate()

    signal.signal(signal.SIGTERM, stop)
    while True:
        pid, status = os.wait()
        if pid == command.pid:
            return abs(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    sys.exit(main())
