import { Button, Empty, PageHead } from '@/components/basics';

/** Shown where whoever served the page did not say where the canisters are. */
export function NoNetwork() {
  return (
    <main className="main">
      <div className="page">
        <PageHead title="No network" />
        <Empty
          title="The page was not told where the canisters are"
          action={<Button onClick={() => location.reload()}>Reload</Button>}
        >
          On your own machine: start a network with npm run network (or scripts/demo), then reload. Elsewhere:
          whoever serves this page must deliver the ic_env cookie.
        </Empty>
      </div>
    </main>
  );
}
