# SPDX-License-Identifier: GPL-3.0-or-later
"""A server whose API speaks TLS, with an authority of its own, and clients that trust it."""
import http.client
import json
import os
import shutil
import socket
import ssl

import srvplan
from certificates import Authority

NAMES = 'DNS:localhost,DNS:API.example.org,DNS:*.pool.example.org,IP:127.0.0.1'


class TlsServer(srvplan.Server):
    """A server whose TCP address speaks TLS."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.authority = Authority(self.directory)
        self.certificate, self.key = self.authority.sign('server', NAMES)
        self.config = os.path.join(self.directory, 'srvplan.jsonc')
        self.configure()

    def configure(self, **settings):
        with open(self.config + '.new', 'w', encoding='utf-8') as file:
            json.dump({'tls-cert': self.certificate, 'tls-key': self.key, **settings}, file)
        os.rename(self.config + '.new', self.config)

    def arguments(self, *more):
        return super().arguments('--config', self.config, *more)

    def renew(self, name='server2', alternatives=NAMES, **more):
        """Puts another certificate and key where the server's stand."""
        certificate, key = self.authority.sign(name, alternatives, **more)
        shutil.copy(key, self.key)
        shutil.copy(certificate, self.certificate)

    def client(self, certificate=None, key=None, authority=None):
        context = ssl.create_default_context(cafile=(authority or self.authority).certificate)
        if certificate:
            context.load_cert_chain(certificate, key)
        return context

    def connect(self, context=None, name='localhost'):
        raw = socket.create_connection(('127.0.0.1', self.api_port), timeout=20)
        try:
            return (context or self.client()).wrap_socket(raw, server_hostname=name)
        except BaseException:
            raw.close()
            raise

    def tls(self, method, path, body=None, headers=None, context=None, token=None):
        """One request by TLS, with the token of admin.token or another; '' sends none."""
        headers = dict(headers or {})
        token = self.token() if token is None else token
        if token:
            headers.setdefault('Authorization', 'Bearer ' + token)
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if body is not None:
            headers.setdefault('Content-Type', 'application/json')
        connection = http.client.HTTPSConnection('localhost', self.api_port, timeout=30,
                                                 context=context or self.client())
        try:
            connection.request(method, path, body=body, headers=headers)
            return srvplan.Reply(connection.getresponse())
        finally:
            connection.close()
