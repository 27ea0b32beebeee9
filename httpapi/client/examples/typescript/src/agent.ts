// An agent over WebSocket, in the public protocol alone (node/agent/PROTOCOL.md).
//
// It attaches as an agent, answers requests, does tasks, takes durable messages
// and acknowledges them when they are done, and sends one message itself:
//
//   npm ci && npm run build
//   MESHD_NODE=https://127.0.0.1:7443 MESHD_PIN=… MESHD_KEY=mk_… \
//     node dist/agent.js adder [TO TEXT]
//
// MESHD_NODE may name several nodes of the mesh, with commas between them, and
// MESHD_PIN then has the pin of each: when one does not answer, the next is asked.
// `meshd cert` prints the pin; `meshd apikey create --role agent` makes a key.

import { createHash, X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import WebSocket from "ws";

/** What this agent reads of the node's frames. */
interface Frame {
  type: string;
  id?: string;
  body?: unknown;
  wait?: boolean;
  durable?: boolean;
  seq?: number;
  message_type?: string;
  from?: { principal?: string };
  node?: string;
  status?: string;
  code?: string;
  error?: string;
}

interface Work {
  /** Answers a request, or does a task; what it throws is told to who asked. */
  answer(body: unknown): unknown;
  /** Does what needs no answer; a durable message it throws on comes again. */
  done(frame: Frame): void;
}

const need = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}`);
  return value;
};

/** The pin of a node: the SHA-256 of its public key, in base64. */
const pinOf = (socket: TLSSocket): string => {
  const certificate = new X509Certificate(socket.getPeerCertificate().raw);
  const key = certificate.publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("base64");
};

/** The nodes, each known by its pin. */
const pins = need("MESHD_PIN").split(",");
const nodes = need("MESHD_NODE").split(",").map((url, i) => ({ url: url.replace(/^https/, "wss"), pin: pins[i] }));

/** The connection there is, and whether it is the last. */
let connection: WebSocket | undefined;
let leaving = false;

/** A refusal that another attempt would not better. */
class Refused extends Error {}

/** One connection: it ends when the connection does. */
function session(node: { url: string; pin?: string }, name: string, work: Work, outbox: object[]): Promise<void> {
  return new Promise((ended, failed) => {
    // The pin takes the place of names and authorities. The key is sent in the
    // first message, when the pin has been checked.
    const ws = new WebSocket(`${node.url}/agents/${name}/ws`, { rejectUnauthorized: false, handshakeTimeout: 10_000, perMessageDeflate: false });
    connection = ws;
    const send = (frame: object) => ws.send(JSON.stringify(frame));
    const waiting: Waiting = new Map();
    let refused: Error | undefined;
    let silence = setTimeout(() => ws.terminate(), 45_000);
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => ws.terminate(), 45_000); // the node pings every 20 s
    };

    ws.on("upgrade", (response: IncomingMessage) => {
      if (pinOf(response.socket as TLSSocket) !== node.pin) {
        refused = new Refused(`the key of ${node.url} is not the pinned one`);
        ws.terminate();
      }
    });
    ws.on("open", () => {
      if (!refused) send({ type: "auth", token: need("MESHD_KEY") });
    });
    ws.on("ping", heard);
    ws.on("message", (data) => {
      heard();
      const frame = JSON.parse(data.toString()) as Frame;
      const waits = frame.type === "result" || frame.type === "error" ? waiting.get(frame.id ?? "") : undefined;
      if (waits) {
        waiting.delete(frame.id ?? "");
        waits(frame);
        return;
      }
      switch (frame.type) {
        case "hello":
          console.log(`${name} is attached`);
          // acks: what is in the inbox comes too, and is ours to acknowledge.
          // credit: at most 32 messages at a time.
          send({ type: "hello", description: "adds numbers", capabilities: ["math"], acks: true, credit: 32 });
          outbox.splice(0).forEach(send);
          break;
        case "receive":
          receive(frame, work, send, waiting);
          send({ type: "credit", add: 1 });
          break;
        case "ack": // of what we sent
        case "reply":
          console.log(JSON.stringify({ sent: frame.id, status: frame.status, reply: frame.body }));
          break;
        case "error":
          console.error(`${frame.error} (${frame.code})`);
          if (!frame.id && ["UNAUTHORIZED", "NOT_YOUR_AGENT", "INVALID"].includes(frame.code ?? "")) refused = new Refused(frame.error);
          break;
      }
    });
    ws.on("error", (e) => console.error(e.message));
    ws.on("close", () => {
      clearTimeout(silence);
      refused ? failed(refused) : ended();
    });
  });
}

/** What waits for the answer to a frame, by its id. */
type Waiting = Map<string, (answer: Frame) => void>;

/** Does a task that the mesh has handed over. Each report names the attempt; the
 * last one acknowledges the message too. The first says that this is where it begins:
 * an attempt that was begun before, here or at another instance, is refused
 * (TASK_BEGUN) and goes back. */
function task(message: Frame, work: Work, send: (frame: object) => void, waiting: Waiting): void {
  const given = message.body as { task: string; attempt: number; body: unknown };
  const report = (state: string, more: object = {}) => {
    const id = `task-${given.task}-${given.attempt}-${state}`;
    send({ type: "task", op: "report", id, task: given.task, attempt: given.attempt, state, ...more });
    return id;
  };
  waiting.set(report("working", { begin: true }), (answer) => {
    if (["TASK_ENDED", "TASK_UNKNOWN", "NOT_ASSIGNED"].includes(answer.code ?? "")) {
      send({ type: "ack", id: message.id }); // it is another's now, or over
    } else if (answer.type === "error") {
      send({ type: "return", id: message.id, reason: answer.error?.slice(0, 200) });
    } else {
      try {
        report("completed", { result: work.answer(given.body) });
      } catch (e) {
        report("failed", { error: { text: (e as Error).message } });
      }
    }
  });
}

function receive(frame: Frame, work: Work, send: (frame: object) => void, waiting: Waiting): void {
  if (frame.wait) {
    try {
      send({ type: "reply", in_reply_to: frame.id, body: work.answer(frame.body) });
    } catch (e) {
      send({ type: "reply", in_reply_to: frame.id, error: (e as Error).message, code: "CANNOT" });
    }
    return;
  }
  if (frame.message_type === "TaskDelegation" && frame.from?.principal === "mesh") {
    task(frame, work, send, waiting);
    return;
  }
  try {
    work.done(frame);
    send({ type: "ack", id: frame.id });
  } catch (e) {
    if (frame.durable) send({ type: "return", id: frame.id, delay: "10s", reason: (e as Error).message.slice(0, 200) });
  }
}

const [name = "adder", to, text] = process.argv.slice(2);
const outbox = to && text ? [{ type: "send", id: "first", to, body: text, wait: true, timeout: "30s" }] : [];
const adder: Work = {
  answer(body) {
    if (!Array.isArray(body) || !body.every((x) => typeof x === "number")) throw new Error("I add numbers");
    return body.reduce((sum: number, x: number) => sum + x, 0);
  },
  done(frame) {
    console.log(`${frame.durable ? `durable ${frame.seq}` : "live"}: ${JSON.stringify(frame.body)}`);
  },
};

process.once("SIGINT", () => {
  leaving = true;
  connection?.close(1000, "leaving");
  setTimeout(() => process.exit(0), 1000).unref();
});
for (let pause = 100, at = 0; !leaving; pause = Math.min(2 * pause, 5_000), at = (at + 1) % nodes.length) {
  const began = Date.now();
  try {
    await session(nodes[at]!, name, adder, outbox);
  } catch (e) {
    console.error((e as Error).message);
    process.exit(1);
  }
  if (leaving) break;
  if (Date.now() - began > 60_000) pause = 100;
  await new Promise((r) => setTimeout(r, pause * (0.5 + Math.random())));
}
