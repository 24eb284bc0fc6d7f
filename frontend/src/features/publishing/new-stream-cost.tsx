// What a new stream costs: one total before the button, what of it comes back, and in which asset.
import { useQueries, useQuery } from '@tanstack/react-query';
import { Principal } from '@icp-sdk/core/principal';
import { useState } from 'react';
import type { Asset } from '@/api/ledger';
import type { StoragePrice } from '@/api/storage';
import { Amount, Failure, Panel, Skeleton } from '@/components/basics';
import { SelectField, TextField } from '@/components/forms';
import { isEnough } from '@/features/purchase/allowance';
import { balanceQuery, certifiedAssetQuery, useAssets } from '@/features/queries';
import { MissingInAccount } from '@/features/storage/missing';
import { newStreamQuoteQuery, registryAllowanceQuery, storagePricesQuery } from '@/features/storage/queries';
import { costOf, type Cost } from '@/features/storage/quote';
import { defaultAccount } from '@/lib/account';
import { formatAmount, parseAmount } from '@/lib/amount';
import { shorten } from '@/lib/text';
import { useSession } from '@/session/session';

const isFree = ({ deposit, gib_month }: StoragePrice) => deposit === 0n && gib_month === 0n;

/** What a stream of so many contributors costs, as it is asked, chosen and typed in. */
export function useNewStreamCost(contributors: number) {
  const { principal } = useSession();
  const owner = principal ?? Principal.anonymous();
  const [chosen, setChosen] = useState<string>();
  const [prepayText, setPrepayText] = useState('');
  const prices = useQuery(storagePricesQuery);
  const accepted = prices.data?.filter((price) => price.accepted) ?? [];
  // Where no asset is taken, the registry says so.
  const free = prices.data && accepted.every(isFree);
  const ledgers = free ? [] : accepted.map((price) => price.ledger.toText());
  const balances = useQueries({ queries: ledgers.map((id) => balanceQuery(id, defaultAccount(owner))) });
  const held = ledgers.find((_, index) => (balances[index]?.data ?? 0n) > 0n);
  const ledger = ledgers.find((id) => id === chosen) ?? held ?? ledgers[0];
  const enabled = ledger !== undefined;
  const quote = useQuery({ ...newStreamQuoteQuery(owner, ledger ?? '', contributors), enabled });
  const asset = useQuery({ ...certifiedAssetQuery(ledger ?? ''), enabled });
  const allowance = useQuery({ ...registryAllowanceQuery(owner, ledger ?? ''), enabled });
  const balance = balances[ledgers.indexOf(ledger ?? '')]?.data;
  const unit = enabled ? asset.data : undefined;
  const typed: { units: bigint } | { fault: string } =
    prepayText.trim() && unit ? parseAmount(prepayText, unit) : { units: 0n };
  const given = allowance.data;
  const cost: Cost | undefined =
    enabled && quote.data && unit && given && 'units' in typed
      ? costOf(quote.data, typed.units, unit.fee, (needed) => isEnough(given, needed))
      : undefined;
  const failed = [prices, quote, asset, allowance].find(({ error, data }) => error && data === undefined);
  return {
    /** Whether storing costs nothing; absent until it is known. */
    free,
    cost,
    unit,
    balance,
    /** Whether everything shown is known, and the account has it. */
    affordable: cost !== undefined && balance !== undefined && balance >= cost.total,
    contributors,
    gibMonth: accepted.find((price) => price.ledger.toText() === ledger)?.gib_month,
    ledgers,
    ledger,
    choose: setChosen,
    prepayText,
    setPrepayText,
    prepayFault: 'fault' in typed ? typed.fault : undefined,
    failed,
  };
}

export type NewStreamCost = ReturnType<typeof useNewStreamCost>;

export function NewStreamCostPanel({ told }: { told: NewStreamCost }) {
  const assets = useAssets();
  const { free, cost, unit, balance, ledgers, ledger, failed } = told;
  if (free) return null;
  return (
    <Panel title="What it costs">
      {ledgers.length > 1 && (
        <SelectField
          label="Pay in"
          hint="The stream pays for its storage in this asset from now on."
          value={ledger}
          onChange={({ target }) => told.choose(target.value)}
        >
          {ledgers.map((id) => (
            <option key={id} value={id}>
              {assets.get(id)?.symbol ?? shorten(id)}
            </option>
          ))}
        </SelectField>
      )}
      {unit && (
        <TextField
          label="Prepaid for storage (optional)"
          unit={unit.symbol}
          inputMode="decimal"
          autoComplete="off"
          hint={
            told.gibMonth === undefined
              ? 'Publishing takes it from your prepaid balance, month by month.'
              : `Records cost ${formatAmount(told.gibMonth, unit)} for each GiB and month, from your prepaid balance: publishing needs some. What is not used can be withdrawn.`
          }
          value={told.prepayText}
          fault={told.prepayFault}
          onChange={({ target }) => told.setPrepayText(target.value)}
        />
      )}
      {failed ? (
        <Failure error={failed.error} unit={unit} retry={() => void failed.refetch()} />
      ) : cost && unit ? (
        <div className="stack" aria-live="polite">
          <Sums cost={cost} unit={unit} balance={balance} />
          {balance !== undefined && balance < cost.total && (
            <MissingInAccount units={cost.total - balance} unit={unit} ledger={cost.ledger} />
          )}
        </div>
      ) : (
        told.prepayFault === undefined && <Skeleton lines={6} />
      )}
    </Panel>
  );
}

function Sums({ cost, unit, balance }: { cost: Cost; unit: Asset; balance: bigint | undefined }) {
  const lines: [name: string, why: string, units: bigint][] = [
    ['Deposit', 'comes back when the stream is closed and its records are dropped', cost.deposit],
    ['Kept for ever', 'what proves the stream; it does not come back', cost.once],
  ];
  if (cost.prepay > 0n) lines.push(['For storage', 'into your prepaid balance', cost.prepay]);
  if (cost.fromBalance > 0n) lines.push(['From your prepaid balance', '', -cost.fromBalance]);
  return (
    <dl className="pairs amounts">
      {lines.map(([name, why, units]) => (
        <Line key={name} name={name} why={why} units={units} unit={unit} />
      ))}
      {cost.pull > 0n && (
        <>
          <Line name="The ledger’s fee for the transfer" units={cost.transferFee} unit={unit} />
          <dt>The ledger’s fee for the approval</dt>
          <dd>
            {cost.approvalFee === undefined ? (
              <span className="muted">none: approved already</span>
            ) : (
              <Amount units={cost.approvalFee} unit={unit} />
            )}
          </dd>
        </>
      )}
      <dt className="pairs-sum">Leaves your account in all</dt>
      <dd className="pairs-sum">
        <Amount units={cost.total} unit={unit} />
      </dd>
      <Line name="Of all this comes back" units={cost.comesBack} unit={unit} />
      <dt>You have</dt>
      <dd>{balance === undefined ? '…' : <Amount units={balance} unit={unit} />}</dd>
    </dl>
  );
}

function Line({ name, why, units, unit }: { name: string; why?: string; units: bigint; unit: Asset }) {
  return (
    <>
      <dt>
        {name}
        {why && <span className="small">: {why}</span>}
      </dt>
      <dd>
        <Amount units={units} unit={unit} />
      </dd>
    </>
  );
}
