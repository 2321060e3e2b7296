# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that are asked many questions at once, over UDP and TCP."""
import socket
import struct


class Peer:
    """One server, asked over a UDP socket and one TCP connection that are kept; many queries at
    once, each with an id of its own."""

    def __init__(self, port):
        self.port = port
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.settimeout(5)
        self.udp.connect(('127.0.0.1', port))
        self.stream, self.received = None, b''

    def close(self):
        self.udp.close()
        self.hang_up()

    def hang_up(self):
        if self.stream:
            self.stream.close()
        self.stream, self.received = None, b''

    def send_udp(self, packets):
        for packet in packets:
            self.udp.send(packet)

    def receive_udp(self, packets):
        return self._collect(packets, lambda: self.udp.recv(65535))

    def send_tcp(self, packets):
        if not self.stream:
            self.stream = socket.create_connection(('127.0.0.1', self.port), timeout=5)
        self.stream.sendall(b''.join(struct.pack('!H', len(packet)) + packet
                                     for packet in packets))

    def receive_tcp(self, packets):
        return self._collect(packets, self._read_framed)

    def udp_until(self, packets, last):
        """The answers that come before the one with the id `last`."""
        self.send_udp(packets)
        return self._until(last, lambda: self.udp.recv(65535))

    def tcp_until(self, packets, last):
        self.send_tcp(packets)
        return self._until(last, self._read_framed)

    @staticmethod
    def _until(last, receive):
        answers = []
        while not answers or answers[-1][:2] != struct.pack('!H', last):
            answers.append(receive())
        return answers[:-1]

    @staticmethod
    def _collect(packets, receive):
        """The answers in the order of the queries; they may come in any (RFC 7766 7)."""
        waiting = {packet[:2]: number for number, packet in enumerate(packets)}
        answers = [None] * len(packets)
        while waiting:
            try:
                answer = receive()
            except socket.timeout:
                lost = [packets[number].hex() for number in waiting.values()]
                raise AssertionError(f'no answer to {lost}') from None
            number = waiting.pop(answer[:2], None)
            if number is None:
                raise AssertionError(f'an answer to no query: {answer.hex()}')
            answers[number] = answer
        return answers

    def _read(self, count):
        while len(self.received) < count:
            # NSD leaves Nagle's algorithm on: without this an answer waits 40 ms for our ACK.
            self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            piece = self.stream.recv(65536)
            if not piece:
                raise ConnectionError('closed')
            self.received += piece
        data, self.received = self.received[:count], self.received[count:]
        return data

    def _read_framed(self):
        return self._read(struct.unpack('!H', self._read(2))[0])


def exchange(peers, packets):
    """[over UDP, over TCP][peer][packet]: the answers. Both servers work at the same time."""
    for peer in peers:
        peer.send_udp(packets)
    over_udp = [peer.receive_udp(packets) for peer in peers]
    for attempt in (1, 2):  # a server may close an idle connection at any time (RFC 7766 6.2.3)
        try:
            for peer in peers:
                peer.send_tcp(packets)
            return over_udp, [peer.receive_tcp(packets) for peer in peers]
        except ConnectionError:
            for peer in peers:
                peer.hang_up()
            if attempt == 2:
                raise
    raise AssertionError('unreachable')
