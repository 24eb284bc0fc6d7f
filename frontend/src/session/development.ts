// The keys of development identities; apart, because only local networks have them, and only once somebody signs in.
import { Ed25519KeyIdentity } from '@icp-sdk/core/identity';

export const fromJson = (text: string): Ed25519KeyIdentity => Ed25519KeyIdentity.fromJSON(text);
export const generate = (): Ed25519KeyIdentity => Ed25519KeyIdentity.generate();
