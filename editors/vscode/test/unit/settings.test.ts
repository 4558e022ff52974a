import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explicit } from '../../src/settings';

test('only what somebody set is sent, and nothing of the extension’s own', () => {
  const set: Record<string, object> = {
    image: { globalValue: 'debian:12', workspaceValue: 'debian:13' }, agent: { globalValue: '' }, 'build.on': { workspaceValue: 'manual' },
    'build.args': { globalValue: { A: '1' } }, pull: { defaultValue: 'missing' }, 'server.path': { globalValue: '/x' }, 'codeLens.enabled': { globalValue: false },
    'security.noNewPrivileges': { globalValue: false },
  };
  assert.deepEqual(explicit(Object.keys(set), name => set[name]), {
    image: 'debian:12', build: { args: { A: '1' } }, security: { noNewPrivileges: false }, folder: { image: 'debian:13', build: { on: 'manual' } },
  });
});
