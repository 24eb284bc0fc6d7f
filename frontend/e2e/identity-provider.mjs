// A stand-in for Internet Identity: a page that speaks its protocol (ICRC-29 heartbeat, ICRC-34 delegation) over postMessage, and delegates
// from a key of its own. The real one cannot be reached from where the journeys run.
import { createServer } from 'node:http';
import { DelegationChain, Ed25519KeyIdentity } from '@icp-sdk/core/identity';

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8" />
<title>Identity provider of the journeys</title>
<h1>Sign in?</h1>
<button id="go" disabled>Continue</button>
<button id="no" disabled>Cancel</button>
<script type="module">
  let asked;
  const answer = (event, body) => event.source.postMessage({ jsonrpc: '2.0', id: event.data.id, ...body }, event.origin);
  addEventListener('message', (event) => {
    if (event.source !== window.opener || event.data?.jsonrpc !== '2.0') return;
    if (event.data.method === 'icrc29_status') answer(event, { result: 'ready' });
    if (event.data.method !== 'icrc34_delegation') return;
    asked = event;
    for (const button of document.querySelectorAll('button')) button.disabled = false;
  });
  document.getElementById('go').addEventListener('click', async () => {
    const reply = await fetch('/delegate', { method: 'POST', body: JSON.stringify(asked.data.params) });
    answer(asked, { result: await reply.json() });
  });
  document.getElementById('no').addEventListener('click', () =>
    answer(asked, { error: { code: 3001, message: 'Action aborted' } }),
  );
</script>
</html>`;

const base64 = (bytes) => Buffer.from(bytes).toString('base64');

/** Starts one; its delegations last `lifetimeMs`, and never longer than was asked for. */
export async function startIdentityProvider() {
  const identity = Ed25519KeyIdentity.generate();
  const provider = { lifetimeMs: 3_600_000, principal: identity.getPrincipal().toText() };
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
      response.end(request.url === '/authorize' ? PAGE : '');
      return;
    }
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      void delegate(JSON.parse(Buffer.concat(parts).toString('utf8'))).then((result) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(result));
      });
    });
  });
  const delegate = async ({ publicKey, maxTimeToLive }) => {
    const lifetime = Math.min(provider.lifetimeMs, Number(BigInt(maxTimeToLive ?? 2n ** 60n) / 1_000_000n));
    // The chain is for whatever key the page made; only its DER is needed.
    const session = { toDer: () => new Uint8Array(Buffer.from(publicKey, 'base64')) };
    const chain = await DelegationChain.create(identity, session, new Date(Date.now() + lifetime));
    return {
      publicKey: base64(chain.publicKey),
      signerDelegation: chain.delegations.map(({ delegation, signature }) => ({
        delegation: { pubkey: base64(delegation.pubkey), expiration: String(delegation.expiration) },
        signature: base64(signature),
      })),
    };
  };
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(provider, {
    url: `http://127.0.0.1:${server.address().port}/authorize`,
    stop: () => server.close(),
  });
}
