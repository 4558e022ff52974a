// What comes late, and a user who has gone on: nothing of what is typed goes anywhere else.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { steps } from './steps.mjs';
import { sleep, startCode, until, Workbench } from './vscode.mjs';
import { World } from './world.mjs';

export async function focus(o) {
  const world = new World();
  const j = steps(`${o.version} focus`, o.shots);
  const { step } = j;
  const code = await startCode({ ...o, dir: path.join(world.dir, 'code'), env: world.env, args: o.version === 'new' ? ['--reconnection-grace-time', '2'] : [] });
  let w;
  const branch = name => world.instances().find(i => i.branch === name);
  const told = text => w.page.locator('.notification-list-item', { hasText: text }).first();
  /** Where what is typed goes. */
  const focused = () => w.page.evaluate(() => {
    const at = document.activeElement;
    return ['terminal-wrapper', 'quick-input-widget', 'monaco-dialog-box', 'monaco-editor'].find(c => at?.closest('.' + c)) ?? at?.className ?? '';
  });
  /** Types letters until something has come, and some more. Gives them all. */
  const typeUntil = async (what, come) => {
    let typed = '';
    const more = async n => {
      for (let i = 0; i < n; i++) {
        const letter = String.fromCodePoint(97 + typed.length % 26);
        await w.page.keyboard.type(letter);
        typed += letter;
      }
    };
    await until(what, async () => { await more(5); return come(); }, 120_000);
    await more(40);
    return typed;
  };
  /** Goes on with a file at its end. */
  const goOn = async () => {
    await w.tab('tracked.txt').click();
    await w.page.locator('.editor-instance .view-lines').first().click();
    await w.page.keyboard.press('Control+End');
  };
  /** The file has got what was typed since, and nothing else. */
  const got = async typed => {
    await w.page.keyboard.press('Control+S');
    before += typed;
    const text = () => fs.readFileSync(path.join(world.repo, 'tracked.txt'), 'utf8');
    await until('what was typed', () => text() === before || Promise.reject(new Error(`${text()}, not ${before}`)), 15_000);
  };
  let before = 'as it was\n';
  /** Does something while the server stands still, and then lets it go on. */
  const whileItWaits = async f => {
    const pids = world.left().filter(p => p.includes('hjk-ls --stdio')).map(p => Number(p.split(' ', 1)[0]));
    assert.ok(pids.length > 0);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    try {
      await f();
    } finally {
      for (const pid of pids) process.kill(pid, 'SIGCONT');
    }
  };
  try {
    await step('the lens in the user’s own checkout asks where, a new branch first', async () => {
      w = j.workbench = await Workbench.open(code, world.repo, { dir: path.join(world.dir, 'code'), shots: o.shots });
      await w.openFile('tracked.txt');
      await w.page.keyboard.press('Control+K'); // the tab stays
      await w.page.keyboard.press('Enter');
      await w.openFile('Dockerfile');
      await w.lens('Run agent on a new branch…').click();
      await w.row('On a new branch').waitFor();
      await w.shot('where');
      await w.page.keyboard.press('Enter');
      await w.title('Name of the new branch');
      assert.equal(await w.quick.locator('input.input').inputValue(), 'main-agent');
      await w.page.keyboard.press('Enter');
    });
    await step('an agent that starts after a build takes nothing of what its user types', async () => {
      await goOn();
      const typed = await typeUntil('the agent', () => told('helper runs on main-agent').isVisible());
      await w.shot('typed');
      assert.equal(await focused(), 'monaco-editor');
      await got(typed);
      await w.shows(/READY/); // it is in sight
      await w.shows(/^READY\s*$/);
      assert.equal(branch('main-agent').sessions[0].state, 'running');
      assert.equal(branch('main'), undefined, 'the user’s own checkout has no agent');
    });
    await step('its notification leads to it', async () => {
      await told('helper runs on main-agent').hover();
      await told('helper runs on main-agent').getByText('Show', { exact: true }).click();
      await until('the focus', async () => await focused() === 'terminal-wrapper');
      await w.page.keyboard.type('hello');
      await w.page.keyboard.press('Enter');
      await until('the end of the session', () => branch('main-agent').sessions[0].state === 'exited');
      assert.equal(fs.readFileSync(path.join(branch('main-agent').worktree, 'answer.txt'), 'utf8'), 'hello\n');
      await w.noTerminal();
    });
    await step('who waits for what comes at once has the focus there', async () => {
      world.hjk('run', 'other', '--agent', 'helper', '--image', 'hjk-test/busybox:1', '--detach');
      await w.agents();
      await w.tree('other').waitFor();
      await until('the focus', async () => { // a machine that is busy for two seconds makes it late
        await w.menu('other', 'Attach to Session');
        await sleep(1000);
        return await focused() === 'terminal-wrapper';
      });
      await w.shows(/READY/);
    });
    await step('an agent that comes late does not hide the terminal that its user types into', async () => {
      world.write('Dockerfile', world.dockerfile('second')); // not built yet
      world.git(world.repo, 'commit', '-q', '-m', 'second', 'Dockerfile');
      await w.command('Headjack: Run Agent');
      await w.row('Create new branch').waitFor();
      await w.quick.locator('input.input').fill('third');
      await w.pick('Create branch third');
      await w.pick('HEAD');
      await w.pick('helper');
      await w.title('What is helper to do on third?');
      await w.page.keyboard.press('Enter');
      await w.page.locator('.terminal-wrapper.active textarea.xterm-helper-textarea').focus();
      const typed = await typeUntil('the agent', () => told('helper runs on third').isVisible());
      await w.page.keyboard.press('Enter');
      await until('the end of the session', () => branch('other').sessions[0].state === 'exited');
      assert.equal(fs.readFileSync(path.join(branch('other').worktree, 'answer.txt'), 'utf8'), typed + '\n');
      await w.command('Notifications: Clear All Notifications');
    });
    await step('terminals that come back after a reload take nothing', async () => {
      await w.agents();
      await w.menu('third', 'Attach to Session');
      await w.shows(/READY/);
      await w.reload();
      await goOn();
      const typed = await typeUntil('the terminal', async () => /READY/.test(await w.terminal()));
      assert.equal(await focused(), 'monaco-editor');
      await got(typed);
    });
    await step('a dialog, diffs and an output that come late wait for their user', async () => {
      await w.agents();
      await w.tree('third').waitFor();
      for (const [command, note, shown] of [
        ['Remove', 'what goes with other is known', () => w.dialog().getByText('Remove other?').isVisible()],
        ['Show Changes', 'the changes of other are there', async () => (await w.text('.editor-group-container')).includes('answer.txt')],
        ['Show Output of Session', 'the output of helper on other is there', async () => (await w.text()).includes('BYE')],
      ]) {
        let typed;
        await whileItWaits(async () => {
          await w.menu('other', command);
          await goOn();
          typed = await typeUntil('some letters', () => true);
        });
        typed += await typeUntil(note, () => told(note).isVisible());
        assert.equal(await focused(), 'monaco-editor', command);
        assert.equal(await shown(), false, command);
        await got(typed);
        await told(note).hover();
        await told(note).getByText('Show', { exact: true }).click();
        await until(command, shown);
        if (command === 'Remove') await w.dialog().getByRole('button', { name: 'Cancel' }).click();
      }
      assert.ok(branch('other'));
    });
    await step('a list opens at once and fills, or does not come', async () => {
      await whileItWaits(async () => {
        await w.command('Headjack: Check Setup');
        await w.title('Checking the setup');
        await w.page.keyboard.press('Escape');
        await w.command('Headjack: Run Agent');
        await w.title('Run Agent');
        await w.page.keyboard.press('Escape');
        await goOn();
      });
      const typed = await typeUntil('the answers', async () => { await sleep(200); return world.left().length > 0; });
      assert.equal(await w.quick.count(), 0);
      await got(typed);
      await w.command('Headjack: Check Setup');
      await w.title('Everything is ready');
      await w.page.keyboard.press('Escape');
    });
    await step('no other host was asked', () => assert.deepEqual(w.foreign, []));
  } finally {
    await w?.close();
    await code.stop();
    await step('nothing is left running', () => until('no process', () => world.left().length === 0 || Promise.reject(new Error(world.left().join('\n'))), 20_000)).finally(() => world.end());
  }
}
