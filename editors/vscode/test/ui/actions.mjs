// Everything that the Agents view, the status bar and the palette offer beside the journey of an agent.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { steps } from './steps.mjs';
import { startCode, until, Workbench } from './vscode.mjs';
import { World } from './world.mjs';

export async function actions(o) {
  const world = new World();
  const j = steps(`${o.version} actions`, o.shots);
  const { step } = j;
  const remote = path.join(world.dir, 'remote.git');
  world.git(world.dir, 'clone', '-q', '--bare', world.repo, remote);
  world.git(remote, 'branch', 'topic', 'main');
  world.git(world.repo, 'remote', 'add', 'origin', remote);
  world.git(world.repo, 'fetch', '-q', 'origin');
  const code = await startCode({ ...o, dir: path.join(world.dir, 'code'), env: world.env, args: o.version === 'new' ? ['--reconnection-grace-time', '2'] : [] });
  let w;
  const branch = name => world.instances().find(i => i.branch === name);
  try {
    await step('the button of the empty view runs an agent on a branch of a remote', async () => {
      w = j.workbench = await Workbench.open(code, world.repo, { dir: path.join(world.dir, 'code'), shots: o.shots });
      await w.container().click();
      await w.shot('empty');
      await w.welcome('No agent runs yet').getByText('Run Agent').click();
      for (const row of ['main', 'other', 'topic']) await w.row(row).waitFor();
      await w.shot('branches');
      await w.pick('topic');
      await w.pick('helper');
      await w.title('What is helper to do on topic?');
      await w.page.keyboard.press('Enter');
      await w.shows(/READY/, 120_000);
      assert.equal(world.git(world.repo, 'rev-parse', '--abbrev-ref', 'topic@{upstream}'), 'origin/topic');
    });
    await step('an image is chosen, and a name that is none is told', async () => {
      await w.command('Headjack: Choose Image');
      await w.row('used now').waitFor();
      await w.pick('Another image or Dockerfile');
      await w.title('An image reference');
      await w.quick.locator('input.input').fill('Debian:12');
      await w.title('in lower case');
      await w.shot('image');
      await w.type('hjk-test/busybox:1');
      await w.toast('New containers are made from hjk-test/busybox:1').waitFor();
      assert.match(fs.readFileSync(path.join(world.repo, '.vscode/settings.json'), 'utf8'), /"headjack.image": "hjk-test\/busybox:1"/);
    });
    await step('images are listed with their users, and unused ones removed after a question', async () => {
      world.write('unused.Dockerfile', world.dockerfile('unused'));
      world.hjk('build', 'unused.Dockerfile');
      await w.command('Headjack: Images');
      await w.row('topic').waitFor();
      await w.shot('images');
      await w.pick('Remove unused images');
      await w.dialog().getByText(/^Remove \d+ images? that no container uses\?/).waitFor();
      await w.dialog().getByRole('button', { name: 'Remove Images' }).click();
      await w.toast(/\d+ images? (was|were) removed/).waitFor();
      assert.equal(JSON.parse(world.hjk('prune', '--dry-run', '--json')).images.length, 0);
      assert.equal(branch('topic').state, 'running');
    });
    await step('a session is ended after a question', async () => {
      await w.agents();
      await w.tree('helper').waitFor();
      await w.treeAction('helper', 'End Session');
      await w.dialog().getByText('End helper on topic?').waitFor();
      await w.dialog().getByRole('button', { name: 'Cancel' }).click();
      assert.equal(branch('topic').sessions[0].state, 'running');
      await w.treeAction('helper', 'End Session');
      await w.dialog().getByRole('button', { name: 'End Session' }).click();
      await until('its end', () => branch('topic').sessions[0].state === 'exited');
      await w.tree('was stopped').waitFor();
      await until('no badge', async () => await w.counts() === 0);
      assert.equal(await w.toast('terminated with exit code').count(), 0);
    });
    await step('an agent that fails is told, with the way to what it said', async () => {
      await w.menu('topic', 'Run Agent');
      await w.pick('failing');
      await w.title('What is failing to do on topic?');
      await w.page.keyboard.press('Enter');
      await w.toast('failing on topic ended with exit code 3').waitFor();
      await w.shot('failing');
      assert.equal(await w.toast('terminated with exit code').count(), 0);
      await w.toast('failing on topic').getByText('Show Output of Session').click();
      await until('the output', async () => (await w.text()).includes('NO LOGIN'));
    });
    await step('a prompt is kept until its agent starts', async () => {
      const choose = async image => {
        await w.command('Headjack: Choose Image');
        await w.pick('Another image or Dockerfile');
        await w.title('An image reference');
        await w.type(image);
        await w.toast(`New containers are made from ${image}`).waitFor();
        await w.command('Notifications: Clear All Notifications');
      };
      const run = async () => {
        await w.command('Headjack: Run Agent');
        await w.row('checked out here').waitFor(); // the palette has other commands
        await w.quick.locator('input.input').fill('other');
        await w.quick.locator('.monaco-list-row.focused', { hasText: 'other' }).waitFor();
        await w.page.keyboard.press('Enter');
        await w.pick('helper');
      };
      const failed = async () => {
        await w.page.locator('.notifications-toasts .notification-list-item:has(.codicon-error)').waitFor();
        await w.command('Notifications: Clear All Notifications');
      };
      await choose('./missing.Dockerfile');
      await run();
      await w.title('What is helper to do on other?');
      await w.type('remember');
      await failed();
      await run();
      await w.title('What is helper to do on other?');
      await until('the prompt', async () => await w.quick.locator('input.input').inputValue() === 'remember');
      await w.type('remember\\');
      await w.lens('Run agent with this prompt').waitFor();
      await w.page.keyboard.insertText('both lines');
      await w.page.keyboard.press('Control+Enter');
      await failed();
      await choose('hjk-test/busybox:1');
      await run();
      await w.lens('Run agent with this prompt').waitFor();
      await w.page.keyboard.press('Control+Enter');
      await w.shows(/READY remember\s+both lines/, 60_000);
      world.hjk('rm', 'other', '--force');
    });
    await step('a worktree is opened in a window of its own', async () => {
      const opened = w.context.waitForEvent('page');
      await w.menu('topic', 'Open Worktree in New Window');
      const page = await opened;
      await page.locator('.statusbar-item[id="gilmanlab.headjack.status"]', { hasText: 'topic: running' }).waitFor({ timeout: 90_000 });
      await page.close();
    });
    await step('one that is stopped runs again, from its line', async () => {
      await w.agents();
      await w.treeAction('topic', 'Stop');
      await until('stopped', () => branch('topic').state === 'stopped');
      await w.tree('stopped').waitFor();
      await w.treeAction('topic', 'Run Agent');
      await w.pick('shell');
      await until('running', () => branch('topic').state === 'running');
      await w.shows(/hjk-topic-[0-9a-f]+ # /); // a terminal is ten columns wide before the panel has its size
      await w.tell('echo $((40+2))x');
      await w.shows(/^42x/m);
    });
    await step('recreate, from the menu', async () => {
      const before = branch('topic').container.id;
      // A worktree that an agent made in the container alone, with a change; the image has no git to make it with.
      world.docker('exec', before, 'sh', '-c', `mkdir -p /.headjack/git/worktrees/c /tmp/c && cd /.headjack/git/worktrees/c && echo /tmp/c/.git >gitdir && echo ../.. >commondir && echo ${world.git(world.repo, 'rev-parse', 'topic').trim()} >HEAD && echo w >/tmp/c/work`);
      await w.menu('topic', 'Recreate Container');
      await w.dialog().getByText('/tmp/c/work').waitFor();
      assert.equal(branch('topic').container.id, before);
      await w.dialog().getByRole('button', { name: 'Delete Work and Recreate' }).click();
      await until('another container', () => branch('topic').container?.id !== before && branch('topic').state === 'running');
    });
    await step('removal names what runs', async () => {
      await w.agents();
      await w.tree('topic').waitFor();
      if (!branch('topic').sessions.some(s => s.state === 'running')) {
        await w.menu('topic', 'New Shell');
        await until('a shell', () => branch('topic').sessions.some(s => s.state === 'running'));
        await w.tree('running').waitFor();
      }
      await w.menu('topic', 'Remove');
      await w.dialog().getByText('Still running, and ended with it: shell').waitFor();
      await w.dialog().getByRole('button', { name: 'Remove' }).click();
      await w.welcome('No agent runs yet').waitFor();
      assert.equal(world.git(world.repo, 'branch', '--list', 'topic').trim(), 'topic', 'the branch stays');
    });
    await step('the status bar has a menu', async () => {
      await w.status().click();
      await w.quick.locator('input[placeholder="On main"]').waitFor();
      await w.shot('menu');
      await w.pick('Check setup');
      await w.title('Everything is ready');
      await w.page.keyboard.press('Escape');
    });
    await step('the walkthrough leads to its commands', async () => {
      await w.command('Headjack: Get Started');
      for (const t of ['Check your setup', 'Choose an image', 'Run your first agent', 'Review what it did']) await w.page.locator('.gettingStartedContainer').getByText(t).first().waitFor();
      await w.shot('walkthrough');
      await w.page.locator('.gettingStartedContainer').getByRole('button', { name: 'Check Setup' }).first().click();
      await w.title('Everything is ready');
      await w.page.keyboard.press('Escape');
    });
    await step('the output has the log, and the messages when they are asked for', async () => {
      await w.command('Headjack: Show Output');
      const output = () => w.text('.panel .view-lines');
      await until('the log', async () => /ok engine: docker/.test(await output()));
      assert.doesNotMatch(await output(), /Sending request/);
      code.settings({ 'headjack.trace.server': 'messages' });
      await w.command('Headjack: Check Setup');
      await w.title('Everything is ready');
      await w.page.keyboard.press('Escape');
      await until('the messages', () => /(Sending request|Received response) 'workspace\/executeCommand/.test(code.log()) || Promise.reject(new Error(code.log()))); // the panel shows the last lines only
      await w.shot('output');
    });
    await step('every setting is described', async () => {
      await w.command('Headjack: Open Settings');
      await w.page.locator('.settings-editor').getByText('The agent that is started unless another is chosen').first().waitFor();
      await w.shot('settings');
    });
    await step('no other host was asked', () => assert.deepEqual(w.foreign, []));
  } finally {
    await w?.close();
    await code.stop();
    await step('nothing is left running', () => until('no process', () => world.left().length === 0 || Promise.reject(new Error(world.left().join('\n'))), 20_000)).finally(() => world.end());
  }
}
