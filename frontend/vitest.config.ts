import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { alias: { '@': '/src' } },
  test: { environment: 'jsdom', include: ['src/**/*.test.{ts,tsx}'], setupFiles: ['src/testing/setup.ts'] },
});
