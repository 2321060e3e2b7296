# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports for servers under test."""
import contextlib
import random
import socket

_given = set()


def free_port():
    """A port that nobody holds at any address, neither for UDP nor for TCP; below those that the
    kernel hands out to clients, so that none takes it meanwhile, and never one twice: it may be
    opened later."""
    for _ in range(200):
        port = random.SystemRandom().randrange(10240, 32000)
        if port in _given:
            continue
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for family, any_address in ((socket.AF_INET, '0.0.0.0'), (socket.AF_INET6, '::')):
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    one = stack.enter_context(socket.socket(family, kind))
                    if family == socket.AF_INET6:
                        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    one.bind((any_address, port))
            _given.add(port)
            return port
    raise RuntimeError('no free port')
