import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import type { Principal } from '@icp-sdk/core/principal';
import type { Identity } from '@icp-sdk/core/agent';
import { actAs } from '@/api/agent';
import {
  anonymous,
  developmentIdentity,
  isInternetIdentityValid,
  remember,
  restoreSession,
  signInWithInternetIdentity,
  signOutOfInternetIdentity,
  type SessionKind,
} from './identities';

export interface Session {
  kind: SessionKind;
  /** Who acts; nobody while not signed in. */
  principal: Principal | undefined;
  /** Whether a session of Internet Identity has run out. What was typed stays where it is. */
  expired: boolean;
  /** Whether it is known yet who is signed in. */
  ready: boolean;
  /** Why signing in failed, if it did. */
  failure: string | undefined;
  signIn: (kind: Exclude<SessionKind, 'anonymous'>) => Promise<void>;
  signOut: () => Promise<void>;
}

const Context = createContext<Session | undefined>(undefined);
const EXPIRY_CHECK_MS = 30_000;

export function useSession(): Session {
  const session = use(Context);
  if (!session) throw new Error('no SessionProvider above');
  return session;
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const [state, setState] = useState<{ kind: SessionKind; principal: Principal | undefined; ready: boolean }>(
    {
      kind: 'anonymous',
      principal: undefined,
      ready: false,
    },
  );
  const [expired, setExpired] = useState(false);
  const [failure, setFailure] = useState<string>();

  const become = useCallback(
    (kind: SessionKind, identity: Identity) => {
      actAs(identity);
      remember(localStorage, kind);
      setExpired(false);
      setFailure(undefined);
      setState({ kind, principal: kind === 'anonymous' ? undefined : identity.getPrincipal(), ready: true });
      void queries.invalidateQueries();
    },
    [queries],
  );

  useEffect(() => {
    restoreSession(localStorage).then(
      (restored) => {
        if (restored) become(restored.kind, restored.identity);
        else setState((before) => ({ ...before, ready: true }));
      },
      () => setState((before) => ({ ...before, ready: true })),
    );
  }, [become]);

  useEffect(() => {
    if (state.kind !== 'internet-identity') return undefined;
    const check = setInterval(() => {
      void isInternetIdentityValid().then((valid) => setExpired(!valid));
    }, EXPIRY_CHECK_MS);
    return () => clearInterval(check);
  }, [state.kind]);

  const signIn = useCallback(
    async (kind: Exclude<SessionKind, 'anonymous'>) => {
      try {
        become(
          kind,
          kind === 'development' ? developmentIdentity(localStorage) : await signInWithInternetIdentity(),
        );
      } catch (error) {
        setFailure(error instanceof Error ? error.message : String(error));
      }
    },
    [become],
  );

  const signOut = useCallback(async () => {
    if (state.kind === 'internet-identity') await signOutOfInternetIdentity();
    become('anonymous', anonymous());
  }, [become, state.kind]);

  const session = useMemo(
    () => ({ ...state, expired, failure, signIn, signOut }),
    [state, expired, failure, signIn, signOut],
  );
  return <Context value={session}>{children}</Context>;
}
