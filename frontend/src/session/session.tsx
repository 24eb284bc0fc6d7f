import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import type { Principal } from '@icp-sdk/core/principal';
import type { Identity } from '@icp-sdk/core/agent';
import { actAs, endSession } from '@/api/agent';
import {
  developmentIdentity,
  endOf,
  hasInternetIdentity,
  loadInternetIdentity,
  remember,
  restoreSession,
  signInFault,
  signInWithInternetIdentity,
  signOutOfInternetIdentity,
  type SessionKind,
} from './identities';

export interface Session {
  kind: SessionKind;
  /** Who acts; nobody while not signed in. A session that has ended keeps its principal, so that the page stays as it is. */
  principal: Principal | undefined;
  /** Whether a session of Internet Identity has run out. What was typed stays where it is. */
  expired: boolean;
  /** Whether it is known yet who is signed in. */
  ready: boolean;
  /** Whether Internet Identity's window can be opened by the next click. */
  canOpenProvider: boolean;
  /** Why signing in failed, if it did. */
  failure: string | undefined;
  signIn: (kind: Exclude<SessionKind, 'anonymous'>) => Promise<void>;
  signOut: () => Promise<void>;
}

interface State {
  kind: SessionKind;
  principal: Principal | undefined;
  ready: boolean;
  expired: boolean;
  /** When the session ends, ms since the Unix epoch; never for other kinds. */
  ends: number | undefined;
}

const NOBODY: State = {
  kind: 'anonymous',
  principal: undefined,
  ready: false,
  expired: false,
  ends: undefined,
};
const Context = createContext<Session | undefined>(undefined);
/** The longest that a timer of the browser can run. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export function useSession(): Session {
  const session = use(Context);
  if (!session) throw new Error('no SessionProvider above');
  return session;
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const [state, setState] = useState(NOBODY);
  const [failure, setFailure] = useState<string>();
  const [canOpenProvider, setCanOpenProvider] = useState(false);

  const become = useCallback(
    (kind: SessionKind, identity: Identity | undefined) => {
      actAs(identity);
      remember(localStorage, kind);
      setFailure(undefined);
      setState({
        kind,
        principal: identity?.getPrincipal(),
        ready: true,
        expired: false,
        ends: identity && endOf(identity),
      });
      void queries.invalidateQueries();
    },
    [queries],
  );

  useEffect(() => {
    restoreSession(localStorage).then(
      (restored) => {
        if (restored === 'ended') {
          // Told once; from then on the visitor is one who has not signed in.
          remember(localStorage, 'anonymous');
          setState({ ...NOBODY, ready: true, expired: true });
        } else if (restored) become(restored.kind, restored.identity);
        else setState({ ...NOBODY, ready: true });
      },
      () => setState({ ...NOBODY, ready: true }),
    );
    if (hasInternetIdentity()) {
      loadInternetIdentity().then(
        () => setCanOpenProvider(true),
        () => setFailure('Internet Identity’s client could not be loaded. Reload the page.'),
      );
    }
  }, [become]);

  const { ends } = state;
  useEffect(() => {
    if (ends === undefined) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = () => {
      clearTimeout(timer);
      const left = ends - Date.now();
      if (left > 0) {
        timer = setTimeout(look, Math.min(left, MAX_TIMER_MS));
        return;
      }
      endSession();
      setState((before) => ({ ...before, expired: true, ends: undefined }));
    };
    look();
    // A machine that slept wakes up with its timers late.
    document.addEventListener('visibilitychange', look);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, [ends]);

  const signIn = useCallback(
    async (kind: Exclude<SessionKind, 'anonymous'>) => {
      setFailure(undefined);
      try {
        // Nothing is awaited before the provider's window is opened: browsers allow that only while the click is handled.
        become(
          kind,
          kind === 'development'
            ? await developmentIdentity(localStorage)
            : await signInWithInternetIdentity(),
        );
      } catch (error) {
        setFailure(signInFault(error));
      }
    },
    [become],
  );

  const signOut = useCallback(async () => {
    if (state.kind === 'internet-identity') await signOutOfInternetIdentity();
    become('anonymous', undefined);
  }, [become, state.kind]);

  const session = useMemo<Session>(
    () => ({ ...state, canOpenProvider, failure, signIn, signOut }),
    [state, canOpenProvider, failure, signIn, signOut],
  );
  return <Context value={session}>{children}</Context>;
}
