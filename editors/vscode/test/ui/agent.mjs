// From an empty window to an agent's reviewed work.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { steps } from './steps.mjs';
import { sleep, startCode, until, Workbench } from './vscode.mjs';
import { World } from './world.mjs';

export async function agent(o) {
  const world = new World();
  const j = steps(`${o.version} agent`, o.shots);
  const { step } = j;
  const code = await startCode({ ...o, dir: path.join(world.dir, 'code'), env: world.env, args: o.version === 'new' ? ['--reconnection-grace-time', '2'] : [] });
  let w;
  const branch = name => world.instances().find(i => i.branch === name);
  const edit = async text => {
    await w.tab('Dockerfile').click();
    await w.page.locator('.editor-instance .view-lines').first().click();
    await w.page.keyboard.press('Control+A');
    await w.page.keyboard.insertText(text);
    await w.page.keyboard.press('Control+S');
    await w.page.keyboard.press('Control+Home'); // the click may have scrolled
  };
  try {
    await step('a window opens, and the view offers to run an agent', async () => {
      w = j.workbench = await Workbench.open(code, world.repo, { dir: path.join(world.dir, 'code'), shots: o.shots });
      await w.container().click();
      await w.welcome('No agent runs yet').waitFor();
      await until('the status', async () => (await w.status().innerText()).includes('Headjack: 0'));
    });
    await step('a Dockerfile has lenses', async () => {
      await w.page.keyboard.press('Control+Shift+E');
      await w.openFile('Dockerfile');
      await w.lens('Build').waitFor();
      await w.lens('Run agent on a new branch…').waitFor();
    });
    await step('a lens runs an agent, and the build is shown', async () => {
      await w.lens('Run agent on a new branch…').click();
      await w.row('On a new branch').waitFor();
      assert.match(await w.row('').innerText(), /On a new branch/, 'what is chosen by Enter alone');
      await w.shot('where');
      await w.pick('Here');
      await w.toast('Running an agent on main').waitFor();
      await w.shows(/READY/, 120_000);
      await until('the inlay hint', async () => (await w.text()).includes('in all'));
      await w.shot('dockerfile');
    });
    await step('the view shows it, and that it waits', async () => {
      await w.agents();
      await w.tree('main').waitFor();
      await w.tree('helper').waitFor();
      await until('the badge', async () => await w.counts() === 1);
      await until('the status', async () => /main: running/.test(await w.status().innerText()));
    });
    await step('its terminal takes what is typed', async () => {
      await w.tell('hello');
      await until('the end of the session', () => branch('main').sessions[0].state === 'exited');
      assert.equal(fs.readFileSync(path.join(world.repo, 'answer.txt'), 'utf8'), 'hello\n');
      await w.noTerminal();
    });
    await step('an agent on a new branch is asked for by keyboard alone', async () => {
      await w.page.keyboard.press('F1');
      await w.quick.locator('input.input').fill('>Headjack: Run Agent');
      await w.row('Run Agent').waitFor();
      await w.page.keyboard.press('Enter');
      await w.title('Run Agent');
      await w.row('Create new branch').waitFor();
      await w.quick.locator('input.input').fill('bad..name');
      await until('no offer', async () => !(await w.quick.getByText('Create branch').count()));
      await w.page.keyboard.press('Enter'); // what was typed is kept, and what is wrong with it is told
      await w.title('Name of the new branch');
      await w.page.keyboard.press('Enter');
      await w.title('git would not take this name');
      assert.equal(await w.quick.locator('input.input').inputValue(), 'bad..name');
      await w.page.keyboard.press('Escape');
      await w.command('Headjack: Run Agent');
      await w.row('Create new branch').waitFor();
      await w.quick.locator('input.input').fill('feature');
      await w.row('Create branch feature').waitFor();
      await w.page.keyboard.press('Enter');
      await w.row('HEAD').waitFor();
      await w.page.keyboard.press('Enter');
      await w.row('helper').waitFor();
      await w.page.keyboard.press('Enter');
      await w.title('What is helper to do on feature?');
      await w.quick.locator('input.input').fill('two lines\\');
      await w.page.keyboard.press('Enter');
      await w.lens('Run agent with this prompt').waitFor();
      await w.page.keyboard.insertText('of a prompt');
      await w.command('Change Language Mode'); // which closes nothing
      await w.quick.locator('input.input').fill('Plain Text');
      await w.quick.locator('.monaco-list-row.focused', { hasText: 'Plain Text' }).waitFor();
      await w.page.keyboard.press('Enter');
      await w.page.locator('.statusbar-item', { hasText: 'Plain Text' }).waitFor();
      await w.lens('Run agent with this prompt').waitFor();
      await w.page.locator('.editor-instance .monaco-editor.focused').waitFor();
      await w.page.keyboard.press('Control+Enter');
      await w.shows(/READY two lines\s+of a prompt/, 120_000);
      await w.shot('agents');
    });
    await step('the window is reloaded, and the terminal is attached again', async () => {
      await w.reload();
      await w.agents();
      await w.tree('feature').waitFor();
      await w.shows(/READY two lines\s+of a prompt/, 60_000);
      assert.equal(branch('feature').sessions[0].state, 'running');
    });
    await step('a window that opens while no engine answers attaches once one does', async () => {
      world.engineAway();
      await w.reload();
      await w.agents();
      await w.page.locator('.sidebar').getByText('states are unknown').waitFor();
      world.engineBack();
      await w.shows(/READY two lines\s+of a prompt/, 60_000);
    });
    await step('closing the terminal detaches', async () => {
      await w.command('Terminal: Kill the Active Terminal Instance');
      await until('detached', () => !branch('feature').sessions[0].attached);
      assert.equal(branch('feature').sessions[0].state, 'running');
      await w.treeAction('feature', 'Attach to Session');
      await w.shows(/READY two lines/);
    });
    await step('a Dockerfile that fails is underlined on the failing line', async () => {
      await w.page.keyboard.press('Control+Shift+E');
      await w.openFile('Dockerfile');
      await edit(world.dockerfile('broken').replace('echo last', 'exit 7'));
      await w.squiggles('error').first().waitFor({ timeout: 60_000 });
      await w.page.keyboard.press('Escape');
      await w.page.locator('.view-line', { hasText: 'exit 7' }).getByText('exit', { exact: false }).first().hover();
      await w.page.locator('.monaco-hover', { hasText: 'exit code: 7' }).first().waitFor();
      await w.shot('failure');
      assert.equal(branch('main').state, 'running', 'the container is untouched');
    });
    await step('mended, it is built, and the container is recreated', async () => {
      const before = branch('main').container.id;
      await edit(world.dockerfile('mended'));
      await until('no squiggle', async () => await w.squiggles('error').count() === 0);
      await w.toast('There is a new image for main').waitFor({ timeout: 60_000 });
      await w.toast('There is a new image for main').hover();
      await w.toast('There is a new image for main').getByText('Recreate', { exact: true }).click();
      await until('a new container', () => branch('main').container?.id !== before && branch('main').state === 'running' && !branch('main').image.stale);
    });
    await step('an agent that ends is counted until it was looked at', async () => {
      await w.agents();
      await w.tree('feature').waitFor();
      await w.menu('feature', 'Attach to Session');
      await w.shows(/READY two lines/);
      await w.command('Headjack: Mark Agents as Seen');
      await w.tell('forty-two');
      await until('its end', () => branch('feature').sessions[0].state === 'exited');
      await w.noTerminal();
      await until('both ended', async () => await w.page.locator('.sidebar .monaco-list-row[role="treeitem"]', { hasText: 'ended with 0' }).count() === 2);
      await until('the badge', async () => await w.counts() === 1);
      await w.shot('ended');
    });
    await step('its output and its changes are shown', async () => {
      await w.menu('feature', 'Show Output of Session');
      await until('the log', async () => (await w.text()).includes('BYE forty-two'));
      await until('no badge', async () => await w.counts() === 0);
      fs.symlinkSync('/only/in/the/container', path.join(branch('feature').worktree, 'link'));
      fs.writeFileSync(Buffer.concat([Buffer.from(branch('feature').worktree + '/caf'), Buffer.from([0xe9])]), 'not a name in UTF-8');
      await w.menu('feature', 'Show Changes');
      const diff = w.page.locator('.multiDiffEditor, .multi-diff-editor, .editor-instance').last();
      await until('the diffs', async () => {
        const text = await w.text('.editor-group-container');
        return ['answer.txt', 'tracked.txt', 'forty-two', 'as it was', 'changed', '/only/in/the/container', 'caf\\xe9', 'not a name in UTF-8'].every(t => text.includes(t)) || Promise.reject(new Error(text.slice(0, 2000)));
      });
      assert.ok(await diff.count() > 0);
      await w.shot('changes');
    });
    await step('stopped, then removed, after naming what would be lost', async () => {
      await w.treeAction('feature', 'Stop');
      await w.tree('stopped').waitFor();
      await w.menu('feature', 'Remove');
      await w.dialog().waitFor();
      const text = await w.dialog().innerText();
      for (const t of ['Remove feature?', 'LOST', 'tracked.txt', 'answer.txt', 'The branch feature stays.']) assert.ok(text.includes(t), text);
      await w.shot('remove');
      await w.dialog().getByRole('button', { name: 'Cancel' }).click();
      assert.equal(branch('feature').state, 'stopped');
      await w.menu('feature', 'Remove');
      await w.dialog().getByRole('button', { name: 'Delete Work and Branch' }).click();
      await until('it is gone', () => branch('feature') === undefined);
      assert.equal(world.git(world.repo, 'branch', '--list', 'feature').trim(), '', 'the branch is gone, too');
      await until('it is gone from the view', async () => await w.tree('feature').count() === 0);
    });
    await step('no other host was asked', () => assert.deepEqual(w.foreign, []));
  } finally {
    await w?.close();
    await code.stop();
    await sleep(500);
    await step('nothing is left running', () => until('no process', () => world.left().length === 0 || Promise.reject(new Error(world.left().join('\n'))), 20_000)).finally(() => world.end());
  }
}
