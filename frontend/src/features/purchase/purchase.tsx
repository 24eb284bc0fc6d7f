import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Principal } from '@icp-sdk/core/principal';
import { useRef, useState } from 'react';
import { environment } from '@/api/environment';
import { getAllowance } from '@/api/ledger';
import {
  getQuote,
  registryAccount,
  type AssetListing,
  type Licence,
  type Plan,
  type Quote,
} from '@/api/registry';
import { Amount, Button, Failure, Loaded, Notice, Panel, Seal, Time } from '@/components/basics';
import { SelectField } from '@/components/forms';
import { assetQuery, balanceQuery, useAssets } from '@/features/queries';
import { kindText } from '@/features/streams/words';
import { Faucet } from '@/features/wallet/faucet';
import { defaultAccount } from '@/lib/account';
import { useSession } from '@/session/session';
import { complete, isFinal, type PurchaseStep } from './complete';
import { newNote, openNote, saveNote, type PurchaseNote } from './note';

export function Purchase({ plan, streamName }: { plan: Plan; streamName: string }) {
  const { principal } = useSession();
  const { registry } = environment();
  const buyer = principal?.toText() ?? '';
  const queries = useQueryClient();
  const assets = useAssets();
  const [ledger, setLedger] = useState(() => plan.prices[0]?.ledger.toText());
  const [open, setOpen] = useState(() => openNote(localStorage, registry, buyer, plan.id));
  const [step, setStep] = useState<PurchaseStep>();
  const [failure, setFailure] = useState<unknown>();
  const [licence, setLicence] = useState<Licence>();
  const running = useRef(false);

  const run = async (note: PurchaseNote) => {
    if (running.current) return;
    running.current = true;
    setFailure(undefined);
    setOpen(note);
    try {
      setLicence(await complete(note, { storage: localStorage, onStep: setStep }));
      setOpen(undefined);
    } catch (error) {
      setFailure(error);
      setStep(undefined);
      if (isFinal(error)) setOpen(undefined);
    } finally {
      running.current = false;
      void queries.invalidateQueries();
    }
  };
  const begin = (quote: Quote) => {
    const note = newNote(registry, buyer, quote);
    saveNote(localStorage, note);
    void run(note);
  };

  const unit = ledger === undefined ? undefined : assets.get(ledger);
  if (licence) return <Bought licence={licence} unit={unit} streamName={streamName} />;
  return (
    <div className="stack">
      {open && step === undefined && (
        <Notice
          kind="signal"
          title="A purchase of this plan is not finished"
          action={
            <Button look="main" onClick={() => void run(open)}>
              Continue
            </Button>
          }
        >
          <p>
            It was begun here before. Continuing asks for that very purchase again: you get the licence, and
            pay once.
          </p>
        </Notice>
      )}
      {failure !== undefined && (
        <Failure error={failure} unit={unit} retry={open && (() => void run(open))} retryLabel="Continue" />
      )}
      {step !== undefined && <Steps step={step} paid={ledger !== undefined} />}
      {step === undefined && !open && (
        <>
          {plan.prices.length > 1 && (
            <SelectField label="Pay in" value={ledger} onChange={({ target }) => setLedger(target.value)}>
              {plan.prices.map((price) => (
                <option key={price.ledger.toText()} value={price.ledger.toText()}>
                  {assets.get(price.ledger.toText())?.symbol ?? price.ledger.toText()}
                </option>
              ))}
            </SelectField>
          )}
          <Offer plan={plan} streamName={streamName} ledger={ledger} unit={unit} onBuy={begin} />
        </>
      )}
    </div>
  );
}

