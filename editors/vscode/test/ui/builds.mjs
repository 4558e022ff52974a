// What a Dockerfile's lenses do, a build that is canceled, and what becomes of containers on an older image.
import assert from 'node:assert/strict';
import path from 'node:path';
import { steps } from './steps.mjs';
import { sleep, startCode, until, Workbench } from './vscode.mjs';
import { World } from './world.mjs';

export async function builds(o) {
  const world = new World();
  const j = steps(`${o.version} builds`, o.shots);
  const { step } = j;
  const slow = () => world.dockerfile('slow').replace('sleep 3', 'sleep 61');
  world.write('Dockerfile', slow());
  const code = await startCode({ ...o, dir: path.join(world.dir, 'code'), env: world.env, args: o.version === 'new' ? ['--reconnection-grace-time', '2'] : [] });
  let w;
  const main = () => world.instances().find(i => i.branch === 'main');
  const asked = () => w.toast('There is a new image for main');
  try {
    await step('the lens builds, in sight, and the build can be canceled', async () => {
      w = j.workbench = await Workbench.open(code, world.repo, { dir: path.join(world.dir, 'code'), shots: o.shots });
      await w.openFile('Dockerfile');
      await w.lens('Build').click();
      await w.toast('Building Dockerfile').waitFor();
      await until('the spinner', async () => /Building Dockerfile/.test(await w.status().innerText()) && await w.status().locator('.codicon-modifier-spin').count() === 1);
      await w.shot('building');
      await w.toast('Building').hover();
      await w.toast('Building').getByText('Cancel', { exact: true }).click();
      await until('the end of the spinner', async () => !/Building/.test(await w.status().innerText()), 10_000);
      await sleep(500);
      assert.equal(await w.toast('sleep 61').count(), 0, 'what the user canceled is no error');
    });
    await step('another build comes to its end, and its log is shown', async () => {
      world.write('Dockerfile', world.dockerfile('quick'));
      await until('the text', async () => (await w.text()).includes('sleep 3'));
      await w.lens('Build').click();
      await until('the hint', async () => (await w.text()).includes('in all'), 120_000);
      await w.lens('Show log').click();
      await until('the log', async () => (await w.text()).includes('last'));
      await w.shot('log');
    });
    await step('never: a container on an older image is only marked, and recreated by its lens', async () => {
      world.hjk('run', 'main', '--agent', 'shell', '--detach');
      const before = main().container.id;
      code.settings({ 'headjack.recreate': 'never' });
      world.write('Dockerfile', world.dockerfile('never'));
      await w.tab('Dockerfile').click();
      await w.lens('Recreate main on the new image').waitFor({ timeout: 120_000 });
      await sleep(1000);
      assert.equal(await asked().count(), 0);
      assert.equal(main().container.id, before);
      await w.agents();
      await w.tree('stale').waitFor();
      await w.shot('stale');
      await w.lens('Recreate main on the new image').click();
      await until('another', () => main().container?.id !== before && main().state === 'running' && !main().image.stale);
      await until('no mark', async () => await w.tree('stale').count() === 0);
    });
    await step('one that is stale is recreated from its line', async () => {
      const before = main().container.id;
      world.write('Dockerfile', world.dockerfile('again'));
      await w.tree('stale').waitFor({ timeout: 120_000 });
      await w.treeAction('main', 'Recreate Container');
      await until('another', () => main().container?.id !== before && main().state === 'running');
    });
    await step('auto: nobody is asked', async () => {
      const before = main().container.id;
      code.settings({ 'headjack.recreate': 'auto' });
      world.write('Dockerfile', world.dockerfile('auto'));
      await until('another', () => main().container?.id !== before && main().state === 'running' && !main().image.stale, 120_000);
      assert.equal(await asked().count(), 0);
    });
    await step('ask: one question, however many images, and its answer counts for the newest', async () => {
      const before = main();
      code.settings({ 'headjack.recreate': 'ask' });
      world.write('Dockerfile', world.dockerfile('ask'));
      await asked().first().waitFor({ timeout: 120_000 });
      const image = ref => world.docker('image', 'inspect', '-f', '{{.Id}}', ref).trim();
      for (const name of ['ask-2', 'ask-3']) {
        const was = image(before.image.ref);
        world.write('Dockerfile', world.dockerfile(name));
        await until('a newer image', () => image(before.image.ref) !== was, 120_000);
      }
      await sleep(1500);
      const questions = await w.notices('There is a new image for main');
      assert.equal(await questions.count(), 1);
      await w.shot('asked');
      await questions.hover();
      await questions.getByText('Recreate', { exact: true }).click();
      await until('another', () => main().container?.id !== before.container.id && main().state === 'running' && !main().image.stale, 60_000);
      await sleep(1000);
      assert.equal(await (await w.notices('There is a new image for main')).count(), 0);
    });
    await step('no other host was asked', () => assert.deepEqual(w.foreign, []));
  } finally {
    await w?.close();
    await code.stop();
    await step('nothing is left running', () => until('no process', () => world.left().length === 0 || Promise.reject(new Error(world.left().join('\n'))), 20_000)).finally(() => world.end());
  }
}
