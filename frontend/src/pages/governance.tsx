import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { environment } from '@/api/environment';
import { getControllers } from '@/api/controllers';
import { getMintingAccount, getTotalSupply } from '@/api/ledger';
import { getAudit, getQuarantined, type AssetListing, type Parameters } from '@/api/registry';
import { Amount, Id, Loaded, Notice, PageHead, Panel, Seal, Skeleton } from '@/components/basics';
import {
  AggregatorGovernance,
  AggregatorQuarantine,
  AggregatorRules,
} from '@/features/federated/aggregator-rules';
import { parametersQuery } from '@/features/queries';
import { accountText } from '@/lib/account';
import { counted, percent } from '@/lib/text';
import { duration } from '@/lib/time';

type StoragePrice = NonNullable<Parameters['storage_prices'][0]>[number];

export function GovernancePage() {
  const parameters = useQuery({ ...parametersQuery, staleTime: 0 });
  return (
    <div className="page">
      <PageHead title="Governance">
        The rules in force, and who can change them. The canisters obey governance and nobody else.
      </PageHead>
      <Loaded query={parameters} lines={8}>
        {(rules) => (
          <>
            {rules.paused && (
              <Notice kind="signal" title="The exchange is paused">
                <p>Governance has stopped payments and changes. Reading goes on.</p>
              </Notice>
            )}
            <div className="split">
              <div className="stack">
                <Rules rules={rules} />
                <HowToChange />
                {rules.assets.map((asset) => (
                  <Asset
                    key={asset.ledger.toText()}
                    asset={asset}
                    price={rules.storage_prices[0]?.find(
                      ({ ledger }) => ledger.compareTo(asset.ledger) === 'eq',
                    )}
                  />
                ))}
                {environment().aggregator && <AggregatorRules />}
              </div>
              <div className="stack">
                <Control rules={rules} />
                <Quarantine />
              </div>
            </div>
          </>
        )}
      </Loaded>
    </div>
  );
}

function Rules({ rules }: { rules: Parameters }) {
  return (
    <Panel title="In force">
      <dl className="pairs">
        <dt>Protocol fee</dt>
        <dd>{percent(rules.protocol_fee_bps)} of each price</dd>
        <dt>It goes to</dt>
        <dd>
          <Id text={accountText(rules.treasury)} label="the treasury's account" />
        </dd>
        <dt>Shares are paid</dt>
        <dd>
          at least every {duration(rules.payout_interval_s * 1_000_000_000n)}, when they are worth the
          ledger’s fee
        </dd>
        <dt>Trading</dt>
        <dd>{rules.paused ? 'paused' : 'open'}</dd>
      </dl>
    </Panel>
  );
}

/** What voters need to know before they propose or vote. */
function HowToChange() {
  return (
    <Panel title="How a rule is changed">
      <ol className="numbered">
        <li>
          Somebody proposes a call to the registry: a method with its argument, for example{' '}
          <code>set_protocol_fee(200)</code>.
        </li>
        <li>
          The registry itself says in words what the call would do, and whether it is valid (here{' '}
          <code>validate_set_protocol_fee</code>). Voters read that, not bytes.
        </li>
        <li>Once it is adopted, governance makes the call. From anybody else the registry refuses it.</li>
      </ol>
      <p className="muted small">
        The fee, its account, the assets listed, what storage costs, the interval of payments, pausing and
        payments in doubt are changed in this way; what was bought before keeps the terms under which it was
        bought.
      </p>
    </Panel>
  );
}

