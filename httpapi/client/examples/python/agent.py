#!/usr/bin/env python3
"""An agent in Python's standard library alone.

It attaches as an agent, answers requests, does tasks, takes durable messages
and acknowledges them when they are done, and sends one message itself:

    MESHD_NODE=https://127.0.0.1:7443 MESHD_PIN=… MESHD_KEY=mk_… \\
        python3 agent.py adder [TO TEXT]

MESHD_NODE may name several nodes of the mesh, with commas between them, and
MESHD_PIN then has the pin of each: when one does not answer, the next is asked.

It uses two things of HTTPS: GET /messages/NAME/stream, which is the agent for
as long as it is read, and POST for all that it says. `meshd cert` prints the
pin; `meshd apikey create --role agent` makes a key.
"""

import base64
import hashlib
import http.client
import json
import os
import ssl
import sys
import time
import urllib.parse


class Refused(Exception):
    """What the mesh refused: .code is a word of its error catalogue."""

    def __init__(self, status, body):
        try:
            said = json.loads(body)
        except ValueError:
            said = {}
        self.status, self.code = status, said.get("code", "")
        super().__init__(f"{said.get('error', body[:200])} ({self.code or status})")


def spki_sha256(der):
    """The pin of a certificate: the SHA-256 of its public key, in base64."""

    def content(i):  # where the content of the DER element at i begins and ends
        n, at = der[i + 1], i + 2
        if n & 0x80:
            at += n & 0x7F
            n = int.from_bytes(der[i + 2 : at], "big")
        return at, at + n

    i = content(content(0)[0])[0]  # into the certificate, and what of it is signed
    for _ in range(6 if der[i] == 0xA0 else 5):  # version, serial, algorithm, issuer, dates, subject
        i = content(i)[1]
    return base64.b64encode(hashlib.sha256(der[i : content(i)[1]]).digest()).decode()


class OtherNode(Exception):
    """The node shows another key than its pin names."""


class Mesh:
    """Some of its nodes, known by their pins. One that cannot be reached goes to
    the end of the line."""

    def __init__(self, nodes, pins, key):
        self.nodes = [(urllib.parse.urlsplit(n).netloc, p) for n, p in zip(nodes, pins, strict=True)]
        self.key = key

    def connect(self, timeout):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # The pin takes the place of names and authorities. Nothing, the key
        # least of all, is sent before it is checked.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        host, pin = self.nodes[0]
        connection = http.client.HTTPSConnection(host, context=context, timeout=timeout)
        try:
            connection.connect()
        except OSError:
            self.nodes.append(self.nodes.pop(0))
            raise
        if spki_sha256(connection.sock.getpeercert(binary_form=True)) != pin:
            connection.close()
            raise OtherNode(f"the key of {host} is not the pinned one")
        return connection

    def request(self, method, path, body=None, timeout=60, accept="application/json"):
        connection = self.connect(timeout)
        headers = {"Authorization": "Bearer " + self.key, "Accept": accept}
        if body is not None:
            body, headers["Content-Type"] = json.dumps(body), "application/json"
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        if response.status >= 300:
            raise Refused(response.status, response.read(1 << 20).decode("utf-8", "replace"))
        return response

    def post(self, path, body):
        with self.request("POST", path, body) as response:
            text = response.read()
            return json.loads(text) if text else None

    def send(self, to, body, **more):
        """Sends a message: wait=True for the answer, durable=True for the inbox
        (with an id of your own, it may be sent again and is taken once)."""
        return self.post("/messages", {"to": to, "body": body, **more})

    def report(self, agent, task, state, **more):
        """Says how far a task is. The last report acknowledges its message too."""
        self.post(f"/tasks/{task['task']}/status", {"agent": agent, "attempt": task["attempt"], "state": state, **more})


def work(mesh, name, task, answer):
    """Does a task that the mesh has handed over. One that takes longer than the 30
    seconds for which the stream leases its messages needs more: ?lease=10m. One that
    was begun before, here or at another instance, is refused (TASK_BEGUN) and goes back."""
    try:
        mesh.report(name, task, "working", begin=True)
        try:
            result = answer(task["body"])
        except Exception as e:
            mesh.report(name, task, "failed", error={"text": str(e) or "it failed"})
        else:
            mesh.report(name, task, "completed", result=result)
    except Refused as e:
        if e.code not in ("TASK_ENDED", "TASK_UNKNOWN", "NOT_ASSIGNED"):  # it is another's now, or over
            raise


def serve(mesh, name, answer, done):
    """Is the agent until the connection breaks: answer(body) answers requests and
    does tasks, done(message) does what needs no answer. A durable message that done fails
    on goes back, and comes again."""
    stream = mesh.request("GET", f"/messages/{name}/stream", accept="application/x-ndjson", timeout=45)
    print(f"{name} is attached", flush=True)
    for line in stream:  # a line at least every 15 s
        told = json.loads(line)
        if told.get("event") != "message":
            continue  # a bookmark, or a sign of life
        message = told["data"]
        if message.get("reply_to"):
            said = {"reply_to": message["reply_to"]}
            try:
                said["body"] = answer(message["payload"])
            except Exception as e:  # the agent's own error, as the sender is to hear it
                said.update(error=str(e) or "it failed", code=type(e).__name__.upper())
            try:
                mesh.post(f"/messages/{name}/reply", said)
            except Refused as e:
                if e.code != "NOT_WAITING":  # its sender had no more time
                    raise
        elif message.get("live"):
            done(message)
        else:
            try:
                if message["message_type"] == "TaskDelegation" and message["from"]["principal"] == "mesh":
                    work(mesh, name, message["payload"], answer)
                else:
                    done(message)
            except (OSError, http.client.HTTPException):
                raise  # it comes again
            except Exception as e:
                mesh.post(f"/messages/{name}/return", {"seqs": [message["seq"]], "delay": "10s", "reason": str(e)[:200]})
            else:
                mesh.post(f"/messages/{name}/ack", {"seqs": [message["seq"]]})


def main():
    mesh = Mesh(os.environ["MESHD_NODE"].split(","), os.environ["MESHD_PIN"].split(","), os.environ["MESHD_KEY"])
    name = sys.argv[1] if len(sys.argv) > 1 else "adder"
    if len(sys.argv) > 3:
        print(json.dumps(mesh.send(sys.argv[2], sys.argv[3], wait=True)), flush=True)

    def done(message):
        kind = "live" if message.get("live") else f"durable {message['seq']}"
        print(f"{kind}: {json.dumps(message['payload'])}", flush=True)

    pause = 0.1
    while True:
        began = time.monotonic()
        try:
            serve(mesh, name, sum, done)
        except OtherNode as e:
            sys.exit(f"agent.py: {e}")
        except Refused as e:
            if e.status < 500:
                sys.exit(f"agent.py: {e}")
            print(e, file=sys.stderr, flush=True)
        except (OSError, http.client.HTTPException) as e:
            print(f"the connection is lost: {e}", file=sys.stderr, flush=True)
        pause = 0.1 if time.monotonic() - began > 60 else min(2 * pause, 5)
        time.sleep(pause)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
    except Refused as e:
        sys.exit(f"agent.py: {e}")
