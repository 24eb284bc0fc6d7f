import { useMutation, useQueryClient } from '@tanstack/react-query';
import { environment } from '@/api/environment';
import { askFaucet } from '@/api/ledger';
import { Button, Failure } from '@/components/basics';
import { useSession } from '@/session/session';

const DROP = 1_000_00000000n;

/** Test tokens, where the network gives some away. Nothing elsewhere. */
export function Faucet() {
  const { principal } = useSession();
  const queries = useQueryClient();
  const faucet = useMutation({
    mutationFn: async () => {
      if (principal) await askFaucet(principal, DROP);
    },
    onSuccess: () => queries.invalidateQueries(),
  });
  if (!environment().faucetSeed || !principal) return null;
  return (
    <div className="stack-small">
      <div className="row">
        <Button small disabled={faucet.isPending} onClick={() => faucet.mutate()}>
          {faucet.isPending ? 'Sending…' : 'Get 1 000 test DST'}
        </Button>
        <span className="muted small">From the local network’s faucet. They have no value.</span>
      </div>
      {faucet.error && <Failure error={faucet.error} />}
    </div>
  );
}
