import assert from 'node:assert/strict';
import { test } from 'node:test';
import { label, lines, notice, plain } from '../../src/plain';
import { cut, headline, imageName, imageTitle, instanceDescription, sessionDescription } from '../../src/present';

const hostile = 'x\u001b]0;t\u0007\u202egpj\u009b\n\u200b\u{e0041}';
const seen = 'x\\x1b]0;t\\x07\\u202egpj\\u009b\\n\\u200b\\U000e0041';

test('what acts on the editor or is not seen is spelled out', () => {
  assert.equal(plain(hostile), seen);
  assert.equal(plain('fix/login 👩‍💻 ünï 日本'), 'fix/login 👩‍💻 ünï 日本');
  assert.equal(plain('x'.repeat(1000)).length, 300);
  assert.equal(lines('a\nb\u202e'), 'a\nb\\u202e');
});

test('no icon and no link is made of a name', () => {
  assert.equal(label('fix/$(rocket)'), 'fix/\\$(rocket)');
  assert.equal(notice('[open](command:evil)'), '[open] (command:evil)');
  assert.equal(headline('failed: [x](command:y)\u202e\nmore'), 'failed: [x] (command:y)\\u202e');
});

test('what rows and picks say of an instance is plain', () => {
  const i = { repo: '/r', branch: 'x', worktree: '/w', ownsWorktree: true, state: 'running' as const, sessions: [], image: { ref: hostile, stale: false } };
  assert.ok(imageName(i).includes('\\u202e') && !imageName(i).includes('\u202e'));
  assert.ok(!instanceDescription(i).includes('\u001b'));
  assert.equal(sessionDescription({ name: 's', agent: hostile, state: 'running', attached: false, createdAt: '', lastUsed: '', waiting: false }), seen + ' · running');
  assert.ok(!imageTitle({ id: '', names: [], dockerfile: '/a/\u202eb', sizeBytes: 1, instances: [], unused: true }).includes('\u202e'));
});

test('what is cut says so', () => {
  assert.equal(cut({ text: 'a\nb\n', truncated: true, sizeBytes: 40_000_000 }), 'a\nb\n… (the file is too long to be shown whole: it has 40 MB)\n');
  assert.equal(cut({ text: 'a\n' }), 'a\n');
});
