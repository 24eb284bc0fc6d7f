import { cleanup, configure } from '@testing-library/react';
import { afterEach, vi } from 'vitest';

afterEach(cleanup);
// What is waited for comes late on a busy machine; what does not come at all is all that this ends.
configure({ asyncUtilTimeout: 20_000 });
// jsdom lays nothing out, and says so of every attempt to scroll.
vi.stubGlobal('scrollTo', () => undefined);
