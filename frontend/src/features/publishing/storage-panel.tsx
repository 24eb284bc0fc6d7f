// A stream's storage for its owner: how it stands, paying ahead, dropping what is stored.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Principal } from '@icp-sdk/core/principal';
import { useState } from 'react';
import { NotAsAsked } from '@/api/agent';
import type { Asset } from '@/api/ledger';
import type { StreamInfo } from '@/api/registry';
import { dropPayloads, extendStorage, getCertifiedStorage, type StreamStorage } from '@/api/storage';
import { Amount, Button, Failure, Loaded, Notice, Panel, Time } from '@/components/basics';
import { Dialog } from '@/components/dialog';
import { SelectField } from '@/components/forms';
import { certifiedAssetQuery } from '@/features/queries';
import { prepaidQuery } from '@/features/storage/queries';
import { DAY_NS, extensionPrice, MONTH_NS, MOST_AHEAD_NS } from '@/features/storage/quote';
import { isGone, stateText } from '@/features/storage/words';
import { TopUpLink } from '@/features/wallet/prepaid';
import { formatAmount } from '@/lib/amount';
import { size } from '@/lib/text';
import { calendarDay, nowNs } from '@/lib/time';
import { useSession } from '@/session/session';

export function StoragePanel({ info }: { info: StreamInfo }) {
  const [storage] = info.storage;
  const asset = useQuery({
    ...certifiedAssetQuery(storage?.ledger.toText() ?? ''),
    enabled: storage !== undefined,
  });
  // A stream of the first release that has not been taken over, or one that costs nothing.
  if (!storage || (storage.deposit === 0n && storage.per_month === 0n && 'Paid' in storage.state))
    return null;
  const closed = 'Closed' in info.status;
  return (
    <Panel title="Storage" aside={<span className="muted">{stateText(storage.state)}</span>}>
      {storage.suspended && (
        <Notice kind="signal" title="Suspended by governance">
          <p>It sells nothing, and only licensees and you read it.</p>
        </Notice>
      )}
      {'Expiring' in storage.state && (
        <Notice kind="signal" title="The next month could not be paid">
          <p>
            The records are dropped <Time ns={storage.paid_until} />, unless your balance has enough by then,
            or you pay ahead here.
          </p>
        </Notice>
      )}
      <Loaded query={asset} lines={4}>
        {(unit) => (
          <>
            <Standing storage={storage} closed={closed} unit={unit} />
            {!isGone(storage.state) && storage.bytes > 0n && (
              <Extend stream={info.id} ledger={storage.ledger.toText()} unit={unit} />
            )}
            {closed && !isGone(storage.state) && storage.bytes > 0n && (
              <Drop info={info} storage={storage} unit={unit} />
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function Standing({ storage, closed, unit }: { storage: StreamStorage; closed: boolean; unit: Asset }) {
  const [covered] = storage.covered_until;
  const gone = isGone(storage.state);
  return (
    <dl className="pairs pairs-stacked">
      <dt>Records stored</dt>
      <dd>
        {storage.bytes === 0n ? 'none' : size(storage.bytes)}
        {storage.bytes > 0n && storage.kept_from > 0n && `, from chunk ${storage.kept_from} on`}
      </dd>
      {!gone && storage.bytes > 0n && (
        <>
          <dt>Paid until</dt>
          <dd>
            <Until ns={storage.paid_until} />
          </dd>
          <dt>Costs</dt>
          <dd>
            <Amount units={storage.per_month} unit={unit} /> a month, from income and then from your balance
          </dd>
        </>
      )}
      {storage.from_income > 0n && (
        <>
          <dt>Taken from income so far</dt>
          <dd>
            <Amount units={storage.from_income} unit={unit} />
          </dd>
        </>
      )}
      <dt>Licences cover it</dt>
      <dd>
        {covered === undefined || covered <= nowNs() ? (
          'not at present'
        ) : (
          <>
            until <Until ns={covered} />
          </>
        )}
      </dd>
      <dt>Deposit</dt>
      <dd>
        <Deposit storage={storage} closed={closed} unit={unit} />
      </dd>
    </dl>
  );
}

/** When a paid time ends: to be read as a day, since it is years ahead. */
function Until({ ns }: { ns: bigint }) {
  return (
    <>
      {calendarDay(ns / DAY_NS)}, <Time ns={ns} />
    </>
  );
}

function Deposit({ storage, closed, unit }: { storage: StreamStorage; closed: boolean; unit: Asset }) {
  if (storage.deposit === 0n) {
    return closed ? <>came back: it is in your prepaid balance</> : <>none is held</>;
  }
  return (
    <>
      <Amount units={storage.deposit} unit={unit} />,{' '}
      {closed
        ? 'comes back once the records are dropped'
        : 'comes back once the stream is closed and its records are dropped'}
    </>
  );
}

const MONTHS = [1n, 3n, 6n, 12n, 36n];

function Extend({ stream, ledger, unit }: { stream: bigint; ledger: string; unit: Asset }) {
  const { principal } = useSession();
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const [months, setMonths] = useState('3');
  const certified = useQuery({
    queryKey: ['certified-storage', String(stream)],
    queryFn: async () => (await getCertifiedStorage(stream)) ?? null,
    enabled: open,
    staleTime: 30_000,
  });
  const balance = useQuery({ ...prepaidQuery(principal ?? Principal.anonymous(), ledger), enabled: open });
  const extend = useMutation({
    mutationFn: async ({ until, shown }: { until: bigint; shown: bigint }) => {
      // What is paid is what is stored when it is paid: looked at again, since the stream may have grown.
      const now = await getCertifiedStorage(stream);
      if (now?.ledger.toText() !== ledger || extensionPrice(now, until) > shown) {
        throw new NotAsAsked('It costs more by now than was shown.');
      }
      await extendStorage(stream, until);
    },
    onSuccess: () => setOpen(false),
    onSettled: () => queries.invalidateQueries(),
  });
  return (
    <div className="row">
      <Dialog
        title="Pay storage ahead"
        open={open}
        onOpenChange={(wanted) => {
          setOpen(wanted);
          extend.reset();
        }}
        trigger={<Button small>Pay ahead…</Button>}
      >
        <SelectField label="For" value={months} onChange={({ target }) => setMonths(target.value)}>
          {MONTHS.map((count) => (
            <option key={String(count)} value={String(count)}>
              {count === 1n ? '1 month more' : `${count} months more`} (30 days each)
            </option>
          ))}
        </SelectField>
        <Loaded query={certified} lines={3}>
          {(storage) => {
            if (!storage) return <p>There is nothing to pay.</p>;
            const latest = nowNs() + MOST_AHEAD_NS;
            const wanted = storage.paid_until + BigInt(months) * MONTH_NS;
            const until = wanted < latest ? wanted : latest;
            const price = extensionPrice(storage, until);
            const free = balance.data?.free;
            const short = free !== undefined && free < price;
            return (
              <div className="stack" aria-live="polite">
                <dl className="pairs amounts">
                  <dt>Paid now until</dt>
                  <dd>
                    <Until ns={storage.paid_until} />
                  </dd>
                  <dt>Paid then until</dt>
                  <dd>
                    <Until ns={until} />
                  </dd>
                  <dt className="pairs-sum">Leaves your prepaid balance at most</dt>
                  <dd className="pairs-sum">
                    <Amount units={price} unit={unit} />
                  </dd>
                  <dt>Free in it</dt>
                  <dd>{free === undefined ? '…' : <Amount units={free} unit={unit} />}</dd>
                </dl>
                {short && (
                  <Notice kind="signal" title="Not enough in your prepaid balance" action={<TopUpLink />}>
                    <p>
                      <Amount units={price - free} unit={unit} /> are missing, unless the stream’s income
                      makes up for it.
                    </p>
                  </Notice>
                )}
                {balance.error && <Failure error={balance.error} retry={() => void balance.refetch()} />}
                {extend.error && <Failure error={extend.error} unit={unit} />}
                <div className="row">
                  <Button
                    look="main"
                    disabled={free === undefined || extend.isPending}
                    onClick={() => extend.mutate({ until, shown: price })}
                  >
                    {extend.isPending ? 'Paying…' : `Pay ${formatAmount(price, unit)}`}
                  </Button>
                </div>
                <p className="muted small">
                  Nothing comes back of it. Trying again pays no more: a time that is paid is paid.
                </p>
              </div>
            );
          }}
        </Loaded>
      </Dialog>
    </div>
  );
}

function Drop({ info, storage, unit }: { info: StreamInfo; storage: StreamStorage; unit: Asset }) {
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const drop = useMutation({
    mutationFn: () => dropPayloads(info.id),
    onSuccess: () => setOpen(false),
    onSettled: () => queries.invalidateQueries(),
  });
  const [covered] = storage.covered_until;
  if (covered !== undefined && covered > nowNs()) {
    return (
      <p className="muted small">
        The records can be dropped <Time ns={covered} />, when no licence covers them any more.
      </p>
    );
  }
  return (
    <div className="row">
      <Dialog
        title={`Drop the records of “${info.name}”?`}
        open={open}
        onOpenChange={(wanted) => {
          setOpen(wanted);
          drop.reset();
        }}
        trigger={
          <Button look="danger" small>
            Drop the records…
          </Button>
        }
      >
        <p>The {size(storage.bytes)} of records go for good: nobody can pull them any more, you neither.</p>
        <p>
          What stays: the stream’s page, its log of hashes, and every proof. Whoever kept records can still
          prove them.
        </p>
        {storage.deposit > 0n && (
          <p>
            The deposit of <Amount units={storage.deposit} unit={unit} /> becomes free in your prepaid
            balance.
          </p>
        )}
        {drop.error && <Failure error={drop.error} unit={unit} />}
        <Button look="danger" disabled={drop.isPending} onClick={() => drop.mutate()}>
          {drop.isPending ? 'Dropping…' : 'Drop them for good'}
        </Button>
      </Dialog>
    </div>
  );
}
