import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type SubmitEvent } from 'react';
import { Principal } from '@icp-sdk/core/principal';
import { addPlan, retirePlan, type PlanKind } from '@/api/registry';
import { Button, Failure, Loaded, Panel } from '@/components/basics';
import { Dialog } from '@/components/dialog';
import { SelectField, TextField } from '@/components/forms';
import { plansQuery, useAssets } from '@/features/queries';
import { kindText, priceTexts } from '@/features/streams/words';
import { parseAmount } from '@/lib/amount';

const DAY_NS = 86_400_000_000_000n;

export function Plans({ stream }: { stream: bigint }) {
  const plans = useQuery(plansQuery(stream));
  const assets = useAssets();
  const queries = useQueryClient();
  const retire = useMutation({
    mutationFn: (plan: bigint) => retirePlan(stream, plan),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['plans'] }),
  });
  return (
    <Panel title="Plans" aside={<NewPlan stream={stream} />}>
      <Loaded query={plans}>
        {(all) => {
          const offered = all.filter((plan) => plan.offered);
          if (offered.length === 0) {
            return <p className="muted">Nothing is sold yet. Add a plan, and buyers can get a licence.</p>;
          }
          return (
            <ul className="list">
              {offered.map((plan) => (
                <li key={String(plan.id)} className="row row-between">
                  <div>
                    <strong>{plan.name}</strong>
                    <p className="muted small">{kindText(plan.kind)}</p>
                  </div>
                  <div className="row">
                    <span className="num">{priceTexts(plan, assets).join(' or ') || 'Free'}</span>
                    <Button small disabled={retire.isPending} onClick={() => retire.mutate(plan.id)}>
                      Retire<span className="visually-hidden"> “{plan.name}”</span>
                    </Button>
                  </div>
                </li>
              ))}
            </ul>
          );
        }}
      </Loaded>
      {retire.error && <Failure error={retire.error} />}
      <p className="muted small">
        A plan’s terms never change. A retired one is sold no longer; licences bought stay.
      </p>
    </Panel>
  );
}

function NewPlan({ stream }: { stream: bigint }) {
  const assets = useAssets();
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const [name, setName] = useState('');
  const [kind, setKind] = useState<'Subscription' | 'Perpetual' | 'Free'>('Subscription');
  const [days, setDays] = useState('30');
  const [price, setPrice] = useState('');
  const [chosen, setChosen] = useState<string>();
  const [fault, setFault] = useState<string>();
  const ledger = chosen ?? [...assets.keys()][0] ?? '';
  const asset = assets.get(ledger);
  const add = useMutation({
    mutationFn: addPlan,
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['plans'] });
      setOpen(false);
      setName('');
      setPrice('');
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    setFault(undefined);
    const free = kind === 'Free';
    const amount = free || !asset ? undefined : parseAmount(price, asset);
    if (amount && 'fault' in amount) {
      setFault(amount.fault);
      return;
    }
    const made: PlanKind =
      kind === 'Subscription'
        ? { Subscription: { duration_ns: BigInt(Math.max(1, Math.round(Number(days) || 0))) * DAY_NS } }
        : kind === 'Free'
          ? { Free: null }
          : { Perpetual: null };
    add.mutate({
      stream,
      name: name.trim(),
      kind: made,
      prices: amount ? [{ ledger: Principal.fromText(ledger), amount: amount.units }] : [],
    });
  };
  return (
    <Dialog title="Add a plan" open={open} onOpenChange={setOpen} trigger={<Button small>Add a plan</Button>}>
      <form className="stack" onSubmit={submit} noValidate>
        <TextField
          label="Name"
          hint="For buyers, for example: one month"
          value={name}
          onChange={({ target }) => setName(target.value)}
        />
        <SelectField
          label="Sells"
          value={kind}
          onChange={({ target }) => setKind(target.value as typeof kind)}
        >
          <option value="Subscription">everything, for a time</option>
          <option value="Perpetual">everything, for ever</option>
          <option value="Free">everything, free for everyone</option>
        </SelectField>
        {kind === 'Subscription' && (
          <TextField
            label="Time"
            unit="days"
            inputMode="numeric"
            value={days}
            onChange={({ target }) => setDays(target.value)}
          />
        )}
        {kind !== 'Free' && (
          <>
            {assets.size > 1 && (
              <SelectField label="Asset" value={ledger} onChange={({ target }) => setChosen(target.value)}>
                {[...assets].map(([id, { symbol }]) => (
                  <option key={id} value={id}>
                    {symbol}
                  </option>
                ))}
              </SelectField>
            )}
            <TextField
              label="Price"
              unit={asset?.symbol}
              inputMode="decimal"
              value={price}
              fault={fault}
              onChange={({ target }) => setPrice(target.value)}
            />
          </>
        )}
        {add.error && <Failure error={add.error} />}
        <Button type="submit" look="main" disabled={add.isPending || !name.trim()}>
          {add.isPending ? 'Adding…' : 'Add the plan'}
        </Button>
      </form>
    </Dialog>
  );
}
