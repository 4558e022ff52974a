// The suite that runs inside the extension host.
import fs from 'node:fs';
import path from 'node:path';
import { steps } from './steps.mjs';
import { runInHost, startCode, until } from './vscode.mjs';
import { World } from './world.mjs';

export async function host(o) {
  const world = new World();
  const { step } = steps(`${o.version} host`, o.shots);
  const extension = path.join(import.meta.dirname, '../..');
  const unpacked = path.join(world.dir, 'extension'); // as it is packaged, with the server
  for (const part of ['package.json', 'package.nls.json', 'dist', 'l10n', 'media']) fs.cpSync(path.join(extension, part), path.join(unpacked, part), { recursive: true });
  fs.mkdirSync(path.join(unpacked, 'bin'));
  fs.copyFileSync(process.env.HJK_LS, path.join(unpacked, 'bin/hjk-ls'));
  const code = await startCode({
    ...o, vsix: undefined, dir: path.join(world.dir, 'code'), env: world.env, args: o.version === 'new' ? ['--vscode-option', 'enable-smoke-test-driver', '--reconnection-grace-time', '2'] : [],
  });
  const lines = [];
  let ended;
  try {
    ended = await runInHost(code, { dir: world.dir, extension: unpacked, tests: path.join(extension, 'test/host/suite.cjs'), folder: world.repo, log: l => lines.push(l) });
  } finally {
    await code.stop();
  }
  let failed;
  for (const line of lines.join('\n').split(/\n(?=PASS |FAIL )|^(?=PASS |FAIL )/)) {
    const [, verdict, name, rest] = /^(PASS|FAIL) ([^\n#]*)([^]*)/.exec(line) ?? [];
    if (verdict === undefined) continue;
    await step(name.trim(), () => { if (verdict === 'FAIL') throw new Error(rest); }).catch(e => { failed = e; });
  }
  await step('the suite came to its end', () => { if (ended !== 0 && failed === undefined) throw new Error(`it ended with ${ended}:\n${lines.join('\n')}`); });
  await step('nothing is left running', () => until('no process', () => world.left().length === 0 || Promise.reject(new Error(world.left().join('\n'))), 20_000)).finally(() => world.end());
  if (failed) throw failed;
}
