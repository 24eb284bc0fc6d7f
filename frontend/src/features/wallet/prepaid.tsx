// The prepaid balance at the registry, which pays for what streams store: what is in it, topping it up, withdrawing from it.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Principal } from '@icp-sdk/core/principal';
import { useRef, useState, type ReactNode, type SubmitEvent } from 'react';
import { CallFailed } from '@/api/agent';
import { environment } from '@/api/environment';
import type { Asset } from '@/api/ledger';
import { withdraw, type PrepaidBalance } from '@/api/storage';
import { Amount, Button, Failure, Loaded, Notice, Panel } from '@/components/basics';
import { TextField } from '@/components/forms';
import { isEnough } from '@/features/purchase/allowance';
import { balanceQuery } from '@/features/queries';
import { MissingInAccount } from '@/features/storage/missing';
import { prepaidQuery, registryAllowanceQuery, storagePricesQuery } from '@/features/storage/queries';
import { PaySteps } from '@/features/storage/steps';
import { defaultAccount } from '@/lib/account';
import { parseAmount } from '@/lib/amount';
import { useSession } from '@/session/session';
import {
  completeTopUp,
  forgetTopUp,
  isTopUpOver,
  newTopUp,
  openTopUp,
  saveTopUp,
  type TopUpNote,
  type TopUpStep,
} from './top-up';

