import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Memento } from 'vscode';
import type { Session, Snapshot } from '../../src/protocol';
import { State } from '../../src/state';
import { contexts } from './stub';

function memory(): Memento {
  const all = new Map<string, unknown>();
  return {
    keys: () => [...all.keys()],
    get: (k: string, d?: unknown) => all.has(k) ? all.get(k) : d,
    update: (k: string, v: unknown) => { all.set(k, v); return Promise.resolve(); },
  } as Memento;
}

function snapshot(...sessions: Partial<Session>[]): Snapshot {
  return {
    folders: [{ path: '/r', repo: '/r', branch: 'main' }], engine: { reachable: true },
    instances: [{
      repo: '/r', branch: 'x', ownsWorktree: true, state: 'running', image: { stale: false },
      sessions: sessions.map((s, n) => ({ name: `s${n}`, agent: 'claude', state: 'running', attached: false, createdAt: String(n), lastUsed: '', waiting: false, ...s })),
    }],
  };
}

test('agents that wait or ended are counted until they were seen', () => {
  const m = memory();
  const s = new State(m);
  s.setServer('running');
  s.setSnapshot(snapshot({ state: 'exited' }, {}));
  assert.deepEqual(s.attention(), { waiting: 0, ended: 0 }, 'what ended before the first look is no news');
  s.setSnapshot(snapshot({ state: 'exited' }, { state: 'exited', exitCode: 1 }, { waiting: true }, { agent: 'shell', waiting: true }, { agent: 'shell', state: 'exited' }));
  assert.deepEqual(s.attention(), { waiting: 1, ended: 1 });
  const again = new State(m);
  again.setSnapshot(snapshot({ state: 'exited' }, { state: 'exited', exitCode: 1 }));
  assert.deepEqual(again.attention(), { waiting: 0, ended: 1 }, 'a reload of the window changes nothing');
  s.markSeen('/r', 'y');
  assert.equal(s.attention().ended, 1);
  s.markSeen('/r', 'x');
  assert.equal(s.attention().ended, 0);
  s.setSnapshot(snapshot({ state: 'exited', createdAt: 'later' }));
  assert.equal(s.attention().ended, 1, 'a new session of the same name');
});

test('what the user ended is not counted, though the answer comes before the snapshot', () => {
  const s = new State(memory());
  s.setSnapshot(snapshot({}, {}));
  const after = snapshot({ state: 'exited', exitCode: 143 }, {});
  for (const i of after.instances) s.markEnded(i);
  s.setSnapshot(after);
  assert.equal(s.attention().ended, 0);
  s.setSnapshot(snapshot({ state: 'exited', exitCode: 143 }, { state: 'exited' }));
  assert.equal(s.attention().ended, 1, 'another ends by itself');
});

test('what was seen is kept while no engine tells what there is', () => {
  const s = new State(memory());
  s.setSnapshot({ ...snapshot(), engine: { reachable: false } });
  s.setSnapshot(snapshot({ state: 'exited' }));
  assert.equal(s.attention().ended, 0, 'the first that the engine told is no news either');
  s.setSnapshot({ ...snapshot(), engine: { reachable: false } });
  s.markAllSeen();
  s.setServer('starting');
  s.markSeen('/r', 'x');
  s.setSnapshot(snapshot({ state: 'exited' }));
  assert.equal(s.attention().ended, 0);
});

test('an agent that ends with an error is told once, one that was stopped is not', () => {
  const s = new State(memory());
  const told: string[] = [];
  s.onDidFail(e => told.push(`${e.s.name} ${e.s.exitCode}`));
  s.setSnapshot(snapshot({ state: 'exited', exitCode: 1 }, {}, {}, {}, { agent: 'shell' }));
  const now = snapshot({ state: 'exited', exitCode: 1 }, { state: 'exited', exitCode: 2 }, { state: 'exited', exitCode: 143 }, { state: 'exited', exitCode: 0 }, { agent: 'shell', state: 'exited', exitCode: 1 });
  s.setSnapshot(now);
  s.setSnapshot(now);
  assert.deepEqual(told, ['s1 2']);
});

test('a server that ends takes what it told with it', () => {
  const s = new State(memory());
  s.setServer('running');
  s.setSnapshot(snapshot({}));
  s.noteBuild({ uri: 'file:///r/Dockerfile', state: 'running' });
  assert.equal(contexts['headjack.view'], 'ready');
  assert.equal(s.builds.length, 1);
  s.setServer('failed');
  assert.equal(contexts['headjack.view'], 'noServer');
  assert.equal(s.builds.length, 0);
  assert.deepEqual(s.instances, []);
});

test('a build is shown until it ends', () => {
  const s = new State(memory());
  s.noteBuild({ uri: 'file:///a', state: 'running' });
  s.noteBuild({ uri: 'file:///b', state: 'running' });
  s.noteBuild({ uri: 'file:///a', state: 'failed' });
  assert.deepEqual(s.builds.map(b => b.uri), ['file:///b']);
});
