# SPDX-License-Identifier: GPL-3.0-or-later
"""Has a running process make a system call, as a debugger does, and says what came of it.

    with Injected(tid) as thread:
        thread.call(SOCKET, 2, 2, 0)   # the result, or -errno

Takes root on x86-64 (see `is_possible`): our processes forbid tracing to everybody else."""
import ctypes
import os
import platform
import signal

OPEN, SOCKET, EXECVE, PTRACE, OPENAT, CONNECT, GETPID = 2, 41, 59, 101, 257, 42, 39

ATTACH, DETACH, GETREGS, SETREGS, SINGLESTEP, PEEKDATA = 16, 17, 12, 13, 9, 2
WAIT_ALL = 0x40000000
REGISTERS = ('r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp '
             'ss fs_base gs_base ds es fs gs').split()


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in REGISTERS]


libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def is_possible():
    return platform.machine() == 'x86_64' and os.geteuid() == 0


def ptrace(request, tid, address=None, data=None):
    ctypes.set_errno(0)
    result = libc.ptrace(request, tid, address, data)
    if result == -1 and ctypes.get_errno():
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), f'ptrace {request}')
    return result


class Injected:
    def __init__(self, tid):
        self.tid = tid

    def wait(self):
        _, status = os.waitpid(self.tid, WAIT_ALL)
        assert os.WIFSTOPPED(status), f'thread {self.tid}: status {status:#x}'
        return os.WSTOPSIG(status)

    def __enter__(self):
        ptrace(ATTACH, self.tid)
        while self.wait() != signal.SIGSTOP:
            pass
        self.saved = Registers()
        ptrace(GETREGS, self.tid, None, ctypes.addressof(self.saved))
        code = ptrace(PEEKDATA, self.tid, self.saved.rip - 2) & 0xffff
        assert code == 0x050f, f'thread {self.tid} does not wait in a system call'
        return self

    def __exit__(self, *_):
        ptrace(SETREGS, self.tid, None, ctypes.addressof(self.saved))
        ptrace(DETACH, self.tid)

    def call(self, number, *arguments):
        registers = Registers.from_buffer_copy(self.saved)
        registers.rip -= 2  # the instruction `syscall` that it sleeps in
        registers.rax = number
        registers.orig_rax = 2**64 - 1  # nothing to restart
        for name, value in zip(('rdi', 'rsi', 'rdx', 'r10', 'r8', 'r9'), (*arguments, *[0] * 6)):
            setattr(registers, name, value % 2**64)
        ptrace(SETREGS, self.tid, None, ctypes.addressof(registers))
        ptrace(SINGLESTEP, self.tid)
        self.wait()
        ptrace(GETREGS, self.tid, None, ctypes.addressof(registers))
        return ctypes.c_longlong(registers.rax).value
