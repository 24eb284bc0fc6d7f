import { icpBindgen } from '@icp-sdk/bindgen/plugins/vite';
import { join } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { filesOf } from './vite/chunks.ts';
import { canisterEnvironment, networkProxy } from './vite/environment.ts';
import { staticShell } from './vite/shell.ts';

const bindings = (didFile: string) =>
  icpBindgen({
    didFile,
    outDir: './src/bindings',
    output: { actor: { disabled: true }, declarations: { flat: true, typescript: true } },
  });

export default defineConfig({
  plugins: [
    bindings('../candid/stream_registry.did'),
    bindings('./candid/icrc_ledger.did'),
    bindings('../candid/federated_aggregator.did'),
    react(),
    canisterEnvironment(),
    staticShell(),
  ],
  resolve: {
    alias: {
      '@': '/src',
      // In full: what is bundled beforehand for the dev server does not know the page's own root.
      'react-style-singleton': join(import.meta.dirname, 'src/lib/style-singleton.ts'),
    },
  },
  server: { port: 5173, proxy: networkProxy() },
  preview: { port: 4173, proxy: networkProxy() },
  worker: { format: 'es' },
  build: {
    target: 'es2024',
    sourcemap: false,
    manifest: true,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [{ name: filesOf(join(import.meta.dirname, 'src')), debugName: 'shared files' }],
          // The first script's own modules stay with it, although others import them.
          includeDependenciesRecursively: false,
        },
      },
    },
  },
});
