// What people do with agents all day, from the Agents view: answer one, open what it serves, bring back what ran, set up again.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { steps } from './steps.mjs';
import { startCode, until, Workbench } from './vscode.mjs';
import { World } from './world.mjs';

export async function work(o) {
  const world = new World();
  const j = steps(`${o.version} work`, o.shots);
  const { step } = j;
  const settings = path.join(world.env.XDG_CONFIG_HOME, 'headjack');
  fs.mkdirSync(settings, { recursive: true });
  fs.writeFileSync(path.join(settings, 'config.yaml'), 'ports: [3000]\nsetup: [sh, -c, "echo set up >> setup.txt"]\n');
  const code = await startCode({ ...o, dir: path.join(world.dir, 'code'), env: world.env, args: o.version === 'new' ? ['--reconnection-grace-time', '2'] : [] });
  let w;
  const branch = name => world.instances().find(i => i.branch === name);
  const session = (name, s = 'helper') => branch(name)?.sessions.find(x => x.name === s);
  const file = (name, f) => { try { return fs.readFileSync(path.join(branch(name).worktree, f), 'utf8'); } catch { return ''; } };
  try {
    await step('an agent that waits is answered from its row', async () => {
      world.hjk('run', 'asks', '--agent', 'helper', '--detach');
      w = j.workbench = await Workbench.open(code, world.repo, { dir: path.join(world.dir, 'code'), shots: o.shots });
      await w.agents();
      await w.tree('waits for you').waitFor({ timeout: 30_000 });
      await w.treeAction('helper', 'Send Message');
      await w.title('Send Message');
      await w.page.keyboard.type('yes, do');
      await w.shot('send');
      await w.page.keyboard.press('Enter');
      await until('the end of the agent', () => session('asks').state === 'exited');
      assert.equal(file('asks', 'answer.txt'), 'yes, do\n');
    });
    await step('what it publishes is opened in the browser', async () => {
      const [port] = branch('asks').ports;
      assert.equal(port.port, 3000);
      const opened = [];
      w.page.context().on('page', p => opened.push(p.url()));
      await w.menu('asks', 'Open in Browser');
      const open = w.page.locator('.monaco-dialog-box').getByText('Open', { exact: true });
      await until('the browser', async () => {
        if (await open.isVisible()) await open.click();
        return opened.some(u => u.includes(String(port.host)));
      });
      await w.page.keyboard.press('Escape');
    });
    await step('what something in it listens on is opened too, by a forward, until that is ended', async () => {
      world.hjk('exec', 'asks', '--', 'sh', '-c', 'mkdir -p /tmp/web && echo from the agent >/tmp/web/index.html && busybox httpd -p 8123 -h /tmp/web');
      await until('the port', () => (branch('asks').listening ?? []).some(l => l.port === 8123));
      const opened = [];
      w.page.context().on('page', p => opened.push(p.url()));
      await w.menu('asks', 'Open in Browser');
      await w.row('8123').click();
      const open = w.page.locator('.monaco-dialog-box').getByText('Open', { exact: true });
      await until('the browser', async () => {
        if (await open.isVisible()) await open.click();
        return opened.some(u => u.includes('8123'));
      });
      assert.equal(await (await fetch('http://127.0.0.1:8123/')).text(), 'from the agent\n');
      await w.page.keyboard.press('Escape');
      await w.menu('asks', 'Stop Forwarding Ports');
      await w.toast('No more forwarded of asks: 8123').waitFor();
      await assert.rejects(fetch('http://127.0.0.1:8123/'));
    });
    await step('the setup runs again', async () => {
      assert.equal(file('asks', 'setup.txt'), 'set up\n');
      await w.menu('asks', 'Run Setup Again');
      await w.toast('The setup of asks is done').waitFor();
      assert.equal(file('asks', 'setup.txt'), 'set up\nset up\n');
    });
    await step('what ran when its container was stopped is brought back', async () => {
      world.hjk('run', 'back', '--agent', 'helper', '--detach');
      world.hjk('stop', 'back');
      await w.tree('comes back').waitFor({ timeout: 30_000 });
      await w.shot('comes-back');
      await w.treeAction('back', 'Bring Back What Ran');
      await until('the agent', () => branch('back').state === 'running' && session('back').state === 'running', 60_000);
      await w.shows(/READY/);
    });
    await step('what an agent did is merged, as one commit', async () => {
      const tree = branch('asks').worktree;
      world.git(tree, 'add', '-A');
      world.git(tree, 'commit', '-q', '-m', 'the work of the agent');
      await w.menu('asks', 'Merge…');
      await w.row('Squash').click();
      await w.toast('1 commit of asks is in main').waitFor({ timeout: 30_000 });
      assert.equal(world.git(world.repo, 'show', 'main:answer.txt'), 'yes, do');
      await w.shot('merged');
    });
    await step('and pushed', async () => {
      world.git(world.dir, 'init', '-q', '--bare', 'there.git');
      world.git(world.repo, 'remote', 'add', 'origin', path.join(world.dir, 'there.git'));
      await w.menu('asks', 'Push…');
      await w.row('Push').click();
      await w.toast('asks is pushed to origin').waitFor({ timeout: 30_000 });
      assert.equal(world.git(path.join(world.dir, 'there.git'), 'rev-parse', 'asks'), world.git(world.repo, 'rev-parse', 'asks'));
    });
    await step('no other host was asked', () => assert.deepEqual(w.foreign, []));
  } finally {
    await w?.close();
    await code.stop();
    await step('nothing is left running', () => until('no process', () => world.left().length === 0 || Promise.reject(new Error(world.left().join('\n'))), 20_000)).finally(() => world.end());
  }
}
