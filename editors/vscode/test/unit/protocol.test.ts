import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attachedTo } from '../../src/protocol';

test('what a terminal is attached to is read from its command line', () => {
  assert.deepEqual(attachedTo({ title: '', cwd: '/w', argv: ['/bin/hjk-ls', '--host', 'unix:///x', 'attach', '--workspace', '/r', '--', '-odd', 'shell-2'] }), {
    workspace: '/w', branch: '-odd', session: 'shell-2',
  });
});
