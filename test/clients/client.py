"""Python's HTTP clients of a node; see 253_clients.t for what the lines mean.

usage: client.py URL PEER
"""
import http.client
import os
import re
import sys
import urllib.error
import urllib.request

url, peer = sys.argv[1:3]
authority = url.removeprefix('http://')
write, read = os.environ['write_message'].encode(), os.environ['read_message'].encode()
tries = int(os.environ.get('tries', 5))
too_large, large = (open(os.environ[name], 'rb').read() for name in ('too_large', 'large'))
refused = {
    '413': (too_large, {}),
    '415': (large, {'Content-Encoding': 'br'}),
    '406': (large, {'Accept-Encoding': 'identity;q=0, *;q=0'}),
}


class Urllib:
    name = 'urllib'
    keeps = False       # it has no connections to keep

    def ask(self, path, body=None, headers={}):
        request = urllib.request.Request(url + path, data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()


class HttpClient:
    name = 'http.client'
    keeps = True

    def __init__(self):
        self.connection = http.client.HTTPConnection(authority, timeout=60)

    def ask(self, path, body=None, headers={}):
        self.connection.request('GET' if body is None else 'POST', path, body=body, headers=headers)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def port(self):
        return self.connection.sock and self.connection.sock.getsockname()[1]


class Requests:
    name = 'requests'
    keeps = True

    def __init__(self):
        import requests
        self.session = requests.Session()
        self.session.trust_env = False

    def ask(self, path, body=None, headers={}):
        answer = self.session.request('GET' if body is None else 'POST', url + path, data=body, headers=headers, timeout=60)
        return answer.status_code, answer.headers, answer.content

    def connections(self):
        return self.session.get_adapter(url).poolmanager.connection_from_url(url).num_connections


def attempt(what):
    try:
        return what()
    except Exception as error:
        return f'{type(error).__name__}: {error}'.replace('\n', ' ')


def play(client):
    def line(step, result):
        print(client.name, step, attempt(result), sep='\t', flush=True)

    def status(*args):
        return str(client.ask(*args)[0])

    def returned():
        code, _, body = client.ask('/', write)
        return f'{code}' if b'returnCode="200"' in body else body.decode()

    def held():
        code, headers, body = client.ask(f'/peer/{peer}_{client.name}', read, {'Prefer': 'wait=20'})
        return f"{code} {headers.get('Preference-Applied')} {(re.search(rb'Fridge7', body) or [b'nothing'])[0].decode()}"

    def reuse():
        client.ask('/', read)
        if isinstance(client, HttpClient):
            ports = {client.port()}
            for i in range(4):
                client.ask('/', read)
                ports.add(client.port())
            return f'1{"0" * 4}' if len(ports) == 1 else f'{len(ports)} connections'
        before = client.connections()
        for i in range(4):
            client.ask('/', read)
        return '1' + '0' * 4 if client.connections() == before else f'{client.connections() - before + 1} connections'

    line('write', returned)
    line('read', lambda: re.search(rb'>42<', client.ask('/', read)[2])[0].decode())
    line('get', lambda: client.ask('/Objects/Clients/x/value')[2].decode())
    for code, (body, headers) in refused.items():
        line(code, lambda: ' '.join(attempt(lambda: status('/', body, headers)) for i in range(tries)))
    line('again', lambda: status('/', read))
    if client.keeps:
        line('reuse', reuse)
    line('held', held)


for kind in Urllib, HttpClient, Requests:
    try:
        client = kind()
    except ImportError as error:
        print(kind.name, 'skip', error, sep='\t', flush=True)
        continue
    play(client)
