// An agent over WebSocket, in the public protocol alone (node/agent/PROTOCOL.md).
//
// It attaches as an agent, answers requests, does tasks, takes durable messages
// and acknowledges them when they are done, and sends one message itself:
//
//   npm ci && npm run build
//   export MESHD_NODE=https://127.0.0.1:7443 MESHD_PIN=…
//   read -rs MESHD_KEY; export MESHD_KEY    # mk_…, which so stands in no history
//   node dist/agent.js adder [TO TEXT]
//
// MESHD_NODE may name several nodes of the mesh, with commas between them, and
// MESHD_PIN then has the pin of each: when one does not answer, the next is asked.
// `meshd cert` prints the pin; `meshd apikey create --role agent` makes a key.

import { createHash, randomUUID, X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import WebSocket from "ws";

/** What this agent reads of the node's frames. */
interface Frame {
  type: string;
  id?: string;
  frame?: number;
  session?: string;
  resumed?: boolean;
  seen?: number;
  body?: unknown;
  wait?: boolean;
  durable?: boolean;
  seq?: number;
  message_type?: string;
  from?: { principal?: string };
  status?: string;
  code?: string;
  error?: string;
  in_reply_to?: string;
}

interface Work {
  /** Answers a request, or does a task; what it throws is told to who asked. */
  answer(body: unknown): unknown | Promise<unknown>;
  /** Does what needs no answer; a durable message it throws on comes again. */
  done(frame: Frame): void | Promise<void>;
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
interface Node {
  url: string;
  pin?: string;
}
const pins = need("MESHD_PIN").split(",");
const nodes: Node[] = need("MESHD_NODE").split(",").map((url, i) => ({ url: url.replace(/^https/, "wss"), pin: pins[i] }));

/** A refusal that another attempt would not better. */
class Refused extends Error {}

/** What was said and is not answered yet, by the id of its frame. What may be said
 * twice is said again in the next session; of the rest nothing is known when its
 * session is lost. */
const asked = new Map<string, { frame: object; twice: boolean; answered: (answer: Frame) => void }>();

/** A session with a node. It outlives a broken connection: both sides number their
 * frames, and keep those that the other has not confirmed ("Resuming"). */
class Session {
  taken = 0; // number of the node's last frame
  private ws?: WebSocket;
  private lost = 0; // when the connection broke
  private over = false;
  private told = 0; // of what was taken, what the node knows
  private sent = 0;
  private kept: { number: number; text: string }[] = [];

  constructor(readonly node: Node, readonly id: string) {}

  /** The node holds it for a minute. One that does not answer is not waited for so long. */
  resumable(): boolean {
    return !this.over && this.lost > 0 && Date.now() - this.lost < 5_000;
  }

  /** Begins, or goes on: what the node has not seen is written again. */
  on(ws: WebSocket, seen: number): void {
    this.ws = ws;
    this.told = this.taken;
    this.confirmed(seen);
    this.kept.forEach((k) => ws.send(k.text));
  }

  off(): void {
    this.ws = undefined;
    this.lost = Date.now();
  }

  /** Nothing will come of it any more. */
  end(): void {
    if (this.over) return;
    this.over = true;
    for (const [id, a] of asked) {
      if (a.twice) continue;
      asked.delete(id);
      a.answered({ type: "error", id, status: "unknown", error: "the connection broke and could not be resumed" });
    }
  }

  send(frame: object): void {
    if (this.over) return; // what it was about comes again, or its sender has been told
    const text = JSON.stringify({ ...frame, frame: ++this.sent });
    this.kept.push({ number: this.sent, text });
    this.ws?.send(text);
  }

  ask(frame: { id: string; [field: string]: unknown }, twice = false): Promise<Frame> {
    return new Promise((answered) => {
      asked.set(frame.id, { frame, twice, answered });
      this.send(frame);
    });
  }

  confirmed(number: number): void {
    this.kept = this.kept.filter((k) => k.number > number);
  }

  /** Whether a frame of the node is new. The node hears soon what was taken. */
  takes(frame: Frame): boolean {
    if (!frame.frame) return true; // some need no number
    if (frame.frame <= this.taken) return false;
    this.taken = frame.frame;
    const tell = () => {
      if (!this.ws || this.told === this.taken) return;
      this.told = this.taken;
      this.ws.send(JSON.stringify({ type: "seen", frame: this.taken }));
    };
    if (this.taken - this.told >= 32) tell();
    else if (this.taken - this.told === 1) setTimeout(tell, 50);
    return true;
  }
}

/** The session and the connection there are, and whether they are the last. */
let session: Session | undefined;
let connection: WebSocket | undefined;
let leaving = false;

/** One connection: it ends when the connection does. begin is called in each new session. */
function connect(node: Node, name: string, work: Work, begin: (at: Session) => void): Promise<void> {
  const old = session?.resumable() ? session : undefined;
  return new Promise((ended, failed) => {
    // The pin takes the place of names and authorities. The key is sent in the
    // first message, when the pin has been checked.
    const url = `${node.url}/agents/${name}/ws${old ? "?resume=1" : ""}`;
    const ws = new WebSocket(url, { rejectUnauthorized: false, handshakeTimeout: 10_000, perMessageDeflate: false });
    connection = ws;
    let at: Session | undefined; // from the node's hello on
    let refused: Error | undefined;
    let silence = setTimeout(() => ws.terminate(), 45_000);
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => ws.terminate(), 45_000); // the node pings every 20 s
    };
    const write = (frame: object) => ws.send(JSON.stringify(frame));

    ws.on("upgrade", (response: IncomingMessage) => {
      if (pinOf(response.socket as TLSSocket) !== node.pin) {
        refused = new Refused(`the key of ${node.url} is not the pinned one`);
        ws.terminate();
      }
    });
    ws.on("open", () => {
      if (refused) return;
      write({ type: "auth", token: need("MESHD_KEY") });
      if (old) write({ type: "resume", session: old.id, seen: old.taken });
    });
    ws.on("ping", heard);
    ws.on("message", (data) => {
      heard();
      const frame = JSON.parse(data.toString()) as Frame;
      if (frame.type === "hello" && old && frame.resumed) {
        at = old;
        at.on(ws, frame.seen ?? 0);
      } else if (frame.type === "hello") {
        session?.end();
        console.log(`${name} is attached`);
        // acks: what is in the inbox comes too, and is ours to acknowledge.
        // credit: at most 32 messages at a time.
        write({ type: "hello", description: "adds numbers", capabilities: ["math"], acks: true, credit: 32, resume: true });
        at = session = new Session(node, frame.session ?? "");
        at.on(ws, 0);
        for (const a of asked.values()) at.send(a.frame);
        begin(at);
      } else if (frame.type === "seen") {
        at?.confirmed(frame.frame ?? 0);
      } else if (frame.type === "error" && !frame.id && !frame.in_reply_to) { // of the connection
        console.error(`${frame.error} (${frame.code})`);
        if (["UNAUTHORIZED", "NOT_YOUR_AGENT", "INVALID"].includes(frame.code ?? "")) refused = new Refused(frame.error);
      } else if (at?.takes(frame)) {
        take(frame, at, work);
      }
    });
    ws.on("error", (e) => {
      console.error(e.message);
      if ((e as NodeJS.ErrnoException).code === "ECONNREFUSED") old?.end(); // it went with its node
    });
    ws.on("close", () => {
      clearTimeout(silence);
      at?.off();
      refused ? failed(refused) : ended();
    });
  });
}

