import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { branchProblem, branchStays, headline, imageName, imageProblem, imagesRemoved, imagesToRemove, imageTitle, imageUsers, indented, instanceContext, instanceDescription, instanceIcon, megabytes, sessionDescription, viewOf } from '../../src/present';
import type { Instance, Session, Snapshot } from '../../src/protocol';

const session = (s: Partial<Session>): Session => ({ name: 'claude', agent: 'claude', state: 'running', attached: false, createdAt: '', lastUsed: '', waiting: false, ...s });
const instance = (i: Partial<Instance>): Instance => ({ repo: '/r', branch: 'x', worktree: '/w', ownsWorktree: true, state: 'running', image: { stale: false }, sessions: [], ...i });

test('branch names are judged as git does', () => {
  const names = ['a', 'fix/login', 'a b', 'a..b', '.a', 'a/.b', 'a.lock', 'a/b.lock', 'a.', '/a', 'a/', 'a//b', 'a~1', 'a^', 'a:b', 'a?', 'a*', 'a[b', 'a\\b', '@', 'a@{b', '-a', 'ä', 'a\u007f', 'a\tb', 'x@y', 'HEAD', 'feature/HEAD', 'a.b', '日本'];
  for (const name of names) {
    let good = true;
    try { execFileSync('git', ['check-ref-format', '--branch', name], { stdio: 'ignore' }); } catch { good = false; }
    assert.equal(branchProblem(name) === undefined, good && name !== 'HEAD' && name !== '@', name);
  }
  assert.ok(branchProblem(''));
});

test('an instance is described by state, image and what needs attention', () => {
  assert.equal(instanceDescription(instance({ image: { ref: 'docker.io/library/debian:12', stale: false } })), 'running · debian:12');
  const i = instance({ image: { dockerfile: '/w/.headjack/Dockerfile', stale: true }, sessions: [session({ waiting: true })], git: { state: 'held' } });
  assert.equal(instanceDescription(i), 'running · 1 agent waits for you · stale · git held · .headjack/Dockerfile');
  assert.equal(instanceIcon(i).id, 'bell-dot');
  assert.equal(instanceContext(i), 'instance running stale worktree sessions');
  assert.equal(instanceContext(instance({ state: 'stopped', sessions: [session({ state: 'exited' })] })), 'instance stopped worktree');
});

test('a digest is shortened', () => {
  assert.equal(imageName(instance({ image: { ref: `reg:5000/a@sha256:${'0123456789abcdef'.repeat(4)}`, stale: false } })), 'reg:5000/a@0123456789ab');
});

test('a text that names no image is told', () => {
  for (const good of ['debian:12', 'base', 'reg:5000/team/x', 'localhost/a/b:V1', 'REG.example:5000/a', `a@sha256:${'0'.repeat(64)}`, './Dockerfile.Dev', 'dev/Dockerfile', '~/x.Dockerfile']) assert.equal(imageProblem(good), undefined, good);
  for (const bad of ['a b', 'Debian:12', 'reg:5000/Team/x', 'a@sha256:12', 'a;b', 'a@']) assert.ok(imageProblem(bad), bad);
});

test('a shell that waits needs nobody', () => {
  assert.equal(instanceIcon(instance({ sessions: [session({ agent: 'shell', waiting: true })] })).id, 'vm-running');
  assert.equal(sessionDescription(session({ waiting: true })), 'waits for you');
  assert.equal(sessionDescription(session({ name: 'second', state: 'exited', exitCode: 3 })), 'claude · ended with 3');
  assert.equal(sessionDescription(session({ state: 'exited', exitCode: 143 })), 'was stopped');
});

test('what stands in the view', () => {
  const snapshot = (s: Partial<Snapshot>): Snapshot => ({ instances: [], folders: [{ path: '/r', repo: '/r' }], engine: { reachable: true }, ...s });
  assert.equal(viewOf('running', undefined), 'starting');
  assert.equal(viewOf('failed', snapshot({})), 'noServer');
  assert.equal(viewOf('running', snapshot({})), 'empty');
  assert.equal(viewOf('running', snapshot({ engine: { reachable: false } })), 'noEngine');
  assert.equal(viewOf('running', snapshot({ folders: [{ path: '/r', message: 'no' }], engine: { reachable: false } })), 'noRepository');
  assert.equal(viewOf('running', snapshot({ instances: [instance({})], engine: { reachable: false } })), 'ready');
});

test('an image is named by what it was asked for, and measured for people', () => {
  const image = { id: 'sha256:0123456789abcdef', names: [], sizeBytes: 1, instances: [], unused: true };
  assert.equal(imageTitle(image), '0123456789ab');
  assert.equal(imageTitle({ ...image, names: ['a:1'], ref: 'docker.io/a:1' }), 'docker.io/a:1');
  assert.equal(imageTitle({ ...image, dockerfile: '/r/tree/Dockerfile.dev' }), 'Dockerfile.dev');
  assert.equal(imageUsers({ ...image, instances: [{ repo: '/r', branch: 'x', stale: false }, { repo: '/r', branch: 'y', stale: true }] }), 'x, y');
  assert.deepEqual([1, 2_400_000, 2_232_258_773].map(megabytes), ['1 MB', '2 MB', '2.2 GB']);
});

test('one image is not some', () => {
  assert.deepEqual([1, 2].map(imagesToRemove), ['Remove 1 image that no container uses?', 'Remove 2 images that no container uses?']);
  assert.deepEqual([1, 2].map(imagesRemoved), ['1 image was removed.', '2 images were removed.']);
});

test('a list that is too long says how much more there is', () => {
  assert.equal(indented(['a', 'b'], 2), '  a\n  b');
  assert.equal(indented(['a', 'b', 'c', 'd'], 2), '  a\n  b\n  … and 2 more');
});

test('a notification has one line', () => {
  assert.equal(headline('first\nsecond'), 'first');
  assert.equal(headline('x'.repeat(400)).length, 300);
});

test('a removal says that the branch stays, and which commits would go with it', () => {
  assert.equal(branchStays('x', undefined), '');
  assert.equal(branchStays('x', { deleted: false, commits: ['abc one'] }), 'The branch x stays.'); // not ours to delete
  assert.equal(branchStays('x', { deleted: false, deletable: true }), 'The branch x stays.');
  assert.match(branchStays('x', { deleted: false, deletable: true, commits: ['abc one', 'def two'] }), /^The branch x stays\. If .*:\n {2}abc one\n {2}def two$/);
});
