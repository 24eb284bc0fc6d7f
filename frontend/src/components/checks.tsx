// What was checked of a reply, with the hashes for those who ask.
import type { ReactNode } from 'react';
import { environment } from '@/api/environment';
import { shorten } from '@/lib/text';
import { toHex } from '@/verify/bytes';
import { Seal, Time } from './basics';

export type Check = readonly [
  title: string,
  detail: ReactNode,
  hashes: readonly (readonly [name: string, hash: string])[],
];

/** That the certificate leads to the root key. */
export const certificateCheck = (subnet: string | undefined): Check => [
  'Certificate, to the network’s root key',
  subnet
    ? `Signed by subnet ${shorten(subnet)}, to which the root key delegated.`
    : 'Signed by the root key.',
  [['root key', toHex(environment().rootKey.slice(-96))]],
];

/** That it is not an old one. */
export const freshnessCheck = (certifiedAt: bigint): Check => [
  'Fresh',
  <>
    Certified <Time ns={certifiedAt} />; older than 5 minutes is refused.
  </>,
  [],
];

export function Checks({ checks }: { checks: readonly Check[] }) {
  return (
    <details>
      <summary>What was checked</summary>
      <ul className="checks">
        {checks.map(([title, detail, hashes]) => (
          <li key={title}>
            <Seal state="verified">
              <span className="visually-hidden">verified</span>
            </Seal>
            <div className="stack-small">
              <h3>{title}</h3>
              <p className="muted">{detail}</p>
              {hashes.map(([name, hash]) => (
                <p key={name} className="hash">
                  {name} {hash}
                </p>
              ))}
            </div>
          </li>
        ))}
      </ul>
    </details>
  );
}
