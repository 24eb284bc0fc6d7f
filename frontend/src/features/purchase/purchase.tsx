import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Principal } from '@icp-sdk/core/principal';
import { useRef, useState, type ReactNode } from 'react';
import { environment } from '@/api/environment';
import { getAllowance, type Asset } from '@/api/ledger';
import {
  getQuote,
  registryAccount,
  type Licence,
  type Plan,
  type Quote,
  type StreamInfo,
} from '@/api/registry';
import { Amount, Button, Failure, Id, Loaded, Notice, Panel, Seal, Time } from '@/components/basics';
import { SelectField } from '@/components/forms';
import { balanceQuery, certifiedAssetQuery, useAssets } from '@/features/queries';
import { kindText } from '@/features/streams/words';
import { Faucet } from '@/features/wallet/faucet';
import { defaultAccount } from '@/lib/account';
import { legible } from '@/lib/text';
import { useSession } from '@/session/session';
import { complete, isFinal, type PurchaseStep } from './complete';
import { newNote, openNote, saveNote, type PurchaseNote } from './note';
import { checkedQuote } from './terms';

export function Purchase(told: { plan: Plan; info: StreamInfo }) {
  // What is shown is what is agreed to: it stays as it was first told, whatever is answered later.
  const [{ plan, info }] = useState(told);
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
  /** An approval was made for a purchase that came to nothing. */
  const [approved, setApproved] = useState(false);
  const running = useRef(false);

  const run = async (note: PurchaseNote) => {
    if (running.current) return;
    running.current = true;
    setFailure(undefined);
    setApproved(false);
    setOpen(note);
    try {
      setLicence(await complete(note, { storage: localStorage, onStep: setStep }));
      setOpen(undefined);
    } catch (error) {
      setFailure(error);
      setStep(undefined);
      if (isFinal(error)) {
        setOpen(undefined);
        setApproved(note.approval !== undefined);
      }
    } finally {
      running.current = false;
      void queries.invalidateQueries();
    }
  };
  const begin = (quote: Quote, approvalFee: bigint | undefined) => {
    // Another tab may have begun it meanwhile: that one is gone on with, so that none is forgotten.
    const begun = openNote(localStorage, registry, buyer, plan.id);
    if (begun) {
      setOpen(begun);
      return;
    }
    const note = newNote(registry, buyer, quote, approvalFee);
    saveNote(localStorage, note);
    void run(note);
  };

  // Amounts are written as the ledger itself, certified, says that they are.
  const paidIn = open ? open.ledger : ledger;
  const asset = useQuery({ ...certifiedAssetQuery(paidIn ?? ''), enabled: paidIn !== undefined });
  const unit = paidIn === undefined ? undefined : asset.data;
  const streamName = info.name;
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
            Licence to “{streamName}”, {plan.name}
            {open.ledger !== undefined && (
              <>
                , for <Amount units={BigInt(open.price)} unit={unit} />
              </>
            )}
            . It was begun here before. Continuing asks for that very purchase again: you get the licence, and
            pay once.
          </p>
        </Notice>
      )}
      {failure !== undefined && (
        <Failure error={failure} unit={unit} retry={open && (() => void run(open))} retryLabel="Continue" />
      )}
      {approved && (
        <Notice kind="signal" title="The approval stays">
          <p>
            The registry may still take what you approved, for a purchase of yours alone. Buying again uses
            it; <Link to="/wallet">your wallet</Link> revokes it.
          </p>
        </Notice>
      )}
      {step !== undefined && (
        <Steps step={step} paid={ledger !== undefined}>
          Licence to “{streamName}”, {plan.name}
          {open?.ledger !== undefined && (
            <>
              , for <Amount units={BigInt(open.price)} unit={unit} />
            </>
          )}
          .
        </Steps>
      )}
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
          <Offer plan={plan} info={info} ledger={ledger} asset={asset} onBuy={begin} />
        </>
      )}
    </div>
  );
}

function Offer({
  plan,
  info,
  ledger,
  asset,
  onBuy,
}: {
  plan: Plan;
  info: StreamInfo;
  ledger: string | undefined;
  asset: { data: Asset | undefined; error: unknown; refetch: () => unknown };
  onBuy: (quote: Quote, approvalFee: bigint | undefined) => void;
}) {
  const { principal } = useSession();
  const owner = principal ?? Principal.anonymous();
  const unit = ledger === undefined ? undefined : asset.data;
  const quote = useQuery({
    queryKey: ['quote', String(plan.id), ledger],
    queryFn: async () => {
      const paidIn = ledger === undefined ? undefined : Principal.fromText(ledger);
      return checkedQuote({ info, plan, ledger: paidIn }, await getQuote(plan.id, paidIn));
    },
  });
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
      <p className="muted">Licence to “{info.name}”.</p>
      <dl className="pairs">
        <dt>Stream</dt>
        <dd>number {String(info.id)}</dd>
        <dt>Provided by</dt>
        <dd>
          <Id text={info.owner.toText()} label="the provider" />
        </dd>
        <dt>Terms of use</dt>
        <dd>
          {'Spdx' in info.licence_terms ? (
            legible(info.licence_terms.Spdx)
          ) : (
            <details>
              <summary>Terms of its own</summary>
              <pre className="code">{legible(info.licence_terms.Text)}</pre>
            </details>
          )}
        </dd>
      </dl>
      {ledger !== undefined && asset.error !== null && asset.data === undefined && (
        <Failure error={asset.error} retry={() => void asset.refetch()} />
      )}
      <Loaded query={quote} lines={4}>
        {(offer) => {
          const free = ledger === undefined;
          const enough = (allowance.data?.allowance ?? 0n) >= offer.allowance;
          const approvalFee = free || enough ? undefined : unit?.fee;
          const total = offer.price + offer.ledger_fee + (approvalFee ?? 0n);
          const short = balance.data !== undefined && balance.data < total;
          const known =
            free || (unit !== undefined && balance.data !== undefined && allowance.data !== undefined);
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
                      <Amount units={approvalFee ?? 0n} unit={unit} />
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
                <Button look="main" disabled={!known || short} onClick={() => onBuy(offer, approvalFee)}>
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

function Steps({ step, paid, children }: { step: PurchaseStep; paid: boolean; children: ReactNode }) {
  const at = ORDER.indexOf(step === 'asking-again' ? 'buying' : step);
  return (
    <Panel title="Buying">
      <p className="muted">{children}</p>
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
  unit: Asset | undefined;
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