/** Acts on a frame of the node. */
function take(frame: Frame, at: Session, work: Work): void {
  const id = frame.id ?? "";
  if (frame.type === "receive") {
    // The place is given back when the message is done, so that 32 are at work at most.
    void receive(frame, work, at).finally(() => at.send({ type: "credit", add: 1 }));
  } else if (["ack", "reply", "result", "error"].includes(frame.type) && asked.has(id)) {
    asked.get(id)?.answered(frame);
    asked.delete(id);
  } else if (frame.type === "error") {
    console.error(`${frame.error} (${frame.code})`); // such as NOT_WAITING: an answer came too late
  }
}

async function receive(frame: Frame, work: Work, at: Session): Promise<void> {
  const { id } = frame;
  if (frame.wait) {
    try {
      at.send({ type: "reply", in_reply_to: id, body: (await work.answer(frame.body)) ?? null });
    } catch (e) {
      at.send({ type: "reply", in_reply_to: id, error: sentence(e), code: "CANNOT" });
    }
    return;
  }
  if (frame.message_type === "TaskDelegation" && frame.from?.principal === "mesh") return task(frame, work, at);
  if (!frame.durable) at.send({ type: "ack", id }); // we have it; it does not come again
  try {
    await work.done(frame);
    if (frame.durable) at.send({ type: "ack", id });
  } catch (e) {
    if (frame.durable) at.send({ type: "return", id, delay: "10s", reason: sentence(e) });
    else console.error(sentence(e));
  }
}

