import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { findServer } from '../../src/binary';

test('the server is found by setting, then with the extension, then on PATH', t => {
  const dir = mkdtempSync(path.join(tmpdir(), 'headjack-bin-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const make = (name: string, mode = 0o755): string => {
    const file = path.join(dir, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, '');
    chmodSync(file, mode);
    return file;
  };
  const place = { bundled: path.join(dir, 'bundled'), setting: '', path: path.join(dir, 'on-path'), platform: 'linux' as NodeJS.Platform };
  const problem = (p: typeof place): string => { const f = findServer(p); return 'problem' in f ? f.problem : assert.fail(f.file); };
  assert.match(problem(place), /neither with this extension nor is it on PATH/);
  const onPath = make('on-path/hjk-ls');
  assert.deepEqual(findServer(place), { file: onPath });
  const bundled = make('bundled/hjk-ls');
  assert.deepEqual(findServer(place), { file: bundled });
  const own = make('own/server');
  assert.deepEqual(findServer({ ...place, setting: own }), { file: own });
  assert.match(problem({ ...place, setting: 'relative/hjk-ls' }), /no absolute path/);
  assert.match(problem({ ...place, setting: path.join(dir, 'nothing') }), /there is no such file/);
  assert.match(problem({ ...place, setting: path.join(dir, 'own') }), /that is no file/);
  const exe = make('bundled/hjk-ls.exe', 0o644);
  assert.deepEqual(findServer({ ...place, platform: 'win32' }), { file: exe });
});
