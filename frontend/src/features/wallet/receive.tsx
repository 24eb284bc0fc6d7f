import { useMemo } from 'react';
import { encode } from 'uqr';
import { Copy, Panel } from '@/components/basics';
import { Faucet } from './faucet';

export function Receive({ account, symbol }: { account: string; symbol: string }) {
  return (
    <Panel title="Receive">
      <p className="muted">Your account at every ledger. Give it to whoever sends you {symbol}.</p>
      <Qr text={account} />
      <div className="row">
        <span className="num" style={{ whiteSpace: 'normal', overflowWrap: 'anywhere' }}>
          {account}
        </span>
        <Copy text={account} label="your account" />
      </div>
      <Faucet />
    </Panel>
  );
}

function Qr({ text }: { text: string }) {
  const { path, size } = useMemo(() => {
    const { data, size } = encode(text, { border: 0 });
    const cells = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])));
    return { path: cells.join(''), size };
  }, [text]);
  return (
    <svg
      className="qr"
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label="QR code of your account"
      shapeRendering="crispEdges"
    >
      <path d={path} fill="#15201e" />
    </svg>
  );
}
