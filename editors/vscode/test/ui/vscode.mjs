// A real VS Code (code-server) in Debian's Chromium, driven from outside.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { chromium } from 'playwright-core';

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

// A workbench that shows nothing by itself, and whose terminals' text is in the page.
const settings = {
  'workbench.startupEditor': 'none', 'workbench.secondarySideBar.defaultVisibility': 'hidden', 'workbench.enableExperiments': false,
  'workbench.tips.enabled': false, 'workbench.reduceMotion': 'on', 'workbench.list.smoothScrolling': false, 'telemetry.telemetryLevel': 'off',
  'security.workspace.trust.enabled': false, 'extensions.autoUpdate': false, 'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true, 'update.mode': 'none', 'chat.disableAIFeatures': true, 'chat.commandCenter.enabled': false,
  'terminal.integrated.gpuAcceleration': 'off', 'terminal.integrated.shellIntegration.enabled': false, 'editor.minimap.enabled': false,
  'git.enabled': false, 'window.confirmBeforeClose': 'never', 'files.simpleDialog.enable': true,
};

export const sleep = ms => new Promise(r => setTimeout(r, ms));

/** Waits until f gives something that is true. */
export async function until(what, f, ms = 60_000) {
  const end = Date.now() + ms;
  for (let last; ; await sleep(100)) {
    try {
      last = await f();
      if (last) return last;
    } catch (e) {
      last = e;
    }
    if (Date.now() > end) throw new Error(`${what} did not come within ${ms / 1000} s; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const s = net.createServer();
    s.on('error', reject);
    s.listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => resolve(port)); });
  });
}

/** Starts VS Code: {node, codeServer, dir, vsix, settings, env, args, trust}. */
export async function startCode(o) {
  const data = path.join(o.dir, 'data'), ext = path.join(o.dir, 'ext');
  fs.mkdirSync(path.join(data, 'User'), { recursive: true });
  fs.mkdirSync(ext, { recursive: true });
  fs.writeFileSync(path.join(o.dir, 'config.yaml'), '');
  fs.writeFileSync(path.join(data, 'User/settings.json'), JSON.stringify({ ...settings, ...o.settings }));
  const base = [path.join(o.codeServer, 'out/node/entry.js'), '--config', path.join(o.dir, 'config.yaml'), '--user-data-dir', data, '--extensions-dir', ext, '--disable-telemetry'];
  const env = { ...o.env, EXTENSIONS_GALLERY: '{"serviceUrl":""}' }; // else it asks a gallery of its own
  if (o.vsix) execFileSync(o.node, [...base, '--install-extension', o.vsix], { env, stdio: 'pipe' });
  const port = await freePort();
  const logFile = path.join(o.dir, 'server.log');
  const log = fs.openSync(logFile, 'a');
  const child = spawn(o.node, [...base, '--bind-addr', `127.0.0.1:${port}`, '--auth', 'none', '--disable-update-check', '--disable-getting-started-override',
    '--disable-file-downloads', '--disable-file-uploads', ...(o.trust ? [] : ['--disable-workspace-trust']), ...(o.args ?? [])],
    { env, stdio: ['ignore', log, log], detached: true }); // a process group, which ends as a whole
  const end = signal => { try { process.kill(-child.pid, signal); } catch { /* it is gone */ } };
  process.on('exit', () => end('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  await until('VS Code', async () => {
    if (child.exitCode !== null) throw new Error(fs.readFileSync(logFile, 'utf8'));
    return (await fetch(url + '/healthz')).ok;
  });
  return {
    url, data, ext, pid: child.pid,
    /** Changes the user's settings and the machine's, where those that name programs are read from. */
    settings: changes => {
      fs.mkdirSync(path.join(data, 'Machine'), { recursive: true });
      fs.writeFileSync(path.join(data, 'Machine/settings.json'), JSON.stringify(changes));
      fs.writeFileSync(path.join(data, 'User/settings.json'), JSON.stringify({ ...settings, ...o.settings, ...changes }));
    },
    /** All that the output "Headjack" has. */
    log() {
      const logs = path.join(data, 'logs');
      const files = fs.readdirSync(logs, { recursive: true, encoding: 'utf8' }).filter(f => /headjack\.log$/i.test(f));
      return files.map(f => fs.readFileSync(path.join(logs, f), 'utf8')).join('');
    },
    async stop() {
      const gone = new Promise(r => child.once('exit', r));
      end('SIGTERM');
      await Promise.race([gone, sleep(5000)]);
      end('SIGKILL');
    },
  };
}

/** A window of VS Code. */
export class Workbench {
  static async open(code, folder, o) {
    const context = await chromium.launchPersistentContext(path.join(o.dir, 'chromium'), {
      executablePath: '/usr/bin/chromium', headless: true, args: flags, viewport: { width: 1400, height: 900 }, permissions: ['clipboard-read', 'clipboard-write'],
    });
    const w = new Workbench();
    Object.assign(w, { context, page: context.pages()[0] ?? await context.newPage(), shots: o.shots, foreign: [], code });
    const own = [code.url, code.url.replace('http', 'ws')];
    context.on('request', r => { if (!/^(data|blob):/.test(r.url()) && !own.some(u => r.url().startsWith(u))) w.foreign.push(r.url()); });
    await w.goto(folder);
    return w;
  }

  async goto(folder) {
    await this.page.goto(`${this.code.url}/?${folder.endsWith('.code-workspace') ? 'workspace' : 'folder'}=${encodeURIComponent(folder)}`);
    await this.ready();
  }

  async reload() { await this.page.reload(); await this.ready(); }
  async ready() { await this.page.locator('.monaco-workbench .explorer-folders-view .monaco-list-row, .monaco-workbench .headjack-ready, .monaco-workbench .activitybar .action-item').first().waitFor({ timeout: 90_000 }); }
  async close() { await this.context.close(); }
  async shot(name) { if (this.shots) { fs.mkdirSync(this.shots, { recursive: true }); await this.page.screenshot({ path: path.join(this.shots, name + '.png') }); } }

  get quick() { return this.page.locator('.quick-input-widget:not([style*="display: none"])'); }
  row(text) { return this.quick.locator('.monaco-list-row', { hasText: text }).first(); }
  async palette(text) {
    const box = this.quick.locator('input.input');
    await until('the palette', async () => { // focus that is on its way elsewhere closes it
      if (!await box.isVisible()) await this.page.keyboard.press('F1');
      await box.fill('>' + text, { timeout: 2000 });
      await sleep(200);
      await this.quick.locator('.monaco-list-row').first().waitFor({ timeout: 2000 });
      return await box.inputValue({ timeout: 500 }) === '>' + text;
    });
  }
  async command(label) {
    await until(label, async () => {
      await this.palette(label);
      try {
        await this.row(label).click({ timeout: 2000 });
      } catch (e) {
        await this.page.keyboard.press('Escape'); // it shows the commands there were when it was opened
        throw e;
      }
      return true;
    });
  }
  async rows(text) {
    await this.palette(text);
    await sleep(500);
    const rows = await this.quick.locator('.monaco-list-row .label-name').allInnerTexts();
    await this.page.keyboard.press('Escape');
    return rows.filter(r => r.startsWith('Headjack:'));
  }
  async pick(text) { await this.row(text).waitFor(); await this.row(text).click(); }
  async type(text) { await this.quick.locator('input.input').fill(text); await this.page.keyboard.press('Enter'); }
  async title(text) { await this.quick.getByText(text).first().waitFor(); }

  async openFile(name) {
    await this.page.keyboard.press('Control+P');
    await this.quick.locator('input.input').fill(name);
    await this.row(path.basename(name)).waitFor();
    await this.page.keyboard.press('Enter');
    await this.tab(path.basename(name)).waitFor();
    await this.page.locator('.editor-instance .view-lines').first().waitFor();
  }
  /** The text of the editors. */
  async text(selector = '.editor-instance .view-lines') { return (await this.page.locator(selector).allInnerTexts()).join('\n').replaceAll('\u00a0', ' '); }
  tab(name) { return this.page.locator(`.tabs-container .tab[data-resource-name="${name}"]`); }
  lens(text) { return this.page.locator('.codelens-decoration a', { hasText: text }).first(); }
  squiggles(kind) { return this.page.locator(`.view-overlays .squiggly-${kind}`); }
  container() { return this.page.locator('.activitybar .action-item a.action-label[aria-label^="Headjack"]'); }
  async agents() {
    await until('the Agents view', async () => {
      await this.command('Focus on Agents View');
      await this.page.locator('.sidebar .composite.title', { hasText: /headjack/i }).waitFor({ timeout: 3000 });
      return true;
    });
  }
  badge() { return this.page.locator('.activitybar .action-item:has(a.action-label[aria-label^="Headjack"]) .badge-content'); }
  /** What the badge counts; 0 is that there is none. */
  async counts() { return await this.badge().first().isVisible() ? Number(await this.badge().first().innerText()) : 0; }
  tree(text) { return this.page.locator('.sidebar .pane-body .monaco-list-row[role="treeitem"]', { hasText: text }).first(); }
  welcome(text) { return this.page.locator('.sidebar .welcome-view-content', { hasText: text }); }
  status() { return this.page.locator('.statusbar-item[id="gilmanlab.headjack.status"]'); }
  /** All notifications with a text, in the list of them: one that nobody answers for ten seconds is no toast any more, and still open. */
  async notices(text) {
    const list = this.page.locator('.notifications-center');
    if (!await list.isVisible()) await this.page.locator('#status\\.notifications').click();
    return list.locator('.notification-list-item', { hasText: text });
  }
  toast(text) { return this.page.locator('.notifications-toasts .notification-list-item', { hasText: text }).first(); }
  dialog() { return this.page.locator('.monaco-dialog-box'); }
  async treeAction(row, label) {
    await this.tree(row).hover();
    await this.tree(row).locator(`.action-label[aria-label^="${label}"]`).click();
  }
  async menu(row, label) {
    await sleep(300); // the view may be about to change
    await this.tree(row).click({ button: 'right' });
    const item = this.page.locator('.monaco-menu .action-item', { hasText: label }).first();
    await item.waitFor();
    await sleep(300); // a click that comes at once is taken for the end of the one that opened it
    await item.click();
    await item.waitFor({ state: 'hidden' });
  }

  /** A terminal that ends takes the focus somewhere else: nothing can be typed before. The editor may have opened a shell of its
   *  own beside it, in a panel that it found empty. */
  async noTerminal() {
    await until('the end of the terminal', async () => !/READY|BYE/.test((await this.page.locator('.terminal-wrapper .xterm-rows').allInnerTexts()).join('\n')));
  }
  async terminal() { return (await this.page.locator('.terminal-wrapper.active .xterm-rows').allInnerTexts()).join('\n').replaceAll('\u00a0', ' '); }
  async shows(re, ms) { return until(`${re} in the terminal`, async () => re.test(await this.terminal()) || Promise.reject(new Error(await this.terminal())), ms); }
  async tell(line) {
    await this.page.locator('.terminal-wrapper.active textarea.xterm-helper-textarea').focus();
    await this.page.keyboard.type(line);
    await this.page.keyboard.press('Enter');
  }
}

/** Runs exports.run() of a module in the extension host itself. Gives its exit code. */
export async function runInHost(code, o) {
  const context = await chromium.launchPersistentContext(path.join(o.dir, 'chromium-host'), { executablePath: '/usr/bin/chromium', headless: true, args: flags });
  try {
    const page = context.pages()[0] ?? await context.newPage();
    const ended = new Promise(resolve => void page.exposeFunction('codeAutomationExit', resolve));
    await page.exposeFunction('codeAutomationLog', (_, args) => o.log(args.join(' ')));
    const remote = p => `vscode-remote://${new URL(code.url).host}${p}`;
    const payload = JSON.stringify([['extensionDevelopmentPath', remote(o.extension)], ['extensionTestsPath', remote(o.tests)], ['skipWelcome', 'true']]);
    await page.goto(`${code.url}/?folder=${encodeURIComponent(o.folder)}&payload=${encodeURIComponent(payload)}`);
    return await Promise.race([ended, sleep(180_000).then(() => 'it did not end')]);
  } finally {
    await context.close();
  }
}