/** What the mesh cannot take now, as without a leader, and may in a moment. */
const later = ["NO_LEADER", "OVERLOADED", "OUTCOME_UNKNOWN", "NOT_READY", "BEHIND", "TIMEOUT", "NODE_UNREACHABLE", "INTERNAL"];
/** The task is another's now, or over. */
const gone = ["TASK_ENDED", "TASK_UNKNOWN", "NOT_ASSIGNED"];

/** Does a task that the mesh has handed over. Each report names the attempt. The first
 * says that this is where it begins: an attempt that was begun before, here or at
 * another instance, is refused (TASK_BEGUN) and goes back. The last acknowledges the
 * message too. It is said until it is taken, under a key that makes it one. */
async function task(message: Frame, work: Work, at: Session): Promise<void> {
  const given = message.body as { task: string; attempt: number; body: unknown };
  const report = { type: "task", op: "report", task: given.task, attempt: given.attempt };
  const end = async (how: object): Promise<Frame> => {
    const id = randomUUID();
    for (;;) {
      const answer = await (session ?? at).ask({ ...report, ...how, id, idempotency_key: id }, true);
      if (!later.includes(answer.code ?? "")) return answer;
      await new Promise((r) => setTimeout(r, 1_000));
    }
  };
  let answer = await at.ask({ ...report, id: randomUUID(), state: "working", begin: true });
  if (answer.type === "error" && !gone.includes(answer.code ?? "")) {
    at.send({ type: "return", id: message.id, reason: answer.error?.slice(0, 200) });
    return;
  }
  if (answer.type !== "error") {
    try {
      answer = await end({ state: "completed", result: await work.answer(given.body) });
      // A result that is not taken, such as one of more than 256 KiB, is a failure.
      if (answer.type === "error" && !gone.includes(answer.code ?? "")) throw new Error(answer.error);
    } catch (e) {
      answer = await end({ state: "failed", error: { text: sentence(e) } });
    }
  }
  if (answer.type === "error") at.send({ type: "ack", id: message.id }); // there is nothing left to do
}

const sentence = (e: unknown): string => (e instanceof Error ? e.message : String(e)).slice(0, 200) || "it failed";

const [name = "adder", to, text] = process.argv.slice(2);
const adder: Work = {
  answer(body) {
    if (!Array.isArray(body) || !body.every((x) => typeof x === "number")) throw new Error("I add numbers");
    return body.reduce((sum: number, x: number) => sum + x, 0);
  },
  done(frame) {
    console.log(`${frame.durable ? `durable ${frame.seq}` : "live"}: ${JSON.stringify(frame.body)}`);
  },
};

let unsent = to && text ? { type: "send", id: "first", to, body: text, wait: true, timeout: "30s" } : undefined;
const begin = (at: Session) => {
  if (!unsent) return;
  // Once it is written it is not written again: what came of it is answered, or unknown.
  void at.ask(unsent).then((a) => console.log(JSON.stringify({ sent: a.id, status: a.status, reply: a.body, error: a.error })));
  unsent = undefined;
};

process.once("SIGINT", () => {
  leaving = true;
  connection?.close(1000, "leaving");
  setTimeout(() => process.exit(0), 1000).unref();
});
// Pauses stay so short that a session can still be resumed after one.
for (let pause = 100, next = 0; !leaving; pause = Math.min(2 * pause, 2_000)) {
  const began = Date.now();
  const node = session?.resumable() ? session.node : nodes[next++ % nodes.length]!;
  try {
    await connect(node, name, adder, begin);
  } catch (e) {
    console.error((e as Error).message);
    process.exit(1);
  }
  if (leaving) break;
  if (Date.now() - began > 5_000) pause = 100;
  await new Promise((r) => setTimeout(r, pause * (0.5 + Math.random())));
}
