import type { Untold } from '@/api/environment';
import { Button, Empty, PageHead } from '@/components/basics';

const WORDS: Record<Untold['fault'], [title: string, words: string]> = {
  nothing: [
    'The page was not told where the canisters are',
    'On your own machine: start a network with npm run network (or scripts/demo), then reload. Elsewhere: cookies must be allowed here, and whoever serves this page must deliver the __Host-ic_env cookie.',
  ],
  twice: [
    'The page was told twice where the canisters are',
    'Two cookies of this site name canisters, and one of them may come from somebody else. Nothing was asked, nothing was sent. Delete this site’s cookies in your browser, then reload.',
  ],
  unreadable: [
    'What the page was told cannot be read',
    'The cookie that says where the canisters are is damaged or incomplete. Delete this site’s cookies in your browser, then reload. If that does not help, tell whoever serves this page.',
  ],
  'other-network': [
    'This is not the Internet Computer',
    'The page was told of another network, which it believes only on that network’s own machine: at localhost, a name below it, or 127.0.0.1. Nothing was asked, nothing was sent.',
  ],
};

/** Shown where whoever served the page did not say where the canisters are, or not so that it can be believed. */
export function NoNetwork({ fault }: Untold) {
  const [title, words] = WORDS[fault];
  return (
    <main className="main">
      <div className="page">
        <PageHead title="No network" />
        <Empty title={title} action={<Button onClick={() => location.reload()}>Reload</Button>}>
          {words}
        </Empty>
      </div>
    </main>
  );
}
