import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tree, type Row } from '../../src/tree';
import type { Instance, Session } from '../../src/protocol';

const session = (name: string, waiting = false): Session => ({ name, agent: 'claude', state: 'running', attached: false, createdAt: '', lastUsed: '', waiting });
const instance = (repo: string, branch: string, ...sessions: Session[]): Instance => ({ repo, branch, ownsWorktree: true, state: 'running', image: { stale: false }, sessions });

function rows(tree: Tree, node?: Row): string[] {
  return tree.children(node).flatMap(n => [n.kind === 'repo' ? n.repo : n.kind === 'instance' ? n.instance.branch : ` ${n.session.name}`, ...rows(tree, n)]);
}

test('a change of one row tells that row, and leaves the others the objects they were', () => {
  const tree = new Tree();
  assert.equal(tree.update([instance('/r', 'a', session('one')), instance('/r', 'b', session('two'))]), 'all');
  assert.deepEqual(rows(tree), ['a', ' one', 'b', ' two']);
  const [a, b] = tree.children();
  const two = b && tree.children(b)[0];
  assert.deepEqual(tree.update([instance('/r', 'a', session('one')), instance('/r', 'b', session('two'))]), []);
  assert.deepEqual(tree.update([instance('/r', 'a', session('one')), instance('/r', 'b', session('two', true))]), [b]);
  assert.equal(tree.children()[0], a);
  assert.equal(tree.children()[1], b);
  assert.equal(b && tree.children(b)[0], two);
  assert.ok(two?.kind === 'session' && two.session.waiting, 'the kept row has what is new');
  assert.deepEqual(tree.update([instance('/r', 'a', session('one')), instance('/r', 'b', session('two', true), session('three'))]), [b]);
  assert.deepEqual(rows(tree), ['a', ' one', 'b', ' two', ' three']);
});

test('the whole tree is told when the rows at its root are others', () => {
  const tree = new Tree();
  tree.update([instance('/r', 'a')]);
  assert.equal(tree.update([instance('/r', 'a'), instance('/r', 'b')]), 'all');
  assert.equal(tree.update([instance('/r', 'a', session('first')), instance('/r', 'b')]), 'all', 'a row that gets its first session is a new one');
  assert.equal(tree.update([]), 'all');
  assert.deepEqual(rows(tree), []);
});

test('repositories stand above their instances where there are several', () => {
  const tree = new Tree();
  assert.equal(tree.update([instance('/r', 'a', session('with'))]), 'all');
  assert.equal(tree.update([instance('/r', 'a', session('with')), instance('/s', 'a')]), 'all');
  assert.deepEqual(rows(tree), ['/r', 'a', ' with', '/s', 'a']);
  const [r, s] = tree.children();
  assert.deepEqual(tree.update([instance('/r', 'a', session('with')), instance('/s', 'a'), instance('/s', 'b')]), [s]);
  assert.deepEqual(rows(tree), ['/r', 'a', ' with', '/s', 'a', 'b']);
  const inner = r && tree.children(r)[0];
  assert.deepEqual(tree.update([instance('/r', 'a', session('with', true)), instance('/s', 'a'), instance('/s', 'b')]), [inner]);
  const ids = tree.children().flatMap(n => [n.id, ...tree.children(n).flatMap(m => [m.id, ...tree.children(m).map(l => l.id)])]);
  assert.equal(new Set(ids).size, ids.length, 'an id is one row\'s');
});
