// Records what the README shows first: a user, a real VS Code, two agents on two branches.
//   node scripts/recording.mjs NODE CODE_SERVER VSIX FRAMES
// It writes pictures into the folder FRAMES, and a list of them with how long each is seen, as ffmpeg reads it.
import fs from 'node:fs';
import path from 'node:path';
import { sleep, startCode, until, Workbench } from '../test/ui/vscode.mjs';
import { World } from '../test/ui/world.mjs';

const [node, codeServer, vsix, frames] = process.argv.slice(2);

/** An agent that works for a moment as coding agents do, leaves a change, and waits for its user. */
const agent = `#!/bin/sh
say() { printf "$@"; sleep 0.7; }
say '\\033[1magent\\033[0m on \\033[36m%s\\033[0m\\n\\n' "$HJK_BRANCH"
say '> %s\\n\\n' "$1"
say '\\033[32m*\\033[0m read login.py\\n'
case $HJK_BRANCH in
docs) echo 'login(user, password) gives a session.' >>README.md; say '\\033[32m*\\033[0m wrote README.md\\n' ;;
*) sed -i 's/if user == None/if user is None/' login.py; say '\\033[32m*\\033[0m changed login.py\\n' ;;
esac
printf '\\nDone. What next? '
read -r answer
`;

function repository(world) {
  world.docker('tag', 'hjk-test/busybox:1', 'hjk-demo/base:1'); // as the demo's image is called
  world.write('agent.sh', agent);
  world.write('.headjack.yaml', 'agent: demo\nagents:\n  demo:\n    command: [/bin/sh, /usr/local/bin/agent]\n');
  world.write('login.py', "def login(user, password):\n    if user == None:\n        raise ValueError('who are you?')\n    return session(user, password)\n");
  world.write('README.md', '# The shop\n');
  world.write('Dockerfile', 'FROM hjk-demo/base:1\nCOPY agent.sh /usr/local/bin/agent\nRUN sleep 1 && echo tools > /etc/tools\n');
  fs.rmSync(path.join(world.repo, 'tracked.txt'));
  world.git(world.repo, 'add', '-A');
  world.git(world.repo, 'commit', '-q', '-m', 'The shop');
}

/** Pictures of the page as it changes, each with the second at which it was. */
async function film(page) {
  const cdp = await page.context().newCDPSession(page);
  const shown = [];
  cdp.on('Page.screencastFrame', ({ data, metadata, sessionId }) => {
    const name = `${String(shown.length).padStart(5, '0')}.png`;
    fs.writeFileSync(path.join(frames, name), Buffer.from(data, 'base64'));
    shown.push({ name, at: metadata.timestamp });
    void cdp.send('Page.screencastFrameAck', { sessionId }).catch(() => undefined);
  });
  await cdp.send('Page.startScreencast', { format: 'png', everyNthFrame: 1 });
  return async () => {
    await cdp.send('Page.stopScreencast');
    // What nothing happens in is cut to a second and a half: a build takes as long as the machine needs.
    const seen = i => i + 1 < shown.length ? Math.min(shown[i + 1].at - shown[i].at, 1.5) : 3;
    const list = shown.map((s, i) => `file '${s.name}'\nduration ${Math.max(seen(i), 0.02).toFixed(3)}\n`).join('');
    fs.writeFileSync(path.join(frames, 'list.txt'), `ffconcat version 1.0\n${list}file '${shown.at(-1).name}'\n`);
  };
}

async function slowly(page, text) { for (const c of text) { await page.keyboard.type(c); await sleep(45); } await sleep(500); }

async function run(w, branch, task) {
  await w.command('Headjack: Run Agent');
  await w.row('Create new branch').waitFor();
  await slowly(w.page, branch);
  await w.row(`Create branch ${branch}`).waitFor();
  await w.page.keyboard.press('Enter');
  await w.row('HEAD').waitFor();
  await sleep(400);
  await w.page.keyboard.press('Enter');
  await w.row('demo').waitFor();
  await sleep(400);
  await w.page.keyboard.press('Enter');
  await w.title(`What is demo to do on ${branch}?`);
  await slowly(w.page, task);
  await w.page.keyboard.press('Enter');
}

fs.mkdirSync(frames, { recursive: true });
const world = new World();
repository(world);
const code = await startCode({ node, codeServer, vsix, dir: path.join(world.dir, 'code'), env: world.env, settings: { 'workbench.colorTheme': 'Default Dark Modern' } });
let w;
try {
  w = await Workbench.open(code, world.repo, { dir: path.join(world.dir, 'code') });
  await w.page.setViewportSize({ width: 1000, height: 640 });
  await w.page.keyboard.press('Control+Shift+E');
  await w.openFile('Dockerfile');
  await w.lens('Build').waitFor();
  await w.agents();
  await sleep(1000);
  const end = await film(w.page);
  await sleep(1000);
  await run(w, 'fix/login', 'find out why the login fails');
  await w.shows(/What next\?/, 120_000);
  await sleep(1500);
  await run(w, 'docs', 'say in the README how to log in');
  await w.shows(/on docs[^]*What next\?/, 120_000);
  await until('both wait', async () => await w.counts() >= 2);
  await sleep(2000);
  await w.menu('fix/login', 'Show Changes');
  await until('the change', async () => (await w.text('.editor-group-container')).includes('user is None'));
  await sleep(3000);
  await end();
} catch (e) {
  await w?.page.screenshot({ path: path.join(frames, '..', 'failed.png') });
  throw e;
} finally {
  await w?.close();
  await code.stop();
  world.end();
}
