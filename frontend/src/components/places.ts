/** The pages that the navigation names; also what index.html shows of them before any script runs (vite/shell.ts). */
export const PLACES = [
  ['/', 'Explore'],
  ['/tasks', 'Federated tasks'],
  ['/licences', 'My licences'],
  ['/publish', 'My streams'],
  ['/earnings', 'Earnings'],
  ['/wallet', 'Wallet'],
  ['/governance', 'Governance'],
] as const;

/** What the first page says it is. */
export const EXPLORE = {
  title: 'Explore streams',
  lead: 'Data that keeps arriving. Buy a licence, pull it, and verify every record back to the network’s root key, in this browser.',
};

/** How long the lines are that stand for something not loaded yet, in percent of the width. */
export const skeletonWidth = (index: number): number => 90 - ((index * 23) % 45);
