// What a user sees when something is missing or dies.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { steps } from './steps.mjs';
import { sleep, startCode, until, Workbench } from './vscode.mjs';
import { World } from './world.mjs';

const script = path.join(import.meta.dirname, '../../../../scripts/engine');

/** Starts and stops an engine. The machine has one packet filter, and another engine's rules are in it. */
function engine(verb, dir) {
  execFileSync(script, [verb, dir], { stdio: 'ignore', env: { ...process.env, HJK_ENGINE_FLAGS: '--iptables=false' } });
}

/** The servers of hjk-ls that VS Code started in this world. */
function servers(world) {
  return world.left().filter(p => p.includes('hjk-ls --stdio')).map(p => Number(p.split(' ', 1)[0]));
}

export async function faults(o) {
  const world = new World();
  const j = steps(`${o.version} faults`, o.shots);
  const { step } = j;
  const own = fs.mkdtempSync('/tmp/hjkf-'); // an engine that can be stopped without others
  engine('start', own);
  const plain = path.join(world.dir, 'plain');
  fs.mkdirSync(plain);
  fs.writeFileSync(path.join(plain, 'readme.txt'), '');
  const env = { ...world.env, DOCKER_HOST: `unix://${own}/docker.sock` };
  const code = await startCode({ ...o, dir: path.join(world.dir, 'code'), env, args: o.version === 'new' ? ['--reconnection-grace-time', '2'] : [] });
  let w;
  try {
    await step('a folder without a repository says so', async () => {
      w = j.workbench = await Workbench.open(code, plain, { dir: path.join(world.dir, 'code'), shots: o.shots });
      await w.container().click();
      await w.welcome('none is open').getByText('Open Folder').click();
      await w.quick.locator('input.input').waitFor();
      await w.page.keyboard.press('Escape');
    });
    await step('it becomes one, and the view notices', async () => {
      world.git(world.dir, 'init', '-q', '-b', 'main', plain);
      await w.welcome('No agent runs yet').waitFor();
    });
    await step('a stopped engine is told, with what helps, and so is its return', async () => {
      await w.goto(world.repo);
      await w.agents();
      await w.welcome('No agent runs yet').waitFor();
      engine('down', own);
      await w.welcome('No container engine answers').waitFor();
      await until('the status', async () => await w.status().locator('.codicon-warning').count() === 1);
      await w.welcome('No container engine answers').getByText('Check Setup').click();
      await w.row('engine').waitFor();
      await w.title('Something is to be mended');
      await w.shot('engine');
      await w.page.keyboard.press('Escape');
      engine('up', own);
      await w.welcome('No agent runs yet').waitFor();
    });
    await step('a server that dies is started again', async () => {
      const [pid] = servers(world);
      process.kill(pid, 'SIGKILL');
      await until('another server', () => servers(world).some(p => p !== pid));
      await w.welcome('No agent runs yet').waitFor();
    });
    await step('one that dies again and again is not, and can be started by hand', async () => {
      for (let i = 0; i < 8 && !await w.welcome('does not run').isVisible(); i++) {
        for (const pid of servers(world)) process.kill(pid, 'SIGKILL');
        await until('its end', async () => servers(world).length > 0 || await w.welcome('does not run').isVisible());
        await sleep(2000); // one that is killed before it answered at all is another case
      }
      await w.welcome('does not run').waitFor();
      assert.equal(servers(world).length, 0);
      await w.toast('is not started again').waitFor();
      await w.shot('no-server');
      await w.welcome('does not run').getByText('Restart Server').click();
      await w.welcome('No agent runs yet').waitFor();
      assert.equal(servers(world).length, 1);
    });
    await step('a missing server is named, with the way to its setting', async () => {
      code.settings({ 'headjack.server.path': path.join(world.dir, 'nothing-here') });
      await w.toast('there is no such file').waitFor();
      await w.welcome('does not run').waitFor();
      await until('no server', () => servers(world).length === 0);
    });
    await step('a server that is too old is named', async () => {
      const old = path.join(world.dir, 'old-server');
      fs.writeFileSync(old, `#!${process.execPath}
let text = '';
process.stdin.on('data', d => {
  text += d;
  for (let m; (m = /^Content-Length: (\\d+)\\r\\n\\r\\n/.exec(text)) && text.length >= m[0].length + Number(m[1]);) {
    const message = JSON.parse(text.slice(m[0].length, m[0].length + Number(m[1])));
    text = text.slice(m[0].length + Number(m[1]));
    if (message.method === 'exit') process.exit(0);
    if (message.id === undefined) continue;
    const body = JSON.stringify({ jsonrpc: '2.0', id: message.id, result: message.method === 'initialize' ? { capabilities: {}, serverInfo: { name: 'hjk-ls', version: '0.0.1' } } : null });
    process.stdout.write('Content-Length: ' + Buffer.byteLength(body) + '\\r\\n\\r\\n' + body);
  }
});
`, { mode: 0o755 });
      code.settings({ 'headjack.server.path': old });
      await w.toast('(version 0.0.1) is too old').waitFor();
    });
    await step('the setting is emptied, and all is well', async () => {
      code.settings({});
      await w.welcome('No agent runs yet').waitFor();
    });
    await step('classes of features can be switched off and on, and the server is not disturbed', async () => {
      const before = servers(world);
      await w.page.keyboard.press('Control+Shift+E');
      await w.openFile('Dockerfile');
      await w.lens('Build').waitFor();
      code.settings({ 'headjack.codeLens.enabled': false });
      await until('no lens', async () => {
        await w.page.locator('.editor-instance .view-line').first().click(); // a click into all of them scrolls
        return await w.page.locator('.codelens-decoration a').count() === 0;
      });
      code.settings({});
      await w.page.keyboard.press('Control+Home');
      await w.lens('Build').waitFor();
      assert.deepEqual(servers(world), before);
    });
    await step('a window without a folder says what is needed', async () => {
      await w.page.goto(`${code.url}/?ew=true`);
      await w.ready();
      await w.container().click();
      await w.welcome('none is open').waitFor();
    });
    await step('no other host was asked', () => assert.deepEqual(w.foreign, []));
  } finally {
    await w?.close();
    await code.stop();
    engine('stop', own);
    await step('nothing is left running', () => until('no process', () => world.left().length === 0 || Promise.reject(new Error(world.left().join('\n'))), 20_000)).finally(() => world.end());
  }
}
