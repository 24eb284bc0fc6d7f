import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { alias: { '@': '/src' } },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/testing/setup.ts'],
    // Pairings take seconds on a busy machine; what hangs is all that this ends.
    testTimeout: 120_000,
  },
});
