// Who acts. Internet Identity wherever the network is the Internet Computer; on a local network a key kept in this browser.
import { AnonymousIdentity, type Identity } from '@icp-sdk/core/agent';
import { Ed25519KeyIdentity } from '@icp-sdk/core/identity';
import type { AuthClient } from '@icp-sdk/auth/client';

export type SessionKind = 'anonymous' | 'development' | 'internet-identity';

const KEY = 'ddsx:development-identity';
const CHOSEN = 'ddsx:signed-in-with';
const EIGHT_HOURS_NS = 8n * 3_600n * 1_000_000_000n;

export const anonymous = (): Identity => new AnonymousIdentity();

/** The key kept in this browser, made at first use. It is no secret from anybody who can use this browser. */
export function developmentIdentity(storage: Storage): Identity {
  const text = storage.getItem(KEY);
  if (text) {
    try {
      return Ed25519KeyIdentity.fromJSON(text);
    } catch {
      storage.removeItem(KEY);
    }
  }
  const made = Ed25519KeyIdentity.generate();
  storage.setItem(KEY, JSON.stringify(made.toJSON()));
  return made;
}

let client: AuthClient | undefined;

/** Internet Identity's client, loaded when it is first needed: most visitors only look. */
async function authClient(): Promise<AuthClient> {
  if (!client) {
    const { AuthClient } = await import('@icp-sdk/auth/client');
    client = new AuthClient({ idleOptions: { disableIdle: true } });
  }
  return client;
}

export async function signInWithInternetIdentity(): Promise<Identity> {
  return (await authClient()).signIn({ maxTimeToLive: EIGHT_HOURS_NS });
}

/** Whether the delegation still holds. */
export async function isInternetIdentityValid(): Promise<boolean> {
  return (await authClient()).isAuthenticated();
}

/** The session of an earlier visit; nothing if there is none that still holds. */
export async function restoreSession(
  storage: Storage,
): Promise<{ kind: SessionKind; identity: Identity } | undefined> {
  const kind = storage.getItem(CHOSEN);
  if (kind === 'development') return { kind, identity: developmentIdentity(storage) };
  if (kind === 'internet-identity' && (await isInternetIdentityValid())) {
    return { kind, identity: await (await authClient()).getIdentity() };
  }
  return undefined;
}

export function remember(storage: Storage, kind: SessionKind): void {
  if (kind === 'anonymous') storage.removeItem(CHOSEN);
  else storage.setItem(CHOSEN, kind);
}

export async function signOutOfInternetIdentity(): Promise<void> {
  await (await authClient()).signOut();
}
