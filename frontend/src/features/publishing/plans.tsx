import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type SubmitEvent } from 'react';
import { Principal } from '@icp-sdk/core/principal';
import { addPlan, retirePlan, type Plan, type PlanKind } from '@/api/registry';
import { Button, Failure, Loaded, Panel } from '@/components/basics';
import { Dialog } from '@/components/dialog';
import { SelectField, TextField } from '@/components/forms';
import { certifiedAssetQuery, plansQuery, useAssets } from '@/features/queries';
import { kindText, priceTexts } from '@/features/streams/words';
import { parseAmount } from '@/lib/amount';

const DAY_NS = 86_400_000_000_000n;
/** 10 years. */
const MAX_DAYS = 3_650;

export function Plans({ stream }: { stream: bigint }) {
  const plans = useQuery(plansQuery(stream));
  const assets = useAssets();
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
                    <Retire plan={plan} />
                  </div>
                </li>
              ))}
            </ul>
          );
        }}
      </Loaded>
      <p className="muted small">
        A plan’s terms never change. A retired one is sold no longer; licences bought stay.
      </p>
    </Panel>
  );
}

function Retire({ plan }: { plan: Plan }) {
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const retire = useMutation({
    mutationFn: () => retirePlan(plan.stream, plan.id),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['plans'] });
      setOpen(false);
    },
  });
  return (
    <Dialog
      title={`Retire “${plan.name}”?`}
      open={open}
      onOpenChange={setOpen}
      trigger={
        <Button small>
          Retire<span className="visually-hidden"> “{plan.name}”</span>
        </Button>
      }
    >
      <p>
        It is sold no longer, for good; a plan like it can be added at any time. Licences bought under it stay
        as they are.
      </p>
      {retire.error && <Failure error={retire.error} />}
      <Button look="danger" disabled={retire.isPending} onClick={() => retire.mutate()}>
        {retire.isPending ? 'Retiring…' : 'Retire it'}
      </Button>
    </Dialog>
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
  const [daysFault, setDaysFault] = useState<string>();
  const ledger = chosen ?? [...assets.keys()][0] ?? '';
  // A price is read by the decimal places that the ledger itself, certified, says it has.
  const certified = useQuery({
    ...certifiedAssetQuery(ledger),
    enabled: open && kind !== 'Free' && ledger !== '',
  });
  const asset = certified.data;
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
    if (!free && !asset) return;
    const amount = free || !asset ? undefined : parseAmount(price, asset);
    const length = Number(days.trim());
    const wrongLength =
      kind === 'Subscription' && (!Number.isInteger(length) || length < 1 || length > MAX_DAYS);
    setDaysFault(wrongLength ? `A whole number from 1 to ${MAX_DAYS}.` : undefined);
    if (amount && 'fault' in amount) setFault(amount.fault);
    if (wrongLength || (amount && 'fault' in amount)) return;
    const made: PlanKind =
      kind === 'Subscription'
        ? { Subscription: { duration_ns: BigInt(length) * DAY_NS } }
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
            fault={daysFault}
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
              unit={asset?.symbol ?? assets.get(ledger)?.symbol}
              inputMode="decimal"
              value={price}
              fault={fault}
              onChange={({ target }) => setPrice(target.value)}
            />
          </>
        )}
        {kind !== 'Free' && certified.error && !asset && (
          <Failure error={certified.error} retry={() => void certified.refetch()} />
        )}
        {add.error && <Failure error={add.error} />}
        <Button
          type="submit"
          look="main"
          disabled={add.isPending || !name.trim() || (kind !== 'Free' && !asset)}
        >
          {add.isPending ? 'Adding…' : 'Add the plan'}
        </Button>
      </form>
    </Dialog>
  );
}
