// Asks a memory server for clients of the Model Context Protocol, with the
// protocol's own client, one call after the other, and prints one JSON object
// with the time of each call in milliseconds.
//
//   peer.mjs plan.json URL               a server over streamable HTTP, with the
//                                        API key in MESHD_KEY
//   peer.mjs plan.json COMMAND ARG...    one that this starts and speaks to on
//                                        its input and output
//
// The plan: budget (ms for each operation), operations [{name, tool, calls,
// once, after}] and, if wanted, race (calls to make at the same moment, and one
// that lists what they made).
import { readFileSync } from "node:fs";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [planFile, address, ...args] = process.argv.slice(2);
const plan = JSON.parse(readFileSync(planFile, "utf8"));
const least = 3; // calls of an operation, however long they take
const patience = { timeout: 120_000 };

async function connect() {
  const client = new Client({ name: "bench", version: "1" });
  const transport = address.startsWith("https:")
    ? new StreamableHTTPClientTransport(new URL(address), { requestInit: { headers: { Authorization: `Bearer ${process.env.MESHD_KEY}` } } })
    : new StdioClientTransport({ command: address, args, env: process.env, stderr: "ignore" });
  const connection = { client, transport, closed: false };
  client.onclose = () => { connection.closed = true; };
  await client.connect(transport);
  return connection;
}

async function call(connection, tool, args) {
  const result = await connection.client.callTool({ name: tool, arguments: args }, undefined, patience);
  if (result.isError) throw new Error(JSON.stringify(result.content).slice(0, 300));
  return result;
}

async function timed(n, budget, one) {
  const ms = [];
  const end = performance.now() + budget;
  for (let i = 0; i < n && (i < least || performance.now() < end); i++) {
    const begun = performance.now();
    await one(i);
    ms.push(performance.now() - begun);
  }
  return ms;
}

function peak(pid) {
  const line = readFileSync(`/proc/${pid}/status`, "utf8").split("\n").find((l) => l.startsWith("VmHWM:"));
  return Number(line.split(/\s+/)[1]);
}

let connection = await connect();
const out = { operations: {}, peak: 0 };
out.ping = await timed(300, plan.budget, () => connection.client.ping());
for (const o of plan.operations) {
  const done = { ms: [], error: "" };
  out.operations[o.name] = done;
  const all = o.after ? out.operations[o.after].ms.length : o.once ? o.calls.length : 2000;
  const { pid } = connection.transport;
  try {
    done.ms = await timed(all, plan.budget, (i) => call(connection, o.tool, o.calls[i % o.calls.length]));
    if (pid) out.peak = Math.max(out.peak, peak(pid));
  } catch (error) {
    done.error = connection.closed ? "the client gave up the connection: " + error.message : error.message;
    if (!connection.closed && connection.transport.pid) await connection.client.close();
    connection = await connect();
  }
}
if (plan.race) {
  const races = await Promise.allSettled(plan.race.calls.map((args) => call(connection, "create_entities", args)));
  out.acknowledged = races.filter((r) => r.status === "fulfilled").length;
  const listed = await call(connection, "open_nodes", plan.race.list);
  out.kept = (listed.structuredContent ?? JSON.parse(listed.content[0].text)).entities.length;
}
await connection.client.close();
console.log(JSON.stringify(out));