function Asset({ asset, price }: { asset: AssetListing; price: StoragePrice | undefined }) {
  const ledger = asset.ledger.toText();
  const audit = useQuery({
    queryKey: ['audit', ledger],
    queryFn: () => getAudit(asset.ledger),
    refetchInterval: 15_000,
  });
  const supply = useQuery({ queryKey: ['supply', ledger], queryFn: () => getTotalSupply(ledger) });
  const books = audit.data;
  return (
    <Panel
      title={`Asset ${asset.symbol}`}
      aside={
        books && (
          <Seal state={books.conserved ? 'verified' : 'failed'}>
            {books.conserved ? 'Books balance' : 'Books do not balance'}
          </Seal>
        )
      }
    >
      <dl className="pairs amounts">
        <dt>Ledger</dt>
        <dd>
          <Id text={ledger} label="the ledger's id" />
        </dd>
        <dt>Supply</dt>
        <dd>{supply.data === undefined ? '…' : <Amount units={supply.data} unit={asset} />}</dd>
        <dt>The ledger’s fee</dt>
        <dd>
          <Amount units={asset.fee} unit={asset} />
        </dd>
        <dt>Paid out from</dt>
        <dd>
          <Amount units={asset.payout_threshold} unit={asset} />
        </dd>
        <dt>Storage of streams</dt>
        <dd>
          {price ? (
            <>
              <Amount units={price.gib_month} unit={asset} /> for each GiB and 30 days
              {!price.accepted && '; not taken from new streams'}
            </>
          ) : (
            'is not paid in it'
          )}
        </dd>
        {price && (
          <>
            <dt>Held for each stream</dt>
            <dd>
              <Amount units={price.deposit} unit={asset} />, back when it is closed and empty
            </dd>
          </>
        )}
      </dl>
      <h3>Every unit that buyers paid here</h3>
      {audit.isPending && <Skeleton />}
      {books ? (
        <dl className="pairs amounts">
          <dt>Paid out to providers, contributors and the treasury</dt>
          <dd>
            <Amount units={books.paid_out} unit={asset} />
          </dd>
          <dt>Taken by the ledger for it</dt>
          <dd>
            <Amount units={books.ledger_fees} unit={asset} />
          </dd>
          <dt>Owed</dt>
          <dd>
            <Amount units={books.owed} unit={asset} />
          </dd>
          <dt>On its way</dt>
          <dd>
            <Amount units={books.in_flight} unit={asset} />
          </dd>
          <dt>Kept for streams without contributors</dt>
          <dd>
            <Amount units={books.held} unit={asset} />
          </dd>
          <dt>Shared and not yet settled</dt>
          <dd>
            <Amount units={books.carried} unit={asset} />
          </dd>
          <dt className="pairs-sum">Received from buyers</dt>
          <dd className="pairs-sum">
            <Amount units={books.received} unit={asset} />
          </dd>
        </dl>
      ) : (
        !audit.isPending && <p className="muted">Nothing was paid in this asset yet.</p>
      )}
    </Panel>
  );
}

function Controlled({ name, canister, children }: { name: string; canister: string; children?: ReactNode }) {
  const controllers = useQuery({
    queryKey: ['controllers', canister],
    queryFn: () => getControllers(canister),
  });
  return (
    <div className="stack-small">
      <h3>{name}</h3>
      <dl className="pairs pairs-stacked">
        <dt>Canister</dt>
        <dd>
          <Id text={canister} label={`the ${name}'s id`} />
        </dd>
        <dt>Controllers</dt>
        <dd>
          <Loaded query={controllers} lines={1}>
            {(all) =>
              all.length === 0 ? (
                <>nobody: its code cannot be changed</>
              ) : (
                <ul>
                  {all.map((one) => (
                    <li key={one}>
                      <Id text={one} label="the controller" />
                    </li>
                  ))}
                </ul>
              )
            }
          </Loaded>
        </dd>
        {children}
      </dl>
    </div>
  );
}

function Control({ rules }: { rules: Parameters }) {
  const { registry, ledger, aggregator, local } = environment();
  const minting = useQuery({ queryKey: ['minting', ledger], queryFn: () => getMintingAccount(ledger) });
  return (
    <Panel title="Who controls what">
      <p className="muted">
        Controllers can replace a canister’s code. Read from the certified state of the network.
      </p>
      <Controlled name="Stream registry" canister={registry}>
        <dt>Governed by</dt>
        <dd>
          <Id text={rules.governance.toText()} label="the governance principal" />
        </dd>
      </Controlled>
      <Controlled name="DST ledger" canister={ledger}>
        <dt>Minted by</dt>
        <dd>
          {minting.data === undefined ? (
            '…'
          ) : (
            <Id text={accountText(minting.data)} label="the minting account" />
          )}
        </dd>
      </Controlled>
      {aggregator && (
        <Controlled name="Federated aggregator" canister={aggregator}>
          <AggregatorGovernance />
        </Controlled>
      )}
      {local && (
        <p className="muted small">
          On this local network one key made at its start holds all of these offices.
        </p>
      )}
    </Panel>
  );
}

function Quarantine() {
  const quarantined = useQuery({ queryKey: ['quarantined'], queryFn: getQuarantined });
  return (
    <Panel title="Payments in doubt">
      <Loaded query={quarantined} lines={2}>
        {(all) =>
          all.length === 0 ? (
            <p className="muted">
              None. A payment whose ledger does not answer in time would wait here for governance.
            </p>
          ) : (
            <p>{counted(all.length, 'payment')} wait for governance to look up what became of them.</p>
          )
        }
      </Loaded>
      {environment().aggregator && <AggregatorQuarantine />}
    </Panel>
  );
}
