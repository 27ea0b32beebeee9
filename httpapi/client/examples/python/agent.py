#!/usr/bin/env python3
"""An agent in Python's standard library alone.

It attaches as an agent, answers requests, does tasks, takes durable messages
and acknowledges them when they are done, and sends one message itself:

    export MESHD_NODE=https://127.0.0.1:7443 MESHD_PIN=…
    read -rs MESHD_KEY; export MESHD_KEY    # mk_…, which so stands in no history
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
import uuid


class Lost(Exception):
    """No node answered, or not to the end: what was asked may have been done."""


class Refused(Exception):
    """What the mesh refused: .code is a word of its error catalogue. What is only
    put off (.later), as without a leader, may go well in a moment."""

    def __init__(self, status, body):
        try:
            said = json.loads(body)
        except ValueError:
            said = {}
        self.code, self.later = said.get("code", ""), status in (429, 502, 503, 504)
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


class OtherNode(Lost):
    """The node shows another key than its pin names, and was told nothing."""


class Mesh:
    """Some of its nodes, known by their pins. One that does not answer, or puts us
    off, goes to the end of the line."""

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
        connection.connect()
        if spki_sha256(connection.sock.getpeercert(binary_form=True)) != pin:
            connection.close()
            raise OtherNode(f"the key of {host} is not the pinned one")
        return connection

    def request(self, method, path, body=None, timeout=60, accept="application/json", once=None):
        headers = {"Authorization": "Bearer " + self.key, "Accept": accept}
        if body is not None:
            body, headers["Content-Type"] = json.dumps(body), "application/json"
        if once:
            headers["Idempotency-Key"] = once
        try:
            connection = self.connect(timeout)
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            if response.status < 300:
                return response
            refused = Refused(response.status, response.read(1 << 20).decode("utf-8", "replace"))
        except (OSError, http.client.HTTPException) as e:
            self.nodes.append(self.nodes.pop(0))
            raise Lost(f"no answer: {e}") from e
        if refused.later:
            self.nodes.append(self.nodes.pop(0))
        raise refused

    def post(self, path, body, patience=0):
        """Says something; with patience again and again, for so many seconds, until a node
        has taken it or refused it for good: only what may be said twice."""
        once, until = str(uuid.uuid4()), time.monotonic() + patience
        while True:
            try:
                with self.request("POST", path, body, once=once if patience else None) as response:
                    text = response.read()
                    return json.loads(text) if text else None
            except OtherNode:
                raise
            except (Lost, OSError, http.client.HTTPException) as e:
                why = e if isinstance(e, Lost) else Lost(f"half an answer: {e}")
            except Refused as e:
                if not e.later:
                    raise
                why = e
            if time.monotonic() > until:
                raise why
            time.sleep(0.5)

    def send(self, to, body, **more):
        """Sends a message: wait=True for the answer. After Lost it may have come or not.
        One with durable=True has an id, so it is sent until the mesh has it, and taken once."""
        if more.get("durable"):
            return self.post("/messages", {"id": str(uuid.uuid4()), "to": to, "body": body, **more}, patience=60)
        return self.post("/messages", {"to": to, "body": body, **more})

    def report(self, agent, task, state, **more):
        """Says how far a task is. The last report acknowledges its message too."""
        said = {"agent": agent, "attempt": task["attempt"], "state": state, **more}
        self.post(f"/tasks/{task['task']}/status", said, patience=60)


def work(mesh, name, task, answer):
    """Does a task that the mesh has handed over. One that takes longer than the 30
    seconds for which the stream leases its messages needs more: ?lease=10m. One that
    was begun before, here or at another instance, is refused (TASK_BEGUN) and goes back."""
    try:
        mesh.report(name, task, "working", begin=True)
        try:
            mesh.report(name, task, "completed", result=answer(task["body"]))
        except Lost:
            raise
        except Exception as e:  # it cannot be done, or its result is not taken
            mesh.report(name, task, "failed", error={"text": str(e)[:1000] or "it failed"})
    except Refused as e:
        if e.code not in ("TASK_ENDED", "TASK_UNKNOWN", "NOT_ASSIGNED"):  # it is another's now, or over
            raise


def reply(mesh, name, message, answer):
    """Answers a request, with the agent's own error where it has one."""
    said = {"reply_to": message["reply_to"]}
    try:
        mesh.post(f"/messages/{name}/reply", {**said, "body": answer(message["payload"])})
    except Lost:
        raise
    except Exception as e:
        if getattr(e, "code", "") == "NOT_WAITING":  # its sender had no more time
            return
        mesh.post(f"/messages/{name}/reply", {**said, "error": str(e)[:1000] or "it failed", "code": "CANNOT"})


def settle(mesh, name, message, answer, done):
    """Does a message of the inbox, and acknowledges it; one that it fails on goes back."""
    try:
        if message["message_type"] == "TaskDelegation" and message["from"]["principal"] == "mesh":
            work(mesh, name, message["payload"], answer)
        else:
            done(message)
    except Lost:
        raise  # it comes again
    except Exception as e:
        said = {"seqs": [message["seq"]], "delay": "10s", "reason": str(e)[:200]}
        mesh.post(f"/messages/{name}/return", said, patience=10)
    else:
        mesh.post(f"/messages/{name}/ack", {"seqs": [message["seq"]]}, patience=10)


def serve(mesh, name, answer, done):
    """Is the agent until the connection breaks: answer(body) answers requests and
    does tasks, done(message) does what needs no answer. A durable message that done fails
    on goes back, and comes again."""
    stream = mesh.request("GET", f"/messages/{name}/stream", accept="application/x-ndjson", timeout=45)
    print(f"{name} is attached", flush=True)
    lines = iter(stream)
    while True:
        try:
            told = json.loads(next(lines))  # at least every 15 s
        except (StopIteration, ValueError, OSError, http.client.HTTPException) as e:
            raise Lost(f"the stream has ended: {e}") from e
        if told.get("event") != "message":
            continue  # a bookmark, or a sign of life
        message = told["data"]
        try:
            if message.get("reply_to"):
                reply(mesh, name, message, answer)
            elif message.get("live"):
                done(message)
            else:
                settle(mesh, name, message, answer, done)
        except Lost:
            raise
        except Exception as e:  # one message is no reason to leave the others
            print(e, file=sys.stderr, flush=True)


def main():
    mesh = Mesh(os.environ["MESHD_NODE"].split(","), os.environ["MESHD_PIN"].split(","), os.environ["MESHD_KEY"])
    name = sys.argv[1] if len(sys.argv) > 1 else "adder"
    if len(sys.argv) > 3:
        try:
            print(json.dumps(mesh.send(sys.argv[2], sys.argv[3], wait=True)), flush=True)
        except (Refused, Lost) as e:
            print(f"not answered: {e}", file=sys.stderr, flush=True)

    def done(message):
        kind = "live" if message.get("live") else f"durable {message['seq']}"
        print(f"{kind}: {json.dumps(message['payload'])}", flush=True)

    pause = 0.1
    while True:
        began = time.monotonic()
        try:
            serve(mesh, name, sum, done)
        except OtherNode:
            raise
        except Lost as e:
            print(f"the connection is lost: {e}", file=sys.stderr, flush=True)
        except Refused as e:
            if not e.later:
                raise
            print(e, file=sys.stderr, flush=True)
        pause = 0.1 if time.monotonic() - began > 5 else min(2 * pause, 5)
        time.sleep(pause)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
    except (OtherNode, Refused) as e:
        sys.exit(f"agent.py: {e}")
