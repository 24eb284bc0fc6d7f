// A stream as it is typed in, and what it becomes. The draft is kept in the browser, so that nothing typed is lost.
import type { Principal } from '@icp-sdk/core/principal';
import type { CreateStreamArgs } from '@/api/registry';
import { defaultAccount, parseAccount } from '@/lib/account';
import { some } from '@/api/agent';
import { linesOf, placeOf } from '@/features/files/read-text';
import { jsonFault } from '@/lib/json';

export interface Draft {
  name: string;
  description: string;
  tags: string;
  contentType: string;
  terms: string;
  contact: string;
  schema: string;
  /** The contributors' part, in percent. */
  share: string;
  /** One a line: a label, or a label and an account separated by a comma. */
  contributors: string;
}

export const NEW_DRAFT: Draft = {
  name: '',
  description: '',
  tags: '',
  contentType: 'application/x-ndjson',
  terms: 'CC-BY-4.0',
  contact: '',
  schema: '',
  share: '70',
  contributors: '',
};

const KEY = 'ddsx:stream-draft';

export function loadDraft(storage: Storage): Draft {
  try {
    return { ...NEW_DRAFT, ...(JSON.parse(storage.getItem(KEY) ?? '{}') as Partial<Draft>) };
  } catch {
    return NEW_DRAFT;
  }
}

export const saveDraft = (storage: Storage, draft: Draft): void =>
  storage.setItem(KEY, JSON.stringify(draft));
export const forgetDraft = (storage: Storage): void => storage.removeItem(KEY);

/** What was copied out of a file may begin with its byte order mark. */
const unmarked = (text: string): string => text.replace(/^\ufeff/, '');

export type Faults = Partial<Record<keyof Draft, string>>;

/** The arguments of a draft, or what is wrong with it, by field. */
export function fromDraft(draft: Draft, owner: Principal): { args: CreateStreamArgs } | { faults: Faults } {
  const faults: Faults = {};
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  if (!draft.name.trim() || bytes(draft.name) > 100) faults.name = 'Give it a name of 1 to 100 bytes.';
  if (bytes(draft.description) > 8_000) faults.description = 'At most 8,000 bytes.';
  const tags = draft.tags
    .split(',')
    .map((tag) => tag.trim())
    .filter(Boolean);
  if (tags.length > 10) faults.tags = 'At most 10 tags.';
  if (!draft.terms.trim()) faults.terms = 'Say under what terms the data may be used.';
  const share = Number(draft.share);
  if (!/^\d{1,3}(\.\d{1,2})?$/.test(draft.share.trim()) || share > 100) {
    faults.share = 'A percentage from 0 to 100, with at most two decimal places.';
  }
  if (draft.schema.trim()) {
    const fault = jsonFault(unmarked(draft.schema));
    if (fault) {
      const [line, column] = placeOf(unmarked(draft.schema), fault.at);
      faults.schema = `Line ${line}, column ${column}: this is not JSON: ${fault.why}.`;
    }
  }
  const contributors = parseContributors(draft.contributors);
  if ('fault' in contributors) faults.contributors = contributors.fault;
  if (Object.keys(faults).length > 0 || 'fault' in contributors) return { faults };
  return {
    args: {
      name: draft.name.trim(),
      description: draft.description.trim(),
      tags,
      content_type: draft.contentType,
      licence_terms: draft.terms.trim().includes(' ')
        ? { Text: draft.terms.trim() }
        : { Spdx: draft.terms.trim() },
      contact: some(draft.contact.trim() || undefined),
      schema: some(unmarked(draft.schema).trim() || undefined),
      provider_account: defaultAccount(owner),
      contributors_share_bps: Math.round(share * 100),
      contributors: contributors.list,
      payment: [],
    },
  };
}

/** One contributor a line: `label`, or `label, account`. */
export function parseContributors(
  text: string,
): { list: CreateStreamArgs['contributors'] } | { fault: string } {
  const list: CreateStreamArgs['contributors'] = [];
  const seen = new Set<string>();
  for (const [index, line] of linesOf(unmarked(text)).entries()) {
    if (!line.trim()) continue;
    const [label = '', account] = line.split(',').map((part) => part.trim());
    if (!label) return { fault: `Line ${index + 1}: the label is missing.` };
    if (seen.has(label)) return { fault: `Line ${index + 1}: “${label}” is named twice.` };
    seen.add(label);
    if (!account) {
      list.push({ label, account: [] });
      continue;
    }
    const parsed = parseAccount(account);
    if ('fault' in parsed) return { fault: `Line ${index + 1}: ${parsed.fault}` };
    list.push({ label, account: [parsed.account] });
  }
  return { list };
}
