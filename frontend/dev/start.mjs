// `npm run network`: a local network with both canisters, the real feed and a faucet, until Ctrl-C.
import { startNetwork } from './network.mjs';
import { seed } from './seed.mjs';

const network = await startNetwork();
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    stop.abort();
    network.stop();
    process.exit(0);
  });
}
const { live } = await seed(network);
console.log(`network   ${network.url}`);
console.log(`registry  ${network.registry}`);
console.log(`ledger    ${network.ledger}`);
console.log(
  'Now `npm run dev` in another terminal. An earthquake arrives every 5 seconds; Ctrl-C ends the network.',
);
await live({ signal: stop.signal });
