import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// The node that `npm run dev` talks to.
const node = process.env.PORPOISE_URL ?? 'http://127.0.0.1:7070';
const proxy = { '/api': { target: node, changeOrigin: false } };

export default defineConfig({
  // Addresses are relative: the server puts its base path into `<base href>`.
  base: './',
  plugins: [react()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  server: { proxy },
  preview: { proxy },
  build: { target: 'es2023', chunkSizeWarningLimit: 700, modulePreload: { polyfill: false } },
  test: { include: ['src/**/*.test.{ts,tsx}'] },
});
