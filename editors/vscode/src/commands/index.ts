import * as vscode from 'vscode';
import type { Context } from '../context';
import type { Node } from '../tree';
import { report } from '../report';
import { currentBranch } from '../status';
import { build, buildLog, chooseImage, doctor } from './build';
import { merge, push } from './finish';
import { removeUnused, showImages } from './images';
import { attach, kill, recreate, remove, stop } from './lifecycle';
import { choose } from './pick';
import { sendPrompt } from './prompt';
import { addWorktree, logs, openWorktree, showChanges } from './review';
import { newShell, run } from './run';
import { bringBack, openPort, send, setUp, unforward } from './work';

type Command = (c: Context, node?: Node) => unknown;

/** All commands by name; each may be given a node of the Agents view. */
export const commands: Record<string, Command> = {
  'headjack.run': run,
  'headjack.newShell': newShell,
  'headjack.attach': attach,
  'headjack.send': send,
  'headjack.openPort': openPort,
  'headjack.unforward': unforward,
  'headjack.stop': stop,
  'headjack.kill': kill,
  'headjack.recreate': recreate,
  'headjack.bringBack': bringBack,
  'headjack.setUp': setUp,
  'headjack.remove': remove,
  'headjack.logs': logs,
  'headjack.showChanges': showChanges,
  'headjack.merge': merge,
  'headjack.push': push,
  'headjack.openWorktree': openWorktree,
  'headjack.addWorktree': addWorktree,
  'headjack.build': c => build(c),
  'headjack.buildWithoutCache': c => build(c, true),
  'headjack.buildLog': c => buildLog(c),
  'headjack.chooseImage': c => chooseImage(c),
  'headjack.images': c => showImages(c),
  'headjack.prune': c => removeUnused(c),
  'headjack.doctor': c => doctor(c),
  'headjack.markSeen': c => c.state.markAllSeen(),
  'headjack.sendPrompt': () => sendPrompt(),
  'headjack.menu': (c, node) => menu(c, node),
  'headjack.restartServer': c => c.server.restart(),
  'headjack.showOutput': c => c.log.show(),
  'headjack.openSettings': () => vscode.commands.executeCommand('workbench.action.openSettings', '@ext:gilmanlab.headjack'),
  'headjack.openWalkthrough': () => vscode.commands.executeCommand('workbench.action.openWalkthrough', 'gilmanlab.headjack#start', false),
};

/** Commands that only show something, also in a folder that is not trusted. The manifest disables the others there, but the
 *  menus and the lines of the view call them all the same. */
export const HARMLESS = new Set(['logs', 'openWorktree', 'addWorktree', 'buildLog', 'images', 'doctor', 'markSeen', 'sendPrompt', 'menu', 'restartServer', 'showOutput', 'openSettings', 'openWalkthrough'].map(n => `headjack.${n}`));

function needTrust(): void {
  if (vscode.workspace.isTrusted) return;
  throw Object.assign(new Error(vscode.l10n.t('This folder is not trusted, so nothing is built or run in it.')), { data: { code: 'untrusted_workspace' } });
}

/** Registers them; a failure is told to the user. */
export function register(c: Context): vscode.Disposable[] {
  return Object.entries(commands).map(([name, f]) => vscode.commands.registerCommand(name, async (arg?: unknown) => {
    try {
      c.attention.deed();
      if (!HARMLESS.has(name)) needTrust();
      await f(c, nodeOf(arg));
    } catch (e) {
      report(e, c.log);
    }
  }));
}

/** Commands are also called from menus of other places, with other arguments. */
function nodeOf(arg: unknown): Node | undefined {
  return typeof arg === 'object' && arg !== null && 'kind' in arg ? arg as Node : undefined;
}

/** What can be done about the branch in the status bar. */
async function menu(c: Context, node?: Node): Promise<void> {
  const { branch, instance } = currentBranch(c.state);
  const about: Node | undefined = node ?? (instance && { kind: 'instance', instance });
  const item = (label: string, value: string): { label: string; value: string } => ({ label, value });
  const items = [item('$(add) ' + vscode.l10n.t('Run agent…'), 'headjack.run')];
  if (c.state.instances.some(i => i.sessions.some(s => s.state === 'running'))) items.push(item('$(terminal) ' + vscode.l10n.t('Attach…'), 'headjack.attach'));
  if (c.state.instances.length > 0) {
    items.push(item('$(diff-multiple) ' + vscode.l10n.t('Show changes…'), 'headjack.showChanges'), item('$(terminal-bash) ' + vscode.l10n.t('New shell…'), 'headjack.newShell'));
  }
  if (instance?.state === 'running') items.push(item('$(debug-stop) ' + vscode.l10n.t('Stop {0}', instance.branch), 'headjack.stop'));
  items.push(
    item('$(list-tree) ' + vscode.l10n.t('Show agents'), 'headjack.agents.focus'), item('$(tools) ' + vscode.l10n.t('Build image'), 'headjack.build'),
    item('$(checklist) ' + vscode.l10n.t('Check setup'), 'headjack.doctor'), item('$(output) ' + vscode.l10n.t('Show output'), 'headjack.showOutput'),
    item('$(debug-restart) ' + vscode.l10n.t('Restart server'), 'headjack.restartServer'),
  );
  const chosen = await choose(items, 'Headjack', branch === '' ? '' : vscode.l10n.t('On {0}', branch));
  if (chosen !== undefined) await vscode.commands.executeCommand(chosen, chosen === 'headjack.stop' ? about : undefined);
}