function Offer({
  plan,
  streamName,
  ledger,
  unit,
  onBuy,
}: {
  plan: Plan;
  streamName: string;
  ledger: string | undefined;
  unit: AssetListing | undefined;
  onBuy: (quote: Quote) => void;
}) {
  const { principal } = useSession();
  const owner = principal ?? Principal.anonymous();
  const quote = useQuery({
    queryKey: ['quote', String(plan.id), ledger],
    queryFn: () => getQuote(plan.id, ledger === undefined ? undefined : Principal.fromText(ledger)),
  });
  const asset = useQuery({ ...assetQuery(ledger ?? ''), enabled: ledger !== undefined });
  const balance = useQuery({
    ...balanceQuery(ledger ?? '', defaultAccount(owner)),
    enabled: ledger !== undefined,
  });
  const allowance = useQuery({
    queryKey: ['allowance', ledger, owner.toText()],
    queryFn: () => getAllowance(ledger ?? '', defaultAccount(owner), registryAccount()),
    enabled: ledger !== undefined,
  });
  return (
    <Panel title={plan.name} aside={<span className="muted">{kindText(plan.kind)}</span>}>
      <p className="muted">Licence to “{streamName}”.</p>
      <Loaded query={quote} lines={4}>
        {(offer) => {
          const free = ledger === undefined;
          const enough = (allowance.data?.allowance ?? 0n) >= offer.allowance;
          const approvalFee = free || enough ? 0n : (asset.data?.fee ?? offer.ledger_fee);
          const total = offer.price + offer.ledger_fee + approvalFee;
          const short = balance.data !== undefined && balance.data < total;
          const known = free || (balance.data !== undefined && allowance.data !== undefined);
          return (
            <>
              {!free && (
                <dl className="pairs amounts">
                  <dt>Price</dt>
                  <dd>
                    <Amount units={offer.price} unit={unit} />
                  </dd>
                  <dt>The ledger’s fee for the transfer</dt>
                  <dd>
                    <Amount units={offer.ledger_fee} unit={unit} />
                  </dd>
                  <dt>The ledger’s fee for the approval</dt>
                  <dd>
                    {enough ? (
                      <span className="muted">none: approved already</span>
                    ) : (
                      <Amount units={approvalFee} unit={unit} />
                    )}
                  </dd>
                  <dt className="pairs-sum">Leaves your account in all</dt>
                  <dd className="pairs-sum">
                    <Amount units={total} unit={unit} />
                  </dd>
                  <dt>You have</dt>
                  <dd>{balance.data === undefined ? '…' : <Amount units={balance.data} unit={unit} />}</dd>
                </dl>
              )}
              {short && (
                <Notice kind="signal" title="Not enough in your account">
                  <p>
                    <Amount units={total - balance.data} unit={unit} /> are missing. Send some to your account
                    (see <Link to="/wallet">your wallet</Link>)
                    {environment().faucetSeed ? ', or take test tokens:' : '.'}
                  </p>
                  <Faucet />
                </Notice>
              )}
              <div className="row">
                <Button look="main" disabled={!known || short} onClick={() => onBuy(offer)}>
                  {free ? 'Get the licence' : <>Approve and buy</>}
                </Button>
                <span className="muted small">The licence is yours at once, and certified.</span>
              </div>
            </>
          );
        }}
      </Loaded>
    </Panel>
  );
}

const ORDER: PurchaseStep[] = ['checking', 'approving', 'buying', 'done'];
const TEXTS: [PurchaseStep, string][] = [
  ['approving', 'Allow the registry to take the price'],
  ['buying', 'Pay and get the licence, in one step'],
];

function Steps({ step, paid }: { step: PurchaseStep; paid: boolean }) {
  const at = ORDER.indexOf(step === 'asking-again' ? 'buying' : step);
  return (
    <Panel title="Buying">
      <ol className="steps" aria-live="polite">
        {TEXTS.filter(([name]) => paid || name !== 'approving').map(([name, text], index) => {
          const position = ORDER.indexOf(name);
          const state =
            position < at
              ? 'done'
              : position === at || (step === 'checking' && index === 0)
                ? 'active'
                : 'waiting';
          return (
            <li key={name} data-state={state}>
              <span className="mark" aria-hidden="true">
                {state === 'done' ? '✓' : index + 1}
              </span>
              <span>
                {text}
                {state === 'active' && (
                  <span className="muted">
                    {step === 'asking-again'
                      ? ' … the connection was lost; asking again for the same purchase'
                      : ' …'}
                  </span>
                )}
              </span>
            </li>
          );
        })}
      </ol>
      <p className="muted small">
        You may close this page: what was begun is written down, and cannot be paid twice.
      </p>
    </Panel>
  );
}

function Bought({
  licence,
  unit,
  streamName,
}: {
  licence: Licence;
  unit: AssetListing | undefined;
  streamName: string;
}) {
  const ends = licence.expires_at[0];
  return (
    <Panel title={`Licence ${licence.id} is yours`} aside={<Seal state="verified">Paid once</Seal>}>
      <dl className="pairs">
        <dt>Stream</dt>
        <dd>{streamName}</dd>
        <dt>Price paid</dt>
        <dd>{licence.price === 0n ? 'nothing' : <Amount units={licence.price} unit={unit} />}</dd>
        <dt>Ends</dt>
        <dd>{ends === undefined ? 'never' : <Time ns={ends} />}</dd>
      </dl>
      <div className="row">
        <Link className="button button-main" to="/streams/$stream" params={{ stream: licence.stream }}>
          Watch it live
        </Link>
        <Link className="button" to="/licences">
          My licences
        </Link>
      </div>
    </Panel>
  );
}
