"""Makes database.sql: what a server of version 0.1.0 leaves in its SQLite file.

Usage: make.py PATH-TO-THE-0.1.0-SERVER
Build it from the commit of version 0.1.0: cargo build --example server --all-features
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

ADMIN = ("root@example.com", "a long pass phrase of the first admin")
PASSWORD = "a long pass phrase of a member"


def call(method, url, body=None, headers=None):
    request = urllib.request.Request(url, method=method, headers=headers or {}, data=body)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def sign_in(base, email, password):
    form = urllib.parse.urlencode({"username": email, "password": password}).encode()
    return call("POST", base + "/token", form)


def main(server):
    folder = tempfile.mkdtemp()
    environment = {
        "SECRET_KEY": "of version 0.1.0, at least 32 bytes long",
        "BIND": "127.0.0.1:0",
        "DATABASE": "users.db",
        "ADMIN_EMAIL": ADMIN[0],
        "ADMIN_PASSWORD": ADMIN[1],
    }
    process = subprocess.Popen([os.path.abspath(server)], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    base = process.stdout.readline().strip().removeprefix("listening on ")
    token = sign_in(base, *ADMIN)[1]["access_token"]
    headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
    ids = []
    for number in range(3):
        new = {"email": f"member{number}@example.com", "password": PASSWORD, "role": "member"}
        status, user = call("POST", base + "/users", json.dumps(new).encode(), headers)
        assert status == 201, (status, user)
        ids.append(user["id"])
    change = json.dumps({"email": "renamed@example.com", "password": PASSWORD + "!"}).encode()
    assert call("PATCH", f"{base}/users/{ids[1]}", change, headers)[0] == 200
    assert call("DELETE", f"{base}/users/{ids[2]}", None, headers)[0] == 200
    assert sign_in(base, "member0@example.com", "wrong")[0] == 401
    process.send_signal(signal.SIGTERM)
    process.wait()
    with sqlite3.connect(os.path.join(folder, "users.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        lines = list(database.iterdump())
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "database.sql"), "w") as out:
        out.write("\n".join(lines) + "\n")


main(sys.argv[1])