export function Prepaid({ asset }: { asset: Asset }) {
  const { principal } = useSession();
  const owner = principal ?? Principal.anonymous();
  const balance = useQuery(prepaidQuery(owner, asset.ledger));
  const prices = useQuery(storagePricesQuery);
  // Where storage costs nothing in it, and nothing was ever put in, there is nothing to tell.
  const price = prices.data?.find(
    ({ ledger, deposit, gib_month }) => ledger.toText() === asset.ledger && deposit + gib_month > 0n,
  );
  if (!price && !(balance.data && balance.data.topped_up > 0n)) return null;
  return (
    <Panel title="Prepaid for storage" aside={<span className="muted">at the registry</span>}>
      <Loaded query={balance} lines={5}>
        {(known) => (
          <>
            <Parts balance={known} asset={asset} />
            {price && <TopUp owner={owner} asset={asset} />}
            {known.free > 0n && <Withdraw balance={known} asset={asset} />}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function Parts({ balance, asset }: { balance: PrepaidBalance; asset: Asset }) {
  const parts: [name: string, units: bigint, always: boolean][] = [
    ['Free: pays for storage, or is withdrawn', balance.free, true],
    ['In deposits: comes back when streams are closed and their records dropped', balance.set_aside, true],
    ['Spent on storage', balance.charged, true],
    ['On its way to your account', balance.withdrawing, false],
    ['Withdrawn, fees within it', balance.withdrawn, false],
    ['Topped up in all', balance.topped_up, false],
  ];
  return (
    <dl className="pairs amounts">
      {parts
        .filter(([, units, always]) => always || units > 0n)
        .map(([name, units]) => (
          <Part key={name} name={name}>
            <Amount units={units} unit={asset} />
          </Part>
        ))}
    </dl>
  );
}

function Part({ name, children }: { name: ReactNode; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

const STEPS = [
  'Ask the registry to take it',
  'Allow the registry to take the amount',
  'Pay it into the balance',
];

function TopUp({ owner, asset }: { owner: Principal; asset: Asset }) {
  const queries = useQueryClient();
  const about = { registry: environment().registry, owner: owner.toText(), ledger: asset.ledger };
  const [text, setText] = useState('');
  const [fault, setFault] = useState<string>();
  const [order, setOrder] = useState<bigint>();
  const [open, setOpen] = useState(() => openTopUp(localStorage, about));
  const [running, setRunning] = useState<{ note: TopUpNote; at: number; again: boolean }>();
  const [failure, setFailure] = useState<unknown>();
  const [paid, setPaid] = useState<bigint>();
  const [approved, setApproved] = useState(false);
  const busy = useRef(false);

  const run = async (note: TopUpNote) => {
    if (busy.current) return;
    busy.current = true;
    setFailure(undefined);
    setPaid(undefined);
    setApproved(false);
    setOrder(undefined);
    let at = 0;
    const onStep = (step: TopUpStep) => {
      if (step === 'approving') at = 1;
      else if (step === 'paying' && at === 1) at = 2;
      setRunning({ note, at, again: step === 'asking-again' });
    };
    try {
      await completeTopUp(note, { storage: localStorage, onStep });
      setPaid(BigInt(note.amount));
      setText('');
    } catch (error) {
      setFailure(error);
      setApproved(isTopUpOver(error) && note.approval !== undefined);
    } finally {
      busy.current = false;
      setRunning(undefined);
      setOpen(openTopUp(localStorage, about));
      void queries.invalidateQueries();
    }
  };
  const begin = (amount: bigint, approvalFee: bigint | undefined) => {
    // Another tab may have begun one meanwhile: that one is gone on with, so that none is forgotten.
    const begun = openTopUp(localStorage, about);
    setOpen(begun);
    if (begun) return;
    const note = newTopUp(about, amount, asset.fee, approvalFee);
    saveTopUp(localStorage, note);
    void run(note);
  };
  const review = (event: SubmitEvent) => {
    event.preventDefault();
    const parsed = parseAmount(text, asset);
    setFault('fault' in parsed ? parsed.fault : undefined);
    setPaid(undefined);
    setFailure(undefined);
    if ('units' in parsed) setOrder(parsed.units);
  };
  if (running) {
    return (
      <PaySteps steps={STEPS} at={running.at} again={running.again}>
        <Amount units={BigInt(running.note.amount)} unit={asset} /> into your prepaid balance.
      </PaySteps>
    );
  }
  return (
    <>
      {failure !== undefined && <Failure error={failure} unit={asset} />}
      {approved && (
        <Notice kind="signal" title="The approval stays">
          <p>
            The registry may still take what you approved, for something of yours alone. Topping up again uses
            it; under “Allowances given” you revoke it.
          </p>
        </Notice>
      )}
      {open && (
        <Notice
          kind="signal"
          title="A top-up is not finished"
          action={
            <>
              <Button look="main" onClick={() => void run(open)}>
                Continue
              </Button>
              {/* Without an approval of its own nothing can have been taken for it that was not allowed before. */}
              {open.approval === undefined && open.approvalFee !== undefined && (
                <Button
                  onClick={() => {
                    forgetTopUp(localStorage, open);
                    setOpen(undefined);
                    setFailure(undefined);
                  }}
                >
                  Give it up
                </Button>
              )}
            </>
          }
        >
          <p>
            <Amount units={BigInt(open.amount)} unit={asset} />. Whether it was taken is not known here.
            Continuing asks for that very top-up again: it is paid once.
          </p>
        </Notice>
      )}
      {paid !== undefined && (
        <Notice kind="verified" title="Topped up">
          <p>
            <Amount units={paid} unit={asset} /> are in your prepaid balance.
          </p>
        </Notice>
      )}
      {!open && order === undefined && (
        <form className="stack" onSubmit={review} noValidate>
          <TextField
            label="Top up by"
            unit={asset.symbol}
            inputMode="decimal"
            autoComplete="off"
            value={text}
            fault={fault}
            onChange={({ target }) => setText(target.value)}
          />
          <div className="row">
            <Button type="submit">Review the top-up</Button>
          </div>
        </form>
      )}
      {!open && order !== undefined && (
        <Review
          owner={owner}
          asset={asset}
          amount={order}
          onPay={begin}
          onChange={() => setOrder(undefined)}
        />
      )}
    </>
  );
}

function Review({
  owner,
  asset,
  amount,
  onPay,
  onChange,
}: {
  owner: Principal;
  asset: Asset;
  amount: bigint;
  onPay: (amount: bigint, approvalFee: bigint | undefined) => void;
  onChange: () => void;
}) {
  const account = useQuery(balanceQuery(asset.ledger, defaultAccount(owner)));
  const allowance = useQuery(registryAllowanceQuery(owner, asset.ledger));
  return (
    <Loaded query={allowance} lines={4}>
      {(given) => {
        const needed = amount + asset.fee;
        const approvalFee = isEnough(given, needed) ? undefined : asset.fee;
        const total = needed + (approvalFee ?? 0n);
        const short = account.data !== undefined && account.data < total;
        return (
          <div className="stack" aria-live="polite">
            <dl className="pairs amounts">
              <Part name="Into your prepaid balance; can be withdrawn">
                <Amount units={amount} unit={asset} />
              </Part>
              <Part name="The ledger’s fee for the transfer">
                <Amount units={asset.fee} unit={asset} />
              </Part>
              <Part name="The ledger’s fee for the approval">
                {approvalFee === undefined ? (
                  <span className="muted">none: approved already</span>
                ) : (
                  <Amount units={approvalFee} unit={asset} />
                )}
              </Part>
              <dt className="pairs-sum">Leaves your account in all</dt>
              <dd className="pairs-sum">
                <Amount units={total} unit={asset} />
              </dd>
            </dl>
            {short && <MissingInAccount units={total - account.data} unit={asset} ledger={asset.ledger} />}
            <div className="row">
              <Button
                look="main"
                disabled={account.data === undefined || short}
                onClick={() => onPay(amount, approvalFee)}
              >
                Top up
              </Button>
              <Button onClick={onChange}>Change</Button>
            </div>
          </div>
        );
      }}
    </Loaded>
  );
}

function Withdraw({ balance, asset }: { balance: PrepaidBalance; asset: Asset }) {
  const queries = useQueryClient();
  const [text, setText] = useState('');
  const [fault, setFault] = useState<string>();
  const [order, setOrder] = useState<bigint>();
  const send = useMutation({
    mutationFn: (amount: bigint) =>
      withdraw({ ledger: Principal.fromText(asset.ledger), amount: [amount], to_subaccount: [] }),
    onSuccess: () => setText(''),
    onSettled: () => {
      setOrder(undefined);
      void queries.invalidateQueries();
    },
  });
  const check = (amount: bigint) => {
    if (amount > balance.free) setFault('More than is free.');
    else if (amount <= asset.fee) setFault('Not more than the ledger’s fee.');
    else setOrder(amount);
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    send.reset();
    setFault(undefined);
    const parsed = parseAmount(text, asset);
    if ('fault' in parsed) setFault(parsed.fault);
    else check(parsed.units);
  };
  const lost = send.error instanceof CallFailed && send.error.outcome === 'unknown';
  return (
    <>
      {order === undefined ? (
        <form className="stack" onSubmit={submit} noValidate>
          <TextField
            label="Withdraw"
            unit={asset.symbol}
            hint="To your own account."
            inputMode="decimal"
            autoComplete="off"
            value={text}
            fault={fault}
            onChange={({ target }) => setText(target.value)}
          />
          <div className="row">
            <Button type="submit">Review the withdrawal</Button>
            <Button
              onClick={() => {
                send.reset();
                setFault(undefined);
                check(balance.free);
              }}
            >
              All that is free
            </Button>
          </div>
        </form>
      ) : (
        <div className="stack" aria-live="polite">
          <dl className="pairs amounts">
            <Part name="Leaves the prepaid balance">
              <Amount units={order} unit={asset} />
            </Part>
            <Part name="The ledger’s fee, within it">
              <Amount units={asset.fee} unit={asset} />
            </Part>
            <dt className="pairs-sum">Arrives in your account</dt>
            <dd className="pairs-sum">
              <Amount units={order - asset.fee} unit={asset} />
            </dd>
          </dl>
          <div className="row">
            <Button look="main" disabled={send.isPending} onClick={() => send.mutate(order)}>
              {send.isPending ? 'Withdrawing…' : 'Withdraw it'}
            </Button>
            <Button disabled={send.isPending} onClick={() => setOrder(undefined)}>
              Change
            </Button>
          </div>
        </div>
      )}
      {send.error && lost && (
        <Notice kind="failed" title="Whether it was withdrawn is not known">
          <p>
            The call was sent, and its answer was lost. It can only have gone to your own account. Look at
            what is free here before you withdraw again: that would be another withdrawal.
          </p>
        </Notice>
      )}
      {send.error && !lost && <Failure error={send.error} unit={asset} />}
      {send.data && (
        <Notice kind="verified" title="Withdrawn">
          <p>
            <Amount units={send.data.amount} unit={asset} /> arrived in your account.
          </p>
        </Notice>
      )}
    </>
  );
}

/** Leads to where a balance is topped up. */
export function TopUpLink() {
  return (
    <Link className="button button-small" to="/wallet">
      Top up in your wallet
    </Link>
  );
}
