// Runs the unit tests: bundles each with a stub for the editor's API, and gives them to node's own runner.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const here = import.meta.dirname;
const out = mkdtempSync(path.join(tmpdir(), 'headjack-unit-'));
try {
  await build({
    entryPoints: readdirSync(path.join(here, 'unit')).filter(f => f.endsWith('.test.ts')).map(f => path.join(here, 'unit', f)),
    outdir: out, outExtension: { '.js': '.cjs' }, bundle: true, platform: 'node', format: 'cjs', target: 'node20', sourcemap: 'inline',
    alias: { vscode: path.join(here, 'unit/stub.ts') }, logLevel: 'warning',
  });
  const files = readdirSync(out).filter(f => f.endsWith('.cjs')).map(f => path.join(out, f));
  process.exitCode = spawnSync(process.execPath, ['--enable-source-maps', '--test', '--test-reporter=tap', ...files], {
    stdio: 'inherit', env: { ...process.env, EXTENSION: path.dirname(here) },
  }).status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
