import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { environment } from '@/api/environment';
import { approve, getAllowance, getAllowances, type Asset } from '@/api/ledger';
import { registryAccount } from '@/api/registry';
import { Amount, Button, Failure, Id, Loaded, Panel, Time } from '@/components/basics';
import { standardsQuery } from '@/features/queries';
import { accountText, type Account } from '@/lib/account';
import { nowNs } from '@/lib/time';

interface Given {
  spender: Account;
  allowance: bigint;
  expires: bigint | undefined;
}

/** All allowances where the ledger can list them (ICRC-103); otherwise the one to the registry, which can always be asked for. */
async function given(asset: Asset, account: Account, listed: boolean): Promise<Given[]> {
  if (listed) {
    const all = await getAllowances(asset.ledger, account);
    return all
      .filter(({ from_account }) => accountText(from_account) === accountText(account))
      .map(({ to_spender, allowance, expires_at }) => ({
        spender: to_spender,
        allowance,
        expires: expires_at[0],
      }));
  }
  const { allowance, expires_at } = await getAllowance(asset.ledger, account, registryAccount());
  return allowance > 0n ? [{ spender: registryAccount(), allowance, expires: expires_at[0] }] : [];
}

export function Allowances({ asset, account }: { asset: Asset; account: Account }) {
  const queries = useQueryClient();
  const standards = useQuery(standardsQuery(asset.ledger));
  const listed = standards.data?.includes('ICRC-103') ?? false;
  const allowances = useQuery({
    queryKey: ['allowances', asset.ledger, accountText(account), listed],
    queryFn: () => given(asset, account, listed),
    enabled: standards.data !== undefined,
  });
  const revoke = useMutation({
    mutationFn: ({ spender, allowance }: Given) =>
      approve(asset.ledger, {
        from_subaccount: account.subaccount,
        spender,
        amount: 0n,
        expected_allowance: [allowance],
        expires_at: [],
        // What was shown; another is refused.
        fee: [asset.fee],
        memo: [],
        created_at_time: [nowNs()],
      }),
    onSettled: () => queries.invalidateQueries(),
  });
  return (
    <Panel title="Allowances given">
      <Loaded query={allowances}>
        {(all) =>
          all.length === 0 ? (
            <p className="muted">
              {listed
                ? 'Nobody may take anything from your account.'
                : 'The registry may take nothing from your account.'}
            </p>
          ) : (
            <ul className="list list-tight">
              {all.map((one) => (
                <li key={accountText(one.spender)} className="row row-between">
                  <div>
                    {accountText(one.spender) === environment().registry ? (
                      'The stream registry'
                    ) : (
                      <Id text={accountText(one.spender)} label="the spender" />
                    )}
                    <p className="muted small">
                      may take <Amount units={one.allowance} unit={asset} />
                      {one.expires !== undefined && (
                        <>
                          , ends <Time ns={one.expires} />
                        </>
                      )}
                    </p>
                  </div>
                  <Button small disabled={revoke.isPending} onClick={() => revoke.mutate(one)}>
                    Revoke
                  </Button>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      {revoke.error && <Failure error={revoke.error} unit={asset} />}
      {(allowances.data?.length ?? 0) > 0 && (
        <p className="muted small">
          Revoking costs the ledger’s fee, <Amount units={asset.fee} unit={asset} />.
        </p>
      )}
      {!listed && (
        <p className="muted small">
          This ledger does not list allowances; only the one to the registry is shown.
        </p>
      )}
    </Panel>
  );
}
