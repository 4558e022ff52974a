import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deeds, isTyping, UNASKED } from '../../src/late';

test('what comes soon, while its user waits, is not late', () => {
  const d = new Deeds();
  const a = d.ask(10_000);
  assert.equal(d.late(a, 10_000), false);
  assert.equal(d.late(a, 12_000), false);
  assert.equal(d.late(a, 12_001), true, 'the user may have typed where nobody is told of it');
});

test('a deed after the request makes it late, one before does not', () => {
  const d = new Deeds();
  d.deed();
  const a = d.ask(0);
  assert.equal(d.late(a, 1), false);
  d.deed();
  assert.equal(d.late(a, 1), true);
  assert.equal(d.late(d.ask(2), 3), false, 'another request is another');
  assert.equal(d.late(a, 3), true, 'and the first stays late');
});

test('where the editor goes because of a request is no move of its user', () => {
  const d = new Deeds();
  const a = d.ask(0);
  d.move(100); // the palette closes, and the editor has the focus
  assert.equal(d.late(a, 200), false);
  d.move(400);
  assert.equal(d.late(a, 401), true);
});

test('of two that were asked for, what the user did between them makes the first late alone', () => {
  const d = new Deeds();
  const first = d.ask(0);
  d.deed(); // the command of the second
  const second = d.ask(1000);
  assert.equal(d.late(first, 1100), true);
  assert.equal(d.late(second, 1100), false);
});

test('what nobody asked for is always late', () => {
  assert.equal(new Deeds().late(UNASKED, 0), true);
});

test('who changes a document', () => {
  const edit = { scheme: 'file', dirty: true, empty: false };
  assert.equal(isTyping(edit), true);
  assert.equal(isTyping({ ...edit, dirty: false }), false, 'an agent wrote a file that is open');
  assert.equal(isTyping({ ...edit, empty: true }), false, 'it was saved');
  assert.equal(isTyping({ ...edit, scheme: 'output' }), false);
  assert.equal(isTyping({ scheme: 'vscode-scm', dirty: false, empty: false }), true, 'the message of a commit');
});
