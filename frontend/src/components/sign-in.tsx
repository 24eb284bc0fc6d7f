import type { ReactNode } from 'react';
import { environment } from '@/api/environment';
import { hasInternetIdentity } from '@/session/identities';
import { useSession } from '@/session/session';
import { Button, Empty, Notice } from './basics';

/** Opens Internet Identity's window. */
function WithInternetIdentity({ small = false, children }: { small?: boolean; children: ReactNode }) {
  const { signIn, canOpenProvider } = useSession();
  return (
    <Button
      look="main"
      small={small}
      disabled={!canOpenProvider}
      onClick={() => void signIn('internet-identity')}
    >
      {children}
    </Button>
  );
}

export function SignIn() {
  const { signIn, failure } = useSession();
  const { local } = environment();
  return (
    <div className="stack-small">
      {hasInternetIdentity() && <WithInternetIdentity>Sign in with Internet Identity</WithInternetIdentity>}
      {local && (
        <>
          <Button look={hasInternetIdentity() ? 'plain' : 'main'} onClick={() => void signIn('development')}>
            Use a development identity
          </Button>
          <p className="muted small">
            A key made in this browser and kept in it. For this local network only.
          </p>
        </>
      )}
      {failure && (
        <p className="field-fault" role="alert">
          You are not signed in: {failure}
        </p>
      )}
    </div>
  );
}

/** Shown over every page once the session has run out. */
export function SessionEndedNotice() {
  const { expired, failure } = useSession();
  if (!expired) return null;
  return (
    <div className="over-page">
      <Notice
        kind="signal"
        title="Your session has ended"
        action={<WithInternetIdentity small>Sign in again</WithInternetIdentity>}
      >
        <p>What you typed is still here. Sign in again and go on.</p>
        {failure && <p className="field-fault">You are not signed in: {failure}</p>}
      </Notice>
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
