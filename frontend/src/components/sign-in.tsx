import type { ReactNode } from 'react';
import { environment } from '@/api/environment';
import { useSession } from '@/session/session';
import { Button, Empty } from './basics';

export function SignIn() {
  const { signIn, failure } = useSession();
  const { local } = environment();
  return (
    <div className="stack-small">
      {local ? (
        <Button look="main" onClick={() => void signIn('development')}>
          Use a development identity
        </Button>
      ) : (
        <Button look="main" onClick={() => void signIn('internet-identity')}>
          Sign in
        </Button>
      )}
      {local && (
        <p className="muted small">A key made in this browser and kept in it. For this local network only.</p>
      )}
      {failure && <p className="field-fault">Signing in failed: {failure}</p>}
    </div>
  );
}

/** A page that is about somebody's own things. */
export function SignedIn({ what, children }: { what: string; children: ReactNode }) {
  const { principal, ready } = useSession();
  if (!ready) return null;
  if (principal) return <>{children}</>;
  return (
    <Empty title="You are not signed in" action={<SignIn />}>
      {what}
    </Empty>
  );
}
