import * as vscode from 'vscode';
import { basename } from 'node:path';
import type { Context } from '../context';
import type { Node } from '../tree';
import type { Instance, Session } from '../protocol';
import { label, notice } from '../plain';
import { instanceDescription, sessionDescription } from '../present';
import { currentBranch } from '../status';

export interface Item<T> extends vscode.QuickPickItem { value: T }

/** Lets the user choose; undefined when they do not. */
export async function choose<T>(items: Item<T>[], title: string, placeHolder: string): Promise<T | undefined> {
  return (await vscode.window.showQuickPick(items, { title, placeHolder, matchOnDescription: true, ignoreFocusOut: true }))?.value;
}

/** What a list offers; its texts where they are others than those it opened with. */
export interface Offer<T> { items: Item<T>[]; title?: string; placeHolder?: string }

/** Lets the user choose from what has to be found out: the list opens at once and fills, so that it comes over nothing that the
 *  user does meanwhile. */
export async function chooseFrom<T>(found: Thenable<Offer<T>>, title: string, placeHolder: string): Promise<T | undefined> {
  const pick = vscode.window.createQuickPick<Item<T>>();
  pick.title = title;
  pick.placeholder = placeHolder;
  pick.matchOnDescription = true;
  pick.ignoreFocusOut = true;
  try {
    return await filled(pick, found.then(f => {
      pick.title = f.title ?? title;
      pick.placeholder = f.placeHolder ?? placeHolder;
      pick.items = f.items;
    }), () => pick.selectedItems[0]?.value);
  } finally {
    pick.dispose();
  }
}

/** Shows a pick that is busy until it is full, and gives what is chosen; undefined when the user goes away. */
export function filled<I extends vscode.QuickPickItem, T>(pick: vscode.QuickPick<I>, full: Thenable<void>, chosen: () => T | undefined): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    pick.busy = true;
    pick.onDidAccept(() => {
      if (pick.busy && pick.selectedItems.length === 0) return; // there is nothing to choose from yet
      resolve(chosen());
      pick.hide();
    });
    pick.onDidHide(() => resolve(undefined));
    pick.show();
    full.then(() => { pick.busy = false; }, reject);
  });
}

/** The repository that is meant: the node's, the only one, that of the active file, or the user's choice. */
export async function pickRepo(c: Context, title: string, node?: Node): Promise<string | undefined> {
  if (node?.kind === 'repo') return node.repo;
  if (node) return node.instance.repo;
  const folders = (c.state.snapshot?.folders ?? []).filter(f => f.repo);
  if (folders.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('Headjack works in git repositories. Open a folder of one first.'), vscode.l10n.t('Open Folder'))
      .then(choice => choice && vscode.commands.executeCommand('workbench.action.files.openFolder'));
    return undefined;
  }
  if (c.state.repos.length === 1) return folders[0]?.path;
  const here = currentBranch(c.state).folder;
  const sorted = [...folders].sort((a, b) => Number(b.path === here) - Number(a.path === here));
  return choose(sorted.map(f => ({ label: label(basename(f.path)), description: label(f.branch ?? ''), detail: label(f.path), value: f.path })), title, vscode.l10n.t('Which repository?'));
}

/** The instance that is meant: the node's, or the user's choice among those that fit. */
export async function pickInstance(c: Context, title: string, node?: Node, fits: (i: Instance) => boolean = () => true): Promise<Instance | undefined> {
  if (node?.kind === 'instance' || node?.kind === 'session') return c.state.find(node.instance.repo, node.instance.branch) ?? node.instance;
  const here = currentBranch(c.state).instance;
  const all = c.state.instances.filter(fits);
  if (all.length === 0) {
    const run = vscode.l10n.t('Run Agent');
    void vscode.window.showInformationMessage(c.state.instances.length === 0 ? vscode.l10n.t('There is no agent container yet.') : vscode.l10n.t('No agent container is in a state for this.'), run)
      .then(choice => choice && vscode.commands.executeCommand('headjack.run'));
    return undefined;
  }
  all.sort((a, b) => Number(same(b, here)) - Number(same(a, here)));
  const several = new Set(all.map(i => i.repo)).size > 1;
  return choose(all.map(i => ({
    label: label(i.branch), description: label(instanceDescription(i)), ...(several ? { detail: label(i.repo) } : {}), value: i,
  })), title, vscode.l10n.t('Which branch?'));
}

function same(a: Instance, b: Instance | undefined): boolean { return a.repo === b?.repo && a.branch === b.branch; }

/** The session that is meant: the node's, the only one that fits, or the user's choice. */
export async function pickSession(i: Instance, title: string, node?: Node, fits: (s: Session) => boolean = () => true): Promise<Session | undefined> {
  if (node?.kind === 'session') return node.session;
  const all = i.sessions.filter(fits).sort((a, b) => b.lastUsed.localeCompare(a.lastUsed));
  if (all.length === 1) return all[0];
  if (all.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('{0} has no session for this.', notice(i.branch)));
    return undefined;
  }
  return choose(all.map(s => ({ label: label(s.name), description: label(sessionDescription(s)), value: s })), title, vscode.l10n.t('Which session?'));
}
