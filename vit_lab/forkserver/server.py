"""A fork server, in its own process: it imports what its children need, once, and forks one for each request.

So torch is loaded once for all workers of a server, and a child is there in milliseconds. The process has one thread:
a fork copies no other, and whatever lock another one holds would stay locked for ever.

A request is one message on a socket, with three file descriptors: the child's stdin, its stdout, and the writing end of
a pipe on which the child's process id is said, and later on its exit code as `subprocess` has it.
"""

import ctypes
import gc
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from vit_lab.named import function_named

LONGEST_REQUEST = 2**20  # bytes; the environment is most of it
MOST_DESCRIPTORS = 2**16
PR_SET_PDEATHSIG = 1  # of prctl(2)


def main(control: int, preload: Sequence[str], prepare: str, *arguments: str) -> None:
    """Serve whoever holds the other end of this socket until it is closed and all children have ended.

    Before that, import the modules that children need, and call what prepares this process for them.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # children save what they have; this process ends after them
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # or NumPy starts threads when it is imported
    for module in preload:
        import_module(module)
    function_named(prepare)(*arguments)
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page
    _Server(socket.socket(fileno=control)).serve()
    sys.stderr.flush()
    os._exit(0)  # libraries of torch would list all that they have not tidied up


class _Server:
    def __init__(self, control: socket.socket):
        self._control = control
        self._status: dict[int, int] = {}  # of each child, by process id: where its end is told
        self._prctl = ctypes.CDLL(None).prctl
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        is_open = True
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while is_open or self._status:
                for key, _ in selector.select():
                    if key.fileobj is self._woken:
                        self._woken.recv(4096)
                        self._tell_ends()
                    elif not self._answer():
                        selector.unregister(self._control)
                        is_open = False

    def _answer(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self._control, LONGEST_REQUEST, 3)
        if not message:
            return False
        request = json.loads(message)
        if "kill" in request:
            if request["kill"] in self._status:  # or somebody else may have that number by now
                os.kill(request["kill"], signal.SIGKILL)
            return True
        stdin, stdout, status = descriptors
        try:
            parent, pid = os.getpid(), os.fork()
        except OSError as error:  # no memory, or too many processes
            print(f"no process can be started: {error}", file=sys.stderr)
            os.close(status)
        else:
            if pid == 0:
                self._be_child(request, stdin, stdout, parent)
            self._status[pid] = status
            _say(status, pid)
        os.close(stdin)
        os.close(stdout)
        return True

    def _tell_ends(self) -> None:
        while self._status:
            pid, how = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            status = self._status.pop(pid)
            _say(status, os.waitstatus_to_exitcode(how))
            os.close(status)

    def _be_child(self, request: dict[str, Any], stdin: int, stdout: int, parent: int) -> None:
        """Never returns. Nothing of the fork server stays open here, or a pipe would not end with whoever closed it."""
        code = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(stdin, 0)
            os.dup2(stdout, 1)
            os.closerange(3, MOST_DESCRIPTORS)
            os.environ.clear()
            os.environ.update(request["environment"])
            sys.path[:] = request["path"]
            os.chdir(request["folder"])
            function_named(request["target"])(*request["arguments"])
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            with suppress(OSError):
                sys.stdout.flush(), sys.stderr.flush()
            os._exit(code)


def _say(status: int, number: int) -> None:
    with suppress(OSError):  # nobody listens any more
        os.write(status, b"%d\n" % number)
