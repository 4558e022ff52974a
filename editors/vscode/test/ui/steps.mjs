// Steps of a journey: each prints its result as a line of TAP; a failure leaves a picture and ends the journey.
import fs from 'node:fs';
import path from 'node:path';

let n = 0;

/** The extension's log, for whoever looks into a failure. */
function keepLog(logs, shots) {
  if (!shots || !fs.existsSync(logs)) return;
  for (const f of fs.readdirSync(logs, { recursive: true, encoding: 'utf8' })) {
    if (/headjack.*\.log$/i.test(f) && fs.statSync(path.join(logs, f)).isFile()) fs.copyFileSync(path.join(logs, f), path.join(shots, f.replaceAll('/', '-')));
  }
}

/** What the page says where things happen, but for its style sheets: a picture is not always kept. */
async function told(page) {
  const texts = await page.locator('.quick-input-widget, .notification-toast, .monaco-dialog-box, .monaco-menu, .sidebar .pane-body, .terminal-wrapper.active .xterm-rows').allInnerTexts();
  return texts.map(t => t.replaceAll('\u00a0', ' ').split('\n').filter(l => l.trim() && !/[{};]|^\s*\./.test(l)).join(' | ').slice(0, 2000)).filter(Boolean);
}

export function steps(name, shots) {
  const journey = { workbench: undefined };
  journey.step = async (what, f) => {
    const start = Date.now();
    try {
      await f();
      console.log(`ok ${++n} - ${name}: ${what} # ${Date.now() - start} ms`);
    } catch (e) {
      await journey.workbench?.shot(`failed-${what.replaceAll(/\W+/g, '-')}`).catch(() => undefined);
      if (journey.workbench) keepLog(path.join(journey.workbench.code.data, 'logs'), shots);
      console.log(`not ok ${++n} - ${name}: ${what}`);
      for (const line of `${e.stack ?? e}`.split('\n').slice(0, 40)) console.log(`# ${line}`);
      for (const line of journey.workbench ? await told(journey.workbench.page).catch(() => []) : []) console.log(`# the page: ${line}`);
      if (shots) console.log(`# pictures are in ${shots}`);
      throw new Error(`${name}: ${what} failed`, { cause: e });
    }
  };
  return journey;
}
