// Whoever stands between the page and the network: forwards everything, and may forge, delay or lose what it carries.
import { createServer, request } from 'node:http';
import { Cbor } from '@icp-sdk/core/agent';

/** Starts one in front of `upstream`; `faults` say what it does wrong, method by method. */
export async function startProxy(upstream) {
  const faults = {
    forge: new Map(),
    loseReply: new Set(),
    drop: new Set(),
    delayMs: new Map(),
    offline: false,
  };
  const seen = [];
  const server = createServer((incoming, outgoing) => {
    const parts = [];
    incoming.on('data', (part) => parts.push(part));
    incoming.on('end', () => {
      const body = Buffer.concat(parts);
      const method = methodOf(body);
      if (method) seen.push(method);
      if (faults.offline || faults.drop.has(method)) return void incoming.socket.destroy();
      setTimeout(
        () => forward({ upstream, incoming, outgoing, body, method, faults }),
        faults.delayMs.get(method) ?? 0,
      );
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, faults, seen, stop: () => server.close() };
}

function forward({ upstream, incoming, outgoing, body, method, faults }) {
  const target = new URL(incoming.url, upstream);
  const { host: _, connection: __, ...headers } = incoming.headers;
  const passed = request(target, { method: incoming.method, headers }, (reply) => {
    const parts = [];
    reply.on('data', (part) => parts.push(part));
    reply.on('end', () => {
      if (faults.loseReply.has(method) || faults.offline) return void incoming.socket.destroy();
      let answer = Buffer.concat(parts);
      const forge = faults.forge.get(method);
      if (forge && reply.statusCode === 200) answer = Buffer.from(forged(answer, forge));
      const { 'content-length': ___, 'transfer-encoding': ____, ...rest } = reply.headers;
      outgoing.writeHead(reply.statusCode, { ...rest, 'content-length': answer.length });
      outgoing.end(answer);
    });
  });
  passed.on('error', () => incoming.socket.destroy());
  passed.end(body);
}

function methodOf(body) {
  if (body.length === 0) return undefined;
  try {
    return Cbor.decode(new Uint8Array(body)).content?.method_name;
  } catch {
    return undefined;
  }
}

/** A query's reply with its argument changed; whatever signed it stays as it was. */
function forged(bytes, forge) {
  const reply = Cbor.decode(new Uint8Array(bytes));
  if (reply.reply?.arg) reply.reply.arg = forge(Uint8Array.from(reply.reply.arg));
  return Cbor.encode(reply);
}

/** Changes one byte after the last place where `text` stands. */
export function alterAfter(text) {
  return (arg) => {
    const at = Buffer.from(arg).lastIndexOf(text);
    if (at < 0) throw new Error(`the reply does not hold ${text}`);
    arg[at + text.length] ^= 1;
    return arg;
  };
}
