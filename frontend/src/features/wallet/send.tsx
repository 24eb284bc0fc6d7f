import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type SubmitEvent } from 'react';
import { Refused } from '@/api/agent';
import { transfer, type Asset } from '@/api/ledger';
import { Amount, Button, Failure, Notice, Panel } from '@/components/basics';
import { TextField } from '@/components/forms';
import { accountText, parseAccount, type Account } from '@/lib/account';
import { parseAmount } from '@/lib/amount';
import { shorten, tag } from '@/lib/text';
import { nowNs } from '@/lib/time';

interface Order {
  to: Account;
  text: string;
  amount: bigint;
  /** Fixed when the order is made, so that a repetition is recognised and moves nothing twice. */
  createdAt: bigint;
}

export function Send({ asset, balance }: { asset: Asset; balance: bigint }) {
  const queries = useQueryClient();
  const [to, setTo] = useState('');
  const [amount, setAmount] = useState('');
  const [faults, setFaults] = useState<{ to?: string; amount?: string }>({});
  const [order, setOrder] = useState<Order>();
  const [sent, setSent] = useState<Order>();
  const send = useMutation({
    mutationFn: async (made: Order) => {
      try {
        await transfer(asset.ledger, {
          to: made.to,
          amount: made.amount,
          fee: [asset.fee],
          memo: [],
          from_subaccount: [],
          created_at_time: [made.createdAt],
        });
      } catch (error) {
        // An earlier attempt, whose answer was lost, had arrived.
        if (!(error instanceof Refused && tag(error.error as object) === 'Duplicate')) throw error;
      }
    },
    onSuccess: (_, made) => {
      setSent(made);
      setOrder(undefined);
      setTo('');
      setAmount('');
    },
    onSettled: () => queries.invalidateQueries(),
  });
  const check = (event: SubmitEvent) => {
    event.preventDefault();
    const account = parseAccount(to);
    const units = parseAmount(amount, asset);
    const next: typeof faults = {};
    if ('fault' in account) next.to = account.fault;
    if ('fault' in units) next.amount = units.fault;
    else if (units.units + asset.fee > balance) next.amount = 'More than you have, the fee included.';
    setFaults(next);
    send.reset();
    if ('account' in account && 'units' in units && !next.amount) {
      setOrder({ to: account.account, text: to.trim(), amount: units.units, createdAt: nowNs() });
    }
  };
  return (
    <Panel title="Send">
      {order ? (
        <div className="stack">
          <dl className="pairs amounts">
            <dt>To</dt>
            {/* Whole: an account made to look like another has the same beginning and end. */}
            <dd className="num" style={{ whiteSpace: 'normal', overflowWrap: 'anywhere' }}>
              {accountText(order.to)}
            </dd>
            <dt>Arrives</dt>
            <dd>
              <Amount units={order.amount} unit={asset} />
            </dd>
            <dt>The ledger’s fee</dt>
            <dd>
              <Amount units={asset.fee} unit={asset} />
            </dd>
            <dt className="pairs-sum">Leaves your account</dt>
            <dd className="pairs-sum">
              <Amount units={order.amount + asset.fee} unit={asset} />
            </dd>
          </dl>
          {send.error && <Failure error={send.error} unit={asset} />}
          <div className="row">
            <Button look="main" disabled={send.isPending} onClick={() => send.mutate(order)}>
              {send.isPending ? 'Sending…' : send.error ? 'Try again' : 'Send it'}
            </Button>
            <Button disabled={send.isPending} onClick={() => setOrder(undefined)}>
              Change
            </Button>
          </div>
          <p className="muted small">A transfer cannot be taken back. Trying again never sends it twice.</p>
        </div>
      ) : (
        <form className="stack" onSubmit={check} noValidate>
          <TextField
            label="To"
            hint="A principal or an account."
            value={to}
            fault={faults.to}
            spellCheck={false}
            autoComplete="off"
            onChange={({ target }) => setTo(target.value)}
          />
          <TextField
            label="Amount"
            unit={asset.symbol}
            inputMode="decimal"
            autoComplete="off"
            value={amount}
            fault={faults.amount}
            onChange={({ target }) => setAmount(target.value)}
          />
          <div className="row">
            <Button type="submit" look="main">
              Review
            </Button>
          </div>
        </form>
      )}
      {send.isSuccess && sent && (
        <Notice kind="verified" title="Sent">
          <p>
            <Amount units={sent.amount} unit={asset} /> arrived at{' '}
            <span className="num">{shorten(sent.text)}</span>.
          </p>
        </Notice>
      )}
    </Panel>
  );
}
