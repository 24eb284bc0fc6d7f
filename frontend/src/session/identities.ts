// Who acts. Internet Identity wherever the network is the Internet Computer; on a local network a key kept in this browser, and
// Internet Identity (or what stands in for it) where the network says that there is one.
import type { Identity } from '@icp-sdk/core/agent';
import type { DelegationIdentity } from '@icp-sdk/core/identity';
import type { AuthClient } from '@icp-sdk/auth/client';
import { environment } from '@/api/environment';

export type SessionKind = 'anonymous' | 'development' | 'internet-identity';

const KEY = 'ddsx:development-identity';
const CHOSEN = 'ddsx:signed-in-with';
const NS_PER_MS = 1_000_000n;
const EIGHT_HOURS_NS = 8n * 3_600n * 1_000n * NS_PER_MS;

/** Whether one can sign in with Internet Identity here. */
export const hasInternetIdentity = (): boolean =>
  !environment().local || environment().identityProvider !== undefined;

/** The key kept in this browser, made at first use. It is no secret from anybody who can use this browser. */
export async function developmentIdentity(storage: Storage): Promise<Identity> {
  const { fromJson, generate } = await import('./development');
  const text = storage.getItem(KEY);
  if (text) {
    try {
      return fromJson(text);
    } catch {
      storage.removeItem(KEY);
    }
  }
  const made = generate();
  storage.setItem(KEY, JSON.stringify(made.toJSON()));
  return made;
}

let client: AuthClient | undefined;
let loading: Promise<AuthClient> | undefined;

/**
 * Loads Internet Identity's client, apart from the rest of the page: most visitors only look. It must be here before anybody clicks,
 * because the provider's window may only be opened while a click is handled.
 */
export function loadInternetIdentity(): Promise<AuthClient> {
  loading ??= import('@icp-sdk/auth/client').then(
    ({ AuthClient }) => {
      const { identityProvider } = environment();
      client = new AuthClient({
        idleOptions: { disableIdle: true },
        ...(identityProvider === undefined ? {} : { identityProvider }),
      });
      return client;
    },
    (error: unknown) => {
      loading = undefined;
      throw error;
    },
  );
  return loading;
}

/** Opens the provider's window. To be called while a click is handled, once the client is loaded. */
export function signInWithInternetIdentity(): Promise<Identity> {
  if (!client)
    return Promise.reject(new Error('Internet Identity is not loaded yet. Try again in a moment.'));
  return client.signIn({ maxTimeToLive: EIGHT_HOURS_NS });
}

/** What became of signing in, for one who tried. */
export function signInFault(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === 3001) return 'you cancelled it.';
  if (String(message).includes('could not be opened')) {
    return 'the browser did not open the window. Allow pop-ups for this page, and try again.';
  }
  if (/closed before|reasonable time|too long/.test(String(message))) {
    return 'the window was closed, or did not answer, before you had signed in. Try again.';
  }
  return String(message ?? error);
}

/** The class itself comes with the client that makes its objects. */
const isDelegated = (identity: Identity): identity is DelegationIdentity => 'getDelegation' in identity;

/** When the delegations of an identity end, ms since the Unix epoch; nothing for one without any. */
export function endOf(identity: Identity): number | undefined {
  if (!isDelegated(identity)) return undefined;
  const ends = identity.getDelegation().delegations.map(({ delegation }) => delegation.expiration);
  return Number(ends.reduce((least, end) => (end < least ? end : least)) / NS_PER_MS);
}

export type Restored = { kind: SessionKind; identity: Identity } | 'ended' | undefined;

/** The session of an earlier visit: nothing if there is none, and that it has ended where it has. */
export async function restoreSession(storage: Storage): Promise<Restored> {
  const kind = storage.getItem(CHOSEN);
  if (kind === 'development') return { kind, identity: await developmentIdentity(storage) };
  if (kind !== 'internet-identity' || !hasInternetIdentity()) return undefined;
  const auth = await loadInternetIdentity();
  return auth.isAuthenticated() ? { kind, identity: await auth.getIdentity() } : 'ended';
}

export function remember(storage: Storage, kind: SessionKind): void {
  if (kind === 'anonymous') storage.removeItem(CHOSEN);
  else storage.setItem(CHOSEN, kind);
}

export async function signOutOfInternetIdentity(): Promise<void> {
  await (await loadInternetIdentity()).signOut();
}
