import { Link, Outlet } from '@tanstack/react-router';
import { lazy, Suspense, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { environment } from '@/api/environment';
import { useSession } from '@/session/session';
import { Button, Id } from './basics';
import { PLACES } from './places';
import { SessionEndedNotice, SignIn } from './sign-in';

const loadMenu = () => import('./menu');
const Menu = lazy(loadMenu);

function Brand() {
  return (
    <Link to="/" className="brand">
      <svg viewBox="0 0 26 26" aria-hidden="true">
        <g fill="var(--verified)">
          <rect x="2" y="14" width="4" height="10" />
          <rect x="8" y="8" width="4" height="16" />
          <rect x="14" y="2" width="4" height="22" />
        </g>
        <rect x="20" y="11" width="4" height="13" fill="var(--signal)" />
      </svg>
      DDSX
    </Link>
  );
}

/** Where no federated tasks run, the page does not speak of them. */
const pages = () => PLACES.filter(([to]) => to !== '/tasks' || environment().aggregator !== undefined);

function Navigation({ onGo }: { onGo?: () => void }) {
  return (
    <nav className="nav" aria-label="Pages">
      {pages().map(([to, label]) => (
        <Link key={to} to={to} activeOptions={{ exact: to === '/' }} onClick={onGo}>
          {label}
        </Link>
      ))}
    </nav>
  );
}

function Who() {
  const { kind, principal, signOut } = useSession();
  const { local } = environment();
  return (
    <div className="rail-foot">
      {local && <p className="muted">Local network: test tokens, no value.</p>}
      {principal ? (
        <div className="stack-small">
          <span className="muted">
            {kind === 'development' ? 'Development identity, kept in this browser' : 'Internet Identity'}
          </span>
          <Id text={principal.toText()} label="your principal" />
          <Button small onClick={() => void signOut()}>
            Sign out
          </Button>
        </div>
      ) : (
        <SignIn />
      )}
    </div>
  );
}

export function Frame() {
  const [menu, setMenu] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const close = () => {
    // While the menu is there it keeps the focus to itself.
    flushSync(() => setMenu(false));
    opener.current?.focus();
  };
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <div className="frame">
        <header className="rail">
          <Brand />
          <Navigation />
          <Who />
        </header>
        <header className="topbar">
          <Brand />
          <Button
            ref={opener}
            small
            aria-haspopup="dialog"
            aria-expanded={menu}
            onPointerEnter={() => void loadMenu()}
            onFocus={() => void loadMenu()}
            onClick={() => setMenu(true)}
          >
            Menu
          </Button>
          {menu && (
            <Suspense>
              <Menu onClose={close}>
                <Navigation onGo={() => setMenu(false)} />
                <Who />
              </Menu>
            </Suspense>
          )}
        </header>
        <main className="main" id="main" tabIndex={-1}>
          <SessionEndedNotice />
          <Outlet />
        </main>
      </div>
    </>
  );
}
