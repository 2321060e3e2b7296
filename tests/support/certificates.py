# SPDX-License-Identifier: GPL-3.0-or-later
"""An authority of the test's own, and certificates that it signs, made by openssl(1)."""
import os
import subprocess


class Authority:
    """Keys and certificates as PEM files in `directory`."""

    def __init__(self, directory, name='authority'):
        self.directory, self.name = directory, name
        self.certificate = self.path(name + '.pem')
        self._openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                      '-nodes', '-days', '30', '-subj', f'/CN={name}', '-keyout',
                      self.path(name + '.key'), '-out', self.certificate,
                      '-addext', 'basicConstraints=critical,CA:true')

    def path(self, name):
        return os.path.join(self.directory, name)

    @staticmethod
    def _openssl(*arguments):
        done = subprocess.run(['openssl', *arguments], capture_output=True, text=True, timeout=60,
                              check=False)
        if done.returncode:
            raise AssertionError(f'openssl {" ".join(arguments)}: {done.stderr}')

    def sign(self, name, alternatives='', subject=None, days=10):
        """(certificate, key) files. `alternatives`: 'DNS:localhost,IP:127.0.0.1'."""
        request, extensions = self.path(name + '.csr'), self.path(name + '.ext')
        certificate, key = self.path(name + '.pem'), self.path(name + '.key')
        self._openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                      '-nodes', '-subj', subject or f'/CN={name}', '-keyout', key, '-out', request)
        with open(extensions, 'w', encoding='ascii') as file:
            file.write('basicConstraints=CA:false\n')
            if alternatives:
                file.write(f'subjectAltName={alternatives}\n')
        self._openssl('x509', '-req', '-in', request, '-CA', self.certificate, '-CAkey',
                      self.path(self.name + '.key'), '-CAcreateserial', '-days', str(days),
                      '-extfile', extensions, '-out', certificate)
        return certificate, key
