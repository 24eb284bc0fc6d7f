import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Principal } from '@icp-sdk/core/principal';
import type { AssetListing } from '@/api/registry';
import { Amount, Empty, Loaded, PageHead } from '@/components/basics';
import { SignedIn } from '@/components/sign-in';
import { balanceQuery, certifiedAssetQuery, parametersQuery } from '@/features/queries';
import { Allowances } from '@/features/wallet/allowances';
import { History } from '@/features/wallet/history';
import { Prepaid } from '@/features/wallet/prepaid';
import { Receive } from '@/features/wallet/receive';
import { Send } from '@/features/wallet/send';
import { accountText, defaultAccount, type Account } from '@/lib/account';
import { useSession } from '@/session/session';

export function WalletPage() {
  return (
    <div className="page">
      <PageHead title="Wallet">
        DST and every other asset that the exchange lists, at their own ledgers.
      </PageHead>
      <SignedIn what="An account belongs to a principal. Sign in to have one.">
        <Mine />
      </SignedIn>
    </div>
  );
}

function Mine() {
  const { principal } = useSession();
  const account = defaultAccount(principal ?? Principal.anonymous());
  const parameters = useQuery(parametersQuery);
  const [chosen, setChosen] = useState<string>();
  return (
    <Loaded query={parameters}>
      {({ assets }) => {
        const listing = assets.find(({ ledger }) => ledger.toText() === chosen) ?? assets[0];
        if (!listing)
          return (
            <Empty title="No assets are listed">Governance lists the assets that streams are paid in.</Empty>
          );
        return (
          <>
            <div
              className="stack-small"
              role={assets.length > 1 ? 'radiogroup' : 'group'}
              aria-label="Balances"
            >
              {assets.map((asset) => (
                <Choice
                  key={asset.ledger.toText()}
                  asset={asset}
                  account={account}
                  chosen={asset === listing}
                  onChoose={assets.length > 1 ? setChosen : undefined}
                />
              ))}
            </div>
            <InAsset key={listing.ledger.toText()} listing={listing} account={account} />
          </>
        );
      }}
    </Loaded>
  );
}

function Choice({
  asset,
  account,
  chosen,
  onChoose,
}: {
  asset: AssetListing;
  account: Account;
  chosen: boolean;
  /** Absent where there is nothing to choose. */
  onChoose: ((ledger: string) => void) | undefined;
}) {
  const ledger = asset.ledger.toText();
  const balance = useQuery(balanceQuery(ledger, account));
  const content = (
    <>
      <span>{asset.symbol === 'DST' ? 'Data Stream Token' : asset.symbol}</span>
      <strong style={{ fontSize: 'var(--size-figure)' }}>
        {balance.data === undefined ? (
          <span className="muted">…</span>
        ) : (
          <Amount units={balance.data} unit={asset} />
        )}
      </strong>
    </>
  );
  if (!onChoose) return <div className="balance">{content}</div>;
  return (
    <label className="choice">
      <input type="radio" name="asset" checked={chosen} onChange={() => onChoose(ledger)} />
      {content}
    </label>
  );
}

function InAsset({ listing, account }: { listing: AssetListing; account: Account }) {
  const ledger = listing.ledger.toText();
  const asset = useQuery(certifiedAssetQuery(ledger));
  const balance = useQuery(balanceQuery(ledger, account));
  return (
    <Loaded query={asset} lines={6}>
      {(known) => (
        <div className="split">
          <div className="stack">
            <Send asset={known} balance={balance.data ?? 0n} />
            <Prepaid asset={known} />
            <Allowances asset={known} account={account} />
            <History asset={known} account={account} />
          </div>
          <Receive account={accountText(account)} symbol={known.symbol} />
        </div>
      )}
    </Loaded>
  );
}
