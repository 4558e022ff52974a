import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attachedTo, messageOf } from '../../src/protocol';

test('what a terminal is attached to is read from its command line', () => {
  assert.deepEqual(attachedTo({ title: '', cwd: '/w', argv: ['/bin/hjk-ls', '--host', 'unix:///x', 'attach', '--workspace', '/r', '--', '-odd', 'shell-2'] }), {
    workspace: '/w', branch: '-odd', session: 'shell-2',
  });
});

test('a request that the end of the server broke off is told in words of ours', () => {
  assert.equal(messageOf(Object.assign(new Error('Pending response rejected since connection got disposed'), { code: -32097 })), 'The server ended before this was done.');
  assert.equal(messageOf(Object.assign(new Error('no such branch'), { code: -32803 })), 'no such branch');
});
