// A workspace of several folders, one of them a linked worktree.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { steps } from './steps.mjs';
import { startCode, until, Workbench } from './vscode.mjs';
import { World } from './world.mjs';

export async function roots(o) {
  const world = new World();
  const j = steps(`${o.version} roots`, o.shots);
  const { step } = j;
  const second = path.join(world.dir, 'second');
  world.git(world.dir, 'init', '-q', '-b', 'trunk', second);
  world.git(second, 'commit', '-q', '--allow-empty', '-m', 'start');
  const file = path.join(world.dir, 'both.code-workspace');
  const folders = (...all) => fs.writeFileSync(file, JSON.stringify({ folders: all.map(p => ({ path: p })) }));
  folders(world.repo, second);
  const code = await startCode({ ...o, dir: path.join(world.dir, 'code'), env: world.env, args: o.version === 'new' ? ['--reconnection-grace-time', '2'] : [] });
  let w;
  try {
    await step('instances that others start appear beneath their repositories', async () => {
      w = j.workbench = await Workbench.open(code, file, { dir: path.join(world.dir, 'code'), shots: o.shots });
      await w.container().click();
      await w.welcome('No agent runs yet').waitFor();
      world.hjk('run', 'one', '--image', 'hjk-test/busybox:1', '--agent', 'shell', '--detach');
      world.hjkIn(second, 'run', 'two', '--image', 'hjk-test/busybox:1', '--agent', 'shell', '--detach');
      for (const row of ['project', 'one', 'second', 'two']) await w.tree(row).waitFor();
      await w.shot('roots');
    });
    await step('a command asks which repository is meant', async () => {
      await w.command('Headjack: Run Agent');
      await w.title('Run Agent');
      await w.pick('second');
      await w.row('trunk').waitFor();
      assert.equal(await w.row('other').count(), 0, 'a branch of the other repository');
      await w.page.keyboard.press('Escape');
    });
    await step('the setup is checked of the repository that is worked in', async () => {
      await w.command('Headjack: Check Setup');
      await w.title('Everything is ready');
      await w.row(world.repo).waitFor();
      await w.page.keyboard.press('Escape');
    });
    await step('another shell runs beside the first', async () => {
      await w.menu('two', 'New Shell');
      await w.tree('shell-2').waitFor();
      await w.tell('echo $((40+2))x');
      await w.shows(/^42x/m);
    });
    await step('a worktree joins the workspace, and its Dockerfile is that of its branch', async () => {
      await w.menu('one', 'Add Worktree to Workspace');
      const { worktree } = world.instances().find(i => i.branch === 'one');
      await until('the folder', () => JSON.parse(fs.readFileSync(file, 'utf8')).folders.some(f => path.resolve(world.dir, f.path) === worktree));
      await w.openFile(path.join(worktree, 'Dockerfile'));
      await w.lens('Run agent on one').waitFor();
    });
    await step('a folder that goes takes its instances from the view', async () => {
      folders(world.repo);
      await w.agents();
      await until('the other is gone', async () => await w.tree('two').count() === 0);
      await w.tree('one').waitFor();
    });
    await step('no other host was asked', () => assert.deepEqual(w.foreign, []));
  } finally {
    await w?.close();
    await code.stop();
    await step('nothing is left running', () => until('no process', () => world.left().length === 0 || Promise.reject(new Error(world.left().join('\n'))), 20_000)).finally(() => world.end());
  }
}
