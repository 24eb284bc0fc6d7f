import { Link } from '@tanstack/react-router';
import { environment } from '@/api/environment';
import { Amount, Notice } from '@/components/basics';
import { Faucet } from '@/features/wallet/faucet';
import type { Unit } from '@/lib/amount';

/** What an account lacks for what is asked, and where it comes from. */
export function MissingInAccount({ units, unit, ledger }: { units: bigint; unit: Unit; ledger: string }) {
  const given = environment().faucetSeed !== undefined && ledger === environment().ledger;
  return (
    <Notice kind="signal" title="Not enough in your account">
      <p>
        <Amount units={units} unit={unit} /> are missing. Send some to your account (see{' '}
        <Link to="/wallet">your wallet</Link>){given ? ', or take test tokens:' : '.'}
      </p>
      {given && <Faucet />}
    </Notice>
  );
}
