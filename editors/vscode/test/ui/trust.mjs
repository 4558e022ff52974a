// A window that does not trust its folder.
import assert from 'node:assert/strict';
import path from 'node:path';
import { steps } from './steps.mjs';
import { sleep, startCode, until, Workbench } from './vscode.mjs';
import { World } from './world.mjs';

export async function trust(o) {
  const world = new World();
  const j = steps(`${o.version} trust`, o.shots);
  const { step } = j;
  const code = await startCode({
    ...o, dir: path.join(world.dir, 'code'), env: world.env, trust: true, args: o.version === 'new' ? ['--reconnection-grace-time', '2'] : [],
    settings: { 'security.workspace.trust.enabled': true, 'security.workspace.trust.startupPrompt': 'never' },
  });
  let w;
  try {
    await step('a folder that is not trusted shows why nothing runs', async () => {
      w = j.workbench = await Workbench.open(code, world.repo, { dir: path.join(world.dir, 'code'), shots: o.shots });
      await w.container().click();
      await w.welcome('This folder is not trusted').waitFor();
      const rows = await w.rows('Headjack:');
      assert.ok(rows.includes('Headjack: Check Setup'), `${rows}`);
      for (const not of ['Run Agent…', 'Build Image']) assert.ok(!rows.includes(`Headjack: ${not}`), `${rows}`);
      await w.shot('restricted');
    });
    await step('its Dockerfile has no lens, and a save builds nothing', async () => {
      await w.page.keyboard.press('Control+Shift+E');
      await w.openFile('Dockerfile');
      world.write('Dockerfile', world.dockerfile('while-not-trusted'));
      await sleep(3000);
      assert.equal(await w.page.locator('.codelens-decoration a').count(), 0);
      assert.equal(world.docker('images', '--format', '{{.Repository}}').split('\n').filter(r => r.includes(path.basename(world.repo))).length, 0);
    });
    await step('what menus offer all the same is refused, with the way to trust', async () => {
      await w.status().click();
      await w.pick('Run agent');
      await w.toast('This folder is not trusted').waitFor();
      await w.toast('This folder is not trusted').getByText('Manage Trust').waitFor();
    });
    await step('once it is trusted, agents can run', async () => {
      await w.agents();
      await w.welcome('This folder is not trusted').getByText('Manage Workspace Trust').click();
      await w.page.locator('.workspace-trust-editor').getByText('Trust', { exact: true }).first().click();
      await until('the trust', async () => !(await w.page.locator('.statusbar-item', { hasText: 'Restricted Mode' }).count()));
      await w.page.locator('.monaco-modal-editor-block .codicon-close').first().click({ timeout: 1000 }).catch(() => undefined);
      await w.agents();
      await w.welcome('No agent runs yet').waitFor();
      await w.tab('Dockerfile').click();
      await w.lens('Run agent on a new branch…').waitFor();
    });
    await step('no other host was asked', () => assert.deepEqual(w.foreign, []));
  } finally {
    await w?.close();
    await code.stop();
    await step('nothing is left running', () => until('no process', () => world.left().length === 0 || Promise.reject(new Error(world.left().join('\n'))), 20_000)).finally(() => world.end());
  }
}
