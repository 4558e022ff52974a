import * as vscode from 'vscode';
import type { Context } from '../context';
import type { Node } from '../tree';
import { label, notice, plain } from '../plain';
import { codeOf } from '../protocol';
import { needsUser, portsOf } from '../present';
import { choose, pickInstance, pickSession } from './pick';

/** Types a message into an agent's terminal, as its user would: what it asked is answered without its terminal being opened. */
export async function send(c: Context, node?: Node): Promise<void> {
  const title = vscode.l10n.t('Send Message');
  const i = await pickInstance(c, title, node, x => x.sessions.some(needsUser));
  const s = i && await pickSession(i, title, node, node?.kind === 'instance' && !i.sessions.some(needsUser) ? x => x.state === 'running' : needsUser);
  if (!i || !s) return;
  const text = await vscode.window.showInputBox({
    title, prompt: vscode.l10n.t('What is {0} on {1} to be told? Enter sends it', plain(s.name), plain(i.branch)), ignoreFocusOut: true,
  });
  if (text === undefined || text === '') return;
  const args = { workspace: i.repo, branch: i.branch, session: s.name, text };
  const asked = c.attention.ask();
  try {
    await c.server.exec('hjk-ls.send', args);
  } catch (e) {
    if (codeOf(e) !== 'not_waiting') throw e;
    if (!await c.attention.welcome(asked, vscode.l10n.t('{0} on {1} does not wait for a message.', notice(s.name), notice(i.branch)))) return;
    const anyway = vscode.l10n.t('Send Anyway');
    const sure = await vscode.window.showWarningMessage(vscode.l10n.t('{0} on {1} does not wait for a message.', notice(s.name), notice(i.branch)), {
      modal: true, detail: vscode.l10n.t('It is typed into its terminal all the same, and read when the program reads again.'),
    }, anyway);
    if (sure === anyway) await c.server.exec('hjk-ls.send', { ...args, now: true });
  }
}

/** Opens in the browser what an instance publishes, or what something in it listens on, which is forwarded then. */
export async function openPort(c: Context, node?: Node): Promise<void> {
  const title = vscode.l10n.t('Open in Browser');
  const i = await pickInstance(c, title, node, x => portsOf(x).length > 0);
  if (!i) return;
  const ports = portsOf(i);
  if (ports.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('{0} publishes no port, and nothing listens in it. Start a server there, or name its ports in the setting headjack.ports and recreate its container.', notice(i.branch)));
    return;
  }
  const port = ports.length === 1 ? ports[0] : await choose(ports.map(p => ({
    label: String(p.port), description: p.host === undefined ? vscode.l10n.t('is forwarded when you open it') : label(`http://127.0.0.1:${p.host}/`), value: p,
  })), title, vscode.l10n.t('Which port of {0}?', plain(i.branch)));
  if (!port) return;
  const host = port.host ?? (await c.server.exec('hjk-ls.forward', { workspace: i.repo, branch: i.branch, port: port.port })).host;
  // The address is put together here: only this machine's own is opened. In a remote window the editor forwards it.
  await vscode.env.openExternal(vscode.Uri.parse(`http://127.0.0.1:${host}/`));
}

/** Ends the forwards of an instance. */
export async function unforward(c: Context, node?: Node): Promise<void> {
  const i = await pickInstance(c, vscode.l10n.t('Stop Forwarding'), node, x => (x.forwarded ?? []).length > 0);
  if (!i) return;
  const { ended } = await c.server.exec('hjk-ls.unforward', { workspace: i.repo, branch: i.branch });
  void vscode.window.showInformationMessage(ended.length === 0
    ? vscode.l10n.t('No port of {0} is forwarded.', notice(i.branch))
    : vscode.l10n.t('No more forwarded of {0}: {1}', notice(i.branch), ended.map(p => p.port).join(', ')));
}

/** Brings back what ran when its container ended: on one branch, or on all that are open. */
export async function bringBack(c: Context, node?: Node): Promise<void> {
  const one = node && node.kind !== 'repo' ? node.instance : undefined;
  const asked = c.attention.ask();
  const { started, failed } = await c.server.exec('hjk-ls.start', one ? { workspace: one.repo, branches: [one.branch] } : node ? { workspace: node.kind === 'repo' ? node.repo : '' } : {});
  for (const f of failed ?? []) void vscode.window.showErrorMessage(`Headjack: ${notice(f.branch)}: ${notice(f.message)}`);
  for (const w of started.flatMap(s => s.warnings ?? [])) void vscode.window.showWarningMessage(`Headjack: ${notice(w)}`);
  const back = started.filter(s => s.sessions.length > 0);
  if (back.length === 0 && (failed ?? []).length === 0) void vscode.window.showInformationMessage(vscode.l10n.t('Nothing is to come back: what ran when its container ended runs already, or none did.'));
  const [first] = back;
  const session = first?.sessions[0];
  if (one && first && session !== undefined) await c.terminals.attach(c.server, { workspace: first.instance.repo, branch: first.instance.branch, session }, asked);
}

/** Runs the setup of an instance again. */
export async function setUp(c: Context, node?: Node): Promise<void> {
  const i = await pickInstance(c, vscode.l10n.t('Run Setup Again'), node);
  if (!i) return;
  const { copied, warnings } = await c.server.exec('hjk-ls.setup', { workspace: i.repo, branch: i.branch });
  for (const w of warnings ?? []) void vscode.window.showWarningMessage(`Headjack: ${notice(w)}`);
  const files = (copied ?? []).length === 0 ? '' : ' ' + vscode.l10n.t('Copied: {0}', notice((copied ?? []).join(', ')));
  void vscode.window.showInformationMessage(vscode.l10n.t('The setup of {0} is done.', notice(i.branch)) + files);
}
