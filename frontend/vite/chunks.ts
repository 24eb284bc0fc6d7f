// Which of the page's modules share a file. Left alone, the bundler makes a file of whatever the same pages import: a stream's page came in
// ten, most of a few lines, and each costs a request and 3.5 kB of headers, above all the canister's certificate.
import type { Rollup } from 'vite';

interface Graph {
  getModuleInfo: (id: string) => Pick<Rollup.ModuleInfo, 'importedIds'> | null;
}

/** A module and all that it imports, but not what it loads later. */
function reach(root: string, graph: Graph): Set<string> {
  const reached = new Set([root]);
  for (const id of reached)
    for (const imported of graph.getModuleInfo(id)?.importedIds ?? []) reached.add(imported);
  return reached;
}

/** Names the file of a module below `source`, the folder `src`: what every page needs goes into one, what the page of a stream needs besides,
 * where most links from elsewhere lead, into another. Nothing for the rest, which is left to the bundler: the pages, what is loaded by name,
 * and what the first script is made of, which waits for no other. */
export function filesOf(source: string): (id: string, graph: Graph) => string | null {
  let sets: Record<'boot' | 'first' | 'stream', Set<string>> | undefined;
  const loaded = ['router.tsx', 'pages/stream.tsx'].map((file) => `${source}/${file}`);
  return (id, graph) => {
    sets ??= {
      boot: reach(`${source}/boot.ts`, graph),
      first: reach(`${source}/router.tsx`, graph),
      stream: reach(`${source}/pages/stream.tsx`, graph),
    };
    if (loaded.includes(id) || sets.boot.has(id) || !sets.stream.has(id)) return null;
    return sets.first.has(id) ? 'shared' : 'stream-parts';
  };
}
